"""Files of regsync as mirrors and pull rules that have the same effect."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from msgspec import structs

from entrepot.errors import EntrepotError, Invalid
from entrepot.hub.mirroring.regsync_files import (
    Credentials,
    RegsyncFile,
    Step,
    Surroundings,
    Tags,
    read_regsync,
)
from entrepot.hub.mirroring.tag_choices import TagChoice
from entrepot.hub.mirrors import MirrorSettings
from entrepot.kinds.signatures import is_signature
from entrepot.model.mirroring.pull_rules import RuleSettings
from entrepot.model.mirrors import MirrorVisibility
from entrepot.oci import media_types
from entrepot.upstream.presets import PRESETS

_DOCKER: Final = frozenset({"", "docker.io", "index.docker.io", "registry-1.docker.io"})
_REFERENCE: Final = re.compile(r"(?P<name>[^:@]+)(?::(?P<tag>[^:@]+))?(?P<digest>@.+)?")
_DURATION: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:h|m|s))+")
_DURATION_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|m|s)")
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}
_SIGNATURE_TAG: Final = f"sha256-{'0' * 64}.sig"
_DEFAULT_TYPES: Final = frozenset(
    {
        media_types.DOCKER_MANIFEST,
        media_types.DOCKER_LIST,
        media_types.OCI_MANIFEST,
        media_types.OCI_INDEX,
    }
)
_UNSUPPORTED: Final = {
    "hooks": "commands are not run",
    "repos": "only a step of type registry has repositories",
    "referrer_source": "attachments are looked for beside the image",
    "referrer_target": "attachments are kept beside the image",
    "include_external": "layers of other hosts are not copied",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A repository on a host, and a tag."""

    host: str
    name: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """The reference as regsync reads it; raises `Invalid`."""
        if "://" in text:
            raise Invalid(f"{text} is no registry")
        host, slash, rest = text.partition("/")
        if not slash or not ({".", ":"} & set(host) or host == "localhost" or host != host.lower()):
            host, rest = "", text
        found = _REFERENCE.fullmatch(rest)
        if found is None:
            raise Invalid(f"invalid reference {text[:200]}")
        if found["digest"]:
            raise Invalid(f"{text} names a digest, and rules copy tags")
        name, host = found["name"], "docker.io" if host in _DOCKER else host
        if host == "docker.io" and "/" not in name:
            name = f"library/{name}"
        return cls(host, name, found["tag"] or "")


@dataclass(slots=True)
class RegsyncPlan:
    """The mirrors and rules that a file stands for, by name, and what is not as it was."""

    mirrors: dict[str, MirrorSettings] = field(default_factory=dict)
    rules: dict[str, RuleSettings] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def plan_regsync(
    content: bytes,
    around: Surroundings,
    own_hosts: frozenset[str] = frozenset(),
    url_host: str = "",
) -> RegsyncPlan:
    """The plan of a file; raises `Invalid` where it, or a part of it, means nothing here.

    `own_hosts` are the names by which the file knows this hub; where there are none, the host of
    the hub's URL, or else the one host of all targets.
    """
    warnings: list[str] = []
    found = read_regsync(content, around, warnings)
    own_hosts = own_hosts or _find_own_host(found, url_host)
    planning = _Planning(found, own_hosts, RegsyncPlan(warnings=warnings))
    for number, step in enumerate(found.sync or (), 1):
        try:
            planning.add(f"sync {number} ({step.source} to {step.target})", step)
        except EntrepotError as error:
            raise Invalid(f"sync {number} ({step.source}): {error.message}") from error
    return planning.plan


def mirror_name(host: str) -> str:
    """The name of the mirror of that host: a port is a part of it."""
    return re.sub(r"[^a-z0-9.]+", "-", host.lower()).strip("-.")[:64]


def _find_own_host(found: RegsyncFile, url_host: str) -> frozenset[str]:
    """This hub's host among the targets; raises `Invalid` where there are several others."""
    targets = [each.target for each in found.sync or () if each.target and "://" not in each.target]
    hosts = {Reference.parse(each).host for each in targets}
    if url_host in hosts:
        return frozenset({url_host})
    if len(hosts) > 1:
        raise Invalid(
            f"the targets are on several registries ({', '.join(sorted(hosts))}): say which of"
            " them is this hub by --registry HOST"
        )
    return frozenset(hosts)


@dataclass(slots=True)
class _Planning:
    """One file on its way to a plan."""

    file: RegsyncFile
    own_hosts: frozenset[str]
    plan: RegsyncPlan
    names: Counter[str] = field(default_factory=Counter)

    def add(self, where: str, step: Step) -> None:
        """Add the mirror and the rules of a step, or a warning that says why there are none."""
        if step.type == "registry":
            self._warn(where, "a whole registry is not copied: name its repositories")
            return
        if step.type not in ("repository", "image"):
            raise Invalid(f"type {step.type or '(none)'}: there are repository and image")
        if "://" in f"{step.source} {step.target}":
            self._warn(where, "directories are not copied")
            return
        source, target = Reference.parse(step.source or ""), Reference.parse(step.target or "")
        if target.host not in self.own_hosts:
            self._warn(where, f"{target.host} is not this hub, and nothing is pushed to it")
            return
        if source.host in self.own_hosts:
            self._warn(where, "the source is this hub: use entrepot promote")
            return
        self._warn_of_differences(where, step)
        self._add_mirror(source.host)
        for tags in _sets_of(step):
            self._add_rule(step, source, target, tags)

    def _add_rule(self, step: Step, source: Reference, target: Reference, tags: Tags) -> None:
        from_name, to_name = f"{mirror_name(source.host)}/{source.name}", target.name
        if step.type == "image":
            from_name += f":{source.tag or 'latest'}"
            to_name += f":{target.tag or 'latest'}"
        platforms = (step.platform,) if step.platform else (step.platforms or ())
        settings = RuleSettings(
            source=from_name,
            target=to_name,
            include=tuple(f"/{each}/" for each in tags.allow or ()),
            exclude=tuple(f"/{each}/" for each in tags.deny or ()),
            versions=tuple(each for each in tags.semver_range or () if each),
            platforms=platforms,
            flatten=bool(step.platform),
            schedule=_schedule(step),
        )
        attachments = _attachments(step, TagChoice.of(settings))
        settings = structs.replace(settings, attachments=attachments)
        base = re.sub(r"[^A-Za-z0-9_.]+", "-", target.name)[:50].strip("-.")
        self.names[base] += 1
        count = self.names[base]
        self.plan.rules[base if count == 1 else f"{base}-{count}"] = settings

    def _add_mirror(self, host: str) -> None:
        name = mirror_name(host)
        if name in self.plan.mirrors:
            return
        listed = [each for each in self.file.creds or () if _host_of(each) == host]
        given = listed[0] if listed else Credentials()
        preset = host if host in PRESETS else ""
        scheme = "http" if given.tls == "disabled" or given.scheme == "http" else "https"
        if given.tls == "insecure":
            self._warn(host, "its certificate is checked, although the file says tls: insecure")
        self.plan.mirrors[name] = MirrorSettings(
            url="" if preset else f"{scheme}://{given.hostname or host}",
            preset=preset,
            username=given.user or "",
            password=given.pass_ or None if given.user else None,
            visibility=MirrorVisibility.MEMBERS,
            # regsync goes wherever the file says, and so does whoever imports it.
            allows_private=not preset,
        )

    def _warn_of_differences(self, where: str, step: Step) -> None:
        for name, reason in _UNSUPPORTED.items():
            if getattr(step, name):
                self._warn(where, f"{name.replace('_s', 'S').replace('_t', 'T')}: {reason}")
        if step.backup:
            self._warn(where, "backup: the tag's history keeps the old image, not another tag")
        if step.ratelimit is not None and step.ratelimit.min:
            self._warn(where, "ratelimit: the hub waits when the registry says so (429)")
        if step.media_types and _DEFAULT_TYPES - set(step.media_types):
            self._warn(where, "mediaTypes: images of every type are copied")
        if step.referrer_filters and _attachments(step, None) == "all":
            self._warn(where, "referrerFilters: all attachments are copied, not only some")

    def _warn(self, where: str, what: str) -> None:
        self.plan.warnings.append(f"{where}: {what}")


def _sets_of(step: Step) -> list[Tags]:
    """The choices of tags, each of which adds some; one of all tags where there is none."""
    sets = list(step.tag_sets or ())
    if step.tags is not None and any((step.tags.allow, step.tags.deny, step.tags.semver_range)):
        sets.append(step.tags)
    return [Tags()] if step.type == "image" or not sets else sets


def _attachments(step: Step, choice: TagChoice | None) -> str:
    """The attachments that come along; regsync takes tags of signatures for tags like others."""
    takes_tags = choice is not None and step.type == "repository" and choice.takes(_SIGNATURE_TAG)
    if step.referrers and step.referrer_filters and not step.digest_tags and not takes_tags:
        types = [str(each.get("artifactType", "")) for each in step.referrer_filters]
        return "signatures" if all(is_signature(each, {}) for each in types) else "all"
    return "all" if step.referrers or step.digest_tags or takes_tags else "none"


def _schedule(step: Step) -> str:
    if step.schedule:
        at, every = step.schedule.strip(), step.schedule.strip().removeprefix("@every ")
        return at if every == at else _every(every)
    return _every(step.interval) if step.interval else ""


def _every(interval: int | str) -> str:
    """Minutes, of nanoseconds or of Go's `1h30m`; raises `Invalid`."""
    if isinstance(interval, int):
        seconds = interval / 10**9
    elif _DURATION.fullmatch(interval):
        parts = _DURATION_PART.findall(interval)
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise Invalid(f"invalid interval {interval[:50]}")
    return f"every {max(1, round(seconds / 60))}m"


def _host_of(given: Credentials) -> str:
    name = (given.registry or "").removeprefix("https://").removeprefix("http://").rstrip("/")
    return "docker.io" if name in _DOCKER else name
