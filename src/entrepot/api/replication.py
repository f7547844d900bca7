"""Replication rules by which tags are pushed to other registries, for the hub's administrators."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, structs

from entrepot.api.fields import Asked, Moment
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.hub.replication import LONGEST, SHORTEST, RuleSettings
from entrepot.model.replication import DeletionMode, ReplicationStatus, ReplicationTrigger

_Text = Annotated[str, Meta(max_length=500)]
_Words = Annotated[tuple[_Text, ...], Meta(max_length=100)]
_Every = Annotated[
    int, Meta(ge=SHORTEST, le=LONGEST, description="Seconds; by default a day, if not manual.")
]
_Trigger = Literal["push", "schedule", "manual"]
_Deletes = Literal["never", "follow"]


class ReplicationRule(Struct, frozen=True):
    """A replication rule and how far its destination is behind; its password is never shown."""

    name: str
    url: str
    username: str
    has_password: bool
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    strip: int
    prefix: str
    trigger: _Trigger
    every: int
    deletes: _Deletes
    with_attachments: bool
    allows_private: bool
    networks: tuple[str, ...]
    token_hosts: tuple[str, ...]
    created_at: Moment
    compared_at: Moment | None
    succeeded_at: Moment | None
    waiting: int
    running: int
    conflicts: int
    failed: int
    lag: float
    """Seconds for which the oldest change has waited."""
    problem: str
    """Why the destination could not be asked the last time; empty where it could."""
    sent_tags: int
    sent_bytes: int


class NewReplicationRule(Asked, frozen=True, kw_only=True):
    """The rule to add."""

    name: Annotated[str, Meta(max_length=64)]
    url: _Text
    username: _Text = ""
    password: Annotated[
        str, Meta(max_length=10_000, description="Stored encrypted, never shown.")
    ] = ""
    repositories: _Words = ()
    tags: _Words = ()
    strip: Annotated[int, Meta(ge=0, le=10)] = 0
    prefix: _Text = ""
    trigger: _Trigger = "push"
    every: _Every | None = None
    deletes: _Deletes = "never"
    with_attachments: bool = True
    allows_private: bool = False
    networks: _Words = ()
    token_hosts: _Words = ()


class ReplicationTask(Struct, frozen=True):
    """A tag that the destination does not have yet."""

    repository: str
    tag: str
    state: Literal["waiting", "conflict", "failed"]
    is_running: bool
    sent_bytes: int
    attempts: int
    behind_since: Moment | None
    next_attempt_at: Moment
    error: str


class QueuedTags(Struct, frozen=True):
    """How many tags were queued for a comparison."""

    tags: int


async def list_rules(request: ApiRequest, query: PageQuery) -> Page[ReplicationRule]:
    """List the replication rules by name, and how far their destinations are behind."""
    now = request.app.now()
    found = await request.app.replication.list_status()
    return cut(found, query, lambda each: _shown(each, each.lag(now)))


async def create_rule(request: ApiRequest, body: NewReplicationRule) -> ReplicationRule:
    """Add a replication rule. Its destination is not asked before the first tag is pushed."""
    given: dict[str, Any] = structs.asdict(body)
    name = given.pop("name")
    choices = {
        "trigger": ReplicationTrigger(body.trigger),
        "deletes": DeletionMode(body.deletes),
    }
    made = await request.app.replication.add(name, RuleSettings(**(given | choices)), request.actor)
    request.created(f"/replication/{made.name}")
    return _shown(await request.app.replication.get_status(made.name), 0)


async def get_rule(request: ApiRequest) -> ReplicationRule:
    """Return a replication rule and how far its destination is behind."""
    found = await request.app.replication.get_status(request.values["replication"])
    return _shown(found, found.lag(request.app.now()))


async def delete_rule(request: ApiRequest) -> None:
    """Remove a replication rule with what is queued; what was pushed stays where it is."""
    await request.app.replication.remove(request.values["replication"], request.actor)


async def run_rule(request: ApiRequest) -> QueuedTags:
    """Queue every tag of the rule for a comparison; the hub pushes what differs."""
    name = request.values["replication"]
    return QueuedTags(await request.app.replication.run(name, request.actor))


async def list_tasks(request: ApiRequest, query: PageQuery) -> Page[ReplicationTask]:
    """List tags that the destination does not have: failed ones first, then conflicts."""
    lines = await request.app.replication.list_tasks(
        request.values["replication"], query.limit + 1, query.offset
    )
    items = [
        ReplicationTask(
            line.repository,
            line.tag,
            line.state.value,
            line.is_running,
            line.sent,
            line.attempts,
            line.behind_since,
            line.run_at,
            line.error,
        )
        for line in lines[: query.limit]
    ]
    more = len(lines) > query.limit
    return Page(items=items, next=f"{query.offset + query.limit:x}" if more else None)


def _shown(status: ReplicationStatus, lag: float) -> ReplicationRule:
    rule = status.rule
    return ReplicationRule(
        rule.name,
        rule.url,
        rule.username,
        bool(rule.secret),
        rule.repositories,
        rule.tags,
        rule.strip,
        rule.prefix,
        rule.trigger.value,
        rule.every,
        rule.deletes.value,
        rule.with_attachments,
        rule.allows_private,
        rule.networks,
        rule.token_hosts,
        rule.created_at,
        rule.queued_at,
        rule.succeeded_at,
        status.waiting,
        status.running,
        status.conflicts,
        status.failed,
        round(lag, 3),
        rule.problem,
        rule.sent_tags,
        rule.sent_bytes,
    )


_ONE: Final = "/replication/{replication}"

ROUTES: Final = (
    route("GET", "/replication", AccessRule.HUB_ADMIN, list_rules),
    route("POST", "/replication", AccessRule.HUB_ADMIN, create_rule, status=201),
    route("GET", _ONE, AccessRule.HUB_ADMIN, get_rule),
    route("DELETE", _ONE, AccessRule.HUB_ADMIN, delete_rule),
    route("POST", f"{_ONE}/run", AccessRule.HUB_ADMIN, run_rule),
    route("GET", f"{_ONE}/tasks", AccessRule.HUB_ADMIN, list_tasks),
)
