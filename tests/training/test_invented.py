"""What the name model learns from: invented and varied text must say the truth about its names."""

from __future__ import annotations

import random

import pytest

from training.names import augment, corpora, generate, score
from training.names.corpora import Document
from training.names.generate import Names

NAMES = Names(
    cultures=(
        (("Anna", "Björn", "Zoë"), ("Müller", "O'Neill", "García Lorca")),
        (("Wei", "Fatima"), ("Zhang", "Al Amri")),
    ),
    forenames_us=("Mary", "James"),
    surnames_us=("Smith", "Jones"),
    surnames_any=("Kowalski",),
    cities=(("Utrecht", "Utrecht", "Netherlands"), ("São Tomé", "", "Sao Tome")),
)


@pytest.fixture(scope="module")
def invented() -> list[Document]:
    rng = random.Random(5)
    return [generate.document(rng, NAMES) for _ in range(3_000)]


def check(document: Document) -> None:
    reached = 0
    for start, end, kind in document.spans:
        assert reached <= start < end <= len(document.text)
        assert kind in corpora.KINDS
        assert document.text[start:end] == document.text[start:end].strip()
        reached = end


def test_names_stand_where_it_says(invented):
    for document in invented:
        check(document)
    assert sum(len(d.spans) for d in invented) > 5_000


def test_the_same_chance_gives_the_same_text(invented):
    rng = random.Random(5)
    assert [generate.document(rng, NAMES) for _ in range(50)] == invented[:50]


def test_variants_keep_their_names(invented):
    rng = random.Random(6)
    varied = [augment.document(document, rng, NAMES) for document in invented]
    for before, after in zip(invented, varied, strict=True):
        check(after)
        assert [k for _, _, k in after.spans] == [k for _, _, k in before.spans]
    assert any(a.text != b.text for a, b in zip(invented, varied, strict=True))


def test_sentences_of_tokens_become_text():
    tokens = ["Ms", ".", "Li", "(", "Acme", ")", "said", '"', "no", '"', ",", "n't", "she", "?"]
    text, places = corpora._joined(tokens)
    assert text == 'Ms. Li (Acme) said "no",n\'t she?'
    assert [text[a:b] for a, b in places] == tokens


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        (["I-PER", "I-PER", "O", "I-LOC"], [(0, 2, "PER"), (3, 4, "LOC")]),
        (["B-PER", "B-PER", "I-PER"], [(0, 1, "PER"), (1, 3, "PER")]),
        (["I-PER", "I-LOC"], [(0, 1, "PER"), (1, 2, "LOC")]),
        (["O"], []),
    ],
)
def test_both_ways_of_tagging_are_read(tags, spans):
    assert corpora.spans_of(tags, None) == spans


def test_code_without_names_names_nobody():
    pieces = list(corpora.sources(most=50))
    assert len(pieces) >= 50
    assert not any(piece.spans for piece in pieces)


def test_scores_count_what_touches():
    gold = [(0, 5, "PER"), (10, 15, "PER"), (20, 25, "LOC")]
    given = [(0, 5, "PER"), (12, 18, "PER"), (30, 35, "PER"), (20, 25, "ORG")]
    assert score.counts(gold, given, "PER") == (2, 3, 1, 2, 2)
    assert score.counts(gold, given, "LOC") == (1, 0, 0, 0, 0)
    assert score.fscore(1.0, 1.0, 2) == 1.0
    assert score.fscore(0.0, 0.0, 2) == 0.0
    assert score.fscore(0.5, 1.0, 2) > score.fscore(1.0, 0.5, 2)
