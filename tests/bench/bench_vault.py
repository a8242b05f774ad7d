"""How long does the vault take to keep and to find tokens, when it is full?

    python tests/bench/bench_vault.py [--rows 1000000] [--repeats 200]

Fills a SQLite file and a PostgreSQL, both on this machine, with rows of 2,000 actors, then keeps and
finds 1, 10 and 100 tokens of actors taken at random. Both databases force each write to the disk.
Prints milliseconds, median and 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path

from sqlalchemy import insert

from gateway.database.schema import migrate
from gateway.metrics import NullMeter
from gateway.vault.front import Front
from gateway.vault.keys import Key, Keyring
from gateway.vault.sealing import Seals
from gateway.vault.store import Vault
from gateway.vault.tables import TokenRow

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.postgres import Postgres

ACTORS = 2000
TTL = timedelta(days=30)
NOW = datetime.now(UTC)
RNG = random.Random(1)
LETTERS = "bcdfghjkmnpqrstvwxyz"
RING = Keyring((Key("k1", NOW - TTL, RNG.randbytes(32)),), RNG.randbytes(32), NOW - TTL)


def a_token() -> str:
    return "PERSON_" + "".join(RNG.choices(LETTERS, k=18))


def rows(count: int, held: dict[str, list[str]]) -> Iterator[dict[str, object]]:
    """Rows of people, in the order of the table, and in `held` who has which tokens."""
    seals = Seals(RING)
    for actor in sorted((f"person{n}@example.com" for n in range(ACTORS)), key=seals.actor):
        owner = seals.actor(actor)
        tokens = [a_token() for _ in range(count // ACTORS)]
        held[actor] = tokens
        for digest in sorted(seals.token(owner, token) for token in tokens):
            value = f"Firstname Lastname {RNG.random():.5f}"
            created = NOW - TTL * RNG.random() * 0.2
            yield {
                "actor": owner,
                "token": digest,
                "sealed": seals.seal(value, actor=owner, token=digest, key="k1"),
                "key": "k1",
                "created": created,
                "expires_at": created + TTL,
            }


def measured(act: Callable[[], object], repeats: int) -> str:
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        taken.append((time.perf_counter() - start) * 1000)
    return f"{statistics.median(taken):.1f} ({statistics.quantiles(taken, n=20)[-1]:.1f})"


def bench(name: str, url: str, count: int, repeats: int) -> None:
    migrate(url)
    vault = Vault.open(url, RING, ttl=TTL)
    held: dict[str, list[str]] = {}
    start = time.perf_counter()
    for batch in batched(rows(count, held), 5000):
        with vault.engine.begin() as connection:
            connection.execute(insert(TokenRow), batch)
    print(f"{name}: filled in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    if name == "PostgreSQL":
        with vault.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE vault_tokens")
    for size in (1, 10, 100):
        cells = " | ".join(measured(act, repeats) for act in acts(vault, held, size))
        print(f"| {name} | {size} | {cells} |", flush=True)
    actors = list(held)
    count = vault.count()
    key = measured(lambda: vault.key_of(RNG.choice(actors)), repeats)
    start = time.perf_counter()
    gone = vault.purge(NOW + TTL * 2)
    purge = (time.perf_counter() - start) * 1000
    print(f"{name}: {count} rows, key of an actor {key} ms, purge of {gone} rows {purge:.0f} ms")
    remembered(vault, repeats)
    vault.close()


def remembered(vault: Vault, repeats: int) -> None:
    """What the proxy pays for a turn whose 100 tokens it has kept a moment ago."""
    front = Front(vault, watch=NullMeter(), seconds=10)
    issued = {a_token(): f"Firstname Lastname {n}" for n in range(100)}

    async def turns() -> None:
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            await front.keep("ann", issued, key_id="k1")
            taken.append((time.perf_counter() - start) * 1000)
        print(f"100 tokens kept before, from memory: {statistics.median(taken):.2f} ms", flush=True)
        await front.close()

    asyncio.run(turns())


def acts(vault: Vault, held: dict[str, list[str]], size: int) -> list[Callable[[], object]]:
    """What is measured, with `size` tokens each."""
    actors = list(held)
    known = RNG.choice(actors)
    issued = {a_token(): f"Firstname Lastname {n}" for n in range(size)}
    vault.keep(known, issued, key_id="k1")

    def keep_new() -> None:
        fresh = {a_token(): f"Firstname Lastname {n}" for n in range(size)}
        vault.keep(RNG.choice(actors), fresh, key_id="k1")

    def find() -> None:
        actor = RNG.choice(actors)
        found = vault.find(actor, held[actor][:size])
        assert len(found) == min(size, len(held[actor]))

    def miss() -> None:
        assert vault.find(RNG.choice(actors), [a_token() for _ in range(size)]) == {}

    return [keep_new, lambda: vault.keep(known, issued, key_id="k1"), find, miss]


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--repeats", type=int, default=200)
    chosen = options.parse_args()
    print("| database | tokens | keep, new | keep, known | find | find, none there |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="leakgate-vault-") as folder:
        path = Path(folder) / "leakgate.db"
        bench("SQLite", f"sqlite:///{path}", chosen.rows, chosen.repeats)
        print(f"SQLite: {path.stat().st_size / (1 << 20):.0f} MiB", flush=True)
    folder = tempfile.mkdtemp(prefix="leakgate-pg-")
    Path(folder).chmod(0o755)
    server = Postgres(Path(folder))
    server.start(durable=True)
    try:
        bench("PostgreSQL", server.create("vault"), chosen.rows, chosen.repeats)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
