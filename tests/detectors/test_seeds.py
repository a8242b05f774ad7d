"""Seeds of wallets: found however they are written, and prose is none."""

from __future__ import annotations

import hashlib
import random

import pytest

from gateway.detectors.seeds import LENGTHS, SeedProbe, is_seed, words


def seed(length: int, rng: random.Random) -> list[str]:
    """A valid seed, made as BIP 39 says."""
    size = length * 11 * 32 // 33 // 8
    entropy = bytes(rng.randrange(256) for _ in range(size))
    check = length // 3
    bits = int.from_bytes(entropy, "big") << check | hashlib.sha256(entropy).digest()[0] >> (
        8 - check
    )
    listed = list(words())
    return [listed[bits >> 11 * (length - 1 - at) & 2047] for at in range(length)]


def found(engine, text):
    return [text[m.start : m.end] for m in engine.scan(text).matches if m.entity == "SEED_PHRASE"]


def test_the_list_is_the_one_of_the_standard():
    joined = "\n".join(words()) + "\n"
    assert len(words()) == 2048
    digest = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    assert hashlib.sha256(joined.encode()).hexdigest() == digest


def test_the_vector_of_the_standard():
    assert is_seed(["abandon"] * 11 + ["about"])
    assert not is_seed(["abandon"] * 12)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("between", [" ", "\n", ", ", '", "', "numbered", " | "])
def test_a_seed_is_found_however_it_is_written(engine, length, between):
    rng = random.Random(f"{length}{between}")
    phrase = seed(length, rng)
    assert is_seed(phrase)
    if between == "numbered":
        text = "\n".join(f"{at}. {word}" for at, word in enumerate(phrase, 1))
    else:
        text = between.join(phrase)
    for before in ("", "seed phrase: ", "these are my words, keep the wallet safe and well: "):
        (value,) = found(engine, f"{before}{text} .")
        assert value.endswith(text.removeprefix("1. "))


def test_seeds_one_below_the_other_are_all_found(engine):
    rng = random.Random(8)
    lines = [" ".join(seed(12, rng)) for _ in range(6)]
    values = found(engine, "\n".join(lines))
    covered = " ".join(values).split()
    assert len(covered) >= 60


def test_the_list_itself_is_no_seed(engine):
    assert found(engine, " ".join(list(words())[:300])) == []


def test_a_broken_seed_needs_a_word_for_it(engine):
    rng = random.Random(5)
    phrase = seed(12, rng)
    while is_seed(phrase):
        phrase[3] = rng.choice(list(words()))
    assert found(engine, "nothing: " + " ".join(phrase)) == []
    (value,) = found(engine, "my recovery phrase: " + " ".join(phrase))
    assert value.endswith(" ".join(phrase))


def test_prose_is_no_seed(engine):
    text = (
        "People think that there must surely have been some other reason why they could never "
        "agree about what should happen next year when everything will change once again. "
    )
    assert found(engine, text * 20) == []


@pytest.mark.parametrize("place", range(0, 40, 3))
def test_enough_words_in_a_row_are_seen_wherever_they_begin(place):
    listed, other = b"abandon", b"the"
    short = [other] * place + [listed] * (LENGTHS[-1] - 1)
    assert not SeedProbe()._enough([*short, other, *short])
    assert SeedProbe()._enough([*short, listed])
    assert SeedProbe()._enough([*short, listed, other, *short])
    assert SeedProbe()._enough([*short, other, *short, listed, listed])
