"""Files of regsync (schema version 1), read: their parts, defaults and templates."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import yaml
from msgspec import Meta, Struct, ValidationError, convert, structs

from entrepot.errors import Invalid

MAX_SIZE: Final = 1024 * 1024
_VERSION: Final = 1
_TEMPLATE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_CALL: Final = re.compile(r"\s*(env|file)\s+(?:\"([^\"\\]*)\"|`([^`]*)`)\s*")

_Text = Annotated[str, Meta(max_length=1000)]
_Texts = tuple[_Text, ...] | None
S = TypeVar("S", bound=Struct)


class _Part(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A part of the file; a field that the file leaves out, or leaves empty, is `None`."""


class Credentials(_Part, frozen=True, kw_only=True):
    """A registry, and how it is reached."""

    registry: _Text | None = None
    hostname: _Text | None = None
    user: _Text | None = None
    pass_: str | None = None
    tls: _Text | None = None
    scheme: _Text | None = None


class Tags(_Part, frozen=True, kw_only=True):
    """A choice of tags."""

    allow: _Texts = None
    deny: _Texts = None
    semver_range: _Texts = None


class RateLimit(_Part, frozen=True, kw_only=True):
    """The pulls that are left alone."""

    min: int | None = None
    retry: object = None


class Step(_Part, frozen=True, kw_only=True):
    """An entry of `sync`, or what `defaults` says for all of them."""

    source: _Text | None = None
    target: _Text | None = None
    type: _Text | None = None
    tags: Tags | None = None
    tag_sets: tuple[Tags, ...] | None = None
    repos: object = None
    digest_tags: bool | None = None
    referrers: bool | None = None
    referrer_filters: tuple[dict[str, object], ...] | None = None
    referrer_source: _Text | None = None
    referrer_target: _Text | None = None
    referrer_slow: bool | None = None
    platform: _Text | None = None
    platforms: _Texts = None
    fast_check: bool | None = None
    force_recursive: bool | None = None
    include_external: bool | None = None
    backup: _Text | None = None
    interval: int | str | None = None
    schedule: _Text | None = None
    ratelimit: RateLimit | None = None
    media_types: _Texts = None
    hooks: dict[str, object] | None = None


class RegsyncFile(_Part, frozen=True, kw_only=True):
    """A whole file."""

    version: int | None = None
    creds: tuple[Credentials, ...] | None = None
    defaults: Step | None = None
    sync: tuple[Step, ...] | None = None


_IGNORED: Final = frozenset(
    {"parallel", "blobLimit", "cacheCount", "cacheTime", "skipDockerConfig", "userAgent"}
)
"""Fields of `defaults` about how regsync itself works."""
_OWN_TIME: Final = ("schedule", "interval")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment and the files that templates may ask for."""

    environment: Mapping[str, str]
    read_file: Callable[[str], str]


def read_regsync(content: bytes, around: Surroundings, warnings: list[str]) -> RegsyncFile:
    """The file with its defaults and templates filled in; raises `Invalid`.

    What is not known, and what is not set, is added to the warnings.
    """
    if len(content) > MAX_SIZE:
        raise Invalid(f"the file is larger than {MAX_SIZE:,} bytes")
    try:
        document = yaml.safe_load(content)
        found = convert(document or {}, RegsyncFile, strict=False)
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"not a file of regsync: {' '.join(str(error).split())[:300]}") from error
    if (found.version or _VERSION) > _VERSION:
        raise Invalid(f"version {found.version} of regsync's files is not supported: only 1 is")
    _name_unknown(document or {}, warnings)
    defaults = found.defaults or Step()
    return structs.replace(
        found,
        creds=tuple(_expanded(each, around, warnings) for each in found.creds or ()),
        sync=tuple(
            _expanded(_with_defaults(each, defaults), around, warnings) for each in found.sync or ()
        ),
    )


def _name_unknown(document: Mapping[str, object], warnings: list[str]) -> None:
    """Warn of each field that this version does not know."""
    known = {field.encode_name for field in structs.fields(RegsyncFile)}
    warnings += [
        f"{key}: this field is not known, and is ignored"
        for key in document
        if key not in known and not str(key).startswith("x-")
    ]
    of_step = {field.encode_name for field in structs.fields(Step)} | _IGNORED
    of_creds = {field.encode_name for field in structs.fields(Credentials)}
    for name, fields in (("creds", of_creds), ("defaults", of_step), ("sync", of_step)):
        given = document.get(name)
        for part in given if isinstance(given, list) else [given]:
            odd = [key for key in part if key not in fields] if isinstance(part, dict) else []
            what = "is not supported, and is ignored" if name == "creds" else "is ignored"
            warnings += [f"{name}: the field {key} {what}" for key in odd if key != "<<"]


def _with_defaults(step: Step, defaults: Step) -> Step:
    """The step with what it does not say itself; its own time is the only one it has."""
    given = {name: getattr(step, name) for name in step.__struct_fields__}
    has_time = any(given[name] for name in _OWN_TIME)
    for name in step.__struct_fields__:
        if given[name] in (None, "", ()) and not (has_time and name in _OWN_TIME):
            given[name] = getattr(defaults, name)
    if given["schedule"] and not step.interval:
        given["interval"] = None
    return Step(**given)


def _expanded(part: S, around: Surroundings, warnings: list[str]) -> S:
    """The part with its templates filled in; raises `Invalid` for other templates."""
    changes = {}
    for name in part.__struct_fields__:
        value = getattr(part, name)
        # A backup's template is about each image.
        if isinstance(value, str) and "{{" in value and name != "backup":
            changes[name] = _expand(value, around, warnings)
    return structs.replace(part, **changes) if changes else part


def _expand(text: str, around: Surroundings, warnings: list[str]) -> str:
    def value(found: re.Match[str]) -> str:
        call = _CALL.fullmatch(found[1])
        if call is None:
            word = (found[1].split() or ["nothing"])[0]
            raise Invalid(
                f"the template {found[0][:100]} uses {word[:50]}: only env and file are supported"
            )
        name = call[2] if call[2] is not None else call[3]
        if call[1] == "file":
            return around.read_file(name).strip()
        if name not in around.environment:
            warnings.append(f"the environment variable {name} is not set")
        return around.environment.get(name, "")

    return _TEMPLATE.sub(value, text)
