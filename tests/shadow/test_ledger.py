"""The ledger: what gateways saw adds up, is ranked, sorted and forgotten."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from gateway.audit.log import Log
from gateway.shadow.ledger import NotSeen, Seen

from .conftest import NOON

TODAY = NOON.date()


def seen(*, tunnels=1, requests=0, sent=100, received=1000, at=NOON):
    return Seen(at, at, tunnels, requests, sent, received)


@pytest.fixture
def filled(ledger):
    ledger.add(
        {("gpt.example", TODAY, f"person-{n}"): seen() for n in range(3)}
        | {("large.ai", TODAY, "ann"): seen(sent=10**12)}
        | {("small.ai", TODAY, "ann"): seen()}
        | {("old.ai", TODAY - timedelta(days=60), "bob"): seen(at=NOON - timedelta(days=60))},
        {
            "gpt.example": frozenset({"word:gpt"}),
            "large.ai": frozenset({"tld:ai"}),
            "small.ai": frozenset({"tld:ai"}),
            "old.ai": frozenset({"tld:ai"}),
        },
    )
    return ledger


def test_most_people_come_first_then_most_bytes(filled):
    found = filled.ranked()
    assert [each.host for each in found] == ["gpt.example", "large.ai", "small.ai"]
    assert [each.people for each in found] == [3, 1, 1]
    assert found[0].sent == 300
    assert found[0].chance == 0.8
    assert found[0].reasons == ("its name has “gpt” in it",)
    assert "old.ai" in [each.host for each in filled.ranked(days=90)]
    assert [each.host for each in filled.ranked(known=lambda host: host.endswith(".ai"))] == [
        "gpt.example"
    ]
    assert filled.many() == 3


def test_what_several_gateways_saw_adds_up(filled):
    key = ("gpt.example", TODAY, "person-0")
    later = NOON + timedelta(hours=1)
    filled.add(
        {key: seen(tunnels=0, requests=2, sent=5, received=7, at=later)},
        {"gpt.example": frozenset({"request:messages", "word:gpt"})},
    )
    found = filled.get("gpt.example")
    assert (found.people, found.tunnels, found.requests) == (3, 3, 2)
    assert (found.sent, found.received) == (305, 3007)
    assert (found.first_at, found.last_at) == (NOON, later)
    assert found.signs == {"word:gpt", "request:messages"}
    assert found.chance == pytest.approx(1 - 0.2 * 0.4)


def test_people_are_counted_once_in_all_their_days_and_only_in_the_days_asked_for(ledger):
    day = timedelta(days=1)
    ledger.add(
        {
            ("gpt.example", TODAY - n * day, who): seen(at=NOON - n * day)
            for n, who in ((0, "ann"), (3, "ann"), (3, "bob"), (40, "bob"), (40, "kim"))
        },
        {"gpt.example": frozenset({"word:gpt"})},
    )
    # Later, and told late: what was seen before does not take the last day away.
    ledger.add({("gpt.example", TODAY - 2 * day, "ann"): seen(at=NOON - 2 * day)}, {})
    for days, people, tunnels in ((1, 1, 1), (3, 1, 2), (30, 2, 4), (90, 3, 6)):
        (found,) = ledger.ranked(days=days)
        assert (found.people, found.tunnels) == (people, tunnels), days
    assert found.first_at == NOON - 40 * day
    assert found.last_at == NOON


def test_what_is_dismissed_stays_so_and_is_in_the_audit_log(filled):
    log = Log(filled.engine, bytes(32))
    done = filled.dismiss("small.ai", log, who="ann", reason="a shop for shoes")
    assert (done.dismissed.who, done.dismissed.reason) == ("ann", "a shop for shoes")
    assert [each.host for each in filled.ranked()] == ["gpt.example", "large.ai"]
    assert [each.host for each in filled.ranked(dismissed=True)] == ["small.ai"]
    assert filled.many() == 2
    filled.add({("small.ai", TODAY, "kim"): seen()}, {"small.ai": frozenset({"tld:ai"})})
    assert [each.host for each in filled.ranked()] == ["gpt.example", "large.ai"]
    assert filled.restore("small.ai", log, who="bob").dismissed is None
    filled.restore("small.ai", log, who="bob")
    assert [(each.action, each.target, each.who) for each in reversed(log.list())] == [
        ("shadow.dismissed", "small.ai", "ann"),
        ("shadow.restored", "small.ai", "bob"),
    ]
    assert log.verify().whole


def test_a_host_that_nobody_saw_cannot_be_sorted(filled):
    log = Log(filled.engine, bytes(32))
    for act in (
        lambda: filled.get("never.ai"),
        lambda: filled.dismiss("never.ai", log, who="ann", reason="x"),
        lambda: filled.restore("x" * 300, log, who="ann"),
    ):
        with pytest.raises(NotSeen, match="was seen"):
            act()
    assert log.list() == ()


def test_what_is_old_is_forgotten_with_its_signs(filled):
    assert filled.purge(date(2026, 2, 1)) == 2  # the day, and who was there
    assert filled.purge(date(2026, 2, 1)) == 0
    with pytest.raises(NotSeen):
        filled.get("old.ai")
    with filled.engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT DISTINCT host FROM shadow_signs").scalars().all()
    assert sorted(left) == ["gpt.example", "large.ai", "small.ai"]


def test_nothing_is_added_of_nothing(ledger):
    ledger.add({}, {})
    assert ledger.ranked() == ()
    assert ledger.many() == 0
