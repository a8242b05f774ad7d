from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError, ProgrammingError
from vault.conftest import NOON, TTL, a_key, a_ring

from gateway.database.patience import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker, Recent
from gateway.metrics import Metrics
from gateway.vault import front as fronts
from gateway.vault.front import Front
from gateway.vault.keys import SETTLING

ISSUED = {"PERSON_kqzf": "Ann Example", "EMAIL_bbcd": "ann@example.com"}


class Ticks:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Seen(Counter[str]):
    """Counts what the front tells."""

    def vault_failed(self, cause: str) -> None:
        self[f"failed {cause}"] += 1

    def vault_kept(self, count: int) -> None:
        self["kept"] += count

    def vault_found(self, count: int) -> None:
        self["found"] += count

    def vault_missed(self, count: int) -> None:
        self["missed"] += count


class Spied:
    """A vault of which every call is counted, and which can be made to fail or hang."""

    def __init__(self, vault):
        self._vault = vault
        self.calls: Counter[str] = Counter()
        self.error: Exception | None = None
        self.hang: threading.Event | None = None

    def __getattr__(self, name):
        real = getattr(self._vault, name)
        if name not in {"keep", "find", "key_of", "purge"}:
            return real

        def call(*arguments, **named):
            self.calls[name] += 1
            if self.hang is not None:
                self.hang.wait(10)
            if self.error is not None:
                raise self.error
            return real(*arguments, **named)

        return call


def away() -> OperationalError:
    return OperationalError("SELECT", {}, Exception("connection refused"))


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def spied(vault):
    return Spied(vault)


@pytest.fixture
def front(spied, seen, ticks):
    made = Front(spied, watch=seen, clock=ticks, seconds=5)
    yield made
    asyncio.run(made.close())


# --- keeping and finding -------------------------------------------------------------------------


def test_what_is_kept_is_found_and_counted(front, seen):
    async def story():
        assert await front.keep("ann", ISSUED, key_id="k1") == frozenset()
        assert await front.find("ann", [*ISSUED, "PERSON_other"]) == ISSUED
        assert await front.find("bob", ISSUED) == {}

    asyncio.run(story())
    assert seen == {"kept": 2, "found": 2, "missed": 3}


def test_a_history_that_is_sent_again_asks_the_database_once_in_a_while(front, spied, ticks):
    async def story():
        for _ in range(5):
            assert await front.keep("ann", ISSUED, key_id="k1") == frozenset()
        assert spied.calls["keep"] == 1
        await front.keep("ann", ISSUED | {"X_new": "x"}, key_id="k1")
        assert spied.calls["keep"] == 2
        await front.keep("bob", ISSUED, key_id="k1")
        assert spied.calls["keep"] == 3
        ticks.now += fronts.KEPT_SECONDS
        await front.keep("ann", ISSUED, key_id="k1")
        assert spied.calls["keep"] == 4
        await front.keep("ann", {}, key_id="k1")
        assert spied.calls["keep"] == 4

    asyncio.run(story())


def test_what_is_believed_to_be_kept_lives_longer_than_the_belief(vaults, seen, ticks):
    front = Front(Spied(vaults(ttl=timedelta(minutes=1))), watch=seen, clock=ticks)

    async def story():
        await front.keep("ann", ISSUED, key_id="k1")
        ticks.now += 31
        await front.keep("ann", ISSUED, key_id="k1")
        assert front._vault.calls["keep"] == 2

    asyncio.run(story())
    asyncio.run(front.close())


def test_a_token_that_is_taken_is_told_each_time_and_asked_about_once(front, spied):
    async def story():
        await front.keep("ann", ISSUED, key_id="k1")
        other = {"PERSON_kqzf": "Somebody Else"}
        for _ in range(3):
            assert await front.keep("ann", other, key_id="k1") == {"PERSON_kqzf"}
        assert spied.calls["keep"] == 2
        assert await front.keep("ann", ISSUED, key_id="k1") == frozenset()
        assert spied.calls["keep"] == 2

    asyncio.run(story())


def test_forged_tokens_do_not_reach_the_database_again_and_again(front, spied, seen, ticks):
    async def story():
        for _ in range(5):
            assert await front.find("eve", ["PERSON_forged"]) == {}
        assert spied.calls["find"] == 1
        await front.find("eve", ["PERSON_forged", "PERSON_too"])
        assert spied.calls["find"] == 2
        ticks.now += fronts.MISSED_SECONDS
        await front.find("eve", ["PERSON_forged"])
        assert spied.calls["find"] == 3

    asyncio.run(story())
    assert seen["missed"] == 8


def test_what_was_missed_is_found_as_soon_as_it_is_kept_here(front):
    async def story():
        assert await front.find("ann", ISSUED) == {}
        await front.keep("ann", ISSUED, key_id="k1")
        assert await front.find("ann", ISSUED) == ISSUED

    asyncio.run(story())


def test_nobody_keeps_and_finds_nothing(front, spied):
    async def story():
        assert await front.keep("", ISSUED, key_id="k1") == frozenset()
        assert await front.find("", ISSUED) == {}

    asyncio.run(story())
    assert not spied.calls


def test_what_is_too_large_is_told_and_the_rest_is_kept(front, seen):
    async def story():
        await front.keep("ann", {"BIG": "x" * 70_000, "T": "v"}, key_id="k1")
        assert await front.find("ann", ["BIG", "T"]) == {"T": "v"}

    asyncio.run(story())
    assert seen["failed too_large"] == 1


# --- a vault that is away ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (away(), "away"),
        (ProgrammingError("SELECT", {}, Exception("no such table")), "error"),
        (RuntimeError("whatever"), "error"),
    ],
)
def test_no_failure_is_raised_and_each_is_told(front, spied, seen, error, cause):
    spied.error = error

    async def story():
        assert await front.keep("ann", ISSUED, key_id="k1") == frozenset()
        assert await front.find("ann", ISSUED) == {}
        assert await front.key_of("ann") is None

    asyncio.run(story())
    assert seen[f"failed {cause}"] == 3


def test_what_could_not_be_kept_is_kept_with_the_next_turn(front, spied):
    async def story():
        spied.error = away()
        await front.keep("ann", ISSUED, key_id="k1")
        assert await front.find("ann", ISSUED) == {}  # a failure is no miss
        spied.error = None
        await front.keep("ann", ISSUED, key_id="k1")
        assert await front.find("ann", ISSUED) == ISSUED

    asyncio.run(story())


def test_nobody_waits_longer_than_the_limit(spied, seen, ticks):
    front = Front(spied, watch=seen, clock=ticks, seconds=0.1)
    spied.hang = threading.Event()

    async def story():
        start = time.monotonic()
        # More calls than threads: waiting for a thread counts too.
        await asyncio.gather(*(front.keep(f"ann{n}", ISSUED, key_id="k1") for n in range(12)))
        assert time.monotonic() - start < 2
        spied.hang.set()

    asyncio.run(story())
    asyncio.run(front.close())
    assert seen["failed timeout"] == 12


def test_after_failures_in_a_row_the_vault_is_left_alone_for_a_while(front, spied, seen, ticks):
    spied.error = away()

    async def story():
        for _ in range(FAILURES + 4):
            await front.find("ann", ISSUED)
        assert spied.calls["find"] == FAILURES
        assert seen["failed paused"] == 4
        ticks.now += FIRST_PAUSE
        await front.find("ann", ISSUED)
        await front.find("ann", ISSUED)
        assert spied.calls["find"] == FAILURES + 1
        spied.error = None
        ticks.now += 2 * FIRST_PAUSE
        await front.keep("ann", ISSUED, key_id="k1")
        assert await front.find("ann", ISSUED) == ISSUED

    asyncio.run(story())


def test_a_key_dropped_meanwhile_is_told_and_is_no_failure_of_the_vault(front, seen):
    async def story():
        for _ in range(FAILURES + 1):
            assert await front.keep("ann", ISSUED, key_id="k9") == frozenset()
        await front.keep("ann", ISSUED, key_id="k1")

    asyncio.run(story())
    assert seen == {"failed unknown_key": FAILURES + 1, "kept": 2}


def test_a_postgresql_that_goes_and_comes_costs_its_while_and_no_more(
    vault, seen, ticks, request, caplog
):
    if vault.engine.dialect.name == "sqlite":
        pytest.skip("SQLite does not go away")
    server = request.getfixturevalue("postgres")
    front = Front(vault, watch=seen, clock=ticks, seconds=5)

    async def story():
        await front.keep("ann", ISSUED, key_id="k1")
        server.checkpoint()  # keeping waits for no disk: the last moment is lost in a crash
        server.stop()
        assert await front.find("ann", ISSUED) == {}
        assert await front.keep("ann", {"X": "canary-x"}, key_id="k1") == frozenset()
        server.start()
        for _ in range(20):
            ticks.now += LONGEST_PAUSE
            if await front.find("ann", ISSUED) == ISSUED:
                return
            await asyncio.sleep(0.1)
        pytest.fail("the vault was not used again")

    with caplog.at_level(logging.INFO):
        asyncio.run(story())
    asyncio.run(front.close())
    assert seen["failed away"] >= 2
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "the token vault cannot be used: away (OperationalError)" in text
    assert "can be used again" in text
    for content in ("canary", "Ann Example", "PERSON_kqzf"):
        assert content not in text


def test_a_client_that_leaves_ends_its_wait_and_harms_nothing(front, spied):
    async def story():
        spied.hang = threading.Event()
        task = asyncio.create_task(front.keep("ann", ISSUED, key_id="k1"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        spied.hang.set()
        spied.hang = None
        await front.keep("ann", ISSUED, key_id="k1")
        assert await front.find("ann", ISSUED) == ISSUED

    asyncio.run(story())


# --- keys ----------------------------------------------------------------------------------------


def test_with_one_key_there_is_nothing_to_ask(front, spied):
    assert asyncio.run(front.token_key("ann")) == "k1"
    assert not spied.calls


def test_that_an_actor_has_no_key_is_not_believed_for_long(front, spied, vaults, ticks):
    """Another gateway may give the actor one in the next moment: its answers hold tokens then."""

    async def story():
        for _ in range(3):
            assert await front.key_of("ann") is None
        assert spied.calls["key_of"] == 1
        vaults().keep("ann", ISSUED, key_id="k1")
        ticks.now += fronts.MISSED_SECONDS
        assert await front.key_of("ann") == "k1"

    asyncio.run(story())


@pytest.fixture
def rotated(vaults, seen, ticks, clock):
    """Ann has a conversation; then a key was added."""
    old = a_key("k1")
    vaults(a_ring(old)).keep("ann", ISSUED, key_id="k1")
    spied = Spied(vaults(a_ring(a_key("k2", NOON), old)))
    front = Front(spied, watch=seen, clock=ticks, seconds=5)
    yield front, spied, clock, ticks
    asyncio.run(front.close())


def test_a_conversation_keeps_its_key_and_a_new_one_gets_the_new(rotated):
    front, spied, clock, _ = rotated

    async def story():
        assert await front.token_key("bob") == "k1"  # the new key has not settled
        clock.now = NOON + SETTLING
        assert await front.token_key("ann") == "k1"
        assert await front.token_key("eve") == "k2"
        calls = spied.calls["key_of"]
        for _ in range(5):
            await front.token_key("ann")
        assert spied.calls["key_of"] == calls

    asyncio.run(story())


def test_a_key_is_given_up_when_it_was_out_of_force_for_as_long_as_tokens_live(rotated):
    front, spied, clock, ticks = rotated

    async def story():
        for day in (7, 14, 21, 28):
            clock.now = NOON + timedelta(days=day)
            ticks.now += 1000
            assert await front.token_key("ann") == "k1"
            await front.keep("ann", ISSUED, key_id="k1")
        clock.now = NOON + SETTLING + TTL
        spied.calls.clear()
        assert await front.token_key("ann") == "k2"
        assert not spied.calls
        assert await front.find("ann", ISSUED) == ISSUED  # for its time, what is kept is found

    asyncio.run(story())


def test_a_conversation_whose_tokens_have_expired_gets_the_new_key(rotated):
    front, _, clock, _ = rotated
    clock.now = NOON + TTL
    assert asyncio.run(front.token_key("ann")) == "k2"


def test_a_key_that_is_gone_is_given_up(rotated):
    front, _, clock, _ = rotated
    clock.now = NOON + SETTLING
    front.adopt(a_ring(a_key("k3", NOON), a_key("k2", NOON)))
    assert asyncio.run(front.token_key("ann")) == "k3"


def test_without_the_vault_the_current_key_will_do(rotated):
    front, spied, clock, _ = rotated
    clock.now = NOON + SETTLING
    spied.error = away()
    assert asyncio.run(front.token_key("ann")) == "k2"


# --- keeping order -------------------------------------------------------------------------------


def test_expired_rows_are_purged_until_none_is_left(front, vault, clock, monkeypatch):
    monkeypatch.setattr(fronts, "PURGED", 10)
    purge = vault.purge
    monkeypatch.setattr(vault, "purge", lambda: purge(batch=10))
    vault.keep("ann", {f"T{n}": "v" for n in range(35)}, key_id="k1")
    clock.now = NOON + TTL
    vault.keep("bob", ISSUED, key_id="k1")

    async def story():
        task = asyncio.create_task(front.tidy(every=60))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if vault.count() == 2:
                break
        task.cancel()

    asyncio.run(story())
    assert vault.find("bob", ISSUED) == ISSUED
    assert vault.count() == 2


def test_purging_goes_on_after_a_failure(front, spied, ticks):
    spied.error = away()

    async def story():
        task = asyncio.create_task(front.tidy(every=0.01))
        await asyncio.sleep(0.1)
        spied.error = None
        ticks.now += LONGEST_PAUSE
        before = spied.calls["purge"]
        await asyncio.sleep(0.3)
        assert spied.calls["purge"] > before
        assert not task.done()
        task.cancel()

    asyncio.run(story())


def test_the_meter_takes_what_the_front_tells(spied, ticks):
    meter = Metrics(version="1")
    front = Front(spied, watch=meter, clock=ticks)
    asyncio.run(front.keep("ann", ISSUED, key_id="k1"))
    asyncio.run(front.close())
    assert meter.registry.get_sample_value("leakgate_vault_kept_total") == 2
    causes = {
        sample.labels["cause"]
        for family in meter.registry.collect()
        for sample in family.samples
        if sample.name == "leakgate_vault_failures_total"
    }
    assert causes == set(fronts.Cause.__value__.__args__)


# --- its parts -----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["set", "get", "drop", "wait"]))))
def test_a_memory_is_bounded_and_believes_nothing_for_longer_than_it_should(steps):
    ticks = Ticks()
    memory: Recent[int] = Recent(4, 10.0, ticks)
    set_at: dict[int, tuple[float, int]] = {}
    for number, (mark, step) in enumerate(steps):
        key = bytes([mark])
        match step:
            case "set":
                memory[key] = number
                set_at[mark] = (ticks.now, number)
            case "get":
                got = memory.get(key)
                if got is not None:
                    moment, value = set_at[mark]
                    assert (got, ticks.now - moment < 10.0) == (value, True)
            case "drop":
                memory.drop(key)
                set_at.pop(mark, None)
            case "wait":
                ticks.now += 3.0
        assert len(memory) <= 4


def test_what_was_used_last_is_remembered_longest():
    memory: Recent[int] = Recent(2, 10.0, Ticks())
    memory[b"a"], memory[b"b"] = 1, 2
    assert memory.get(b"a") == 1
    memory[b"c"] = 3
    assert (memory.get(b"a"), memory.get(b"b"), memory.get(b"c")) == (1, None, 3)


def test_pauses_grow_to_the_longest_and_end_with_the_first_success():
    ticks = Ticks()
    breaker = Breaker(ticks)
    for _ in range(FAILURES):
        assert breaker.closed()
        breaker.failed()
    pause = FIRST_PAUSE
    for _ in range(8):
        assert not breaker.closed()
        ticks.now += pause - 0.01
        assert not breaker.closed()
        ticks.now += 0.01
        assert breaker.closed()
        assert not breaker.closed()  # one tries, the others wait
        breaker.failed()
        pause = min(2 * pause, LONGEST_PAUSE)
    ticks.now += LONGEST_PAUSE
    assert breaker.closed()
    breaker.worked()
    assert breaker.closed()
    assert breaker.closed()


def test_what_is_remembered_in_memory_holds_no_content(front):
    asyncio.run(front.keep("ann-canary", {"T-canary": "v-canary"}, key_id="k1"))
    asyncio.run(front.find("ann-canary", ["T2-canary"]))
    asyncio.run(front.key_of("other-canary"))
    memories = (front._kept, front._missed, front._keys, front._keyless)
    held = repr([dict(memory._held) for memory in memories])
    assert "canary" not in held
    assert [len(memory) for memory in memories] == [1, 1, 1, 1]
