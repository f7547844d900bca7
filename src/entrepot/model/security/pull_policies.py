"""Pull policies: rules about what an artifact needs so that it may be pulled."""

from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, json

from entrepot.errors import Invalid
from entrepot.oci.tag_patterns import MAX_PATTERNS, TagPatterns

MOST_RULES: Final = 50
_MOST_VALUES: Final = 200
SCHEMA_ID: Final = "https://entrepot.dev/schemas/pull-policy.json"

_Line = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Values = Annotated[tuple[_Line, ...], Meta(max_length=_MOST_VALUES)]
_Pattern = Annotated[str, Meta(pattern=r"^!?[A-Za-z0-9_.*?-]{1,128}$")]
_Days = Annotated[int, Meta(ge=0, le=36_500)]


class PullVerdict(IntEnum):
    """The verdict of rules about a pull, as it is stored; `WARN` lets it pass with a warning."""

    ALLOW = 0
    REFUSE = 1
    WARN = 2

    @property
    def word(self) -> str:
        """The verdict's name in the API."""
        return self.name.lower()

    @property
    def weight(self) -> int:
        """Orders verdicts, the mildest first."""
        return (self.ALLOW, self.WARN, self.REFUSE).index(self)


class Mode(StrEnum):
    """Whether a rule that is not met refuses the pull, or only warns."""

    WARN = "warn"
    ENFORCE = "enforce"


class _Part(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A part of a policy; a word that is not known is refused: it might be a rule."""


class Applies(_Part, frozen=True, kw_only=True):
    """The tags and kinds of artifacts that a rule is about.

    What has no tag is meant where all tags are. Kinds are ids such as `image`; none means all.
    """

    tags: Annotated[tuple[_Pattern, ...], Meta(max_length=MAX_PATTERNS)] = ("*",)
    kinds: _Values = ()

    def holds(self, tag: str | None) -> bool:
        """Say whether the rule is about this tag, or (`None`) about what has no tag."""
        if tag is None:
            return "*" in self.tags
        return TagPatterns(self.tags).find(tag) is not None


class VulnerabilityLimit(_Part, frozen=True, kw_only=True):
    """No vulnerability of this severity or worse, other than what VEX statements silence.

    `unknown` says what happens to artifacts that have neither an SBOM nor a report.
    """

    none_at_or_above: Literal["unknown", "low", "medium", "high", "critical"]
    fixable_only: bool = False
    grace_days: _Days = 0
    """Days after a vulnerability was first seen in the artifact before it counts."""
    unknown: Literal["allow", "refuse"] = "allow"


class Claims(_Part, frozen=True, kw_only=True):
    """Claims of the build that a certificate must have beside the identity; `*` is allowed.

    Ids stay when a repository or its owner is renamed, and nobody else can take them.
    """

    repository: _Line | UnsetType = UNSET
    repository_id: _Line | UnsetType = UNSET
    owner: _Line | UnsetType = UNSET
    owner_id: _Line | UnsetType = UNSET
    ref: _Line | UnsetType = UNSET
    commit: _Line | UnsetType = UNSET
    trigger: _Line | UnsetType = UNSET
    workflow: _Line | UnsetType = UNSET
    build_config: _Line | UnsetType = UNSET
    runner: _Line | UnsetType = UNSET
    visibility: _Line | UnsetType = UNSET
    environment: _Line | UnsetType = UNSET

    @property
    def given(self) -> dict[str, str]:
        """The claims that are given, by their names."""
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in found.items() if value is not UNSET}


class Signer(_Part, frozen=True, kw_only=True):
    """A trusted key by its name, or an identity in a certificate that a trust root vouches for.

    `identity` may hold `*`; for notation it may be `x509.subject: C=US, O=Acme`, parts of the name
    that all must be there. It needs its `issuer` or the `root`, so that it means one person.
    """

    key: _Line | UnsetType = UNSET
    issuer: _Line | UnsetType = UNSET
    identity: _Line | UnsetType = UNSET
    root: _Line | UnsetType = UNSET
    claims: Claims = Claims()

    def __post_init__(self) -> None:
        is_bound = self.issuer is not UNSET or self.root is not UNSET
        by_identity = self.identity is not UNSET and is_bound
        if (self.key is UNSET) is not by_identity:
            raise ValueError("a signer is a key, or an identity with its issuer or its root")
        if self.key is not UNSET and (is_bound or self.claims.given):
            raise ValueError("a key has no issuer, no root and no claims")

    @property
    def shown(self) -> str:
        """The signer in a sentence."""
        return f"the key {self.key}" if self.key is not UNSET else str(self.identity)


class Signed(_Part, frozen=True, kw_only=True):
    """A signature of this digest that is verified: by a key that the namespace trusts, or by these.

    A trust root says who signed, not who may: identities are named.
    An attached SBOM or attestation is no signature, though it is signed.
    """

    any: Annotated[tuple[Signer, ...], Meta(max_length=_MOST_VALUES)] = ()
    all: Annotated[tuple[Signer, ...], Meta(max_length=_MOST_VALUES)] = ()
    at_least: Annotated[int, Meta(ge=1, le=_MOST_VALUES)] = 1
    """How many of `any` must have signed."""
    by_index: bool = True
    """Whether the signature of an index covers the manifests that it lists."""

    @property
    def signers(self) -> tuple[Signer, ...]:
        """Everybody who is named."""
        return (*self.all, *self.any)

    def __post_init__(self) -> None:
        if self.at_least > max(1, len(self.any)):
            raise ValueError("`at_least` is more than there are signers in `any`")


class AttestationNeeded(_Part, frozen=True, kw_only=True):
    """A signed attestation of this predicate type, with these values where they are given."""

    predicate_type: _Line
    any: Annotated[tuple[Signer, ...], Meta(max_length=_MOST_VALUES)] = ()
    builder: _Line | UnsetType = UNSET
    result: _Line | UnsetType = UNSET


class SbomNeeded(_Part, frozen=True, kw_only=True):
    """An SBOM that lists packages."""


class Age(_Part, frozen=True, kw_only=True):
    """The days since it was pushed: at least, or at most."""

    at_least_days: _Days | UnsetType = UNSET
    at_most_days: _Days | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.at_least_days is UNSET and self.at_most_days is UNSET:
            raise ValueError("an age is `at_least_days` or `at_most_days`")


class Listed(_Part, frozen=True, kw_only=True):
    """Values that are allowed, or (`not_in`) that are not; `*` stands for any characters."""

    only: _Values = ()
    not_in: _Values = ()

    def __post_init__(self) -> None:
        if bool(self.only) is bool(self.not_in):
            raise ValueError("give `only` or `not_in`")


class Requirement(_Part, frozen=True, kw_only=True):
    """One thing that an artifact needs; exactly one is given."""

    vulnerabilities: VulnerabilityLimit | UnsetType = UNSET
    signed: Signed | UnsetType = UNSET
    attestation: AttestationNeeded | UnsetType = UNSET
    sbom: SbomNeeded | UnsetType = UNSET
    age: Age | UnsetType = UNSET
    kinds: Listed | UnsetType = UNSET
    licenses: Listed | UnsetType = UNSET

    def __post_init__(self) -> None:
        if len(self.given) != 1:
            raise ValueError("a requirement is exactly one of " + ", ".join(self.__struct_fields__))

    @property
    def given(self) -> dict[str, Struct]:
        """The one part that is given, by its name."""
        parts = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: part for name, part in parts.items() if part is not UNSET}


class PullRule(_Part, frozen=True, kw_only=True):
    """A rule: what it is about, whether it refuses or warns, and all that is required."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r'^[^\x00-\x1f\x7f"\\]*$')]
    applies: Applies = Applies()
    mode: Mode = Mode.WARN
    require: Annotated[tuple[Requirement, ...], Meta(min_length=1, max_length=20)]


class PullPolicy(_Part, frozen=True, kw_only=True):
    """The rules of a repository or of a namespace; all that apply must be met."""

    rules: Annotated[tuple[PullRule, ...], Meta(max_length=MOST_RULES)] = ()

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.rules]
        if len(names) != len(set(names)):
            raise ValueError("two rules have the same name")

    @classmethod
    def parse(cls, text: str | bytes) -> "PullPolicy":
        """The policy that `text` holds, without rules where it is empty; else `Invalid`."""
        return _parse_policy(text) if text else cls()

    @property
    def text(self) -> str:
        """The policy as it is stored; empty without rules."""
        return json.encode(self).decode() if self.rules else ""


@lru_cache(maxsize=64)  # a job judges the manifests of a repository by the same text
def _parse_policy(text: str | bytes) -> PullPolicy:
    try:
        return json.decode(text, type=PullPolicy)
    except (ValidationError, ValueError) as error:
        raise Invalid(f"invalid pull policy: {error}") from error


def pull_policy_schema() -> dict[str, Any]:
    """The JSON Schema of `PullPolicy`."""
    found = json.schema(PullPolicy)
    found["$defs"]["Requirement"] |= {"minProperties": 1, "maxProperties": 1}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pull policy",
        **found,
    }
