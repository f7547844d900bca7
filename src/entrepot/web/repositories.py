"""Pages of a repository as a whole: what it is, its history, its feed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from itertools import islice
from typing import ClassVar, Final

from entrepot.extract.readmes.links import HERE
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.pulls import PullDays
from entrepot.model.repositories import RepositoryFacts, Visibility
from entrepot.model.tags import TagRow
from entrepot.registry.history_entries import HistoryEntry
from entrepot.web.contents.commands import Snippets, push_snippets, snippets_of
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

_PULL_DAYS: Final = 90
_EVENTS: Final = 50
_EVER: Final = 2**62
_MOST_HEADINGS: Final = 40
# The renderer's own HTML: each heading holds its anchor last.
_HEADING: Final = re.compile(r'<h([2-4]) id="([^"]+)">(.*?)<a class="anchor"', re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")


@dataclass(kw_only=True)
class RepositoryPage(Page):
    """A page of one repository; `current` is the open tab."""

    name: str
    facts: RepositoryFacts
    current: str
    is_starred: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a README: `level` is that of its element, `anchor` its id."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a list of tags that hold something in at least one row."""

    platforms: bool
    referrers: bool
    pulled: bool


@dataclass(kw_only=True)
class OverviewPage(RepositoryPage):
    """`/r/NAME`: what it is, its README, its versions, how to pull the recommended one."""

    template: ClassVar[str] = "repositories/overview.html"
    readme: str
    """Safe HTML."""
    readme_source: str
    contents: list[Heading]
    """The README's headings."""
    recommended: TagRow | None
    """The tag whose commands are shown."""
    newest: list[TagRow]
    """A tag of each of the greatest versions; of the newest pushes where none is a version."""
    columns: Columns
    kinds: dict[str, int]
    pulls: PullDays
    snippets: Snippets | None
    pushing: Snippets | None
    sign_in: dict[str, str]
    """How each client signs in, where strangers may not pull."""


@dataclass(kw_only=True)
class HistoryPage(RepositoryPage):
    """`/r/NAME/-/history`: what became of its tags."""

    template: ClassVar[str] = "repositories/history.html"
    entries: list[HistoryEntry]
    tag: str
    next_before: int | None


def here(html: str, reference: str) -> str:
    """Stored HTML with the address of this page where it says "here"."""
    return html.replace(f'="{HERE}', f'="/r/{reference}/')


async def facts_of(request: PageRequest) -> RepositoryFacts:
    """Return the properties of the repository in the address."""
    return await request.app.repository_views.get_facts(request.repository)


def columns_of(rows: Iterable[TagRow]) -> Columns:
    """Return which columns a list of these tags needs."""
    listed = list(rows)
    artifacts = [row.artifact for row in listed if row.artifact]
    return Columns(
        platforms=any(each.platforms for each in artifacts),
        referrers=any(not each.marks.is_empty for each in artifacts),
        pulled=any(row.pulled_at for row in listed),
    )


async def is_starred(request: PageRequest) -> bool:
    """Whether the visitor gave the repository a star."""
    if request.account is None:
        return False
    return await request.app.stars.is_starred(request.account, request.repository)


async def show_repository(request: PageRequest) -> Page | Response:
    """The overview; an old name leads to the new one."""
    name = request.repository.name.text
    if name != request.values["repository"]:
        return redirect(f"/r/{name}")
    request.remember(name)
    view = await request.app.repository_views.get(request.repository)
    tag = view.recommended.tag if view.recommended else None
    readme_of = f"{name}:{view.readme.tag}" if view.readme.tag else name
    return OverviewPage(
        title=name,
        name=name,
        facts=view.facts,
        current="overview",
        is_starred=await is_starred(request),
        readme=here(view.readme.html, readme_of),
        readme_source=view.readme.tag,
        contents=headings_of(view.readme.html),
        recommended=view.recommended,
        newest=view.newest,
        columns=columns_of(view.newest),
        kinds=view.kinds,
        pulls=await request.app.pull_counts.list_days(request.repository, _PULL_DAYS),
        snippets=snippets_of(request, view.described, tag) if view.described else None,
        pushing=push_snippets(request, name) if request.may_push else None,
        sign_in=_sign_in(request, name) if view.facts.visibility is Visibility.PRIVATE else {},
    )


def headings_of(html: str) -> list[Heading]:
    """Return the headings of a rendered README that can be linked to, at most 40."""
    found = islice(_HEADING.finditer(html), _MOST_HEADINGS)
    plain = ((each, unescape(_TAG.sub("", each[3])).strip()) for each in found)
    return [Heading(int(each[1]), each[2], text) for each, text in plain if text]


def _sign_in(request: PageRequest, name: str) -> dict[str, str]:
    groups = push_snippets(request, name).groups
    commands = (group.commands[0] for group in groups)
    return {each.tool: each.text for each in commands if each.title == "Sign in"}


async def show_history(request: PageRequest) -> Page:
    """Show the history of tags, the newest event first."""
    tag = request.query("tag")
    before = request.number("before", default=_EVER, most=_EVER)
    events = await request.app.history.list_events(
        request.repository, tag or None, before, _EVENTS + 1
    )
    return HistoryPage(
        title=f"{request.repository.name}: history",
        name=request.repository.name.text,
        facts=await facts_of(request),
        current="history",
        is_starred=await is_starred(request),
        entries=await request.app.history.list_entries(request.repository, events[:_EVENTS]),
        tag=tag,
        next_before=events[_EVENTS - 1].id if len(events) > _EVENTS else None,
    )


async def undo(request: PageRequest) -> Response:
    """Point tags at what they pointed at before an action."""
    text = request.form.get("event")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    await request.app.history.restore_action(
        request.repository, number, request.identity.author, request.listener
    )
    return redirect(f"/r/{request.repository.name}/-/history", said="restored")


async def star(request: PageRequest) -> Response:
    """Give a star, or take it back."""
    wanted = request.form.get("star") == "1"
    await request.app.stars.set(request.identity, request.repository.name, wanted=wanted)
    return redirect(f"/r/{request.repository.name}")


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}", AccessRule.PULL, show_repository),
    PageRoute("GET", "/r/{repository}/-/history", AccessRule.PULL, show_history),
    PageRoute("POST", "/r/{repository}/-/undo", AccessRule.DELETE, undo),
    PageRoute("POST", "/r/{repository}/-/star", AccessRule.SIGNED_IN, star),
)
