"""`/admin/mirrors`: other registries that this hub stands before."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import EntrepotError
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.mirrors import MirrorSettings
from entrepot.model.mirrors import MirrorVisibility
from entrepot.upstream.presets import PRESETS
from entrepot.web.operators.administration import AdminPage
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(frozen=True, slots=True)
class MirrorLine:
    """A mirror as the list shows it: nothing secret."""

    name: str
    url: str
    visibility: str
    username: str
    is_offline: bool
    problem: str
    size: int


@dataclass(kw_only=True)
class MirrorsPage(AdminPage):
    """Every mirror, and a form to add one; `answer` is what a test brought."""

    template: ClassVar[str] = "administration/mirrors.html"
    mirrors: list[MirrorLine]
    presets: list[str]
    tested: str = ""
    answer: str = ""
    failed: bool = False


async def show_mirrors(request: PageRequest) -> MirrorsPage:
    """The list of mirrors."""
    rules = request.app.mirrors
    lines = [
        MirrorLine(
            each.name,
            each.url,
            each.visibility,
            each.username,
            each.is_offline,
            each.backs_off_reason if each.back_off is not None else "",
            await rules.measure(each),
        )
        for each in await rules.list_all()
    ]
    return MirrorsPage(title="Mirrors", current="mirrors", mirrors=lines, presets=list(PRESETS))


async def change_mirror(request: PageRequest) -> Page | Response:
    """Add a mirror, ask its registry, or take it offline and online."""
    form, rules = request.form, request.app.mirrors
    name, what = form.get("name").strip(), form.get("what")
    if what == "add":
        visibility = form.get("visibility")
        known = visibility in set(MirrorVisibility)
        settings = MirrorSettings(
            url=form.get("url").strip(),
            preset=form.get("preset"),
            username=form.get("username").strip(),
            password=form.get("password") or None,
            visibility=MirrorVisibility(visibility) if known else MirrorVisibility.SIGNED_IN,
            allows_private=form.get("private") == "on",
        )
        await rules.add(name or settings.preset, settings, request.actor)
    elif what in ("offline", "online"):
        await rules.set_offline(name, is_offline=what == "offline", by=request.actor)
    elif what == "test":
        page = await show_mirrors(request)
        page.tested = name
        try:
            page.answer = await rules.test(name)
        except EntrepotError as error:
            page.answer, page.failed = error.message, True
        return page
    return redirect("/admin/mirrors", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/admin/mirrors", AccessRule.HUB_ADMIN, show_mirrors),
    PageRoute("POST", "/admin/mirrors", AccessRule.HUB_ADMIN, change_mirror),
)
