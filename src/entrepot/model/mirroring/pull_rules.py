"""Pull rules: tags of a mirrored repository that are copied into a repository of this hub."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, ValidationError, json

from entrepot.errors import Invalid
from entrepot.model.mirroring.prefetches import AttachmentChoice, Selection
from entrepot.model.mirroring.schedules import Schedule
from entrepot.oci.names import RepositoryName, Tag

MOST_PATTERNS: Final = 100
_Words = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=1000)], ...], Meta(max_length=MOST_PATTERNS)
]


class RuleSettings(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The choices of an administrator; raises `Invalid` where they make no rule."""

    source: str
    """A repository of a mirror, such as `docker.io/library/postgres`, or one tag of it."""
    target: str
    """A repository; `acme/*` is `acme/` and the last component of the source."""
    include: _Words = ()
    """Patterns of tags (`16.*`) or regular expressions (`/v[0-9]+/`); none: every tag."""
    exclude: _Words = ()
    versions: _Words = ()
    """Ranges of versions: a tag is in one of them."""
    newest: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    """Of the tags that are versions, as many as that: the greatest."""
    platforms: _Words = ()
    flatten: bool = False
    """Copy the image of the one platform in place of its index."""
    attachments: Literal["all", "signatures", "none"] = "all"
    schedule: str = ""
    """`every 6h`, or cron's five fields in UTC; empty: it runs when somebody asks for it."""
    delete: Literal["keep", "follow"] = "keep"
    """Whether tags that vanish at the source are deleted here."""
    overwrite: bool = True
    """Whether a tag that points elsewhere here is moved."""
    is_paused: bool = False

    def __post_init__(self) -> None:
        source, tag = _split(self.source)
        if "/" not in source:
            raise Invalid(f"say which repository of {source}: write {source}/REPOSITORY")
        RepositoryName(source)
        for each in (tag, self.target_tag):
            if each:
                Tag(each)
        if self.target_tag and not tag:
            raise Invalid("a target with a tag needs a source with a tag")
        if self.target_name.namespace is None:
            raise Invalid(f"{self.target} has no namespace: write NAMESPACE/REPOSITORY")
        _ = self.selection
        if self.flatten and len(self.platforms) != 1:
            raise Invalid("an index is replaced by the image of exactly one platform")
        if self.schedule:
            Schedule.parse(self.schedule)

    @property
    def source_name(self) -> RepositoryName:
        """The repository that is copied from."""
        return RepositoryName(_split(self.source)[0])

    @property
    def source_tag(self) -> str:
        """The only tag that is copied; empty where the patterns choose."""
        return _split(self.source)[1]

    @property
    def target_name(self) -> RepositoryName:
        """The repository that is copied to."""
        name = _split(self.target)[0]
        if name.endswith("/*"):
            name = name[:-1] + _split(self.source)[0].rpartition("/")[2]
        return RepositoryName(name)

    @property
    def target_tag(self) -> str:
        """The tag that the only tag of the source gets; empty: the same."""
        return _split(self.target)[1]

    @property
    def selection(self) -> Selection:
        """The parts of each artifact that are copied."""
        return Selection(self.platforms, AttachmentChoice(self.attachments))

    @property
    def text(self) -> str:
        """The settings as they are stored."""
        return json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> "RuleSettings":
        """The settings of a stored text; raises `Invalid`."""
        try:
            return json.decode(text, type=cls)
        except ValidationError as error:
            raise Invalid(f"invalid pull rule: {error}") from error


class RuleState(StrEnum):
    """The outcome of a run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """Some tags, or all of it."""
    WAITING = "waiting"
    """It would delete more than half of its tags, and nobody has confirmed that."""


class RuleRun(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The last run of a rule."""

    state: RuleState
    started_at: datetime
    ended_at: datetime | None = None
    note: str = ""
    """Why it failed or waits."""
    counts: dict[str, int] = {}
    """How many tags there were of each action."""
    size: int = 0
    """Bytes that were fetched."""


class TagAction(StrEnum):
    """The outcome for one tag, or the planned one."""

    COPY = "copy"
    MOVE = "move"
    SKIP = "skip"
    KEEP = "keep"
    """It points elsewhere here, and the rule does not overwrite."""
    REFUSE = "refuse"
    """A rule of the target, such as its quota, stands against it."""
    FAIL = "fail"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RuleTag:
    """A tag of the source, and what became of it when that last changed."""

    tag: str
    action: TagAction
    digest: str = ""
    """The digest that the rule has put here; empty: none."""
    reason: str = ""
    size: int = 0
    changed_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PullRule:
    """A rule; `namespace_id` is its mirror's."""

    id: int
    name: str
    namespace_id: int
    settings: RuleSettings
    created_at: datetime
    due_at: datetime | None = None
    is_confirmed: bool = False
    run: RuleRun | None = None


def parse_run(text: str) -> RuleRun | None:
    """The run of a stored text; `None` where there was none."""
    return json.decode(text, type=RuleRun) if text else None


def _split(text: str) -> tuple[str, str]:
    """The repository and the tag of `NAME[:TAG]`."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, "")
