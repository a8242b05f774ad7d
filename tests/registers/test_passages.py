"""Is a part of a document recognised, however it is written?"""

import random

from hypothesis import given
from hypothesis import strategies as st

from gateway.registers import passages
from gateway.registers.chunks import chunks
from gateway.registers.passages import LENGTH, WINDOW, Documents
from gateway.registers.prints import Prints
from gateway.registers.words import Words

PRINTS = Prints(bytes(range(32)))
SYLLABLES = "ba be bi bo da de di do ka ke ki ko la le li lo ma me mi mo".split()


def document(seed, count=900):
    rng = random.Random(seed)
    vocabulary = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(300)]
    return [rng.choice(vocabulary) for _ in range(count)]


OURS = [document(seed) for seed in range(4)]
KNOWN = Documents.of(passages.build(([" ".join(each)] for each in OURS), PRINTS))


def found(text, known=KNOWN):
    words = Words.of(text)
    hits = [hit for chunk in chunks(words, PRINTS) for hit in known.hits(chunk)]
    return known.passages(hits, words)


def is_long_enough(text):
    words = Words.of(text)
    return (
        len(words.starts) >= WINDOW and len(words.letters) - int(words.starts[WINDOW - 1]) >= LENGTH
    )


@given(
    st.integers(0, 3),
    st.integers(0, 860),
    st.integers(8, 40),
    st.sampled_from([" ", "\n", "\n> ", " **", " - ", "\u00a0"]),
    st.booleans(),
)
def test_every_passage_that_is_long_enough_is_recognised(number, at, count, between, large):
    piece = OURS[number][at : at + count]
    text = between.join(piece)
    text = text.upper() if large else text
    plain = " ".join(piece)
    if is_long_enough(plain):
        passage = found(f"See here: {text} (end)")
        assert passage
        assert all(each.share < 0.25 for each in passage)


def test_a_word_that_was_cut_at_the_end_of_a_line_does_not_matter():
    piece = OURS[0][100:130]
    assert found(" ".join(word if len(word) < 6 else f"{word[:3]}-\n{word[3:]}" for word in piece))


def test_what_is_shorter_than_a_print_is_not():
    words = OURS[0]
    for at in range(0, 800, 50):
        text = ""
        for word in words[at:]:
            if len(text.replace(" ", "")) + len(word) >= LENGTH:
                break
            text += f" {word}"
        assert not found(text)


def test_other_texts_are_not():
    assert not found(" ".join(document(99)))


def test_a_whole_document_is_told_by_its_share_and_covered():
    text = " ".join(OURS[2])
    (passage,) = found(text)
    assert passage.share == 1
    assert passage.start < 120
    assert passage.end > len(text) - 120
    half = " ".join(OURS[2][:450])
    assert 0.4 < found(half)[0].share < 0.6


def test_edits_leave_what_stands_between_them():
    rng = random.Random(5)
    words = list(OURS[1])
    for _ in range(40):
        words[rng.randrange(len(words))] = "changed"
    told = found(" ".join(words))
    assert told
    assert 0.1 < told[0].share < 1


def test_what_stands_in_many_documents_or_in_a_template_is_nobodys_own():
    clause, letterhead = document(50, 60), document(51, 60)
    many = [[" ".join([*clause, *document(60 + n, 60)])] for n in range(12)]
    ours = [[" ".join([*letterhead, *document(80, 60)])]]
    stored = passages.build([*many, *ours], PRINTS, ignored=[" ".join(letterhead)])
    known = Documents.of(stored)
    assert stored.about["left"] > 0
    assert stored.about["nothing"] == 0
    assert not found(" ".join(clause), known)
    assert not found(" ".join(letterhead), known)
    assert found(" ".join(document(60, 60)), known)
    assert found(" ".join(document(80, 60)), known)


def test_of_versions_the_nearest_is_told():
    old = document(70, 200)
    new = [*old[:100], *document(71, 100)]
    known = Documents.of(passages.build([[" ".join(old)], [" ".join(new)]], PRINTS))
    told = found(" ".join(new), known)
    assert [each.share for each in told] == [1.0]


@given(st.text(max_size=2000))
def test_any_text_can_be_registered_and_looked_at(text):
    stored = passages.build([[text]], PRINTS)
    if stored.about["prints"]:
        assert found(text, Documents.of(stored))[0].share == 1
