"""Schedules: every so often, or by cron's five fields."""

from datetime import UTC, datetime

import pytest

from entrepot.errors import Invalid
from entrepot.model.mirroring.schedules import Schedule

# A Sunday.
NOW = datetime(2026, 11, 29, 7, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("every 6h", "2026-11-29 13:07:30"),
        ("every 90m", "2026-11-29 08:37:30"),
        ("every 2d", "2026-12-01 07:07:30"),
        ("* * * * *", "2026-11-29 07:08:00"),
        ("0 */6 * * *", "2026-11-29 12:00:00"),
        ("7 7 * * *", "2026-11-30 07:07:00"),
        ("8 7 * * *", "2026-11-29 07:08:00"),
        ("*/20 9-17 * * mon-fri", "2026-11-30 09:00:00"),
        ("30 4 1,15 * *", "2026-12-01 04:30:00"),
        ("0 0 13 * fri", "2026-12-04 00:00:00"),
        ("0 0 * * 7", "2026-12-06 00:00:00"),
        ("5/30 * * jan *", "2027-01-01 00:05:00"),
        ("0 0 29 2 *", "2028-02-29 00:00:00"),
        ("@daily", "2026-11-30 00:00:00"),
    ],
)
def test_the_next_moment(text: str, following: str) -> None:
    found = Schedule.parse(text).next_after(NOW)
    assert f"{found:%Y-%m-%d %H:%M:%S}" == following
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "every 0m",
        "every 500d",
        "every second",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "0 0 30 2 *",
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="schedule"):
        Schedule.parse(text)
