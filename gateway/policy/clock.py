"""When does a rule hold? Days of the week and hours of the day, in a time zone.

Law: the time of an exchange is a moment, and a moment has one local time in every zone; so the
hour that a clock change skips never comes, and the one that it repeats holds twice. Hours that
pass midnight belong to the day on which they begin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_WORDS = rf"({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?"
HOUR_WORDS = r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class TimeTest:
    """Days (0 is Monday) and hours (minutes of the day, the end not included) in a zone."""

    days: frozenset[int]
    hours: tuple[tuple[int, int], ...]
    zone: ZoneInfo

    def __str__(self) -> str:
        """What a person reads: `mon, tue 08:00-18:00 (Europe/Berlin)`."""
        on = ", ".join(DAYS[day] for day in sorted(self.days))
        spans = ", ".join(f"{_hour(start)}-{_hour(end)}" for start, end in self.hours)
        return f"{on} {spans} ({self.zone})"

    def holds(self, at: float) -> bool:
        """Whether the moment `at` (Unix time) is within."""
        local = datetime.fromtimestamp(at, self.zone)
        minute, today = local.hour * 60 + local.minute, local.weekday()
        return any(
            (start <= minute < end and today in self.days)
            if start < end
            else (minute >= start and today in self.days)
            or (minute < end and (today - 1) % 7 in self.days)
            for start, end in self.hours
        )


def _hour(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def days(word: str) -> frozenset[int]:
    """`mon`, or `mon-fri`, as numbers; `sat-mon` goes over the end of the week. `ValueError` else."""
    if not re.fullmatch(DAY_WORDS, word):
        raise ValueError(f"`{word}` is not a day; write e.g. `mon` or `mon-fri`")
    first, _, last = word.partition("-")
    start = DAYS.index(first)
    length = (DAYS.index(last or first) - start) % 7
    return frozenset((start + step) % 7 for step in range(length + 1))


def hours(word: str) -> tuple[int, int]:
    """`08:00-18:00` as minutes of the day; `22:00-06:00` passes midnight. `ValueError` else."""
    if not re.fullmatch(HOUR_WORDS, word):
        raise ValueError(f"`{word}` are not hours; write e.g. `08:00-18:00`")
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in word.split("-"))
    if start == end:
        raise ValueError(f"`{word}` ends when it begins; leave `hours` out for the whole day")
    return start, end


def zone(name: str) -> ZoneInfo:
    """The zone of this name, e.g. `Europe/Berlin`; `ValueError` when there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # what it raises depends on the name
        raise ValueError(f"`{name}` is not a time zone; write e.g. `Europe/Berlin`") from None


def time_test(day_words: tuple[str, ...], hour_words: tuple[str, ...], zone_name: str) -> TimeTest:
    """The test of what is written; nothing said of days or hours means all of them."""
    return TimeTest(
        days=frozenset().union(*map(days, day_words)) if day_words else frozenset(range(7)),
        hours=tuple(map(hours, hour_words)) or ((0, _DAY),),
        zone=zone(zone_name),
    )
