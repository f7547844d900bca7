"""`/admin/trust-roots`: whose word the hub takes for who signed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final

from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.security.trust_roots import PUBLIC_GOOD, StoredRoot
from entrepot.web.operators.administration import AdminPage
from entrepot.web.pages import redirect
from entrepot.web.requests import PageRequest, PageRoute

_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RootLine:
    """A root in the list; `is_ending`: its last authority ends within 30 days, or has ended."""

    root: StoredRoot
    is_ending: bool


@dataclass(kw_only=True)
class TrustRootsPage(AdminPage):
    """Every trust root, and a form to add one."""

    template: ClassVar[str] = "administration/trust_roots.html"
    roots: list[RootLine]
    has_shipped: bool


async def show_roots(request: PageRequest) -> TrustRootsPage:
    """The list of trust roots."""
    found = await request.app.trust_roots.list_all()
    soon = request.app.now() + _SOON
    return TrustRootsPage(
        title="Trust roots",
        current="trust-roots",
        roots=[
            RootLine(each, each.expires_at is not None and each.expires_at < soon) for each in found
        ],
        has_shipped=any(each.name == PUBLIC_GOOD for each in found),
    )


async def change_root(request: PageRequest) -> Response:
    """Trust a root, the shipped one again, or one no longer."""
    form, roots = request.form, request.app.trust_roots
    what, name = form.get("what"), form.get("name").strip()
    if what == "remove":
        await roots.remove(name, request.actor)
    elif what == "restore":
        await roots.restore_shipped(request.actor)
    else:
        await roots.add(name, form.get("content"), request.actor)
    return redirect("/admin/trust-roots", said="saved")


ROUTES: Final = (
    PageRoute("GET", "/admin/trust-roots", AccessRule.HUB_ADMIN, show_roots),
    PageRoute("POST", "/admin/trust-roots", AccessRule.HUB_ADMIN, change_root),
)
