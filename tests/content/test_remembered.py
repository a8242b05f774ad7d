from __future__ import annotations

import pickle

import pytest

from gateway.content import Remembered
from gateway.content.reading import Fact, Text


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_was_said_of_the_same_bytes_is_found_again():
    kept = Remembered(b"key", clock=Clock())
    kept.put(b"picture", (Fact("faces", 1),))
    assert kept.get(b"picture") == (Fact("faces", 1),)
    assert kept.get(b"another") is None


def test_the_oldest_use_is_forgotten_first():
    kept = Remembered(b"key", clock=Clock(), most=2)
    kept.put(b"a", ())
    kept.put(b"b", ())
    kept.get(b"a")
    kept.put(b"c", ())
    assert (kept.get(b"a"), kept.get(b"b"), kept.get(b"c")) == ((), None, ())


def test_size_and_age_are_bounded():
    clock = Clock()
    kept = Remembered(b"key", clock=clock, size=4_000, seconds=10)
    kept.put(b"large", (Text("t", "w" * 500),))
    assert kept.get(b"large") is None
    for number in range(20):
        kept.put(bytes([number]), (Text("t", "words " * 20),))
    assert 0 < len(kept) <= 6
    clock.now = 11
    assert kept.get(bytes([19])) is None


def test_no_content_and_no_plain_digest_is_shown():
    kept = Remembered(b"key", clock=Clock())
    kept.put(b"picture", (Text("t", "secret"),))
    assert "secret" not in repr(kept)
    with pytest.raises(ValueError, match="key"):
        Remembered(b"", clock=Clock())


def test_what_is_kept_holds_no_content():
    """A reader of one file is forked from where the others are remembered."""
    kept = Remembered(b"key", clock=Clock())
    said = (Text("t", "patient 219-09-9876", label="number", boxes=((0, 7, (1, 2, 3, 4)),)),)
    kept.put(b"picture", said)
    held = pickle.dumps(vars(kept)["_kept"])
    assert b"219-09-9876" not in held
    assert b"picture" not in held
    assert kept.get(b"picture") == said
