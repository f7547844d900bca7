"""`/u/NAME/-/groups`: groups of sign-in providers, mapped on the organization's page of members."""

from typing import Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.people.accounts import Role
from entrepot.model.people.groups import GroupSource
from entrepot.web.pages import redirect
from entrepot.web.requests import PageRequest, PageRoute


async def change_groups(request: PageRequest) -> Response:
    """Map a group, or remove a mapping: the button says which."""
    name, form, groups = request.namespace.name, request.form, request.app.groups
    if form.get("what") == "remove":
        await groups.remove(name, request.whole_number("id"), request.actor)
        return redirect(f"/u/{name}/-/members", said="saved")
    try:
        source, role = GroupSource(form.get("source")), Role(form.get("role"))
    except ValueError as error:
        raise Invalid("no such source or role") from error
    await groups.add(name, source, form.get("group"), role, form.get("team"), request.actor)
    return redirect(f"/u/{name}/-/members", said="saved")


ROUTES: Final = (
    PageRoute("POST", "/u/{namespace}/-/groups", AccessRule.NAMESPACE_OWNER, change_groups),
)
