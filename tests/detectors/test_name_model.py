"""The shipped name model: what it finds, what it costs, what it keeps."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import name_model, name_words
from gateway.detectors.name_model import NameModel
from gateway.detectors.names import MODELS

FILLER = "the report was read by the committee and nobody had any questions about the figures\n"


@pytest.fixture(scope="module")
def model() -> NameModel:
    return NameModel.load(MODELS / "names.npz")


def found(model: NameModel, text: str) -> set[tuple[str, str]]:
    return {(name.kind, text[name.start : name.end]) for name in model.find(text)}


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("Please write to Angela Whitfield about her claim.", "PER", "Angela Whitfield"),
        ("my name is priya raghunathan and i need a refund", "PER", "priya raghunathan"),
        ("Dear Mr. Okonkwo,\n\nthank you for your letter.", "PER", "Okonkwo"),
        ('{"first_name": "Svetlana", "age": 41}', "PER", "Svetlana"),
        ("name,city,amount\nKatarzyna Wojcik,Gdansk,120\n", "PER", "Katarzyna Wojcik"),
        ("# reported by Thomas Lindqvist, see the ticket\nx = 1", "PER", "Thomas Lindqvist"),
        ("Sehr geehrte Frau Hoffmann, anbei die Rechnung.", "PER", "Hoffmann"),
        ("La réunion avec Jean-Pierre Lefebvre est annulée.", "PER", "Jean-Pierre Lefebvre"),
        ("El paciente Carlos Mendoza ingresó ayer.", "PER", "Carlos Mendoza"),
        ("PATIENT: NGUYEN THI MAI, AGE 54", "PER", "NGUYEN THI MAI"),
        ("She flew from Nairobi to Rotterdam last week.", "LOC", "Nairobi"),
        ("Our office in Stuttgart is closed.", "LOC", "Stuttgart"),
        ("He works for Siemens and used to be at Barclays Bank.", "ORG", "Siemens"),
    ],
)
def test_names_are_found(model, text, kind, name):
    assert any(k == kind and (name in n or n in name) for k, n in found(model, text))


@pytest.mark.parametrize(
    "text",
    [
        "def total(items: list[str], rate: float) -> float:\n    return sum(map(len, items)) * rate",
        "for (let i = 0; i < rows.length; i++) { console.log(rows[i].value); }",
        "SELECT count(*) FROM orders WHERE status = 'open' GROUP BY region",
        "the cat sat on the mat and the dog ran after the ball",
        "deploy to EKS, put the file into S3, then restart the pods",
        "version 1.4.2 of the package was released in March",
        "It may rain in May; will you mark the date?",
    ],
)
def test_no_person_where_there_is_none(model, text):
    assert not {n for k, n in found(model, text) if k == "PER"}


def test_what_was_scanned_before_changes_nothing():
    text = "Ask Henrike Baumgartner in Lisbon whether Contoso Ltd. paid. " + FILLER
    fresh = NameModel.load(MODELS / "names.npz").find(text)
    used = NameModel.load(MODELS / "names.npz")
    for other in ("Henrike met Baumgartner.", "lisbon, LISBON", FILLER * 30, "Contoso"):
        used.find(other)
    assert used.find(text) == fresh


def test_a_name_is_found_wherever_it_stands(model):
    for before in (0, 1, 40, 700):
        text = FILLER * before + "Contact: Margaret Thornbury\n" + FILLER * 3
        names = [text[n.start : n.end] for n in model.find(text) if n.kind == "PER"]
        assert names == ["Margaret Thornbury"]


def test_the_gate_hides_hardly_any_name(model):
    ungated = NameModel.load(MODELS / "names.npz")
    ungated.gate = None
    rng = random.Random(3)
    firsts = (
        "Amina Bogdan Chiara Dmitri Eun-ji Farid Giulia Hamza Ingrid Joaquin Keiko Luca".split()
    )
    lasts = "Okafor Petrov Rossi Svensson Tanaka Ueda Vargas Weber Xu Yilmaz Zhang Novak".split()
    seen = missed = 0
    for _ in range(150):
        text = f"{FILLER}Tell {rng.choice(firsts)} {rng.choice(lasts)} that it is late. {FILLER}"
        want = {n.start for n in ungated.find(text) if n.kind == "PER"}
        seen += len(want)
        missed += len(want - {n.start for n in model.find(text) if n.kind == "PER"})
    assert seen >= 140
    assert missed <= seen // 50


def test_words_of_a_text_do_not_stay(model):
    model.find("Qwertzuiopinsky wrote to Zxcvbnmaskova about quuxification")
    kept = {word.lower() for word in (*model._places, *model._may)}
    assert not kept & {"qwertzuiopinsky", "zxcvbnmaskova", "quuxification"}


def test_of_what_is_built_into_python_only_that_spelling_stays(model):
    model.find("TimeoutError, TimeoutErro, TimeoutErrors, timeoutERROR, TIMEoutError")
    kept = {word for word in model._may if word.lower().startswith("timeouterro")}
    assert kept == {"TimeoutError"}


def test_odd_cases_of_known_words_do_not_stay(model):
    model.find("warm up: The the THE")
    before = len(model._places) + len(model._may)
    rng = random.Random(1)
    for _ in range(200):
        model.find("".join(rng.choice((c, c.upper())) for c in "government information"))
    assert len(model._places) + len(model._may) <= before + 8


@given(st.text(max_size=300))
@settings(max_examples=examples(300), deadline=None)
def test_any_text_gives_names_in_order_and_apart(text):
    model = _shared()
    reached = 0
    for name in model.find(text):
        assert reached <= name.start < name.end <= len(text)
        assert 0.5 <= name.confidence <= 1.0
        reached = name.end


_MODELS: list[NameModel] = []


def _shared() -> NameModel:
    if not _MODELS:
        _MODELS.append(NameModel.load(MODELS / "names.npz"))
    return _MODELS[0]


def test_a_text_of_only_names_is_cut_and_put_together_again(model):
    text = ", ".join(["Margaret Thornbury"] * 3_000)
    people = [n for n in model.find(text) if n.kind == "PER"]
    assert len(people) >= 2_990
    assert {text[n.start : n.end] for n in people} >= {"Margaret Thornbury"}


def test_the_model_is_small():
    assert sum(file.stat().st_size for file in MODELS.glob("*.npz")) < 20_000_000


ODD = st.text(
    st.sampled_from("aZ0 _.-:\n\u0301\u00b2\u0663\u4e2d\u00e9\u2014\u0085\U0001d400\ud800"),
    max_size=200,
)


@given(st.text() | ODD)
@settings(max_examples=examples(200))
def test_words_of_letters_are_those_among_all_words(text):
    assert name_words.letters(text) == name_words.LETTERS.findall(text)


@given(
    st.lists(
        st.sampled_from(
            ["Ann", "Anna", "An", "x", "7", "_", ".", "-", "\u00e9", " ", "\n\n", " " * 300]
        ),
        max_size=120,
    ).map("".join),
    st.sets(st.sampled_from(["Ann", "Anna", "An"])),
)
@settings(max_examples=examples(200))
def test_the_network_sees_the_words_around_those_that_may_be_names(text, likely):
    every = list(name_words.WORD.finditer(text))
    hits = [
        number
        for number, match in enumerate(every)
        if match[0] in likely and name_model._by_itself(text, match.start(), match.end())
    ]
    near = [
        number
        for number in range(len(every))
        if any(abs(number - hit) <= name_model.AROUND for hit in hits)
    ]
    said = name_words.letters(text)
    regions = name_model._regions(text, name_model._hits(text, said, likely))
    chosen = next(name_model._chosen(text, regions), None)
    taken, numbers, gaps = (chosen.words, chosen.numbers, chosen.gaps) if chosen else ([], [], [])
    assert [match.span() for match in taken] == [every[number].span() for number in near]
    ends = [0, *(match.end() for match in every)]
    assert gaps == [name_words.spacing(text[ends[n] : every[n].start()]) for n in near]
    # Side by side in the text and only then side by side for the network.
    steps = [second - first for first, second in itertools.pairwise(near)]
    seen = [second - first for first, second in itertools.pairwise(numbers)]
    assert [step == 1 for step in steps] == [step == 1 for step in seen]
