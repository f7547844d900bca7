"""The tags of a repository: listed, selected, deleted after a look at what goes."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import Pager
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.model.tags import Filters, TagLine, TagOrder, TagRow
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.registry.removal import Removal
from entrepot.web.contents.commands import command_target, pull_command
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import Columns, RepositoryPage, columns_of, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_SIZE: Final = 50
_MOST_SELECTED: Final = 500


@dataclass(kw_only=True)
class TagsPage(RepositoryPage):
    """`/r/NAME/-/tags`."""

    template: ClassVar[str] = "tags/list.html"
    lines: list[TagLine]
    pager: Pager
    order: TagOrder
    filters: Filters
    kinds: dict[str, int]
    platforms: list[str]
    app_versions: dict[int, str]
    """The version of the application, by the id of the chart's manifest."""
    pulling: dict[str, str]
    """The command that pulls each tag."""
    columns: Columns


@dataclass(kw_only=True)
class DeletePage(RepositoryPage):
    """The deletion preview of tags."""

    template: ClassVar[str] = "tags/delete.html"
    removal: Removal
    whole: bool
    restorable_until: datetime


async def show_tags(request: PageRequest) -> Page:
    """One page of the tags, by GET parameters that can be shared."""
    rules, order = request.app.tags, _order(request)
    filters = Filters(
        request.query("q"),
        request.query("kind"),
        request.query("platform"),
        request.query("digest"),
    )
    number = request.number("page", default=1, most=10**6)
    offset = (number - 1) * _SIZE
    lines, total = await rules.list_lines(request.repository, order, filters, _SIZE, offset)
    return TagsPage(
        title=f"{request.repository.name}: tags",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="tags",
        is_starred=await is_starred(request),
        lines=lines,
        pager=Pager(number, _SIZE, total),
        order=order,
        filters=filters,
        kinds=await rules.count_kinds(request.repository),
        platforms=await rules.list_platforms(request.repository),
        app_versions=await rules.list_app_versions(lines),
        pulling={each.row.tag: _pull_command(request, each.row) for each in lines},
        columns=columns_of(each.row for each in lines),
    )


def _pull_command(request: PageRequest, row: TagRow) -> str:
    kind = kind_of_id(row.artifact.kind if row.artifact else "")
    return pull_command(command_target(request, row.digest, row.tag), kind.family)


def _order(request: PageRequest) -> TagOrder:
    try:
        return TagOrder(request.query("sort") or TagOrder.VERSION)
    except ValueError:
        return TagOrder.VERSION


async def preview_removal(request: PageRequest) -> Page:
    """Preview the deletion of tags, or of manifests with all their tags."""
    selected = request.http.query_all("select")[:_MOST_SELECTED]
    whole = request.query("whole") == "1"
    removal = await request.app.removals.preview(
        request.repository, [Tag(each) for each in selected], whole=whole
    )
    return DeletePage(
        title=f"{request.repository.name}: delete",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="tags",
        is_starred=await is_starred(request),
        removal=removal,
        whole=whole,
        restorable_until=request.app.now() + request.app.collector.grace,
    )


async def remove(request: PageRequest) -> Response:
    """Delete what the preview showed; what has moved or was tagged since stays."""
    chosen = [_pair(each) for each in request.form.get_all("select")[:_MOST_SELECTED]]
    await request.app.removals.remove(
        request.repository,
        chosen,
        whole=request.form.get("whole") == "1",
        others=frozenset(request.form.get_all("other")),
        by=request.identity.author,
        listener=request.listener,
    )
    return redirect(f"/r/{request.repository.name}/-/tags", said="deleted")


def _pair(text: str) -> tuple[Tag, Digest]:
    """A tag and the digest that it pointed at when its deletion was shown."""
    tag, separator, digest = text.partition("@")
    if not separator:
        raise Invalid("a tag to delete needs its digest: reload the page")
    return Tag(tag), Digest.parse(digest)


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/tags", AccessRule.PULL, show_tags),
    PageRoute("GET", "/r/{repository}/-/delete", AccessRule.DELETE, preview_removal),
    PageRoute("POST", "/r/{repository}/-/delete", AccessRule.DELETE, remove),
)
