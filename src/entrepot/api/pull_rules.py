"""Pull rules, which keep tags of other registries here; for the hub's administrators."""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, convert, structs

from entrepot.api.fields import Asked, Moment, RuleText
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.model.mirroring.pull_rules import PullRule as StoredRule
from entrepot.model.mirroring.pull_rules import RuleRun, RuleSettings, RuleTag

_Text = Annotated[str, Meta(min_length=1, max_length=1000)]
_Words = Annotated[tuple[_Text, ...], Meta(max_length=100)]
_Source = Annotated[
    str,
    Meta(
        max_length=400,
        description="A repository of a mirror, or one tag of it.",
        examples=["docker.io/library/postgres"],
    ),
]
_Target = Annotated[
    str,
    Meta(
        max_length=400,
        description="A repository; `acme/*` is `acme/` and the last component of the source.",
        examples=["acme/*"],
    ),
]
_Patterns = Annotated[
    tuple[_Text, ...],
    Meta(max_length=100, description="`16.*`, or a regular expression between slashes."),
]
_Ranges = Annotated[
    tuple[_Text, ...], Meta(max_length=100, description="Ranges of versions, such as `>=1.2 <2`.")
]
_Newest = Annotated[int, Meta(ge=1, le=10_000, description="The number of greatest versions.")]
_Attachments = Literal["all", "signatures", "none"]
_Schedule = Annotated[
    str,
    Meta(
        max_length=200,
        description="`every 6h`, or five fields of cron in UTC; empty: only when it is asked for.",
    ),
]
_Delete = Literal["keep", "follow"]
_State = Literal["running", "done", "failed", "waiting"]
_Action = Literal["copy", "move", "skip", "keep", "refuse", "fail", "delete"]
_MOST_PREVIEWED: Final = 200


class LastRun(Struct, frozen=True):
    """The last run: `waiting` is for the confirmation that most of its tags may be deleted."""

    state: _State
    started_at: Moment
    ended_at: Moment | None
    note: str
    counts: dict[str, int]
    """How many tags there were of each action."""
    size: int
    """Bytes that were fetched."""


class PullRule(Struct, frozen=True, kw_only=True):
    """A rule that keeps tags of a mirror's repository in a repository of this hub."""

    name: str
    source: str
    target: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    versions: tuple[str, ...]
    newest: int | None
    platforms: tuple[str, ...]
    flatten: bool
    attachments: _Attachments
    schedule: str
    delete: _Delete
    overwrite: bool
    is_paused: bool
    created_at: Moment
    next_run: Moment | None
    last_run: LastRun | None


class NewPullRule(Asked, frozen=True, kw_only=True):
    """The rule to create."""

    name: RuleText
    source: _Source
    target: _Target
    include: _Patterns = ()
    exclude: _Patterns = ()
    versions: _Ranges = ()
    newest: _Newest | None = None
    platforms: _Words = ()
    flatten: bool = False
    attachments: _Attachments = "all"
    schedule: _Schedule = ""
    delete: _Delete = "keep"
    overwrite: bool = True
    is_paused: bool = False


class PullRuleChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    source: _Source | UnsetType = UNSET
    target: _Target | UnsetType = UNSET
    include: _Patterns | UnsetType = UNSET
    exclude: _Patterns | UnsetType = UNSET
    versions: _Ranges | UnsetType = UNSET
    newest: _Newest | UnsetType | None = UNSET
    platforms: _Words | UnsetType = UNSET
    flatten: bool | UnsetType = UNSET
    attachments: _Attachments | UnsetType = UNSET
    schedule: _Schedule | UnsetType = UNSET
    delete: _Delete | UnsetType = UNSET
    overwrite: bool | UnsetType = UNSET
    is_paused: bool | UnsetType = UNSET


class RunOrder(Asked, frozen=True, kw_only=True):
    """How the rule is to run."""

    confirm_deletions: Annotated[
        bool, Meta(description="It may delete more than half of its tags.")
    ] = False


class TagOutcome(Struct, frozen=True):
    """A tag of the source, and what became of it, or would."""

    tag: str
    action: _Action
    digest: str
    note: str
    size: int
    """Bytes that were, or would be, fetched."""
    changed_at: Moment | None


class TagPage(Asked, frozen=True, kw_only=True):
    """The page to return."""

    limit: Annotated[int, Meta(ge=1, le=100, description="Entries per page.")] = 50
    after: Annotated[str, Meta(max_length=128, description="The last tag of the page before.")] = ""


class PullRulePreview(Struct, frozen=True):
    """The planned outcome for the first 200 tags."""

    tags: list[TagOutcome]
    note: str
    """Why nothing would be deleted, where it says something."""
    left_out: int
    """Tags that were not looked at."""


async def list_pull_rules(request: ApiRequest, query: PageQuery) -> Page[PullRule]:
    """List the pull rules by name."""
    return cut(await request.app.pull_rules.list_all(), query, _shown)


async def create_pull_rule(request: ApiRequest, body: NewPullRule) -> PullRule:
    """Create a pull rule. It runs at its next time, or when it is asked to."""
    given = structs.asdict(body)
    name = given.pop("name")
    settings = convert(given, RuleSettings)
    made = await request.app.pull_rules.add(name, settings, request.actor)
    request.created(f"/pull-rules/{made.name}")
    return _shown(made)


async def get_pull_rule(request: ApiRequest) -> PullRule:
    """Return a pull rule with its last run."""
    return _shown(await request.app.pull_rules.get(request.values["rule"]))


async def change_pull_rule(request: ApiRequest, body: PullRuleChange) -> PullRule:
    """Change a pull rule; what it has copied stays."""
    found = await request.app.pull_rules.get(request.values["rule"])
    changes: dict[str, Any] = {
        key: value for key, value in structs.asdict(body).items() if value is not UNSET
    }
    settings = structs.replace(found.settings, **changes)
    return _shown(await request.app.pull_rules.edit(found.name, settings, request.actor))


async def delete_pull_rule(request: ApiRequest) -> None:
    """Delete a pull rule; what it has copied stays."""
    await request.app.pull_rules.remove(request.values["rule"], request.actor)


async def run_pull_rule(request: ApiRequest, body: RunOrder) -> PullRule:
    """Have a pull rule run within seconds. Its `last_run` tells how that went."""
    asked = await request.app.pull_rules.ask_to_run(
        request.values["rule"], confirmed=body.confirm_deletions, by=request.actor
    )
    return _shown(asked)


async def preview_pull_rule(request: ApiRequest) -> PullRulePreview:
    """Say what a run would do; nothing is kept or changed.

    Asks the other registry for the manifests of the first 200 tags.
    """
    rule = await request.app.pull_rules.get(request.values["rule"])
    found = await request.app.rule_runs.preview(rule, _MOST_PREVIEWED)
    return PullRulePreview([_outcome(each) for each in found.tags], found.waits, found.left_out)


async def list_pull_rule_tags(request: ApiRequest, query: TagPage) -> Page[TagOutcome]:
    """List the tags of a rule by name, and what became of each when that last changed."""
    rule = await request.app.pull_rules.get(request.values["rule"])
    found = await request.app.pull_rules.list_tags(rule, query.after, query.limit + 1)
    shown = found[: query.limit]
    following = shown[-1].tag if len(found) > query.limit else None
    return Page(items=[_outcome(each) for each in shown], next=following)


def _shown(rule: StoredRule) -> PullRule:
    return PullRule(
        name=rule.name,
        **structs.asdict(rule.settings),
        created_at=rule.created_at,
        next_run=rule.due_at,
        last_run=_last_run(rule.run) if rule.run else None,
    )


def _last_run(run: RuleRun) -> LastRun:
    return LastRun(run.state.value, run.started_at, run.ended_at, run.note, run.counts, run.size)


def _outcome(tag: RuleTag) -> TagOutcome:
    return TagOutcome(tag.tag, tag.action.value, tag.digest, tag.reason, tag.size, tag.changed_at)


_ONE: Final = "/pull-rules/{rule}"

ROUTES: Final = (
    route("GET", "/pull-rules", AccessRule.HUB_ADMIN, list_pull_rules),
    route("POST", "/pull-rules", AccessRule.HUB_ADMIN, create_pull_rule, status=201),
    route("GET", _ONE, AccessRule.HUB_ADMIN, get_pull_rule),
    route("PATCH", _ONE, AccessRule.HUB_ADMIN, change_pull_rule),
    route("DELETE", _ONE, AccessRule.HUB_ADMIN, delete_pull_rule),
    route("POST", f"{_ONE}/run", AccessRule.HUB_ADMIN, run_pull_rule, status=202),
    route("GET", f"{_ONE}/preview", AccessRule.HUB_ADMIN, preview_pull_rule),
    route("GET", f"{_ONE}/tags", AccessRule.HUB_ADMIN, list_pull_rule_tags),
)
