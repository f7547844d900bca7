"""A repository's settings: words, visibility, archive, another name, the end."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.repositories import MAX_README
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_MOST: Final = 4 * MAX_README
"""Bytes of the form: browsers write most letters of most languages as three for each byte."""


@dataclass(kw_only=True)
class RepositorySettingsPage(RepositoryPage):
    """`/r/NAME/-/settings`, with a preview of a README that is not saved yet."""

    template: ClassVar[str] = "repositories/settings.html"
    description: str
    readme: str
    preview: str = ""


async def show(request: PageRequest) -> Page:
    """The page of a repository's settings."""
    readme = await request.app.repository_views.get_readme_source(request.repository)
    return await _page(request, request.repository.description, readme, "")


async def _page(request: PageRequest, description: str, readme: str, preview: str) -> Page:
    return RepositorySettingsPage(
        title=f"{request.repository.name}: settings",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="settings",
        is_starred=await is_starred(request),
        description=description,
        readme=readme,
        preview=preview,
    )


async def save(request: PageRequest) -> Page | Response:
    """Save the words, or show first how the README will look."""
    description, readme = request.form.get("description"), request.form.get("readme")
    if request.form.get("what") == "preview":
        return await _page(request, description, readme, await request.app.renderer.preview(readme))
    name = request.repository.name
    await request.app.repositories.describe(name, description, readme, request.actor)
    return redirect(f"/r/{name}/-/settings", said="saved")


async def set_visibility(request: PageRequest) -> Response:
    """Open the repository to everybody, or close it; the name is typed to open it."""
    name = request.repository.name
    wanted = Visibility.PUBLIC if request.form.get("public") == "1" else Visibility.PRIVATE
    if wanted is Visibility.PUBLIC:
        _check_name(request)
    await request.app.repositories.set_visibility(name, wanted, request.actor)
    return redirect(f"/r/{name}/-/settings", said="saved")


async def archive(request: PageRequest) -> Response:
    """Let nothing be pushed any more, or let it again."""
    name = request.repository.name
    if request.form.get("archive") == "1":
        await request.app.repositories.archive(name, request.actor)
    else:
        await request.app.repositories.unarchive(name, request.actor)
    return redirect(f"/r/{name}/-/settings", said="saved")


async def move(request: PageRequest) -> Response:
    """Give the repository another name, in this namespace or another; the old one leads there."""
    _check_name(request)
    old, new = request.repository.name, RepositoryName(request.form.get("new_name").strip())
    repositories = request.app.repositories
    if old.namespace == new.namespace:
        await repositories.rename(old, new, request.actor)
    else:
        await repositories.transfer(old, new, request.actor)
    return redirect(f"/r/{new}", said="saved")


async def end(request: PageRequest) -> Response:
    """Delete the repository with all that it holds."""
    _check_name(request)
    name = request.repository.name
    await request.app.repositories.delete(name, request.actor)
    return redirect(f"/u/{name.namespace}" if name.namespace else "/", said="gone")


def _check_name(request: PageRequest) -> None:
    """What cannot be undone easily is confirmed by typing the name."""
    if request.form.get("confirm").strip() != request.repository.name.text:
        raise Invalid("the typed name does not match the repository's name")


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/settings", AccessRule.REPOSITORY_ADMIN, show),
    PageRoute("POST", "/r/{repository}/-/settings", AccessRule.REPOSITORY_ADMIN, save, _MOST),
    PageRoute(
        "POST", "/r/{repository}/-/settings/visibility", AccessRule.REPOSITORY_ADMIN, set_visibility
    ),
    PageRoute("POST", "/r/{repository}/-/settings/archive", AccessRule.REPOSITORY_ADMIN, archive),
    PageRoute("POST", "/r/{repository}/-/settings/name", AccessRule.REPOSITORY_ADMIN, move),
    PageRoute("POST", "/r/{repository}/-/settings/delete", AccessRule.REPOSITORY_ADMIN, end),
)
