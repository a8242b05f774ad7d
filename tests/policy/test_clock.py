import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.documents import DocumentError
from gateway.model import Scan, Verdict
from gateway.policy import clock, evaluate

BERLIN = ZoneInfo("Europe/Berlin")
WORDS = st.sampled_from(clock.DAYS)


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("days", "hours", "moment", "holds"),
    [
        (("mon-fri",), ("08:00-18:00",), "2026-11-26 08:00", True),  # a Thursday
        (("mon-fri",), ("08:00-18:00",), "2026-11-26 07:59:59", False),
        (("mon-fri",), ("08:00-18:00",), "2026-11-26 17:59:59", True),
        (("mon-fri",), ("08:00-18:00",), "2026-11-26 18:00", False),
        (("mon-fri",), ("08:00-18:00",), "2026-11-28 12:00", False),
        (("sat-mon",), (), "2026-11-30 12:00", True),
        (("sat-mon",), (), "2026-12-01 00:00", False),
        (("wed", "thu"), (), "2026-11-26 23:59", True),
        ((), ("22:00-24:00",), "2026-11-26 23:59", True),
        ((), ("22:00-24:00",), "2026-11-26 00:00", False),
        ((), ("08:00-12:00", "13:00-17:00"), "2026-11-26 12:30", False),
        ((), ("08:00-12:00", "13:00-17:00"), "2026-11-26 13:30", True),
        (("fri",), ("22:00-06:00",), "2026-11-28 05:59", True),  # Saturday, still Friday's night
        (("fri",), ("22:00-06:00",), "2026-11-28 22:30", False),
        (("fri",), ("22:00-06:00",), "2026-11-27 05:59", False),
        (("sun",), ("22:00-06:00",), "2026-11-30 01:00", True),
    ],
)
def test_days_and_hours(days, hours, moment, holds):
    assert clock.time_test(days, hours, "Europe/Berlin").holds(at(moment)) is holds


def test_the_zone_decides_and_not_the_machine():
    moment = at("2026-11-26 07:30", UTC)
    office = ((), ("08:00-18:00",))
    assert clock.time_test(*office, "Europe/Berlin").holds(moment)
    assert not clock.time_test(*office, "UTC").holds(moment)


def test_an_hour_that_a_clock_change_skips_never_comes():
    test = clock.time_test((), ("02:00-03:00",), "Europe/Berlin")
    midnight = at("2026-03-29 00:00")
    assert not any(test.holds(midnight + minute * 60) for minute in range(23 * 60))


def test_an_hour_that_a_clock_change_repeats_holds_twice():
    test = clock.time_test((), ("02:00-03:00",), "Europe/Berlin")
    midnight = at("2026-10-25 00:00")
    assert sum(test.holds(midnight + minute * 60) for minute in range(25 * 60)) == 120


@given(
    st.tuples(WORDS, WORDS),
    st.integers(0, 24 * 60 - 1),
    st.integers(0, 24 * 60 - 1),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  # gets its zone below
)
def test_hours_and_the_other_hours_are_the_whole_day(ends, start, end, when):
    """Of two complementary windows on all days exactly one holds, whatever the clocks do."""
    if start == end:
        return
    words = [f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end)]
    moment = when.replace(tzinfo=UTC).timestamp()
    zone = "America/New_York"
    first = clock.time_test((), ("-".join(words),), zone)
    second = clock.time_test((), ("-".join(reversed(words)),), zone)
    assert first.holds(moment) != second.holds(moment)
    days = "-".join(ends)
    if ends[0] != ends[1]:
        rest = [word for n, word in enumerate(clock.DAYS) if n not in clock.days(days)]
        within = clock.time_test((days,), (), zone).holds(moment)
        assert within != bool(rest and clock.time_test(tuple(rest), (), zone).holds(moment))


@given(st.text(alphabet="mon-tuefri0123456789: \n%", max_size=14))
def test_what_is_no_time_is_an_error_and_nothing_else(text):
    for read in (clock.days, clock.hours, clock.zone):
        with contextlib.suppress(ValueError):
            read(text)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("{days: mon-fri}", "key `zone` is missing"),
        ("{zone: UTC}", "says no time"),
        ("{days: [], zone: UTC}", "is an empty list"),
        ("{days: Monday, zone: UTC}", "`Monday` is not a day; write e.g. `mon`"),
        ("{days: mon-, zone: UTC}", "is not a day"),
        ("{hours: '8:00-18:00', zone: UTC}", "write e.g. `08:00-18:00`"),
        ("{hours: '08:00-24:30', zone: UTC}", "are not hours"),
        ("{hours: '24:00-08:00', zone: UTC}", "are not hours"),
        ("{hours: '08:00-08:00', zone: UTC}", "ends when it begins"),
        ("{days: mon, zone: Europe/Berln}", "`Europe/Berln` is not a time zone"),
        ("{days: mon, zone: ../../etc/passwd}", "is not a time zone"),
        ("{days: mon, zone: ''}", "is not a time zone"),
        ("{days: mon, zone: UTC, date: 1}", "unknown key `date`"),
        ("", "`time` has no value"),
    ],
)
@pytest.mark.parametrize("key", ["when", "unless"])
def test_times_are_read_strictly(policy, time, said, key):
    other = "when: {host: '*'}, " if key == "unless" else ""
    with pytest.raises(DocumentError) as told:
        policy(f"rules: [{{id: a, {other}{key}: {{time: {time}}}, action: block}}]")
    assert said in str(told.value)


def test_a_rule_and_an_exception_hold_at_their_times(policy, exchange, route):
    rules = """
    rules:
    - id: a
      when: {time: {days: [mon-fri], hours: "08:00-18:00", zone: Europe/Berlin}}
      unless: {time: {days: thu, zone: Europe/Berlin}}
      action: block
    """
    verdicts = [
        evaluate(
            policy(rules),
            exchange(received_at=at("2026-11-25 17:30") + timedelta(days=day).total_seconds()),
            route(),
            Scan(),
        ).verdict
        for day in range(4)
    ]
    assert verdicts == [Verdict.BLOCK, Verdict.ALLOW, Verdict.BLOCK, Verdict.ALLOW]
