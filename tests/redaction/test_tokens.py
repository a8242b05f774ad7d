"""Are tokens told by a key alone, the same for the same value, and never the same for two?"""

import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.redaction import tokens
from gateway.redaction.operators import label
from gateway.redaction.tokens import LETTERS, Keys, Minter

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = Keys({"new": NEW, "old": OLD})
SCOPES = {"actor": "anna", "conversation": "c1", "organisation": ""}
values = st.text(min_size=1, max_size=40)
entities = st.sampled_from(["PERSON", "EMAIL_ADDRESS", "US_SSN", "A1_B2"])
shapes = st.sampled_from(["opaque", "similar"])
scopes = st.sampled_from(["actor", "conversation", "organisation"])


def free(_token):
    return True


def mint(value, entity="PERSON", *, shape="opaque", scope="actor", free=free, **given):
    minter = Minter(**{"keys": KEYS, "scopes": SCOPES, **given})
    return minter.mint(value, entity, shape=shape, scope=scope, free=free)


def found(text, keys=KEYS):
    return [(hit.start, hit.end, hit.token) for hit in keys.ours_in(text)]


@settings(deadline=None)
@given(values, entities, shapes, scopes)
def test_a_token_is_always_the_same_and_found_again(value, entity, shape, scope):
    token = mint(value, entity, shape=shape, scope=scope)
    assert token == mint(value, entity, shape=shape, scope=scope)
    assert found(f"x {token} y") == [(2, 2 + len(token), token)]


@settings(deadline=None)
@given(values, entities)
def test_an_opaque_token_says_its_kind_and_survives_everywhere(value, entity):
    token = mint(value, entity)
    name, _, body = token.rpartition("_")
    assert name == label(entity)
    assert re.fullmatch(f"[{LETTERS}]{{18}}", body)
    assert re.fullmatch(r"[A-Za-z0-9_]+", token)


@settings(deadline=None)
@given(values, values, scopes)
def test_two_values_never_share_a_token(one, two, scope):
    if one != two:
        assert mint(one, scope=scope) != mint(two, scope=scope)


def test_scopes_actors_conversations_and_keys_tell_tokens_apart():
    made = {
        mint("Jane", scope=scope, scopes={**SCOPES, scope: who}, key_id=key)
        for scope in SCOPES
        for who in ("a", "b")
        for key in ("new", "old")
    }
    assert len(made) == 12
    assert mint("Jane") == mint("Jane", scopes={**SCOPES, "conversation": "c2"})
    assert mint("Jane", scope="conversation") == mint(
        "Jane", scopes={**SCOPES, "actor": "bob"}, scope="conversation"
    )


def test_the_parts_of_what_is_signed_cannot_be_shifted():
    one = mint("cd", scopes={**SCOPES, "actor": "ab"})
    two = mint("bcd", scopes={**SCOPES, "actor": "a"})
    assert one.rpartition("_")[2] != two.rpartition("_")[2]


@pytest.mark.parametrize("shape", ["opaque", "similar"])
def test_a_token_that_is_taken_or_not_free_makes_room_for_the_next(shape):
    value = "jane@acme.com"
    first = mint(value, "EMAIL_ADDRESS", shape=shape)
    second = mint(value, "EMAIL_ADDRESS", shape=shape, taken=frozenset([first]))
    third = mint(
        value, "EMAIL_ADDRESS", shape=shape, free=lambda token: token not in {first, second}
    )
    assert len({first, second, third}) == 3
    for token in (first, second, third):
        assert found(token) == [(0, len(token), token)]


def test_a_range_that_is_full_gives_way_to_opaque_tokens():
    token = mint(
        "4111111111111111",
        "CREDIT_CARD",
        shape="similar",
        free=lambda some: not some.startswith("9999"),
    )
    assert token.startswith("CREDIT_CARD_")


def test_old_keys_prove_their_tokens_and_others_do_not():
    token = mint("Jane", key_id="old")
    assert found(token, Keys({"old": OLD})) == found(token)
    assert mint("Jane").startswith("PERSON_")
    assert mint("Jane") == mint("Jane", key_id="new")
    assert Keys({}).newest == ""
    assert found(token, Keys({})) == []


def test_look_alikes_and_tokens_of_other_keys_are_not_ours():
    chance = random.Random(5)
    others = Keys({"x": b"x" * 32})
    alike = 0
    for number in range(20_000):
        body = "".join(chance.choices(LETTERS, k=18))
        alike += bool(found(f"PERSON_{body}"))
        if number % 20 == 0:
            alike += bool(found(mint(f"v{number}", keys=others)))
    # Two keys, six ways to take letters off the label, one chance in 8,000 each: about thirty.
    assert alike < 70


def test_a_label_is_cut_at_its_words_and_within_the_first_alone():
    token = mint("Jane", "RESS")
    assert not found(f"EMAIL_ADD{token}")
    assert found(f"ADD{token}")
    assert found(f"EMAIL_{token}")


def test_stand_ins_with_proof_of_other_keys_are_not_ours():
    others = Keys({"x": b"x" * 32})
    for value, entity in (
        ("jane@acme.com", "EMAIL_ADDRESS"),
        ("/home/jane/x.txt", "FILE_PATH"),
        ("123e4567-e89b-12d3-a456-426614174000", "ID"),
        ("fe80::1", "IP_ADDRESS"),
    ):
        token = mint(value, entity, shape="similar", keys=others)
        assert found(token) == []
        assert found(token, others)


@settings(deadline=None)
@given(
    st.sampled_from(["PERSON", "EMAIL_ADDRESS"]),
    st.sampled_from(["", "X", "MY_", "A1_", "x", "é", "_"]),
    st.text("abcXY_1 .", max_size=5),
)
def test_what_sticks_to_a_token_does_not_hide_it(entity, before, after):
    token = mint("Jane", entity)
    hits = KEYS.opaque_in(f"{before}{token}{after}")
    assert [(hit.start, hit.end, hit.token) for hit in hits] == [
        (len(before), len(before) + len(token), token)
    ]


@pytest.mark.parametrize("slashes", range(5))
def test_escaped_underscores_are_underscores(slashes):
    token = mint("Jane", "EMAIL_ADDRESS")
    spelled = token.replace("_", "\\" * slashes + "_")
    (hit,) = KEYS.opaque_in(f"**{spelled}**")
    assert (hit.start, hit.end, hit.token) == (2, 2 + len(spelled), token)


def test_half_a_token_and_one_in_small_letters_are_none():
    token = mint("Jane")
    for text in (
        token[:-1],
        token.lower(),
        token.replace("_", "-"),
        token.replace("_", ""),
        token[8:],
    ):
        assert found(text) == []


@settings(deadline=None)
@given(st.text(LETTERS + "PERSON_9@.example/:-", max_size=80))
def test_any_text_is_searched_without_a_fault(text):
    hits = KEYS.ours_in(text)
    assert all(one.end <= two.start for one, two in itertools.pairwise(hits))
    assert all(hit.end - hit.start >= tokens.BODY or text[hit.start : hit.end] for hit in hits)


def test_no_content_or_key_shows():
    minter = Minter(KEYS, SCOPES)
    token = mint("Jane")
    assert "anna" not in repr(minter)
    assert "nnnn" not in repr(minter)
    assert token not in repr(KEYS.opaque_in(token))
