"""Promotions: a form that gives an artifact to another repository."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import EntrepotError, Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.copies import Copied
from entrepot.oci.names import RepositoryName, Tag, parse_reference
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(kw_only=True)
class PromotePage(RepositoryPage):
    """`/r/NAME/-/promote`: where an artifact goes; `preview` is what that would copy."""

    template: ClassVar[str] = "repositories/promote.html"
    chosen: str
    target: str = ""
    tag: str = ""
    with_attachments: bool = True
    preview: Copied | None = None
    failure: str = ""


async def show_promotion(request: PageRequest) -> PromotePage:
    """The form."""
    reference = request.query("reference")
    return await _page(request, reference, "", "" if ":" in reference else reference)


async def promote(request: PageRequest) -> Page | Response:
    """Show what would be copied, or copy it."""
    form = request.form
    reference, target = form.get("reference").strip(), form.get("to").strip()
    tag, with_attachments = form.get("tag").strip(), form.get("attachments") == "on"
    is_preview = form.get("what") == "preview"
    page = await _page(request, reference, target, tag)
    page.with_attachments = with_attachments
    if not target:
        raise Invalid("name the repository that it goes to")
    try:
        page.preview = await request.app.promotions.promote(
            request.repository.name,
            parse_reference(reference),
            RepositoryName(target),
            [Tag(tag)] if tag else [],
            request.actor,
            with_attachments=with_attachments,
            dry_run=is_preview,
        )
    except EntrepotError as error:
        page.failure, page.status = error.message, 422
        return page
    if is_preview:
        return page
    where = f":{tag}" if tag else f"@{page.preview.digest}"
    return redirect(f"/r/{target}{where}", said="promoted")


async def _page(request: PageRequest, reference: str, target: str, tag: str) -> PromotePage:
    return PromotePage(
        title=f"{request.repository.name}: promote",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="tags",
        is_starred=await is_starred(request),
        chosen=reference,
        target=target,
        tag=tag,
    )


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/promote", AccessRule.SIGNED_IN, show_promotion),
    PageRoute("POST", "/r/{repository}/-/promote", AccessRule.SIGNED_IN, promote),
)
