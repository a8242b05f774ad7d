"""How long does each page of the console take at the server, over a million incidents on PostgreSQL?

    python tests/bench/bench_console.py [--incidents 1000000]

Fills a PostgreSQL on this machine as `bench_incidents` does, then opens every page ten times as somebody
with all roles, and tells the median and the longest, from the request to the last byte of HTML, in one
process with the console; and how long the processors of it and of the database worked for a page, which
other work on the machine changes little. The gateway behind it stands still: its figures cost nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.console import ALL_ROLES, Clock, Place
from support.many import COLLEAGUES, RULES, filled

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAYS = 90
TIMES = 10

PAGES = (
    "/console/",
    "/console/?days=90",
    "/console/incidents",
    "/console/incidents?status=open",
    "/console/incidents?status=closed&min_severity=high",
    f"/console/incidents?assignee={COLLEAGUES[0]}",
    "/console/incidents?resolution=false_positive",
    "/console/incidents?service=chatgpt&since=2026-11-01",
    f"/console/incidents?rule={RULES[0]}",
    f"/console/incidents?rule={RULES[-1]}",
    f"/console/incidents?rule={RULES[20]}&service=mistral",
    "/console/incidents?entity=SOURCE_CODE",
    "/console/incidents?enforcement=refuse",
    "/console/incidents?unread=encrypted",
    "/console/incidents?team=staff",
    "/console/incidents?team=team-17",
    "/console/incidents?actor={person}",
    "/console/incidents?q={fingerprint}",
    "/console/incidents?before=2026-10-01T00:00:00%2B00:00_x",
    "/console/incidents/{incident}",
    "/console/people",
    "/console/coaching",
    "/console/services",
    "/console/policies",
    "/console/scratch",
    "/console/health",
    "/console/audit",
    "/console/accounts",
    "/console/me",
)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--incidents", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="folder of a database that is kept, or is to be")
    given, _ = parser.parse_known_args()
    with contextlib.ExitStack() as stack:
        server, url = stack.enter_context(
            filled(given.incidents, days=DAYS, until=NOW, keep=given.keep)
        )
        place = stack.enter_context(contextlib.closing(Place(url)))
        place.clock.at = Clock(NOW).at
        # In a database that is kept, the account of the last time is there.
        browser = place.browser(*ALL_ROLES, name=f"bench-{secrets.token_hex(4)}")
        # As the gateway does when it starts.
        place.desk.people.learn()
        some = place.desk.store.list(limit=1)[0]
        words = {
            "incident": some.id,
            "person": place.desk.people.pseudonyms.person(some.actor),
            "fingerprint": some.findings[0].fingerprints[0],
        }
        print("| page | median ms | longest ms | processor ms | KiB |\n|---|---|---|---|---|")
        worst = 0.0
        for page in PAGES:
            path = page.format(**words)
            taken, size, used = [], 0, 0.0
            for number in range(TIMES + 1):  # the first warms up
                if number == 1:
                    used = time.process_time() + server.processor_seconds()
                place.clock.forward(seconds=1)
                begun = time.perf_counter()
                answer = browser.open(path)
                taken.append((time.perf_counter() - begun) * 1000)
                size = len(answer.content)
                assert answer.status_code == 200, (path, answer.status_code)
            used = (time.process_time() + server.processor_seconds() - used) * 1000 / TIMES
            middle, longest = statistics.median(taken[1:]), max(taken[1:])
            worst = max(worst, middle)
            print(
                f"| `{page}` | {middle:.0f} | {longest:.0f} | {used:.0f} | {size / 1024:.0f} |",
                flush=True,
            )
    print(f"\nthe slowest page takes {worst:.0f} ms")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
