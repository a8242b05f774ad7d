"""How long do listing, figures and purging take over a million incidents on PostgreSQL?

    python tests/bench/bench_incidents.py [--incidents 1000000] [--simulate]

Fills a PostgreSQL on this machine (512 MB of shared buffers, as installed otherwise), then asks each
question of the console ten times and tells the median and the longest, as the caller sees it. Then
purges while another connection stores incidents, and tells what that one notices.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway import bootstrap, rehearsal
from gateway.audit.log import Log
from gateway.incidents.coached import Coached
from gateway.incidents.counts import Counts
from gateway.incidents.crowds import Crowds
from gateway.incidents.filters import Filters, Place, counted, matching
from gateway.incidents.people import People, Pseudonyms
from gateway.incidents.retention import House, Retention
from gateway.incidents.states import Change, Resolution, Status
from gateway.incidents.store import Store
from gateway.incidents.work import Work
from gateway.model import Severity, Verdict

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.many import filled

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAYS = 90
KEY = bytes(range(32))  # that of `support.console`: the same database does for both
POLICIES = Path(__file__).parents[2] / "policies"


def timed(act: Callable[[], object], times: int = 10) -> tuple[float, float]:
    """Median and longest, in milliseconds; the first, which warms up, is not counted."""
    act()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        act()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken), max(taken)


def questions(
    store: Store, work: Work, people: People
) -> Iterator[tuple[str, Callable[[], object]]]:
    month = NOW - timedelta(days=30)
    some = store.list(limit=1)[0]
    deep = store.list(Filters(until=NOW - timedelta(days=60)), limit=1)[0]
    counts = Counts(store.engine)
    filters = {
        "nothing": Filters(),
        "a service that is often used": Filters(service="openai-api"),
        "a service that is seldom used": Filters(service="heygen"),
        "a verdict": Filters(verdict=Verdict.BLOCK),
        "severity high or more": Filters(min_severity=Severity.HIGH),
        "severity critical": Filters(min_severity=Severity.CRITICAL),
        "a rule that fires often": Filters(rule="rule-00"),
        "a rule that fires seldom": Filters(rule="rule-39"),
        "an entity": Filters(entity="US_SSN"),
        "a value that comes again": Filters(fingerprint="again-0"),
        "a value that came once": Filters(fingerprint="nobody-has-this"),
        "a person": people.translated(Filters(actor=people.pseudonyms.person(some.actor))),
        "an address": Filters(source_ip=some.source_ip),
        "a team that most are in": Filters(team="staff"),
        "a team of few": Filters(team="team-17"),
        "a team of few, open": Filters(team="team-17", status=Status.OPEN),
        "something unread": Filters(unread="encrypted"),
        "a host": Filters(host="heygen.example.com"),
        "an action of the wire": Filters(enforcement="rewrite"),
        "status open": Filters(status=Status.OPEN),
        "status in progress": Filters(status=Status.IN_PROGRESS),
        "an assignee": Filters(assignee="colleague-11"),
        "nobody's and open and critical": Filters(
            status=Status.OPEN, assignee="", min_severity=Severity.CRITICAL
        ),
        "false positives": Filters(resolution=Resolution.FALSE_POSITIVE),
        "a label": Filters(label="legal"),
        "a rule, a service and a month": Filters(rule="rule-20", service="mistral", since=month),
        "open, a rule that fires seldom": Filters(status=Status.OPEN, rule="rule-39"),
    }
    for name, each in filters.items():
        yield f"list 50: {name}", lambda each=each: store.list(each, limit=50)
    before = Place(deep.at, deep.id)
    yield "list 50: two months deep", lambda: store.list(limit=50, before=before)
    yield (
        "count up to 1,000: status open",
        lambda: counted(store.engine, Filters(status=Status.OPEN)),
    )
    yield "count up to 1,000: a rule", lambda: counted(store.engine, Filters(rule="rule-00"))
    yield (
        "one incident, its work, notes, history",
        lambda: (
            store.get(some.id),
            work.state(some.id),
            work.notes(some.id),
            work.history(some.id),
        ),
    )
    span = {"since": date(2026, 8, 1), "until": date(2026, 11, 27)}
    yield "figures: per day, 90 days", lambda: counts.days("severity", **span)
    yield "figures: per service and verdict, 90 days", lambda: counts.totals("service", **span)
    yield "figures: per rule, 90 days", lambda: counts.totals("rule", **span)
    yield "figures: per entity, 90 days", lambda: counts.totals("entity", **span)
    yield "figures: per team, 90 days", lambda: counts.totals("team", **span)
    names = {each.name for each in counts.totals("team", **span)}
    yield (
        "which of 201 teams are small",
        lambda: Crowds(store.engine).small(names),
    )
    yield "figures: unread, 90 days", lambda: counts.totals("unread", **span)
    yield (
        "figures: senders, 7 days",
        lambda: counts.senders(since=NOW - timedelta(days=7), until=NOW),
    )
    yield "figures: senders, 30 days", lambda: counts.senders(since=month, until=NOW)
    yield (
        "figures: senders, 90 days",
        lambda: counts.senders(since=NOW - timedelta(days=90), until=NOW),
    )
    yield "figures: open by severity", counts.backlog
    yield "groups: most frequent", counts.repeats
    yield "groups: latest", lambda: counts.repeats(order="last")
    yield "groups: of a rule", lambda: counts.repeats(rule="rule-20")
    yield "groups: of an entity", lambda: counts.repeats(entity="US_SSN")
    coached = Coached(store.engine, people.pseudonyms, lambda: NOW)
    yield "who was coached and whether it helped, 90 days", lambda: coached.figures(90)
    yield "precision of each rule, 90 days", work.precision
    yield "precision of each rule, 30 days", lambda: work.precision(since=month)


def whose(store: Store, people: People) -> None:
    """A pseudonym that was never looked up: a walk over all names."""
    some = store.list(limit=1)[0]
    started = time.perf_counter()
    fresh = People(store.engine, Log(store.engine, KEY), people.pseudonyms, second_person=False)
    fresh.translated(Filters(actor=people.pseudonyms.person(some.actor)))
    print(f"| whose pseudonym it is, first time | {(time.perf_counter() - started) * 1000:.0f} | |")


def bulk(work: Work) -> None:
    for many in (200, 10_000):
        ids = matching(work.engine, Filters(rule="rule-10"), limit=many)
        started = time.perf_counter()
        done = work.bulk(ids, Change(assignee=f"ann-{many}"), who="bench", most=10_000)
        milliseconds = (time.perf_counter() - started) * 1000
        print(f"| bulk change of {done.changed} incidents | {milliseconds:.0f} | |", flush=True)


def purging(store: Store, audit: Log, rows: int) -> None:
    """Purge what is older than 60 days, a third, while somebody stores 20 incidents at a time."""
    template = store.list(limit=20)
    stop = threading.Event()
    taken: dict[bool, list[float]] = {False: [], True: []}
    running = False

    def write() -> None:
        number = 0
        while not stop.is_set():
            batch = []
            for each in template:
                number += 1
                batch.append(replace(each, id=f"new-{number}", at=NOW))
            started = time.perf_counter()
            store.add(batch)
            taken[running].append((time.perf_counter() - started) * 1000)
            stop.wait(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(10)
    kept = Retention({severity: timedelta(days=60) for severity in Severity})
    house = House(store.engine, audit, kept, me="bench", clock=lambda: NOW)
    gone, worked, steps = 0, 0.0, [0.0]
    while house._adopt(1000):  # what a first start does: not part of the figure
        pass
    running, began = True, time.perf_counter()
    limit = 120.0
    while house.hold() and time.perf_counter() - began < limit:
        started = time.perf_counter()
        done = house.step()
        gone = sum(house._gone.values()) or gone
        lasted = time.perf_counter() - started
        if not done:
            break
        worked += lasted
        steps.append(lasted * 1000)
        time.sleep(max(0.05, lasted))  # as the housekeeper does
    seconds = time.perf_counter() - began
    stop.set()
    writer.join()
    print(
        f"\npurged {gone} rows of {rows} incidents in {seconds:.0f} s, of which {worked:.0f} s at work;"
        f" {len(steps)} steps, median {statistics.median(steps):.0f} ms,"
        f" p99 {sorted(steps)[int(len(steps) * 0.99)]:.0f} ms, longest {max(steps):.0f} ms"
    )
    for when, name in ((False, "before"), (True, "meanwhile")):
        each = sorted(taken[when])
        print(
            f"storing 20 incidents {name}: {len(each)} times, median {statistics.median(each):.1f} ms,"
            f" p99 {each[int(len(each) * 0.99)]:.1f} ms, longest {each[-1]:.1f} ms"
        )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--incidents", type=int, default=1_000_000)
    arguments.add_argument(
        "--simulate", action="store_true", help="policy simulate --since 30d, too"
    )
    arguments.add_argument("--purge", action="store_true", help="purge a third of them, at the end")
    arguments.add_argument(
        "--keep", type=Path, help="folder of a database that is kept, or is to be"
    )
    given = arguments.parse_args()
    with contextlib.ExitStack() as stack:
        _, url = stack.enter_context(filled(given.incidents, days=DAYS, until=NOW, keep=given.keep))
        store = stack.enter_context(contextlib.closing(Store.open(url)))
        with store.engine.connect() as connection:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
            print(f"{given.incidents} incidents; {size.scalar_one() / 1e9:.1f} GB", flush=True)
        audit = Log(store.engine, KEY)
        work = Work(store.engine, audit)
        people = People(store.engine, audit, Pseudonyms(KEY), second_person=False)
        print("| question | median ms | longest ms |\n|---|---|---|")
        for name, act in questions(store, work, people):
            median, longest = timed(act)
            print(f"| {name} | {median:.0f} | {longest:.0f} |", flush=True)
        whose(store, people)
        bulk(work)
        if given.simulate:
            simulate(store)
        if given.purge or given.keep is None:
            purging(store, audit, given.incidents)


def simulate(store: Store) -> None:
    rules = bootstrap.load_rules(POLICIES)
    started, cpu = time.perf_counter(), time.process_time()
    done = rehearsal.simulate(store, rules, rules, since=NOW - timedelta(days=30), until=NOW)
    seconds = time.perf_counter() - started
    print(
        f"policy simulate --since 30d: {done.tally.exchanges} incidents in {seconds:.0f} s,"
        f" {time.process_time() - cpu:.0f} s of CPU"
    )


if __name__ == "__main__":
    main()
