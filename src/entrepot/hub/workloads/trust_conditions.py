"""Conditions of trusts on the claims of ID tokens: checked when written, and compared.

Names can be given up and taken by somebody else, ids cannot: examples and templates compare ids.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from entrepot.errors import Invalid
from entrepot.model.people.workloads import Condition, IssuerKind

Claims = Mapping[str, object]

MOST_CONDITIONS: Final = 20
MOST_VALUES: Final = 50
MAX_CLAIM: Final = 200
MAX_VALUE: Final = 500
_MAX_FOUND: Final = 100
"""Members of a list in a claim that are compared."""
_IDENTITY: Final = {
    IssuerKind.GITHUB: re.compile(
        r"sub|repository|repository_id|repository_owner|repository_owner_id|job_workflow_ref"
        r"|enterprise_id"
    ),
    IssuerKind.GITLAB: re.compile(
        r"sub|project_(?:id|path)|namespace_(?:id|path)|ci_config_ref_uri"
    ),
    IssuerKind.KUBERNETES: re.compile(r"sub|/kubernetes\.io/.+"),
}
"""Claims that say whose job it is; of an issuer that serves everybody one must be compared."""
_OWNED: Final = re.compile(r"(?:(?:repo|project_path):)?[^*?:/]+/.*", re.DOTALL)
"""A pattern that says the owner in full: `repo:acme/*`, and not `repo:*`."""
_SHARED: Final = (IssuerKind.GITHUB, IssuerKind.GITLAB)
_UNTRUSTED_EVENTS: Final = frozenset({"pull_request", "pull_request_target"})
_ABOUT_EVENTS: Final = frozenset(
    {"sub", "ref", "environment", "event_name", "job_workflow_ref", "ref_protected"}
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition, the values that a token has for its claim, and whether one of them will do."""

    condition: Condition
    found: tuple[str, ...]
    holds: bool


def check_conditions(kind: IssuerKind, conditions: Sequence[Condition]) -> None:
    """Raise `Invalid` for conditions that would let in others than those who are meant."""
    if not 0 < len(conditions) <= MOST_CONDITIONS:
        raise Invalid(f"a trust needs 1 to {MOST_CONDITIONS} conditions on claims")
    for condition in conditions:
        _check(condition)
    identity = _IDENTITY.get(kind)
    if identity is None:
        return
    named = [each for each in conditions if identity.fullmatch(each.claim)]
    if not named:
        raise Invalid(
            "a trust needs a condition on a claim that says whose job it is, such as "
            + {
                IssuerKind.GITHUB: "repository_id",
                IssuerKind.GITLAB: "project_id",
                IssuerKind.KUBERNETES: "sub",
            }[kind]
        )
    if kind in _SHARED and not any(map(_names_owner, named)):
        raise Invalid("a pattern must begin with the owner's whole name, such as acme/*")


def parse_condition(text: str) -> Condition:
    """The condition in a text such as `repository_id=123` or `ref~refs/heads/* | refs/tags/v*`.

    Raises `Invalid`. Behind `=` are values, behind `~` patterns, with `|` between them.
    """
    match = re.fullmatch(r"\s*([^=~]+?)\s*([=~])(.*)", text, re.DOTALL)
    if match is None:
        raise Invalid(f"invalid condition {text[:200]!r}: write claim=value or claim~pattern")
    values = tuple(part.strip() for part in match[3].split("|"))
    return Condition(match[1], values, match[2] == "~")


def format_condition(condition: Condition) -> str:
    """The condition as `parse_condition` reads it."""
    sign = "~" if condition.is_pattern else "="
    return f"{condition.claim} {sign} {' | '.join(condition.values)}"


def _check(condition: Condition) -> None:
    texts = (condition.claim, *condition.values)
    if not 0 < len(condition.claim) <= MAX_CLAIM or not all(map(str.isprintable, texts)):
        raise Invalid(f"invalid claim: use 1 to {MAX_CLAIM} characters on one line")
    if not 0 < len(condition.values) <= MOST_VALUES:
        raise Invalid(f"a condition needs 1 to {MOST_VALUES} values for {condition.claim}")
    for value in condition.values:
        if not 0 < len(value) <= MAX_VALUE:
            raise Invalid(f"a value for {condition.claim} needs 1 to {MAX_VALUE} characters")
        if condition.is_pattern and not value.strip("*?"):
            raise Invalid(f"the pattern {value} for {condition.claim} matches everything")


def _names_owner(condition: Condition) -> bool:
    if not condition.is_pattern:
        return True
    if condition.claim.endswith("_id"):
        return False
    return all(_OWNED.fullmatch(value) for value in condition.values)


def compare(conditions: Sequence[Condition], claims: Claims) -> list[Comparison]:
    """Compare each condition with the claims of a token."""
    compared = []
    for condition in conditions:
        found = find_claim(claims, condition.claim)
        holds = any(_fits(condition, value) for value in found)
        compared.append(Comparison(condition, found, holds))
    return compared


def hold(kind: IssuerKind, conditions: Sequence[Condition], claims: Claims) -> bool:
    """Say whether all conditions hold, and the job is not one that a stranger can start."""
    return all(each.holds for each in compare(conditions, claims)) and not is_from_stranger(
        kind, conditions, claims
    )


def is_from_stranger(kind: IssuerKind, conditions: Sequence[Condition], claims: Claims) -> bool:
    """Say whether a pull request started the job, and no condition says that this is wanted.

    The token of such a job names the repository that the request is made to, also where its
    author may not push there.
    """
    if kind is not IssuerKind.GITHUB or claims.get("event_name") not in _UNTRUSTED_EVENTS:
        return False
    return not any(each.claim in _ABOUT_EVENTS for each in conditions)


def find_claim(claims: Claims, name: str) -> tuple[str, ...]:
    """The values of a claim as texts; of a list its members, of anything else none."""
    value = find_value(claims, name)
    values = value[:_MAX_FOUND] if isinstance(value, list) else [value]
    return tuple(text for text in map(_text, values) if text)


def find_value(claims: Claims, name: str) -> object:
    """The value of a claim by its name or its JSON pointer (RFC 6901); `None` without it."""
    if not name.startswith("/"):
        return claims.get(name)
    value: object = claims
    for part in name[1:].split("/"):
        # RFC 6901 section 4.
        key = part.replace("~1", "/").replace("~0", "~")
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else ""


def _fits(condition: Condition, value: str) -> bool:
    if not condition.is_pattern:
        return value in condition.values
    return len(value) <= MAX_VALUE and any(fits(each, value) for each in condition.values)


def fits(pattern: str, value: str) -> bool:
    """Say whether the pattern matches all of the value, in time by the product of their lengths."""
    parts = re.findall(r"\*\*|.", pattern, re.DOTALL)
    places = _skip_stars(parts, {0})
    for character in value:
        moved = set[int]()
        for place in places:
            part = parts[place] if place < len(parts) else None
            if part == "**" or (part == "*" and character not in "/:"):
                moved.add(place)
            elif part == character or (part == "?" and character not in "/:"):
                moved.add(place + 1)
        places = _skip_stars(parts, moved)
        if not places:
            return False
    return len(parts) in places


def _skip_stars(parts: Sequence[str], places: set[int]) -> set[int]:
    """The places, and those behind stars at them: a star may stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(parts) and parts[place] in ("*", "**"):
            place += 1
            found.add(place)
    return found
