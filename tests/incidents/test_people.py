from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.audit.log import Log
from gateway.incidents.filters import Filters
from gateway.incidents.people import NotAllowed, People, Pseudonyms
from gateway.incidents.states import UnknownIncident, WorkError
from gateway.incidents.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
WHY = "the works council asked"


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(migrated_url, incident):
    opened = Store.open(migrated_url, clock=lambda: NOON)
    opened.add(
        [
            incident(1),
            incident(2),
            incident(3, actor="bob@example.com", source_ip="192.0.2.8"),
            incident(4, actor=""),
        ]
    )
    yield opened
    opened.close()


@pytest.fixture
def people(store, clock):
    def make(*, second_person=False):
        log = Log(store.engine, KEY, clock=clock)
        return People(
            store.engine,
            log,
            Pseudonyms(KEY),
            second_person=second_person,
            clock=clock,
            ticks=lambda: 0.0,
        )

    return make


def entries(store):
    return Log(store.engine, KEY).list()


def test_a_pseudonym_is_stable_keyed_and_of_one_kind():
    mine, other = Pseudonyms(KEY), Pseudonyms(bytes(32))
    assert mine.person("Ann@Example.com") == mine.person("ann@example.com")
    assert mine.person("ann@example.com").startswith("person-")
    assert mine.person("192.0.2.7")[-12:] != mine.address("192.0.2.7")[-12:]
    assert mine.person("ann@example.com") != other.person("ann@example.com")
    assert mine.person("") == mine.address("") == ""
    assert KEY.hex() not in repr(mine)


def test_a_masked_incident_names_nobody(incident):
    masked = Pseudonyms(KEY).masked(incident(1))
    assert "ann" not in repr(masked)
    assert "192.0.2.7" not in repr(masked)
    assert masked.findings == incident(1).findings


def test_incidents_are_searched_by_pseudonym_only(people, store):
    asked = people()
    ann = asked.pseudonyms.person("ann@example.com")

    def found(**filters):
        return {one.id for one in store.list(asked.translated(Filters(**filters)))}

    assert found(actor=ann) == {"inc-1", "inc-2"}
    assert found(source_ip=asked.pseudonyms.address("192.0.2.8")) == {"inc-3"}
    assert found(actor="") == {"inc-4"}
    assert found(actor="ann@example.com") == found(actor="person-000000000000") == set()
    assert found(service="openai") == {"inc-1", "inc-2", "inc-3", "inc-4"}


def test_a_person_who_is_new_is_found_after_a_moment(store, clock, incident):
    ticks = [0.0]
    people = People(
        store.engine,
        Log(store.engine, KEY),
        Pseudonyms(KEY),
        second_person=False,
        ticks=lambda: ticks[0],
    )
    new = people.pseudonyms.person("new@example.com")
    assert people.translated(Filters(actor=new)).actor != "new@example.com"
    store.add([incident(9, actor="new@example.com")])
    assert people.translated(Filters(actor=new)).actor != "new@example.com", "not at every look"
    ticks[0] = 6.0
    assert people.translated(Filters(actor=new)).actor == "new@example.com"


def test_a_name_is_given_for_a_reason_and_that_is_noted(people, store):
    person = people().unmask("inc-1", who="eve", reason=WHY)
    assert (person.actor, person.source_ip) == ("ann@example.com", "192.0.2.7")
    assert "ann" not in repr(person)
    (entry,) = entries(store)
    assert (entry.who, entry.action, entry.target, entry.reason) == (
        "eve",
        "unmask.seen",
        "inc-1",
        WHY,
    )
    assert entry.detail == {"person": people().pseudonyms.person("ann@example.com")}
    assert "ann@example.com" not in str(entry)


@pytest.mark.parametrize("reason", ["", "too short", "r" * 1001])
def test_no_name_without_a_reason(people, store, reason):
    with pytest.raises(WorkError, match="reason"):
        people().unmask("inc-1", who="eve", reason=reason)
    with pytest.raises(WorkError, match="reason"):
        people().searched(Filters(actor="ann@example.com"), who="eve", reason=reason)
    assert entries(store) == ()


def test_no_name_of_an_incident_that_is_not_there(people, store):
    with pytest.raises(UnknownIncident):
        people().unmask("none", who="eve", reason=WHY)
    with pytest.raises(UnknownIncident):
        people(second_person=True).ask("none", who="eve", reason=WHY)
    assert entries(store) == ()


def test_a_search_by_name_is_noted_by_pseudonym(people, store):
    wanted = Filters(actor="ann@example.com")
    assert people().searched(wanted, who="eve", reason=WHY) == wanted
    (entry,) = entries(store)
    assert entry.action == "unmask.searched"
    assert entry.detail == {"actor": people().pseudonyms.person("ann@example.com")}


def test_with_a_second_person_nobody_sees_a_name_alone(people, store, clock):
    both = people(second_person=True)
    for attempt in (
        lambda: both.unmask("inc-1", who="eve", reason=WHY),
        lambda: both.searched(Filters(actor="ann@example.com"), who="eve", reason=WHY),
    ):
        with pytest.raises(NotAllowed, match="second person"):
            attempt()
    asked = both.ask("inc-1", who="eve", reason=WHY)
    assert both.ask("inc-1", who="eve", reason=WHY) == asked, "not asked twice"
    with pytest.raises(NotAllowed, match="second person"):
        both.unmask("inc-1", who="eve")
    with pytest.raises(NotAllowed, match="another person"):
        both.decide(asked.id, who="EVE", grant=True)
    assert both.requests(waiting=True) == (asked,)
    granted = both.decide(asked.id, who="mia", grant=True, reason="agreed")
    assert (granted.decided, granted.decided_by) == ("granted", "mia")
    assert both.requests(waiting=True) == ()
    assert both.requests(incident="inc-1") == (granted,)
    assert both.unmask("inc-1", who="eve").actor == "ann@example.com"
    # Neither for another incident nor for another person, nor for ever.
    for incident, who in (("inc-2", "eve"), ("inc-1", "mia")):
        with pytest.raises(NotAllowed):
            both.unmask(incident, who=who)
    with pytest.raises(NotAllowed, match="already"):
        both.decide(asked.id, who="max", grant=False)
    clock.now += timedelta(hours=24)
    with pytest.raises(NotAllowed):
        both.unmask("inc-1", who="eve")
    told = [(entry.who, entry.action, entry.reason) for entry in reversed(entries(store))]
    assert told == [
        ("eve", "unmask.asked", WHY),
        ("mia", "unmask.granted", "agreed"),
        ("eve", "unmask.seen", WHY),
    ]
    assert Log(store.engine, KEY).verify().whole


def test_what_is_denied_or_old_opens_nothing(people, clock):
    both = people(second_person=True)
    denied = both.decide(both.ask("inc-1", who="eve", reason=WHY).id, who="mia", grant=False)
    assert denied.decided == "denied"
    with pytest.raises(NotAllowed):
        both.unmask("inc-1", who="eve")
    again = both.ask("inc-1", who="eve", reason=WHY)
    assert again.id != denied.id
    clock.now += timedelta(days=7)
    with pytest.raises(NotAllowed, match="too old"):
        both.decide(again.id, who="mia", grant=True)
    with pytest.raises(NotAllowed, match="no request"):
        both.decide("none", who="mia", grant=True)
