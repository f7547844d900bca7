"""The tools of agents: each is one question to the API, asked with the caller's rights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta, Struct, ValidationError, convert, json

from entrepot.errors import EntrepotError, Invalid
from entrepot.oci.names import RepositoryName, parse_reference

_Limit = Annotated[int, Meta(ge=1, le=100, description="How many entries to return.")]
_After = Annotated[
    str, Meta(max_length=100, description="`next` of the answer before, for the next page.")
]
_Words = Annotated[str, Meta(max_length=400, description="Words that an entry must contain.")]
_Repository = Annotated[
    str, Meta(max_length=300, description="A repository.", examples=["acme/app"])
]
_Artifact = Annotated[
    str,
    Meta(
        max_length=500,
        description="`name:tag` or `name@digest`; without either it is the tag `latest`.",
        examples=["acme/app:1.0"],
    ),
]


@dataclass(frozen=True, slots=True)
class Question:
    """A path of the API below `/api/v1`, and its parameters."""

    path: str
    parameters: Sequence[tuple[str, str]] = ()


class _Page(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list."""

    limit: _Limit = 20
    after: _After = ""

    def parameters(self, **more: str) -> list[tuple[str, str]]:
        """The parameters of the page, and those of `more` that are not empty."""
        pairs = [("limit", str(self.limit)), ("after", self.after), *more.items()]
        return [(name, value) for name, value in pairs if value]


class _Search(_Page, kw_only=True):
    """Words and filters."""

    query: Annotated[
        str,
        Meta(
            max_length=400,
            description='Words, "phrases", -exclusions, and filters: `kind:helm-chart`, '
            "`namespace:acme`, `license:MIT`, `arch:arm64`, `package:openssl@3.*`, "
            "`cve:CVE-2021-44228`, `signed:verified`.",
        ),
    ]


class _Named(_Page, kw_only=True):
    """A package."""

    package: Annotated[
        str, Meta(min_length=1, max_length=300, description="`name`, `name@3.*` or `lib*`.")
    ]


class _Identified(_Page, kw_only=True):
    """A vulnerability."""

    id: Annotated[str, Meta(min_length=1, max_length=100, description="`CVE-2024-3094`, `GHSA-…`.")]


class _OfRepository(Struct, forbid_unknown_fields=True, kw_only=True):
    """A repository."""

    repository: _Repository


class _Tags(_Page, kw_only=True):
    """Tags of a repository."""

    repository: _Repository
    text: _Words = ""


class _OfArtifact(Struct, forbid_unknown_fields=True, kw_only=True):
    """An artifact."""

    artifact: _Artifact


class _Part(_Page, kw_only=True):
    """A list in an artifact."""

    artifact: _Artifact


class _Filtered(_Part, kw_only=True):
    """A list in an artifact that can be searched."""

    text: _Words = ""


class _Text(Struct, forbid_unknown_fields=True, kw_only=True):
    """A text of an artifact."""

    artifact: _Artifact
    name: Annotated[str, Meta(min_length=1, max_length=500, description="As `list_texts` has it.")]


class _Comparison(Struct, forbid_unknown_fields=True, kw_only=True):
    """Two artifacts."""

    before: _Artifact
    after: _Artifact


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, its arguments, and the question that they make."""

    name: str
    title: str
    description: str
    arguments: type[Struct]
    ask: Callable[[Any], Question]

    def question(self, arguments: object) -> Question:
        """Return what to ask the API; raise `Invalid` where the arguments are wrong."""
        try:
            return self.ask(convert(arguments, self.arguments))
        except ValidationError as error:
            raise Invalid(f"invalid arguments: {error}") from error

    def describe(self) -> dict[str, object]:
        """Return the tool as `tools/list` has it."""
        schema = json.schema(self.arguments)["$defs"][self.arguments.__name__]
        kept = {key: value for key, value in schema.items() if key != "title"}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": kept,
            "annotations": {"readOnlyHint": True, "openWorldHint": False},
        }


def split_artifact(text: str) -> tuple[str, str]:
    """Return repository and reference of `name:tag` or `name@digest`; else raise `Invalid`."""
    name, at, digest = text.strip().partition("@")
    if not at:
        head, colon, tag = name.rpartition(":")
        name, digest = (head, tag) if colon and "/" not in tag else (name, "latest")
    elif ":" in name:
        name = name.rpartition(":")[0]  # of `name:tag@digest` the digest counts
    try:
        return RepositoryName(name).text, str(parse_reference(digest))
    except EntrepotError as error:
        raise Invalid(
            f"invalid artifact {text[:100]!r}: write namespace/name:tag or namespace/name@digest"
        ) from error


def _repository(text: str) -> str:
    try:
        return f"/repositories/{RepositoryName(text.strip()).text}"
    except EntrepotError as error:
        raise Invalid(f"invalid repository {text[:100]!r}: write namespace/name") from error


def _manifest(text: str, part: str = "") -> str:
    name, reference = split_artifact(text)
    return f"/repositories/{name}/-/manifests/{reference}{part}"


def _part(part: str) -> Callable[[_Part], Question]:
    return lambda asked: Question(_manifest(asked.artifact, part), asked.parameters())


def _filtered(part: str) -> Callable[[_Filtered], Question]:
    return lambda asked: Question(_manifest(asked.artifact, part), asked.parameters(q=asked.text))


def _compare(asked: _Comparison) -> Question:
    name, before = split_artifact(asked.before)
    other, after = split_artifact(asked.after)
    if other != name:
        after = f"{other}@{after}" if ":" in after else f"{other}:{after}"
    return Question(f"/repositories/{name}/-/compare", [("from", before), ("to", after)])


TOOLS: Final = (
    Tool(
        "search",
        "Search repositories",
        "Search the repositories of this hub by words and filters. Finds images, Helm charts, "
        "models, SBOMs, WebAssembly modules and other artifacts.",
        _Search,
        lambda asked: Question("/search", asked.parameters(q=asked.query)),
    ),
    Tool(
        "find_package",
        "Find a package",
        "List the artifacts that ship a package, with its versions: by SBOMs.",
        _Named,
        lambda asked: Question("/packages", asked.parameters(name=asked.package)),
    ),
    Tool(
        "find_vulnerability",
        "Find a vulnerability",
        "List the artifacts that have a vulnerability, by its CVE, GHSA or other id.",
        _Identified,
        lambda asked: Question("/vulnerabilities", asked.parameters(id=asked.id)),
    ),
    Tool(
        "get_repository",
        "Repository",
        "Return a repository: description, README, size, pulls and when it was pushed to.",
        _OfRepository,
        lambda asked: Question(_repository(asked.repository)),
    ),
    Tool(
        "list_tags",
        "Tags",
        "List the tags of a repository, the greatest version first.",
        _Tags,
        lambda asked: Question(
            f"{_repository(asked.repository)}/-/tags", asked.parameters(q=asked.text)
        ),
    ),
    Tool(
        "get_artifact",
        "Artifact",
        "Return what an artifact is: kind, description, platforms, layers, tags, facts, and the "
        "commands to pull, run or install it.",
        _OfArtifact,
        lambda asked: Question(_manifest(asked.artifact)),
    ),
    Tool(
        "list_packages",
        "Packages of an artifact",
        "List the packages in an artifact, as its SBOMs have them.",
        _Filtered,
        _filtered("/packages"),
    ),
    Tool(
        "list_vulnerabilities",
        "Vulnerabilities of an artifact",
        "List the vulnerabilities that the hub and attached reports find in an artifact, with "
        "severity, fixed version and VEX status.",
        _Filtered,
        _filtered("/vulnerabilities"),
    ),
    Tool(
        "list_attached",
        "Attachments of an artifact",
        "List what is attached to an artifact: signatures, SBOMs, attestations, reports.",
        _Part,
        _part("/attached"),
    ),
    Tool(
        "list_signatures",
        "Signatures of an artifact",
        "List who signed an artifact; `check` is `verified` only by a trusted key or a trust root.",
        _Part,
        _part("/signatures"),
    ),
    Tool(
        "list_files",
        "Files of an artifact",
        "List the files in an artifact's layers or archives.",
        _Part,
        _part("/files"),
    ),
    Tool(
        "list_texts",
        "Texts of an artifact",
        "List the texts that can be read: README, chart values, templates, licences.",
        _Part,
        _part("/documents"),
    ),
    Tool(
        "read_text",
        "Read a text",
        "Return a text of an artifact, such as `readme` or `values`.",
        _Text,
        lambda asked: Question(_manifest(asked.artifact, f"/documents/{asked.name}")),
    ),
    Tool(
        "compare",
        "Compare two artifacts",
        "Return what changed from one artifact to another: configuration, layers, packages, "
        "vulnerabilities, files and chart values.",
        _Comparison,
        _compare,
    ),
)
