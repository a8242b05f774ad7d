from __future__ import annotations

import logging
import random
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from vault.conftest import NOON, TTL, a_key, a_ring

from gateway.vault import store as stores
from gateway.vault.keys import SETTLING
from gateway.vault.store import BATCH, MAX_TOKENS, MAX_VALUE_BYTES, Kept, UnknownKey, Vault

ISSUED = {"PERSON_kqzf": "Ann Example", "EMAIL_bbcd": "ann@example.com"}


def statements(vault: Vault) -> list[str]:
    """What is sent to the database from now on, transactions aside."""
    seen: list[str] = []

    def see(*arguments: object) -> None:
        word = str(arguments[2]).split(maxsplit=1)[0]
        if word != "BEGIN":  # SQLite's are statements, PostgreSQL's are not
            seen.append(word)

    event.listen(vault.engine, "before_cursor_execute", see)
    return seen


def binary(vault: Vault, data: bytes) -> str:
    """`data` as SQL writes it."""
    sqlite = vault.engine.dialect.name == "sqlite"
    return f"x'{data.hex()}'" if sqlite else f"'\\x{data.hex()}'"


def change(vault: Vault, statement: str) -> None:
    with vault.engine.begin() as connection:
        connection.exec_driver_sql(statement)


# --- keeping and finding -------------------------------------------------------------------------


def test_what_is_kept_is_found_by_the_same_actor_alone(vault):
    assert vault.keep("ann", ISSUED, key_id="k1") == Kept(written=2)
    assert vault.find("ann", [*ISSUED, "PERSON_zzzz"]) == ISSUED
    assert vault.find("bob", ISSUED) == {}
    assert vault.find("", ISSUED) == {}
    assert vault.find("Ann", ISSUED) == {}
    assert vault.find("ann", []) == {}
    assert vault.count() == 2


def test_a_gateway_started_again_and_another_one_find_it(vault, vaults):
    vault.keep("ann", ISSUED, key_id="k1")
    assert vaults().find("ann", ISSUED) == ISSUED


def test_keeping_again_writes_nothing_until_a_quarter_of_the_time_is_gone(vault, clock):
    vault.keep("ann", ISSUED, key_id="k1")
    seen = statements(vault)
    clock.move(days=7)
    assert vault.keep("ann", ISSUED, key_id="k1") == Kept(written=0)
    assert seen == ["SELECT"]
    clock.move(days=1)
    assert vault.keep("ann", ISSUED, key_id="k1") == Kept(written=2)
    clock.move(days=29)
    assert vault.find("ann", ISSUED) == ISSUED
    clock.move(days=1)
    assert vault.find("ann", ISSUED) == {}


def test_a_token_that_stands_for_another_value_is_told_and_left(vault):
    vault.keep("ann", ISSUED, key_id="k1")
    other = {"PERSON_kqzf": "Somebody Else", "EMAIL_bbcd": "ann@example.com", "X_new": "new"}
    assert vault.keep("ann", other, key_id="k1") == Kept(frozenset({"PERSON_kqzf"}), written=1)
    assert vault.find("ann", ["PERSON_kqzf", "X_new"]) == {
        "PERSON_kqzf": "Ann Example",
        "X_new": "new",
    }
    assert vault.keep("bob", other, key_id="k1").taken == frozenset()
    assert vault.find("ann", ["PERSON_kqzf"]) == {"PERSON_kqzf": "Ann Example"}


def test_a_token_is_free_for_another_value_once_it_has_expired(vault, clock):
    vault.keep("ann", ISSUED, key_id="k1")
    clock.now = NOON + TTL
    assert vault.keep("ann", {"PERSON_kqzf": "Else"}, key_id="k1") == Kept(written=1)
    assert vault.find("ann", ISSUED) == {"PERSON_kqzf": "Else"}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(st.characters(codec=None), max_size=20),
        st.text(st.characters(codec=None), max_size=300),
        max_size=8,
    ),
    st.text(st.characters(codec=None), min_size=1, max_size=20),
)
def test_any_text_comes_back_and_to_nobody_else(vault, issued, actor):
    vault.forget(actor)
    assert vault.keep(actor, issued, key_id="k1") == Kept(written=len(issued))
    assert vault.find(actor, issued) == issued
    assert vault.find(actor + "x", issued) == {}


def test_nobody_keeps_nothing(vault):
    with pytest.raises(ValueError, match="for somebody"):
        vault.keep("", ISSUED, key_id="k1")


def test_values_and_numbers_have_limits_and_the_rest_is_kept(vault, monkeypatch):
    longest = "é" * (MAX_VALUE_BYTES // 2)
    issued = {"A": longest, "B": longest + "x", "C": "x" * (MAX_VALUE_BYTES + 1), "D": "d"}
    assert vault.keep("ann", issued, key_id="k1") == Kept(refused=frozenset("BC"), written=2)
    assert vault.find("ann", issued) == {"A": longest, "D": "d"}
    monkeypatch.setattr(stores, "MAX_TOKENS", 3)
    kept = vault.keep("bob", {f"T{n}": "v" for n in range(5)}, key_id="k1")
    assert (kept.written, kept.refused) == (3, frozenset({"T3", "T4"}))
    monkeypatch.setattr(stores, "MAX_TOKENS", 2)
    assert len(vault.find("bob", [f"T{n}" for n in range(5)])) == 2
    assert MAX_TOKENS == 10_000


@pytest.mark.parametrize(("count", "queries"), [(1, 1), (BATCH, 1), (BATCH + 1, 2), (2 * BATCH, 2)])
def test_finding_takes_one_query_per_batch(vault, count, queries):
    issued = {f"T{n}": f"v{n}" for n in range(count)}
    vault.keep("ann", issued, key_id="k1")
    seen = statements(vault)
    assert vault.find("ann", issued) == issued
    assert seen == ["SELECT"] * queries


# --- rows that were tampered with ----------------------------------------------------------------


@pytest.mark.parametrize("key", ["k2", "k9"])
def test_a_row_under_another_key_does_not_open(vaults, key):
    vault = vaults(a_ring(a_key("k2"), a_key("k1")))
    vault.keep("ann", {"T": "ann's"}, key_id="k1")
    change(vault, f"UPDATE vault_tokens SET key = '{key}'")
    assert vault.find("ann", ["T"]) == {}


def test_what_another_actor_sealed_does_not_open_in_ones_own_row(vault):
    vault.keep("ann", {"T": "ann's"}, key_id="k1")
    vault.keep("bob", {"T": "bob's"}, key_id="k1")
    owner = vault._seals.actor("ann")
    change(
        vault,
        "UPDATE vault_tokens SET sealed = (SELECT v.sealed FROM vault_tokens v"
        f" WHERE v.actor <> {binary(vault, owner)}) WHERE actor = {binary(vault, owner)}",
    )
    assert vault.find("ann", ["T"]) == {}
    assert vault.find("bob", ["T"]) == {"T": "bob's"}


def test_a_row_moved_to_another_actor_and_token_does_not_open(vault):
    vault.keep("ann", {"T": "ann's"}, key_id="k1")
    owner = vault._seals.actor("bob")
    token = vault._seals.token(owner, "T")
    place = f"actor = {binary(vault, owner)}, token = {binary(vault, token)}"
    change(vault, f"UPDATE vault_tokens SET {place}")
    assert vault.count() == 1
    assert vault.find("bob", ["T"]) == {}
    assert vault.find("ann", ["T"]) == {}


def test_a_damaged_row_is_mended_by_its_own_actor(vaults):
    vault = vaults(a_ring(a_key("k2"), a_key("k1")))
    vault.keep("ann", {"T": "ann's"}, key_id="k1")
    change(vault, "UPDATE vault_tokens SET key = 'k2'")
    assert vault.keep("ann", {"T": "ann's"}, key_id="k1") == Kept(written=1)
    assert vault.find("ann", ["T"]) == {"T": "ann's"}


# --- keys ----------------------------------------------------------------------------------------


def test_a_rotation_changes_nothing_for_what_is_kept(vaults, clock):
    old, new = a_key("k1"), a_key("k2", NOON)
    before = vaults(a_ring(old))
    before.keep("ann", {"T1": "one"}, key_id="k1")
    clock.move(days=1)
    after = vaults(a_ring(new, old))
    assert after.find("ann", ["T1"]) == {"T1": "one"}
    assert after.key_of("ann") == "k1"
    after.keep("ann", {"T2": "two"}, key_id="k2")
    assert after.find("ann", ["T1", "T2"]) == {"T1": "one", "T2": "two"}
    assert after.key_of("ann") == "k2"
    assert after.per_key() == {"k1": 1, "k2": 1}
    # A gateway that has not read the new key yet neither opens its rows nor writes over them.
    assert before.find("ann", ["T1", "T2"]) == {"T1": "one"}
    assert before.keep("ann", {"T2": "other"}, key_id="k1").taken == {"T2"}
    assert after.find("ann", ["T2"]) == {"T2": "two"}


def test_what_a_dropped_key_has_sealed_is_absent(vaults):
    both = vaults(a_ring(a_key("k2"), a_key("k1")))
    both.keep("ann", {"T1": "one"}, key_id="k1")
    both.keep("ann", {"T2": "two"}, key_id="k2")
    both.adopt(a_ring(a_key("k2")))
    assert both.find("ann", ["T1", "T2"]) == {"T2": "two"}
    with pytest.raises(UnknownKey):
        both.keep("ann", {"T3": "three"}, key_id="k1")
    assert both.count() == 2


def test_a_row_goes_over_to_the_key_it_is_kept_with(vaults, clock):
    vault = vaults(a_ring(a_key("k2"), a_key("k1")))
    vault.keep("ann", {"T": "one"}, key_id="k1")
    clock.move(days=10)
    assert vault.keep("ann", {"T": "one"}, key_id="k2") == Kept(written=1)
    assert vault.per_key() == {"k2": 1}
    clock.move(days=25)
    assert vault.find("ann", ["T"]) == {"T": "one"}


def test_keys_with_another_lookup_are_not_adopted(vault):
    ring = a_ring()
    other = type(ring)(ring.keys, random.Random("other").randbytes(32), NOON)
    with pytest.raises(ValueError, match="lookup"):
        vault.adopt(other)


def test_the_key_of_an_actor_is_that_of_living_rows_alone(vault, clock):
    assert vault.key_of("ann") is None
    vault.keep("ann", ISSUED, key_id="k1")
    assert vault.key_of("ann") == "k1"
    assert vault.key_of("bob") is None
    clock.now = NOON + TTL
    assert vault.key_of("ann") is None


# --- time ----------------------------------------------------------------------------------------


def test_purging_takes_what_has_expired_oldest_first_in_batches(vault, clock):
    for day in range(3):
        vault.keep("ann", {f"T{day}": "v"}, key_id="k1")
        clock.move(days=1)
    clock.now = NOON + TTL - timedelta(seconds=1)
    assert vault.purge() == 0
    clock.now = NOON + TTL + timedelta(days=1)
    assert vault.purge(batch=1) == 1
    clock.now = NOON
    assert vault.find("ann", ["T0", "T1", "T2"]).keys() == {"T1", "T2"}
    assert vault.purge(NOON + TTL + timedelta(days=1)) == 1
    assert vault.purge(NOON + TTL + timedelta(days=1)) == 0
    assert vault.find("ann", ["T2"]) == {"T2": "v"}


def test_purging_waits_for_nobody(vaults, clock, postgres, request):
    vault, other = vaults(), vaults()
    if vault.engine.dialect.name == "sqlite":
        pytest.skip("SQLite locks the file, for as long as a batch takes")
    vault.keep("ann", {"T1": "v", "T2": "v"}, key_id="k1")
    clock.now = NOON + TTL
    with other.engine.begin() as holder:
        holder.exec_driver_sql("SELECT 1 FROM vault_tokens LIMIT 1 FOR UPDATE")
        assert vault.purge() == 1
    assert vault.purge() == 1


def test_forgetting_takes_everything_of_one_actor(vault):
    vault.keep("ann", {f"T{n}": "v" for n in range(25)}, key_id="k1")
    vault.keep("bob", ISSUED, key_id="k1")
    assert vault.forget("ann", batch=10) == 25
    assert vault.forget("ann") == 0
    assert vault.find("bob", ISSUED) == ISSUED
    assert vault.count() == 2


# --- several gateways ----------------------------------------------------------------------------


def together(*acts):
    ready = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(number: int) -> None:
        ready.wait()
        try:
            results[number] = acts[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_gateways_that_keep_the_same_at_once_agree(vaults):
    issued = {f"T{n}": f"v{n}" for n in range(300)}
    gateways = [vaults() for _ in range(4)]
    results = together(
        *(lambda g=g: g.keep("ann", dict(random.Random(id(g)).sample(list(issued.items()), 300)),
                             key_id="k1") for g in gateways)
    )  # fmt: skip
    assert {result.taken for result in results} == {frozenset()}
    assert gateways[0].find("ann", issued) == issued
    assert gateways[0].count() == 300


def test_of_gateways_that_give_one_token_two_meanings_at_once_one_wins(vaults):
    gateways = [vaults() for _ in range(4)]
    for turn in range(10):
        tokens = [f"T{turn}-{n}" for n in range(20)]
        results = together(
            *(
                partial(g.keep, "ann", dict.fromkeys(tokens, f"v{n}"), key_id="k1")
                for n, g in enumerate(gateways)
            )
        )
        found = gateways[0].find("ann", tokens)
        for token in tokens:
            (winner,) = (n for n, result in enumerate(results) if token not in result.taken)
            assert found[token] == f"v{winner}"


def test_keeping_purging_and_forgetting_at_once_harm_nobody(vaults, clock):
    first, second = vaults(), vaults()
    old = {f"O{n}": "old" for n in range(200)}
    first.keep("ann", old, key_id="k1")
    first.keep("eve", old, key_id="k1")
    clock.now = NOON + TTL
    new = {f"N{n}": "new" for n in range(200)} | {f"O{n}": "again" for n in range(0, 200, 2)}
    results = together(
        lambda: first.keep("bob", new, key_id="k1"),
        lambda: second.keep("ann", new, key_id="k1"),
        lambda: sum(second.purge(batch=20) for _ in range(30)),
        lambda: first.forget("eve", batch=30),
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    assert first.find("ann", [*new, *old]) == new
    assert first.find("bob", [*new, *old]) == new
    assert first.find("eve", old) == {}
    while first.purge():
        pass
    assert first.count() == 2 * len(new)


def test_no_commit_waits_for_the_disk_and_nobody_waits_for_long(vault):
    def asked(statement: str) -> object:
        with vault.engine.connect() as connection:
            return connection.exec_driver_sql(statement).scalar_one()

    if vault.engine.dialect.name == "sqlite":
        assert asked("PRAGMA synchronous") == 1  # NORMAL: in WAL mode nothing is torn
        assert asked("PRAGMA journal_mode") == "wal"
        assert asked("PRAGMA busy_timeout") == 1000
    else:
        assert asked("SHOW synchronous_commit") == "off"
        assert asked("SHOW lock_timeout") == "1s"
        assert asked("SHOW statement_timeout") == "5s"


# --- nothing shows -------------------------------------------------------------------------------


def test_no_value_token_or_actor_reaches_database_logs_repr_or_errors(
    vault, request, tmp_path, caplog
):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    try:
        canaries = [f"canary{n}" + "5e1f" * 4 for n in range(3)]
        actor, token, value = canaries
        kept = vault.keep(actor, {token: value, token + "2": value * 3}, key_id="k1")
        taken = vault.keep(actor, {token: value + "x", "big": value * 9000}, key_id="k1")
        vault.find(actor, [token])
        vault.key_of(actor)
        shown = [repr(kept), repr(taken), repr(vault), repr(vault._seals), repr(vault.keyring)]
        assert (taken.taken, taken.refused) == ({token}, {"big"})
        if vault.engine.dialect.name == "sqlite":
            folder = Path(vault.engine.url.database).parent
            raw = b"".join(file.read_bytes() for file in folder.iterdir())
            assert b"vault_tokens" in raw
        else:
            with vault.engine.connect() as connection:
                raw = repr(
                    connection.exec_driver_sql(
                        "SELECT vault_tokens::text, * FROM vault_tokens"
                    ).all()
                ).encode()
            server = request.getfixturevalue("postgres")
            with vault.engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                connection.exec_driver_sql("CHECKPOINT")
            raw += b"".join(
                file.read_bytes() for file in (server.data / "base").rglob("*") if file.is_file()
            )
            raw += b"".join(
                file.read_bytes() for file in (server.data / "pg_wal").iterdir() if file.is_file()
            )
        change(vault, "ALTER TABLE vault_tokens RENAME TO gone")
        for act in (
            lambda: vault.keep(actor, {token: value}, key_id="k1"),
            lambda: vault.find(actor, [token]),
            lambda: vault.key_of(actor),
            lambda: vault.forget(actor),
        ):
            with pytest.raises(DBAPIError) as caught:
                act()
            shown += [str(caught.value), repr(caught.value), repr(caught.value.params)]
        change(vault, "ALTER TABLE gone RENAME TO vault_tokens")  # for those who come after
        with pytest.raises(UnknownKey) as caught:
            vault.keep(actor, {token: value}, key_id="k7")
        shown += [
            str(caught.value),
            *(str(record.msg) + str(record.args) for record in caplog.records),
        ]
        for canary in canaries:
            assert canary.encode() not in raw
            assert canary not in "\n".join(shown)
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)


def test_settling_is_longer_than_what_is_remembered_of_keys():
    from gateway.vault import front

    assert SETTLING.total_seconds() > front.KEY_SECONDS
