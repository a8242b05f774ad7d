"""What is remembered of pictures with faces: of whom, of which service, for how long, how much."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gate import decision

from gateway.model import Exchange, Forward, Refuse, Rewrite, Scan
from gateway.proxy.recent import SECONDS, Recent
from gateway.services import Catalogue

CATALOGUE = Catalogue.load()
FORWARD = Forward()
REFUSED = Refuse("policy", 400, (), b"")


def sent(at=0.0, *, actor="", ip="192.0.2.1", host="api.openai.com") -> Exchange:
    return Exchange("x", at, actor, ip, "POST", "https", host, 443, "/v1/files", (), b"")


def decided(exchange, marks, enforcement=FORWARD):
    made = decision(exchange, CATALOGUE, enforcement)
    return dataclasses.replace(made, scan=Scan(portraits=tuple(marks)), actor=exchange.actor)


def marks(recent, exchange):
    return [(each.service, each.mark) for each in recent.before(exchange)]


def test_what_one_sender_sent_is_theirs_alone():
    recent = Recent()
    recent.note(decided(sent(), ["a", "b"]))
    recent.note(decided(sent(ip="192.0.2.2"), ["c"]))
    assert marks(recent, sent(1.0)) == [("openai-api", "a"), ("openai-api", "b")]
    assert marks(recent, sent(1.0, ip="192.0.2.2")) == [("openai-api", "c")]
    assert marks(recent, sent(1.0, ip="192.0.2.3")) == []


def test_a_known_actor_is_the_sender_wherever_they_sit():
    recent = Recent()
    recent.note(decided(sent(actor="anna", ip="192.0.2.1"), ["a"]))
    assert marks(recent, sent(actor="anna", ip="192.0.2.2")) == [("openai-api", "a")]
    assert marks(recent, sent(ip="192.0.2.1")) == []


def test_the_same_picture_counts_once_and_as_long_as_it_is_sent():
    recent = Recent()
    recent.note(decided(sent(0.0), ["a"]))
    recent.note(decided(sent(SECONDS - 1), ["a"]))
    (only,) = recent.before(sent(SECONDS + 10))
    assert only.at == SECONDS - 1


def test_what_is_refused_was_not_sent_and_what_is_rewritten_was():
    recent = Recent()
    recent.note(decided(sent(), ["a"], REFUSED))
    assert marks(recent, sent()) == []
    recent.note(decided(sent(), ["b"], Rewrite("/", (), b"", ())))
    assert marks(recent, sent()) == [("openai-api", "b")]


def test_what_is_a_day_old_is_forgotten():
    recent = Recent()
    recent.note(decided(sent(0.0), ["a"]))
    assert marks(recent, sent(SECONDS - 1)) != []
    assert marks(recent, sent(SECONDS + 1)) == []
    recent.note(decided(sent(SECONDS + 1, ip="192.0.2.9"), ["b"]))
    assert len(recent) == 1


def test_the_newest_of_one_sender_are_kept():
    recent = Recent(of_one=3)
    for number in range(10):
        recent.note(decided(sent(float(number)), [str(number)]))
    assert [mark for _, mark in marks(recent, sent(10.0))] == ["7", "8", "9"]
    assert len(recent) == 3


@given(
    st.lists(st.tuples(st.integers(0, 20), st.lists(st.sampled_from("abcdefgh"), max_size=6))),
    st.integers(1, 5),
    st.integers(1, 12),
)
def test_memory_is_bounded_whatever_is_sent(requests, of_one, in_all):
    recent = Recent(of_one=of_one, in_all=in_all)
    for at, (sender, some) in enumerate(requests):
        recent.note(decided(sent(float(at), ip=f"192.0.2.{sender}"), some))
        kept = [len(recent.before(sent(float(at), ip=f"192.0.2.{number}"))) for number in range(21)]
        assert sum(kept) == len(recent) <= in_all
        assert max(kept) <= of_one


@pytest.mark.parametrize("many", [1, 300])
def test_nothing_of_a_picture_is_in_its_repr(many):
    recent = Recent()
    recent.note(decided(sent(), [f"mark-{number}" for number in range(many)]))
    assert "mark" not in repr(recent.before(sent())).replace("mark=", "")
