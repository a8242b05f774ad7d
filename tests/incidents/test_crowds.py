"""Groups in incidents: kept, counted, found again, and named only where they hide somebody."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

import pytest

from gateway.audit.log import Log
from gateway.incidents.counts import Counts
from gateway.incidents.crowds import SMALL, Crowds
from gateway.incidents.filters import Filters
from gateway.incidents.people import People, Pseudonyms
from gateway.incidents.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ASKED = ("eng*", "sales")


@pytest.fixture
def store(migrated_url):
    opened = Store.open(migrated_url, clock=lambda: NOON)
    yield opened
    opened.close()


@pytest.fixture
def company(store, incident):
    """Four people of sales, three of them twice; six of engineering, one of them of sales, too."""
    made = [
        incident(
            number,
            at=NOON,
            actor=actor,
            teams=teams,
            asked=ASKED,
            device=f"{actor}-laptop",
            keys=(),
        )
        for number, (actor, teams) in enumerate(
            [
                *((f"s{n}", ("sales",)) for n in (1, 2, 3, 1, 2, 3)),
                *((f"e{n}", ("engineering",)) for n in range(5)),
                ("both", ("engineering", "sales")),
            ]
        )
    ]
    store.add(made)
    return made


def test_what_was_known_comes_back_as_it_was(store, incident):
    made = [
        incident(1, teams=None, asked=None),
        incident(2, teams=None, asked=(), device="", keys=None),
        incident(3, teams=(), asked=(), device="d", keys=()),
        incident(4, teams=("a", "b"), asked=ASKED, device="d", keys=("k1", "k2")),
    ]
    store.add(made)
    found = {each.id: each for each in store.list()}
    assert [store.get(each.id) for each in made] == made
    assert [found[each.id] for each in made] == made
    assert store.several([each.id for each in made]) == tuple(made)
    at = made[0].at
    (walked,) = store.walk(since=at, until=at.replace(year=at.year + 1))
    for one, whole in zip(walked, made, strict=True):
        assert (one.teams, one.asked, one.device, one.keys) == (
            whole.teams,
            whole.asked,
            whole.device,
            whole.keys,
        )


def test_incidents_are_found_and_counted_by_team(store, company):
    assert len(store.list(Filters(team="sales"))) == 7
    assert len(store.list(Filters(team="engineering"))) == 6
    assert store.list(Filters(team="nobody")) == ()
    tallies = Counts(store.engine).totals("team", since=date(2026, 3, 1), until=date(2026, 3, 2))
    assert {each.name: each.count for each in tallies} == {"sales": 7, "engineering": 6}


def test_a_group_is_small_by_its_people_not_by_its_incidents(store, company):
    assert Crowds(store.engine).small(["sales", "engineering"]) == {"sales"}
    assert Crowds(store.engine, smallest=4).small(["sales", "engineering"]) == frozenset()
    assert Crowds(store.engine, smallest=7).small(["engineering", "x"]) == {"engineering", "x"}


def test_what_was_counted_is_believed_for_a_minute(store, company, incident):
    now = 0.0
    crowds = Crowds(store.engine, ticks=lambda: now)
    assert crowds.small(["sales"]) == {"sales"}
    store.add([incident(99, actor="s9", teams=("sales",), asked=ASKED, keys=())])
    assert crowds.small(["sales"]) == {"sales"}
    now = 61.0
    assert crowds.small(["sales"]) == frozenset()


def test_small_groups_have_one_name_but_for_who_may_unmask(store, company):
    people = People(
        store.engine, Log(store.engine, bytes(32)), Pseudonyms(b"k"), second_person=False
    )
    shown = people.masked(company)
    assert {each.teams for each in shown} == {(SMALL,), ("engineering",), ("engineering", SMALL)}
    assert {each.teams for each in people.masked(company, every_team=True)} == {
        ("sales",),
        ("engineering",),
        ("engineering", "sales"),
    }
    for each, whole in zip(shown, company, strict=True):
        assert each.device.startswith("device-")
        assert whole.actor not in each.device
    wanted = Filters(team="sales")
    assert store.list(people.translated(wanted)) == ()
    assert len(store.list(people.translated(wanted, every_team=True))) == 7
    assert len(store.list(people.translated(Filters(team="engineering")))) == 6


def test_teams_go_with_their_incidents(store, company):
    assert store.purge(NOON.replace(year=2027), limit=100) == len(company)
    assert Crowds(store.engine, smallest=2).small(["engineering"]) == {"engineering"}
    with store.engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM incident_teams").scalar_one()
    assert left == 0


def test_storing_again_changes_nothing(store, company):
    changed = dataclasses.replace(company[0], teams=("other",))
    assert store.add([changed]) == 0
    assert store.get(company[0].id) == company[0]
