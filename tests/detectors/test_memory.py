"""The memory is bounded, keyed and blind."""

from __future__ import annotations

from gateway.detectors.memory import Memory
from gateway.model import Match

FOUND = (Match("URL", 0, 3, 0.5, "d"),)


def test_it_remembers_by_text_label_and_place():
    memory = Memory(key=b"k")
    digest = memory.digest("text", "label", (0, 4))
    memory.put(digest, FOUND)
    assert memory.get(memory.digest("text", "label", (0, 4))) == FOUND
    for other in (("texts", "label", (0, 4)), ("text", "", (0, 4)), ("text", "label", (0, 3))):
        assert memory.get(memory.digest(*other)) is None
    assert memory.digest("ab", "c", (0, 1)) != memory.digest("a", "bc", (0, 1))


def test_another_key_gives_other_digests():
    assert Memory(key=b"a").digest("x", "", (0, 1)) != Memory(key=b"b").digest("x", "", (0, 1))
    assert Memory(key=b"k" * 100).digest("x", "", (0, 1))  # keys of any length


def test_the_least_recently_used_goes_first():
    memory = Memory(key=b"k", limit=3000)
    digests = [memory.digest(str(i), "", (0, 1)) for i in range(8)]
    for digest in digests[:7]:
        memory.put(digest, FOUND)
    memory.get(digests[0])
    memory.put(digests[7], FOUND)
    assert memory.get(digests[0]) == FOUND
    assert memory.get(digests[1]) is None
    assert len(memory) <= 7


def test_lone_surrogates_have_digests():
    memory = Memory(key=b"k")
    assert memory.digest("\ud800", "", (0, 1)) != memory.digest("\ufffd", "", (0, 1))
