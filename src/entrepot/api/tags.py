"""The tags of a repository: listed, looked at, removed, and what became of them."""

from dataclasses import replace
from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.contents.artifacts import Artifact
from entrepot.api.fields import Asked, DigestText, Moment, Number, TagText, Text
from entrepot.api.paging import NEVER, Page, PageQuery, page_before, page_of
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.actors import Action
from entrepot.model.tags import Filters, TagAction, TagOrder
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag as TagName


class Tag(Struct, frozen=True):
    """A tag and its manifest; `artifact` is `null` until the contents are read."""

    tag: str
    digest: str
    media_type: str
    manifest_size: int
    moved_at: Moment
    moved_by: str | None
    pulls: int
    pulled_at: Moment | None
    artifact: Artifact | None


class TagQuery(PageQuery, frozen=True, kw_only=True):
    """Filters and order of tags."""

    q: Annotated[Text, Meta(description="Part of the tag.")] = ""
    kind: Annotated[Text, Meta(description="The id of a kind.")] = ""
    platform: Annotated[Text, Meta(description="`os/architecture`.")] = ""
    sort: TagOrder = TagOrder.VERSION


class TagEvent(Struct, frozen=True):
    """An event of a tag; `previous` is the digest that it pointed to before.

    `promoted_from` is the artifact that was promoted to it, told to those who may push here.
    """

    id: int
    tag: str
    action: TagAction
    digest: str
    previous: str | None
    at: Moment
    by: str | None
    promoted_from: str = ""


class HistoryQuery(PageQuery, frozen=True, kw_only=True):
    """Filters for the history."""

    tag: TagText | None = None


class Undo(Asked, frozen=True, kw_only=True):
    """The event to undo."""

    event: Number


class Going(Struct, frozen=True):
    """A tag that would be deleted, its digest, and the other tags of the same manifest."""

    tag: str
    digest: str
    others: list[str]


class Removal(Struct, frozen=True):
    """The effect of a deletion: `manifests` to delete and the bytes `freed`."""

    going: list[Going]
    manifests: list[str]
    attachments: int
    freed: int


class RemovalQuery(Asked, frozen=True, kw_only=True):
    """The tags to delete, and whether to delete their manifests too."""

    tag: Annotated[list[TagText], Meta(min_length=1, max_length=100)]
    whole: bool = False


class ChosenTag(Asked, frozen=True, kw_only=True):
    """A tag and the digest that it pointed to when the deletion was decided."""

    tag: TagText
    digest: DigestText


class RemovalOrder(Asked, frozen=True, kw_only=True):
    """The tags to delete, and whether to delete their manifests too."""

    tags: Annotated[list[ChosenTag], Meta(min_length=1, max_length=500)]
    whole: bool = False
    others: Annotated[
        tuple[TagText, ...],
        Meta(
            max_length=5000,
            description="With `whole`: further tags that are deleted with their manifests. The "
            "request fails with 409 if a manifest has a tag that is in neither list.",
        ),
    ] = ()


async def list_tags(request: ApiRequest, query: TagQuery) -> Page[Tag]:
    """List the tags, the newest version first by default."""
    filters = Filters(query.q, query.kind, query.platform)
    rows = await request.app.tags.list_rows(
        request.repository, query.sort, filters, query.limit + 1, query.offset
    )
    return page_of(rows, query, lambda row: shown(Tag, row))


async def get_tag(request: ApiRequest) -> Tag:
    """Return a tag."""
    return shown(Tag, await request.app.tags.get(request.repository, request.values["tag"]))


async def delete_tag(request: ApiRequest) -> None:
    """Remove a tag; its manifest stays, and the history keeps the event."""
    tag = TagName(request.values["tag"])
    by = request.identity.author
    await request.app.manifests.untag(request.repository, tag, by, request.listener)


async def list_history(request: ApiRequest, query: HistoryQuery) -> Page[TagEvent]:
    """List the history of tags, the newest event first."""
    before = query.before or NEVER
    events = await request.app.history.list_events(
        request.repository, query.tag, before, query.limit + 1
    )
    # The source may be a repository that readers of this one do not know of.
    if Action.PUSH not in request.rights.actions:
        events = [replace(event, promoted_from="") for event in events]
    return page_before(events, query, lambda event: shown(TagEvent, event))


async def undo_event(request: ApiRequest, body: Undo) -> TagEvent:
    """Move a tag back to its digest before an event; a deleted tag is restored."""
    event = await request.app.history.restore(
        request.repository, body.event, request.identity.author, request.listener
    )
    return shown(TagEvent, event)


async def preview_removal(request: ApiRequest, query: RemovalQuery) -> Removal:
    """Preview the deletion of tags; changes nothing."""
    tags = [TagName(each) for each in query.tag]
    removal = await request.app.removals.preview(request.repository, tags, whole=query.whole)
    return shown(Removal, removal)


async def remove(request: ApiRequest, body: RemovalOrder) -> None:
    """Delete tags that have not moved since; tags that moved or were added are kept."""
    await request.app.removals.remove(
        request.repository,
        [(TagName(each.tag), Digest.parse(each.digest)) for each in body.tags],
        whole=body.whole,
        others=frozenset(body.others),
        by=request.identity.author,
        listener=request.listener,
    )


_R: Final = "/repositories/{repository}/-"

ROUTES: Final = (
    route("GET", f"{_R}/tags", AccessRule.PULL, list_tags),
    route("GET", f"{_R}/tags/{{tag}}", AccessRule.PULL, get_tag),
    route("DELETE", f"{_R}/tags/{{tag}}", AccessRule.DELETE, delete_tag),
    route("GET", f"{_R}/history", AccessRule.PULL, list_history),
    route("POST", f"{_R}/undo", AccessRule.DELETE, undo_event),
    route("GET", f"{_R}/delete", AccessRule.DELETE, preview_removal),
    route("POST", f"{_R}/delete", AccessRule.DELETE, remove),
)
