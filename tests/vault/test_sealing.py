from __future__ import annotations

import random
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.vault.keys import Key, Keyring
from gateway.vault.sealing import Seals

THEN = datetime(2026, 1, 1, tzinfo=UTC)


def a_key(identity: str) -> Key:
    return Key(identity, THEN, random.Random(identity).randbytes(32))


RING = Keyring((a_key("k2"), a_key("k1")), random.Random("lookup").randbytes(32), THEN)
SEALS = Seals(RING)

values = st.text(st.characters(codec=None), max_size=200)
names = st.text(max_size=40)


def places(actor: str, token: str) -> dict[str, bytes]:
    owner = SEALS.actor(actor)
    return {"actor": owner, "token": SEALS.token(owner, token)}


@given(values, names, names)
def test_what_is_closed_opens_again(value, actor, token):
    place = places(actor, token)
    sealed = SEALS.seal(value, **place, key="k1")
    assert SEALS.open(sealed, **place, key="k1") == value


@given(values, st.lists(names, min_size=2, max_size=2, unique=True), names)
def test_it_opens_for_no_other_actor_token_or_key(value, pair, same):
    sealed = SEALS.seal(value, **places(pair[0], same), key="k1")
    assert SEALS.open(sealed, **places(pair[1], same), key="k1") is None
    assert SEALS.open(sealed, **places(pair[0], same), key="k2") is None
    assert SEALS.open(sealed, **places(pair[0], same), key="dropped") is None
    sealed = SEALS.seal(value, **places(same, pair[0]), key="k1")
    assert SEALS.open(sealed, **places(same, pair[1]), key="k1") is None


@given(values, st.integers(0), st.integers(0, 7))
def test_it_does_not_open_with_any_bit_changed(value, place, bit):
    where = places("ann", "PERSON_x")
    sealed = bytearray(SEALS.seal(value, **where, key="k1"))
    sealed[place % len(sealed)] ^= 1 << bit
    assert SEALS.open(bytes(sealed), **where, key="k1") is None


@given(st.binary(max_size=100))
def test_other_bytes_open_to_nothing(data):
    assert SEALS.open(data, **places("ann", "PERSON_x"), key="k1") is None


def test_what_is_sealed_shows_neither_value_nor_its_exact_length():
    place = places("ann", "PERSON_x")
    lengths = {len(SEALS.seal("x" * n, **place, key="k1")) for n in range(31)}
    assert lengths == {32 + 16}
    assert b"canary" not in SEALS.seal("canary" * 9, **place, key="k1")


def test_equal_values_look_different_in_different_rows_and_equal_in_one():
    rows = [("ann", "PERSON_x"), ("bob", "PERSON_x"), ("ann", "PERSON_y")]
    sealed = [SEALS.seal("same", **places(*row), key="k1") for row in rows]
    assert len({s[:16] for s in sealed} | {s[16:] for s in sealed}) == 6
    assert sealed[0] == SEALS.seal("same", **places(*rows[0]), key="k1")
    assert places("ann", "PERSON_x")["token"] != places("bob", "PERSON_x")["token"]


def test_digests_outlive_a_rotation():
    later = Seals(Keyring((a_key("k3"), *RING.keys), RING.lookup, THEN))
    assert later.actor("ann") == SEALS.actor("ann")
    assert later.token(later.actor("ann"), "t") == SEALS.token(SEALS.actor("ann"), "t")
    other = Seals(Keyring(RING.keys, random.Random("other").randbytes(32), THEN))
    assert other.actor("ann") != SEALS.actor("ann")


@given(names, names, values)
def test_a_mark_tells_what_it_was_made_of_apart(actor, token, value):
    marks = [
        SEALS.mark(actor),
        SEALS.mark(actor, token),
        SEALS.mark(actor, token, value + "x"),
        SEALS.mark(actor + "x", token, value + "x"),
        SEALS.mark(actor, token + "x", value + "x"),
        SEALS.actor(actor),
    ]
    assert len(set(marks)) == len(marks)


def test_no_key_is_shown():
    assert repr(SEALS) == "Seals(k2, k1)"
