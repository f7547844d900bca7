"""`/u/NAME/-/delete`: says what goes with an organization or an account, and deletes it."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Denied, Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.people.accounts import Namespace, NamespaceKind
from entrepot.web.pages import Page, redirect
from entrepot.web.people.namespaces import NamespacePage, frame
from entrepot.web.requests import PageRequest, PageRoute

_LISTED: Final = 50


@dataclass(kw_only=True)
class DeleteNamespacePage(NamespacePage):
    """The deletion preview: `repositories` are the first names, `count` is how many there are."""

    template: ClassVar[str] = "namespaces/delete.html"
    repositories: list[str]
    count: int
    members: int


async def show_deletion(request: PageRequest) -> Page:
    """Show the deletion preview of a namespace, and a form that asks for its name."""
    namespace = _deletable(request)
    found = await request.app.closing.preview(namespace.name, namespace.kind)
    return DeleteNamespacePage(
        **frame(request, "settings", f"Delete {namespace.name}"),
        repositories=found.repositories[:_LISTED],
        count=len(found.repositories),
        members=found.members,
    )


async def delete(request: PageRequest) -> Response:
    """Delete it with its repositories."""
    namespace = _deletable(request)
    if request.form.get("confirm").strip() != namespace.name:
        raise Invalid(f"type the name {namespace.name} to confirm")
    await request.app.closing.delete(namespace.name, namespace.kind, request.actor)
    is_account = namespace.kind is NamespaceKind.ACCOUNT
    return redirect("/admin/users" if is_account else "/", said="removed")


def _deletable(request: PageRequest) -> Namespace:
    """The namespace of the address, unless the visitor may not delete it."""
    is_account = request.namespace.kind is NamespaceKind.ACCOUNT
    if is_account and not (request.account and request.account.is_admin):
        raise Denied("only administrators can delete accounts")
    if is_account and request.account and request.account.id == request.namespace.id:
        raise Denied("you cannot delete your own account: another administrator can")
    return request.namespace


ROUTES: Final = (
    PageRoute("GET", "/u/{namespace}/-/delete", AccessRule.NAMESPACE_OWNER, show_deletion),
    PageRoute("POST", "/u/{namespace}/-/delete", AccessRule.NAMESPACE_OWNER, delete),
)
