"""Promotions: artifacts copied into another repository of this hub."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Asked, ReferenceText, RepositoryText, TagText
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.oci.names import RepositoryName, Tag, parse_reference


class PromotionOrder(Asked, frozen=True, kw_only=True, rename={"source": "from"}):
    """The artifact to promote, and the tags that it gets."""

    source: RepositoryText
    reference: ReferenceText
    tags: Annotated[
        tuple[TagText, ...],
        Meta(max_length=100, description="By default the tag that it is named by."),
    ] = ()
    attachments: Annotated[
        bool, Meta(description="Copy signatures, SBOMs and all else that is attached, too.")
    ] = True
    dry_run: Annotated[bool, Meta(description="Only say what would be copied.")] = False


class CopiedCounts(Struct, frozen=True):
    """How much the target did not have before."""

    manifests: int
    attachments: int
    blobs: int


class Promotion(Struct, frozen=True):
    """The effect of a promotion; `kept` are tags of signatures that were left as they were."""

    digest: str
    tags: list[str]
    copied: CopiedCounts
    kept: list[str]


async def promote(request: ApiRequest, body: PromotionOrder) -> Promotion:
    """Copy an artifact with all that is attached to it into the repository, or nothing of it.

    Its digest stays the same, and no bytes are copied. Requires the right to pull from the source
    and to push to the target, which is created where a push would create it.
    """
    copied = await request.app.promotions.promote(
        RepositoryName(body.source),
        parse_reference(body.reference),
        RepositoryName(request.values["target"]),
        [Tag(each) for each in body.tags],
        request.actor,
        with_attachments=body.attachments,
        dry_run=body.dry_run,
    )
    return Promotion(
        str(copied.digest),
        [tag.text for tag in copied.tags],
        CopiedCounts(copied.manifests, copied.attachments, copied.blobs),
        list(copied.kept),
    )


ROUTES: Final = (route("POST", "/repositories/{target}/-/promote", AccessRule.SIGNED_IN, promote),)
