"""Answers of registries that are no success, as errors with a message for a person."""

from typing import Final

from entrepot.errors import EntrepotError, TooMany, UpstreamFailed
from entrepot.upstream.transport import Answer

LONGEST_WAIT: Final = 6 * 3600
"""Seconds that an upstream is left alone for at most, whatever it asks for."""
_LIMIT_HEADERS: Final = ("ratelimit-limit", "ratelimit-remaining", "docker-ratelimit-source")


def failure_of(name: str, answer: Answer) -> EntrepotError:
    """The error that an answer means which is not what was asked for; `name` is the registry's."""
    status = answer.status
    if status == 429:
        wait = parse_number(answer.header("retry-after")) or 60
        kept = [(key, answer.header(key)) for key in _LIMIT_HEADERS]
        return TooMany(
            f"{name} limits requests of this hub (status 429)",
            wait=max(1, min(wait, LONGEST_WAIT)),
            headers=[(key, value) for key, value in kept if value and value.isprintable()],
        )
    if status in (401, 403):
        return UpstreamFailed(f"{name} denied access with status {status}", status=status)
    return UpstreamFailed(f"{name} failed with status {status}", status=status)


def parse_number(text: str | None) -> int | None:
    """The number in a header; `None` where there is none."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
