"""`/u/NAME/-/delete`: says what goes with an organisation or an account, and deletes it."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Denied, Invalid
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.metadata.accounts import Namespace, NamespaceKind
from entrepot.web.namespaces import NamespacePage, frame
from entrepot.web.pages import Page, redirect
from entrepot.web.visits import PageRoute, Visit

_LISTED: Final = 50


@dataclass(kw_only=True)
class DeleteNamespacePage(NamespacePage):
    """The deletion preview: `repositories` are the first names, `count` is how many there are."""

    template: ClassVar[str] = "delete_namespace.html"
    repositories: list[str]
    count: int
    members: int


async def show_deletion(visit: Visit) -> Page:
    """What would be destroyed, and a form that asks for the name."""
    namespace = _deletable(visit)
    found = await visit.desk.closing.preview(namespace.name, namespace.kind)
    return DeleteNamespacePage(
        **await frame(visit, "settings", f"Delete {namespace.name}"),  # type: ignore[arg-type]
        repositories=found.repositories[:_LISTED],
        count=len(found.repositories),
        members=found.members,
    )


async def delete(visit: Visit) -> Response:
    """Delete it with its repositories."""
    namespace = _deletable(visit)
    if visit.form.get("confirm").strip() != namespace.name:
        raise Invalid(f"type the name {namespace.name} to confirm")
    await visit.desk.closing.delete(namespace.name, namespace.kind, visit.actor)
    is_account = namespace.kind is NamespaceKind.ACCOUNT
    return redirect("/admin/users" if is_account else "/", said="removed")


def _deletable(visit: Visit) -> Namespace:
    """The namespace of the address, unless the visitor may not delete it."""
    is_account = visit.owned.kind is NamespaceKind.ACCOUNT
    if is_account and not (visit.account and visit.account.is_admin):
        raise Denied("accounts are deleted by administrators")
    if is_account and visit.account and visit.account.id == visit.owned.id:
        raise Denied("you cannot delete your own account: another administrator can")
    return visit.owned


ROUTES: Final = (
    PageRoute("GET", "/u/{namespace}/-/delete", Policy.OWN, show_deletion),
    PageRoute("POST", "/u/{namespace}/-/delete", Policy.OWN, delete),
)
