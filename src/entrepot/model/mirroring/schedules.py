"""Schedules of work: every so often, or by the five fields of cron, in UTC."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import Invalid

_EVERY: Final = re.compile(r"every ([0-9]{1,6}) ?(m|h|d)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_SHORT: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTH_NAMES: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS: Final = {name: at for at, name in enumerate(_MONTH_NAMES.split(" "), 1)}
_DAY_NAMES: Final = "sun mon tue wed thu fri sat"
_DAYS: Final = {name: at for at, name in enumerate(_DAY_NAMES.split(" "))}
_FIELDS: Final[tuple[tuple[int, int, Mapping[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 7, _DAYS),
)
_LONGEST: Final = 200
_DAYS_AHEAD: Final = 366 * 9
"""The 29th of February may be eight years away."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Moments at which something is due; `step` is 0 where cron's fields say them."""

    text: str
    step: timedelta
    fields: tuple[frozenset[int], ...] = ()
    is_any_day: bool = True
    """Whether the day of the month and that of the week must both match, for one is `*`."""

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """The schedule of `every 6h` or `0 */6 * * *`; raises `Invalid`."""
        if found := _EVERY.fullmatch(text.strip()):
            step = timedelta(**{_UNITS[found[2]]: int(found[1])})
            if not timedelta(minutes=1) <= step <= timedelta(days=366):
                raise Invalid(f"invalid schedule {text}: every 1m to every 366d")
            return cls(text.strip(), step)
        parts = _SHORT.get(text.strip(), text).lower().split()
        if len(parts) != len(_FIELDS) or len(text) > _LONGEST:
            raise Invalid(
                f"invalid schedule {text[:_LONGEST]}: write every 6h, or the five fields of cron"
            )
        fields = [_field(part, *form) for part, form in zip(parts, _FIELDS, strict=True)]
        # Sunday has two numbers.
        fields[4] = frozenset(each % 7 for each in fields[4])
        is_any_day = parts[2][0] in "*?" or parts[4][0] in "*?"
        made = cls(text.strip(), timedelta(), tuple(fields), is_any_day)
        made.next_after(datetime(2026, 1, 1))
        return made

    def next_after(self, moment: datetime) -> datetime:
        """The first moment after that one; raises `Invalid` where there is none in nine years."""
        if self.step:
            return moment + self.step
        minutes, hours = (sorted(each) for each in self.fields[:2])
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for ahead in range(_DAYS_AHEAD):
            day = start + timedelta(days=ahead)
            if not self._is_on(day):
                continue
            for hour in hours:
                for minute in minutes:
                    found = day.replace(hour=hour, minute=minute)
                    if found >= start:
                        return found
        raise Invalid(f"invalid schedule {self.text}: that day never comes")

    def _is_on(self, day: datetime) -> bool:
        _, _, days, months, weekdays = self.fields
        is_day, is_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if day.month not in months:
            return False
        return is_day and is_weekday if self.is_any_day else is_day or is_weekday


def _field(text: str, least: int, most: int, names: Mapping[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        area, slash, step = part.partition("/")
        low, dash, high = area.partition("-")
        if area in ("*", "?"):
            first, last = least, most
        else:
            first = _number(low, least, most, names, text)
            last = _number(high, least, most, names, text) if dash else first
            last = most if slash and not dash else last
        count = _number(step, 1, most, {}, text) if slash else 1
        if last < first:
            raise Invalid(f"invalid field of a schedule: {text}")
        found |= set(range(first, last + 1, count))
    return frozenset(found)


def _number(text: str, least: int, most: int, names: Mapping[str, int], field: str) -> int:
    number = names.get(text, int(text) if text.isdecimal() and len(text) < 4 else -1)
    if not least <= number <= most:
        raise Invalid(f"invalid field of a schedule: {field}")
    return number
