"""The changes that make an organization what a file declares, each as one request to the API."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType

from entrepot.cli.declarations.form import (
    Organization,
    Policies,
    Repository,
    Team,
    Webhook,
)

T = TypeVar("T")

_RULES: Final = ("tags", "keep", "newest", "pushed_within", "pulled_within")


@dataclass(frozen=True, slots=True)
class Change:
    """A change in words, and its request. `sign` is `+`, `~` or, for what is deleted, `-`.

    A webhook is deleted or changed by its `url`: its id is looked up at `path`.
    """

    sign: str
    text: str
    method: str
    path: str
    body: Mapping[str, object] | None = None
    url: str = ""


def list_changes(now: Organization, wanted: Organization) -> Iterator[Change]:
    """The changes, in an order in which each is possible; what is deleted comes last.

    Deletions are of what the sections of the file leave out, but repositories: those are content.
    """
    path = f"/namespaces/{wanted.organization}"
    facts = {
        name: each
        for name in ("description", "default_visibility")
        if (each := getattr(wanted, name)) is not UNSET and each != getattr(now, name)
    }
    if facts:
        yield Change("~", f"{wanted.organization}: {_words(facts)}", "PATCH", path, facts)
    yield from _members(path, _given(now.members, {}), wanted.members)
    yield from _policies(f"{path}/policies", "", now.policies, wanted.policies)
    yield from _webhooks(f"{path}/webhooks", "", now.webhooks, wanted.webhooks)
    teams = _given(now.teams, {})
    for name, team in _given(wanted.teams, {}).items():
        yield from _team(f"{path}/teams", name, teams.get(name), team)
    if wanted.teams is not UNSET:
        for name in sorted(teams.keys() - wanted.teams.keys()):
            yield Change("-", f"team {name}", "DELETE", f"{path}/teams/{name}")
    repositories = _given(now.repositories, {})
    for short, repository in _given(wanted.repositories, {}).items():
        full = f"{wanted.organization}/{short}"
        yield from _repository(full, repositories.get(short), repository)


def _members(
    path: str, now: Mapping[str, str], wanted: Mapping[str, str] | UnsetType
) -> Iterator[Change]:
    if wanted is UNSET:
        return
    # New owners first: an organization is never without one.
    for name, role in sorted(wanted.items(), key=lambda item: item[1] != "owner"):
        before = now.get(name)
        if before != role:
            text = (
                f"member {name}: {role}" if before is None else f"member {name}: {before} → {role}"
            )
            sign = "+" if before is None else "~"
            yield Change(sign, text, "PUT", f"{path}/members/{name}", {"role": role})
    for name in sorted(now.keys() - wanted.keys()):
        yield Change("-", f"member {name}", "DELETE", f"{path}/members/{name}")


def _team(path: str, name: str, now: Team | None, wanted: Team) -> Iterator[Change]:
    where = f"{path}/{name}"
    description = {"description": wanted.description}
    if now is None:
        yield Change("+", f"team {name}", "POST", path, {"name": name, **description})
        now = Team(description=wanted.description)
    if now.description != wanted.description:
        yield Change("~", f"team {name}: {_words(description)}", "PATCH", where, description)
    for member in wanted.members:
        if member not in now.members:
            yield Change("+", f"team {name}: {member}", "PUT", f"{where}/members/{member}")
    for member in sorted(set(now.members) - set(wanted.members)):
        yield Change("-", f"team {name}: {member}", "DELETE", f"{where}/members/{member}")
    yield from _rights(f"{where}/rights", f"team {name}", now.rights, wanted.rights)


def _rights(
    path: str, team: str, now: Mapping[str, str], wanted: Mapping[str, str]
) -> Iterator[Change]:
    for pattern, permission in wanted.items():
        if now.get(pattern) != permission:
            sign, text = "~" if pattern in now else "+", f"{team}: {permission} on {pattern}"
            yield Change(sign, text, "PUT", f"{path}/{pattern}", {"permission": permission})
    for pattern in sorted(now.keys() - wanted.keys()):
        yield Change("-", f"{team}: {now[pattern]} on {pattern}", "DELETE", f"{path}/{pattern}")


def _repository(name: str, now: Repository | None, wanted: Repository) -> Iterator[Change]:
    path = f"/repositories/{name}"
    given = {
        key: value
        for key in ("description", "visibility")
        if (value := getattr(wanted, key)) is not UNSET
    }
    if now is None:
        yield Change("+", f"repository {name}", "POST", "/repositories", {"name": name, **given})
        now = Repository()
    else:
        changed = {key: value for key, value in given.items() if value != getattr(now, key)}
        if changed:
            yield Change("~", f"repository {name}: {_words(changed)}", "PATCH", path, changed)
    where = f"repository {name}: "
    yield from _policies(f"{path}/-/policies", where, now.policies, wanted.policies)
    yield from _webhooks(f"{path}/-/webhooks", where, now.webhooks, wanted.webhooks)


def _policies(
    path: str, where: str, now: Policies | UnsetType, wanted: Policies | UnsetType
) -> Iterator[Change]:
    if wanted is UNSET:
        return
    rules = wanted.retention
    retention = None if rules is None else {name: getattr(rules, name) for name in _RULES}
    if rules is not None and not any((rules.newest, rules.pushed_within, rules.pulled_within)):
        rules = retention = None  # as the hub has it: without a number every tag is kept
    if Policies(immutable=wanted.immutable, retention=rules) != _given(now, Policies()):
        body = {"immutable": wanted.immutable, "retention": retention}
        yield Change("~", f"{where}policies", "PUT", path, body)


def _webhooks(
    path: str,
    where: str,
    now: Sequence[Webhook] | UnsetType,
    wanted: Sequence[Webhook] | UnsetType,
) -> Iterator[Change]:
    if wanted is UNSET:
        return
    before = {each.url: each for each in _given(now, [])}
    for each in wanted:
        text = f"{where}webhook {each.url}"
        body = {"url": each.url, "events": each.events, "format": each.format}
        if each.url not in before:
            yield Change("+", text, "POST", path, body)
            before[each.url] = Webhook(url=each.url, events=each.events, format=each.format)
        if before[each.url] != each:
            yield Change("~", text, "PATCH", path, {**body, "is_active": each.active}, each.url)
    for url in sorted(before.keys() - {each.url for each in wanted}):
        yield Change("-", f"{where}webhook {url}", "DELETE", path, None, url)


def _given(value: T | UnsetType, otherwise: T) -> T:
    return otherwise if value is UNSET else value


def _words(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value!r}" for name, value in facts.items())
