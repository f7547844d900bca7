"""Whose turn it is: namespaces take turns, and within each its repositories.

One repository with thousands of jobs delays its own, and those of no other. A worker goes on
behind the lane that it served last, so that no lane waits for more than one round.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select

from entrepot.metadata.artifact_tables import jobs
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement
from entrepot.metadata.tables import manifests, repositories
from entrepot.model.jobs import Lane

QUEUED: Final = "queued"
INDEX: Final = "index"
"""The job of finding out what a manifest is; its subject is the manifest's id."""
SUMMARIZE: Final = "summarize"
"""The job of describing a repository again; its subject is the repository's id."""
RECOUNT: Final = "recount"
"""The job of counting anew what is attached; its subject is the repository's id and a digest."""
MEASURE: Final = "measure"
"""The job of counting anew what a namespace holds; its subject is the namespace's id."""
REASSESS: Final = "reassess"
"""The job of counting anew what a manifest and its subjects have; its subject is its id."""
SPREAD: Final = "spread"
"""The job of asking for that wherever a package is listed whose vulnerabilities have changed."""
VERIFY: Final = "verify"
"""The job of asking for all that may be signed to be read again: other roots are trusted now."""
JUDGE: Final = "judge"
"""The job of judging a repository's manifests by the rules about pulls; its subject is its id, or a
namespace's behind a word."""
DELIVER: Final = "deliver"
"""The job of telling a webhook what happened to a repository; its subject is both ids."""

IS_DELIVERY: Final = jobs.c.kind == DELIVER
DUE: Final = (
    jobs.c.state == bindparam("queued"),
    jobs.c.run_at <= bindparam("now"),
    jobs.c.leased_until <= bindparam("now"),
)
_MOST_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Turns:
    """Which lane a worker served last: in all, and in each namespace."""

    last: Lane = field(default_factory=lambda: Lane(-1, -1))
    within: dict[int, int] = field(default_factory=dict)

    def served(self, lane: Lane) -> None:
        """Note that the lane has had its turn."""
        self.last = lane
        if len(self.within) >= _MOST_REMEMBERED:
            self.within.clear()
        self.within[lane.namespace_id] = lane.repository_id

    def copy(self) -> "Turns":
        """The same turns, to look ahead."""
        return Turns(self.last, dict(self.within))


_SUBJECT: Final[ColumnElement[int]] = bindparam("number")
_OF_MANIFEST: Final = manifests.c.id == _SUBJECT
_NOBODY: Final = literal(0)
_REPOSITORY: Final = repositories.c.id == _SUBJECT


def _or_nobody(found: Select[tuple[int]]) -> ColumnElement[int]:
    return func.coalesce(found.scalar_subquery(), 0)


_NAMESPACE_OF_MANIFEST: Final = _or_nobody(
    select(repositories.c.namespace_id)
    .join(manifests, manifests.c.repository_id == repositories.c.id)
    .where(_OF_MANIFEST)
)
_REPOSITORY_OF_MANIFEST: Final = _or_nobody(select(manifests.c.repository_id).where(_OF_MANIFEST))
_NAMESPACE_OF_REPOSITORY: Final = _or_nobody(select(repositories.c.namespace_id).where(_REPOSITORY))
LANES: Final[dict[str, tuple[ColumnElement[int], ColumnElement[int]]]] = {
    INDEX: (_NAMESPACE_OF_MANIFEST, _REPOSITORY_OF_MANIFEST),
    SUMMARIZE: (_NAMESPACE_OF_REPOSITORY, _SUBJECT),
    RECOUNT: (_NAMESPACE_OF_REPOSITORY, _SUBJECT),
    JUDGE: (_NAMESPACE_OF_REPOSITORY, _SUBJECT),
    MEASURE: (_SUBJECT, _NOBODY),
    REASSESS: (_NAMESPACE_OF_MANIFEST, _REPOSITORY_OF_MANIFEST),
}
"""The namespace and the repository of a job of each kind; of other kinds both are 0."""


def number_of(subject: str) -> int:
    """The id that a job's subject begins with; 0 where it begins with none."""
    first = subject.partition(" ")[0]
    return int(first) if first.isascii() and first.isdigit() else 0


_OURS: Final = (*DUE, ~IS_DELIVERY)
_NEXT_NAMESPACE: Final = SqlStatement(
    select(jobs.c.namespace_id)
    .where(*_OURS, jobs.c.namespace_id > bindparam("behind"))
    .order_by(jobs.c.namespace_id)
    .limit(1)
)
_NEXT_REPOSITORY: Final = SqlStatement(
    select(jobs.c.repository_id)
    .where(
        *_OURS,
        jobs.c.namespace_id == bindparam("namespace_id"),
        jobs.c.repository_id > bindparam("behind"),
    )
    .order_by(jobs.c.repository_id)
    .limit(1)
)


async def list_lanes(reader: Reader, turns: Turns, now: int, limit: int) -> list[Lane]:
    """At most `limit` lanes with work that is due, in the order of their turns.

    Each look is one step in an index: the cost grows with lanes, and not with jobs.
    """
    ahead, found, in_vain = turns.copy(), dict[Lane, None](), 0
    while len(found) < limit and in_vain <= len({lane.namespace_id for lane in found}):
        lane = await _next_lane(reader, ahead, now)
        if lane is None:
            break
        in_vain = in_vain + 1 if lane in found else 0
        found[lane] = None
        ahead.served(lane)
    return list(found)


async def _next_lane(reader: Reader, turns: Turns, now: int) -> Lane | None:
    for behind in (turns.last.namespace_id, -1):
        row = await reader.one(_NEXT_NAMESPACE, behind=behind, queued=QUEUED, now=now)
        if row is not None:
            break
    else:
        return None
    namespace_id = int(row[0])
    for behind in (turns.within.get(namespace_id, -1), -1):
        row = await reader.one(
            _NEXT_REPOSITORY, behind=behind, namespace_id=namespace_id, queued=QUEUED, now=now
        )
        if row is not None:
            return Lane(namespace_id, int(row[0]))
    return None


def interleave(lanes: Iterable[Sequence[Row]]) -> list[Row]:
    """The first row of each lane, then the second of each, and so on."""
    rounds = zip_longest(*lanes)
    return [row for each in rounds for row in each if row is not None]
