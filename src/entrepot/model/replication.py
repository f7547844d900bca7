"""Replication rules: which tags are pushed to another registry, where to and when."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entrepot.oci.names import RepositoryName
from entrepot.oci.tag_patterns import TagPatterns, matches_any


class ReplicationTrigger(StrEnum):
    """When a rule's tags are pushed to its destination."""

    PUSH = "push"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class DeletionMode(StrEnum):
    """Whether a tag that is deleted here is deleted at the destination."""

    NEVER = "never"
    FOLLOW = "follow"


class TaskState(StrEnum):
    """How far a tag is; what is at the destination has no task."""

    WAITING = "waiting"
    CONFLICT = "conflict"
    """The destination refuses it: it is tried again by the next run only."""
    FAILED = "failed"
    """It was tried for days in vain."""


@dataclass(frozen=True, slots=True)
class ReplicationRule:
    """A rule by which tags are pushed to the registry at `url`; its name is the destination's."""

    id: int
    name: str
    url: str
    created_at: datetime
    username: str = ""
    secret: str = field(default="", repr=False)
    """As it is stored: encrypted by the hub's keyring."""
    repositories: tuple[str, ...] = ()
    """Patterns of repositories of this hub; none: all."""
    tags: tuple[str, ...] = ()
    """Patterns of tags as in policies, such as `v*` and `!*-rc*`; none: all."""
    strip: int = 0
    """How many first components a repository's name loses at the destination."""
    prefix: str = ""
    """What is put before the rest of the name, such as `mirror/tokyo`."""
    trigger: ReplicationTrigger = ReplicationTrigger.PUSH
    every: int = 0
    """Seconds after which every tag is compared again; 0: on request only."""
    deletes: DeletionMode = DeletionMode.NEVER
    with_attachments: bool = True
    allows_private: bool = False
    """Whether the destination's own host may have a private address."""
    networks: tuple[str, ...] = ()
    """Private networks that it may redirect to."""
    token_hosts: tuple[str, ...] = ()
    """Hosts beside its own that may ask for the credentials."""
    queued_at: datetime | None = None
    """When every tag was last queued for a comparison."""
    succeeded_at: datetime | None = None
    """When a tag was last found, or brought, to be the same at the destination."""
    backs_off_until: datetime | None = None
    problem: str = ""
    """Why the destination could not be asked the last time; empty where it could."""
    failures: int = 0
    """Failures since the last answer."""
    sent_bytes: int = 0
    sent_tags: int = 0

    def covers(self, repository: str) -> bool:
        """Say whether the rule is about the repository."""
        return not self.repositories or matches_any(self.repositories, repository)

    def covers_tag(self, tag: str) -> bool:
        """Say whether the rule is about the tag."""
        return not self.tags or TagPatterns(self.tags).find(tag) is not None

    def target(self, repository: RepositoryName) -> RepositoryName:
        """The repository's name at the destination; `InvalidName` where nothing is left of it."""
        kept = repository.text.split("/")[self.strip :]
        return RepositoryName("/".join([*filter(None, [self.prefix]), *kept]))


@dataclass(frozen=True, slots=True)
class ReplicationTask:
    """One tag that is to be compared with the destination, and pushed where it differs."""

    rule_id: int
    repository_id: int
    tag: str
    """A tag, or the digest of what something was attached to."""
    asked: int
    """How often it was asked for: a change while it runs asks once more."""
    attempts: int = 0
    behind_since: datetime | None = None
    """When the tag changed; `None`: nothing says that it differs."""
    failing_since: datetime | None = None
    upload_digest: str = ""
    upload_location: str = ""
    """A large blob whose upload can be taken up."""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task as lists show it."""

    rule: str
    repository: str
    tag: str
    state: TaskState
    attempts: int
    behind_since: datetime | None
    run_at: datetime
    is_running: bool
    sent: int
    """Bytes that the attempt that runs has sent."""
    error: str


@dataclass(frozen=True, slots=True)
class ReplicationStatus:
    """How far a rule's destination is behind."""

    rule: ReplicationRule
    behind_since: datetime | None
    """When the oldest of the tags changed that are not there yet."""
    waiting: int
    running: int
    conflicts: int
    failed: int
    behind: int
    """Tags that changed and are not there yet."""

    def lag(self, now: datetime) -> float:
        """Seconds for which the destination has been behind; 0: it is not."""
        if self.behind_since is None:
            return 0.0
        return max(0.0, (now - self.behind_since).total_seconds())
