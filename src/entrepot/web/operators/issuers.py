"""`/admin/issuers`: whose ID tokens jobs may sign in with."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import EntrepotError
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.workloads.issuers import PRESETS
from entrepot.model.people.workloads import Issuer, IssuerKind
from entrepot.web.operators.administration import AdminPage
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(kw_only=True)
class IssuersPage(AdminPage):
    """Every issuer, and a form to register one; `answer` is what a test brought."""

    template: ClassVar[str] = "administration/issuers.html"
    issuers: list[Issuer]
    presets: list[str]
    kinds: list[str]
    tested: str = ""
    answer: str = ""
    key_count: int = 0


async def show_issuers(request: PageRequest) -> IssuersPage:
    """The list of issuers."""
    return IssuersPage(
        title="ID token issuers",
        current="issuers",
        issuers=await request.app.issuers.list_all(),
        presets=[name for name, (_, url) in PRESETS.items() if url],
        kinds=[each.value for each in IssuerKind],
    )


async def change_issuer(request: PageRequest) -> Page | Response:
    """Register an issuer, ask one for its keys, replace these, or delete one."""
    form, rules = request.form, request.app.issuers
    name, what = form.get("name").strip(), form.get("what")
    if what == "add":
        kind = form.get("kind")
        known = form.get("preset")
        await rules.add(
            name or known,
            form.get("url").strip() or PRESETS.get(known, (None, ""))[1],
            IssuerKind(kind) if kind in set(IssuerKind) else PRESETS.get(known, (None, ""))[0],
            audiences=form.get("audiences").replace(",", " ").split(),
            keys=form.get("keys"),
            allows_private=form.get("private") == "on",
            by=request.actor,
        )
    elif what == "keys":
        await rules.edit(name, keys=form.get("keys"), by=request.actor)
    elif what == "delete":
        await rules.remove(name, request.actor)
    elif what == "test":
        page = await show_issuers(request)
        page.tested = name
        try:
            page.key_count = await rules.test(name)
        except EntrepotError as error:
            page.answer = error.message
        return page
    return redirect("/admin/issuers", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/admin/issuers", AccessRule.HUB_ADMIN, show_issuers),
    PageRoute("POST", "/admin/issuers", AccessRule.HUB_ADMIN, change_issuer),
)
