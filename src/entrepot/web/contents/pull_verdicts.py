"""`/r/NAME:TAG/policy`: whether an artifact may be pulled, and what each rule says of it."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.http.authorize import AccessRule
from entrepot.hub.security.pull_verdicts import PullDecision
from entrepot.oci.names import Tag
from entrepot.web.contents.artifacts import reference_of
from entrepot.web.pages import Page
from entrepot.web.repositories import RepositoryPage, facts_of, is_starred
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(kw_only=True)
class VerdictPage(RepositoryPage):
    """The verdict about an artifact; refusals of pulls lead here."""

    template: ClassVar[str] = "artifacts/policy.html"
    chosen: str
    verdict: str
    decision: PullDecision


async def show_verdict(request: PageRequest) -> Page:
    """Decide by the rules and what is known now, as the API does."""
    reference = reference_of(request)
    facts = await request.app.manifests.get_facts(request.repository, reference)
    tag = reference.text if isinstance(reference, Tag) else None
    found = await request.app.pull_verdicts.decide(request.repository.id, facts.digest, tag)
    name = request.repository.name.text
    address = f"{name}:{tag}" if tag else f"{name}@{facts.digest}"
    return VerdictPage(
        title=address,
        name=name,
        facts=await facts_of(request),
        current="tags",
        is_starred=await is_starred(request),
        chosen=address,
        verdict=found.verdict.word,
        decision=found,
    )


ROUTES: Final = (PageRoute("GET", "/r/{artifact}/policy", AccessRule.PULL, show_verdict),)
