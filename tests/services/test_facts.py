from __future__ import annotations

import json
import pickle

import pytest

from gateway.documents import DocumentError, load
from gateway.services.facts import NOTHING_KNOWN, FactsDocument, complete, vocabulary


def facts_of(text: str) -> FactsDocument:
    return load(text, FactsDocument, source="facts.yaml")


def test_what_is_left_out_is_unknown_and_nothing_is_absent():
    facts = complete(facts_of("trains_on_input: opt_out"))
    assert set(facts) == set(vocabulary())
    assert facts["trains_on_input"] == "opt_out"
    assert {value for name, value in facts.items() if name != "trains_on_input"} == {"unknown"}
    assert set(NOTHING_KNOWN.values()) == {"unknown"}


def test_closed_facts_always_admit_unknown():
    closed = {name: words for name, words in vocabulary().items() if words is not None}
    assert {"trains_on_input", "biometric", "licence_irrevocable"} <= set(closed)
    assert all("unknown" in words for words in closed.values())


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        # YAML 1.1 turns these bare words into booleans and dates; they must come back as words.
        ("opt_out: yes", "opt_out", "yes"),
        ("trains_on_input: no", "trains_on_input", "no"),
        ("jurisdiction: NO", "jurisdiction", "NO"),
        ("checked: 2026-11-23", "checked", "2026-11-23"),
        ("checked: 2026-11", "checked", "2026-11"),
        ("retention_days: 0", "retention_days", 0),
        ("retention_days: indefinite", "retention_days", "indefinite"),
    ],
)
def test_yaml_words_keep_their_meaning(text, name, value):
    assert complete(facts_of(text))[name] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trains_on_inputs: yes", "did you mean `trains_on_input`"),
        ("trains_on_input: optout", "did you mean `opt_out`"),
        ("retention_days: -1", "number of days"),
        ("retention_days: yes", "number of days"),
        ("retention_days: forever", "number of days"),
        ("jurisdiction: Germany", "ISO 3166"),
        ("checked: 2026-13", "not a date"),
        ("terms_url: http://x.example", "https://"),
        ("licence_perpetual: maybe", "`maybe` is not one of"),
    ],
)
def test_a_wrong_fact_is_an_error_at_its_line(text, message):
    with pytest.raises(DocumentError) as caught:
        facts_of("# first line\n" + text)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.line == 2


def test_facts_cannot_be_changed_but_pickle_and_serialise():
    facts = complete(facts_of("opt_out: yes"))
    for change in (
        lambda: facts.__setitem__("opt_out", "no"),
        lambda: facts.update(opt_out="no"),
        lambda: facts.pop("opt_out"),
        facts.clear,
        lambda: facts.setdefault("x", "y"),
        lambda: facts.__delitem__("opt_out"),
    ):
        with pytest.raises(TypeError):
            change()
    with pytest.raises(TypeError):
        facts |= {"opt_out": "no"}
    copy = pickle.loads(pickle.dumps(facts))
    assert copy == facts
    assert type(copy) is type(facts)
    assert json.loads(json.dumps(facts))["opt_out"] == "yes"
