from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.database.schema import migrate
from gateway.incidents.filters import Filters, Place
from gateway.incidents.record import FiredRule, UnreadPlace
from gateway.incidents.store import Store
from gateway.model import Severity, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(migrated_url):
    opened = Store.open(migrated_url, clock=lambda: NOON)
    yield opened
    opened.close()


def rows(store: Store, table: str) -> int:
    with store.engine.connect() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()


TABLES = (
    "incidents",
    "incident_rules",
    "incident_findings",
    "incident_fingerprints",
    "incident_unread",
)


def test_an_incident_comes_back_equal(store, incident):
    assert store.add([incident(1)]) == 1
    assert store.get("inc-1") == incident(1)
    assert store.get("inc-2") is None


def test_storing_again_changes_nothing(store, incident):
    batch = [incident(n) for n in range(5)]
    assert store.add([*batch, batch[0]]) == 5
    before = [rows(store, table) for table in TABLES]
    assert store.add([*batch, incident(5)]) == 1
    assert store.add([incident(5, actor="somebody else")]) == 0
    assert store.get("inc-5").actor == incident(5).actor
    assert [rows(store, table) for table in TABLES] == [count + count // 5 for count in before]


def test_an_empty_batch_needs_no_database():
    assert Store.open("postgresql://nobody@/none?host=/nowhere").add([]) == 0


def test_a_batch_is_stored_whole_or_not_at_all(store, incident):
    broken = incident(2, rules=(FiredRule(None, "enforce", Verdict.LOG, Severity.LOW),))  # type: ignore[arg-type]
    with pytest.raises(IntegrityError):
        store.add([incident(1), broken])
    assert [rows(store, table) for table in TABLES] == [0] * 5


def test_an_error_never_quotes_what_was_to_be_stored(store, incident):
    canary = "canary-" + "77ab" * 4
    broken = incident(1, actor=canary, service=None)
    with pytest.raises(IntegrityError) as caught:
        store.add([broken])
    text = str(caught.value)
    if store.engine.dialect.name == "postgresql":
        # PostgreSQL quotes the row in its own detail; that is why logs tell kinds only.
        text = text.split("DETAIL", maxsplit=1)[0]
    assert canary not in text


def test_threads_that_store_the_same_store_it_once(store, incident):
    batch = [incident(n) for n in range(60)]
    added: list[int] = []

    def add() -> None:
        added.append(store.add(batch))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(added) == 60
    assert rows(store, "incident_rules") == 60 * 2


def test_pages_go_from_new_to_old_without_gap_or_repetition(store, incident):
    # Many at the same moment: the id decides.
    batch = [incident(n, at=NOON + timedelta(seconds=n // 7)) for n in range(40)]
    store.add(batch)
    wanted = [one.id for one in sorted(batch, key=lambda one: (one.at, one.id), reverse=True)]
    seen: list[str] = []
    before = None
    while page := store.list(limit=9, before=before):
        seen += [one.id for one in page]
        before = Place(page[-1].at, page[-1].id)
    assert seen == wanted


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_is_bounded(store, limit):
    with pytest.raises(ValueError, match="limit must be"):
        store.list(limit=limit)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request, tmp_path_factory):
    """Three incidents that differ, made once: the tests below only read."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('filled') / 'incidents.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        if not server.running:
            server.start()
        url = server.create("filled")
    incident = request.getfixturevalue("incident")
    migrate(url)
    store = Store.open(url)
    store.add(
        [
            incident(1, at=NOON - timedelta(seconds=1)),
            incident(
                2,
                at=NOON,
                actor="bob",
                service="claude",
                host="claude.ai",
                enforcement="forward",
                cause="",
                severity=Severity.LOW,
                policy_revision="p-2",
                rules=(),
                findings=(),
                unread=(UnreadPlace("body", "too_large", 1 << 40, ""),),
            ),
            incident(
                3,
                at=NOON + timedelta(seconds=1),
                source_ip="198.51.100.1",
                category="avatar",
                act="upload",
                verdict=Verdict.BLOCK,
                cause="timeout",
                severity=Severity.CRITICAL,
            ),
        ]
    )
    yield store
    store.close()


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), {"inc-1", "inc-2", "inc-3"}),
        (Filters(since=NOON), {"inc-2", "inc-3"}),
        (Filters(until=NOON), {"inc-1"}),
        (Filters(since=NOON, until=NOON + timedelta(seconds=1)), {"inc-2"}),
        (Filters(actor="bob"), {"inc-2"}),
        (Filters(source_ip="198.51.100.1"), {"inc-3"}),
        (Filters(service="claude"), {"inc-2"}),
        (Filters(category="avatar"), {"inc-3"}),
        (Filters(act="upload"), {"inc-3"}),
        (Filters(operation="chat.completions"), {"inc-1", "inc-2", "inc-3"}),
        (Filters(host="claude.ai"), {"inc-2"}),
        (Filters(verdict=Verdict.BLOCK), {"inc-3"}),
        (Filters(enforcement="forward"), {"inc-2"}),
        (Filters(cause="timeout"), {"inc-3"}),
        (Filters(min_severity=Severity.HIGH), {"inc-1", "inc-3"}),
        (Filters(policy_revision="p-2"), {"inc-2"}),
        (Filters(rule="log-mail"), {"inc-1", "inc-3"}),
        (Filters(entity="US_SSN"), {"inc-1", "inc-3"}),
        (Filters(fingerprint=f"{2:032x}"), {"inc-1", "inc-3"}),
        (Filters(unread="too_large"), {"inc-2"}),
        (Filters(rule="log-mail", service="claude"), set()),
        (Filters(actor="' OR 1=1 --"), set()),
    ],
)
def test_filters_find_exactly_theirs(filled, filters, wanted):
    assert {one.id for one in filled.list(filters)} == wanted


def test_purging_takes_the_oldest_and_all_that_hangs_on_them(store, incident):
    store.add([incident(n, at=NOON + timedelta(days=n)) for n in range(4)])
    assert store.purge(NOON + timedelta(days=3), limit=2) == 2
    assert {one.id for one in store.list()} == {"inc-2", "inc-3"}
    assert store.purge(NOON + timedelta(days=3)) == 1
    assert store.purge(NOON + timedelta(days=3)) == 0
    assert rows(store, "incident_fingerprints") == 3
    assert rows(store, "incident_unread") == 1


# --- walking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2, 3, 7, 100])
def test_a_walk_meets_every_incident_of_its_time_once_the_oldest_first(store, incident, page):
    # Several of the same moment, so that a page ends among them.
    all_ = [
        incident(n, at=NOON + timedelta(seconds=n // 3), findings=incident().findings[: n % 3])
        for n in range(20)
    ]
    store.add(all_)
    start, end = NOON + timedelta(seconds=1), NOON + timedelta(seconds=5)
    pages = list(store.walk(since=start, until=end, page=page))
    assert all(0 < len(each) <= page for each in pages)
    wanted = sorted(
        (each for each in all_ if start <= each.at < end), key=lambda each: (each.at, each.id)
    )
    found = [each for some in pages for each in some]
    assert found == [dataclasses.replace(each, timings={}) for each in wanted]


def test_a_walk_over_nothing_ends(store):
    assert list(store.walk(since=NOON, until=NOON + timedelta(days=1))) == []
