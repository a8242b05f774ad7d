"""How long does `policy simulate` take over many incidents, and how much memory?

    python tests/bench/bench_simulate.py [--incidents 100000] [--postgres] [--earlier]

Fills a SQLite file (or a PostgreSQL on this machine) with incidents of thirty days, reads them all
once, then simulates a file of three changes to the shipped policies. `--earlier` has the incidents
decided by other policies, so that every rule is asked again.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway import bootstrap, rehearsal
from gateway.database.schema import migrate
from gateway.incidents.record import FindingGroup, FiredRule, Incident, UnreadPlace
from gateway.incidents.store import Store
from gateway.model import Severity, Verdict
from gateway.policy import page

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.postgres import Postgres

POLICIES = Path(__file__).parents[2] / "policies"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SERVICES = (
    ("openai-api", "chat", "chat_completions", "prompt"),
    ("chatgpt", "chat", "other", "prompt"),
    ("claude-web", "chat", "other", "upload"),
    ("github-copilot", "code", "other", "prompt"),
    ("midjourney", "image", "other", "generate_image"),
    ("unknown", "unknown", "other", "other"),
)
ENTITIES = ("EMAIL_ADDRESS", "US_SSN", "CREDIT_CARD", "PERSON", "PHONE_NUMBER", "IBAN_CODE")
CHANGED = """\
version: 1
overrides:
  contact-data: {mode: enforce, rollout: 25%}
rules:
  - id: own-cards
    when: {entity: CREDIT_CARD, min_confidence: 0.5, category: [chat, code]}
    action: block
  - id: own-faces
    when: {file: {faces: {at_least: 1}}, category: image}
    action: block
"""


def incident(chance: random.Random, number: int, revision: str, span: timedelta) -> Incident:
    service, category, operation, act = chance.choice(SERVICES)
    groups = tuple(
        FindingGroup(
            entity=chance.choice(ENTITIES),
            path=f"messages[{place}].content",
            role=chance.choice(("user", "tool")),
            kind=chance.choice(("text", "text", "tool_result", "file")),
            detector="bench",
            count=count,
            distinct=count,
            confidence=chance.choice((0.4, 0.6, 0.85, 1.0)),
            preview="••••",
            fingerprints=tuple(f"{chance.getrandbits(96):024x}" for _ in range(min(count, 20))),
        )
        for place in range(chance.choice((1, 1, 2, 3, 5)))
        for count in [chance.choice((1, 1, 1, 2, 4, 30))]
    )
    verdict = chance.choice((Verdict.LOG, Verdict.LOG, Verdict.REDACT, Verdict.BLOCK))
    rule = {Verdict.LOG: "unknown-service", Verdict.REDACT: "cards", Verdict.BLOCK: "unread"}
    return Incident(
        id=f"{number:016x}",
        exchange=f"{number:016x}",
        at=NOW - span * chance.random(),
        actor=f"person-{chance.randrange(5000)}@example.com" if chance.random() < 0.9 else "",
        source_ip=f"10.{chance.randrange(8)}.{chance.randrange(256)}.{chance.randrange(256)}",
        service=service,
        category=category,
        operation=operation,
        act=act,
        host="api.openai.com",
        method="POST",
        verdict=verdict,
        monitored=verdict,
        enforcement={Verdict.REDACT: "rewrite", Verdict.BLOCK: "refuse"}.get(verdict, "forward"),
        cause="policy" if verdict is Verdict.BLOCK else "",
        severity=Severity.MEDIUM,
        policy_revision=revision,
        detector_revision="d",
        inspected=1000,
        rules=(FiredRule(rule[verdict], "enforce", verdict, Severity.MEDIUM),),
        findings=groups,
        findings_total=sum(group.count for group in groups),
        unread=(UnreadPlace("messages[0].file", "encrypted", 1000, ""),)
        if verdict is Verdict.BLOCK
        else (),
        unread_total=int(verdict is Verdict.BLOCK),
        timings={"total": 0.01, "detect": 0.005},
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--incidents", type=int, default=100_000)
    arguments.add_argument("--postgres", action="store_true")
    arguments.add_argument("--earlier", action="store_true", help="by other policies than now")
    given = arguments.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = f"sqlite:///{folder}/bench.db"
        if given.postgres:
            Path(folder).chmod(0o755)
            (server_folder := Path(folder) / "pg").mkdir()
            server = Postgres(server_folder)
            server.start()
            stack.callback(server.stop)
            url = server.create("bench")
        before = bootstrap.load_rules(POLICIES)
        changed = Path(folder) / "policies"
        changed.mkdir()
        for path in POLICIES.glob("*.yaml"):
            (changed / path.name).write_text(path.read_text())
        (changed / "60-ours.yaml").write_text(CHANGED)
        after = bootstrap.load_rules(changed)
        migrate(url)
        store = Store.open(url)
        chance, span = random.Random(1), timedelta(days=30)
        revision = "earlier" if given.earlier else before.policy.revision
        started = time.perf_counter()
        for start in range(0, given.incidents, 2000):
            store.add(
                [
                    incident(chance, number, revision, span)
                    for number in range(start, min(start + 2000, given.incidents))
                ]
            )
        print(f"made in {time.perf_counter() - started:.1f} s")
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started, cpu = time.perf_counter(), time.process_time()
        count = sum(len(some) for some in store.walk(since=NOW - span, until=NOW))
        print(
            f"walk alone: {count} in {time.perf_counter() - started:.1f} s,"
            f" {time.process_time() - cpu:.1f} s of CPU"
        )
        started, cpu = time.perf_counter(), time.process_time()
        done = rehearsal.simulate(store, before, after, since=NOW - span, until=NOW)
        seconds = time.perf_counter() - started
        print("\n".join(page.tally_lines(done, top=5)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(
            f"{done.tally.exchanges} in {seconds:.1f} s, {time.process_time() - cpu:.1f} s of CPU;"
            f" {done.tally.exchanges / seconds:.0f} a second;"
            f" peak memory {peak / 1024:.0f} MiB, {base / 1024:.0f} MiB before"
        )
        store.close()


if __name__ == "__main__":
    main()
