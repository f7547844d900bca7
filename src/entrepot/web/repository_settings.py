"""A repository's settings: words, visibility, archive, another name, the end."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.hub.repositories import MAX_README
from entrepot.metadata.words import Visibility
from entrepot.oci.names import RepositoryName
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.visits import PageRoute, Visit

_MOST: Final = 4 * MAX_README
"""Bytes of the form: browsers write most letters of most languages as three for each byte."""


@dataclass(kw_only=True)
class RepositorySettingsPage(RepositoryPage):
    """`/r/NAME/-/settings`, with a preview of a README that is not saved yet."""

    template: ClassVar[str] = "repository_settings.html"
    description: str
    readme: str
    preview: str = ""


async def show(visit: Visit) -> Page:
    """Everything that can be changed."""
    facts = await facts_of(visit)
    return await _page(visit, facts.description, facts.readme, "")


async def _page(visit: Visit, description: str, readme: str, preview: str) -> Page:
    return RepositorySettingsPage(
        title=f"{visit.repository.name}: settings",
        name=visit.repository.name.text,
        facts=await facts_of(visit),
        current="settings",
        is_starred=await is_starred(visit),
        description=description,
        readme=readme,
        preview=preview,
    )


async def save(visit: Visit) -> Page | Response:
    """Save the words, or show first how the README will look."""
    description, readme = visit.form.get("description"), visit.form.get("readme")
    if visit.form.get("what") == "preview":
        return await _page(visit, description, readme, await visit.desk.markdown(readme))
    name = visit.repository.name
    await visit.desk.repositories.describe(name, description, readme, visit.actor)
    return redirect(f"/r/{name}/-/settings", said="saved")


async def set_visibility(visit: Visit) -> Response:
    """Open the repository to everybody, or close it; the name is typed to open it."""
    name = visit.repository.name
    wanted = Visibility.PUBLIC if visit.form.get("public") == "1" else Visibility.PRIVATE
    if wanted is Visibility.PUBLIC:
        _check_name(visit)
    await visit.desk.repositories.set_visibility(name, wanted, visit.actor)
    return redirect(f"/r/{name}/-/settings", said="saved")


async def archive(visit: Visit) -> Response:
    """Let nothing be pushed any more, or let it again."""
    name = visit.repository.name
    if visit.form.get("archive") == "1":
        await visit.desk.repositories.archive(name, visit.actor)
    else:
        await visit.desk.repositories.unarchive(name, visit.actor)
    return redirect(f"/r/{name}/-/settings", said="saved")


async def move(visit: Visit) -> Response:
    """Give the repository another name, in this namespace or another; the old one leads there."""
    _check_name(visit)
    old, new = visit.repository.name, RepositoryName(visit.form.get("new_name").strip())
    repositories = visit.desk.repositories
    if old.namespace == new.namespace:
        await repositories.rename(old, new, visit.actor)
    else:
        await repositories.transfer(old, new, visit.actor)
    return redirect(f"/r/{new}", said="saved")


async def end(visit: Visit) -> Response:
    """Delete the repository with all that it holds."""
    _check_name(visit)
    name = visit.repository.name
    await visit.desk.repositories.delete(name, visit.actor)
    return redirect(f"/u/{name.namespace}" if name.namespace else "/", said="gone")


def _check_name(visit: Visit) -> None:
    """What cannot be undone easily is confirmed by typing the name."""
    if visit.form.get("confirm").strip() != visit.repository.name.text:
        raise Invalid("the name that was typed is not the repository's")


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/settings", Policy.ADMINISTER, show),
    PageRoute("POST", "/r/{repository}/-/settings", Policy.ADMINISTER, save, _MOST),
    PageRoute("POST", "/r/{repository}/-/settings/visibility", Policy.ADMINISTER, set_visibility),
    PageRoute("POST", "/r/{repository}/-/settings/archive", Policy.ADMINISTER, archive),
    PageRoute("POST", "/r/{repository}/-/settings/name", Policy.ADMINISTER, move),
    PageRoute("POST", "/r/{repository}/-/settings/delete", Policy.ADMINISTER, end),
)
