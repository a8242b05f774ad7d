"""A change that lowers a figure is told: which, by how much, and where."""

from __future__ import annotations

import pytest

from gateway.documents import DocumentError
from gateway.evaluation import Baseline, Budget, evaluate, falls, overdrawn
from gateway.evaluation.corpus import Document, Span
from gateway.evaluation.page import plain, show
from gateway.model import Match

SPANS = {"a": [("US_SSN", 0, 5)], "b": [("US_SSN", 0, 5), ("PERSON", 6, 9)], "c": []}


def run(found, *, looked_for=("US_SSN", "PERSON", "URL"), spans=SPANS):
    documents = [
        Document(name, "secret text", tuple(Span(s, e, n) for n, s, e in them))
        for name, them in spans.items()
    ]
    matches = [[Match(n, s, e, 0.5, "test") for n, s, e in found.get(d.id, ())] for d in documents]
    return evaluate("set", documents, matches, looked_for=frozenset(looked_for))


def test_the_same_run_meets_its_baseline_through_the_file(tmp_path):
    report = run(SPANS)
    path = tmp_path / "baseline.json"
    path.write_text(Baseline.of([report]).text())
    read = Baseline.read(path)
    assert read == Baseline.of([report])
    assert list(falls([report], read)) == []
    assert read.text() == path.read_text()


def test_a_miss_names_entity_figure_amount_and_document():
    worse = list(falls([run(SPANS | {"a": []})], Baseline.of([run(SPANS)])))
    recall = next(f for f in worse if f.figure == "recall" and f.entity == "US_SSN")
    assert (recall.was, recall.now, recall.documents) == (1.0, 0.5, ("a",))
    assert "US_SSN: strict recall fell by 0.5000, from 1.0000 to 0.5000: a" in str(recall)
    assert {f.entity for f in worse} == {"US_SSN", "overall"}


def test_a_false_alarm_lowers_precision_and_names_the_document():
    worse = list(falls([run(SPANS | {"c": [("US_SSN", 0, 3)]})], Baseline.of([run(SPANS)])))
    precision = next(f for f in worse if f.figure == "precision" and f.entity == "US_SSN")
    assert precision.documents == ("c",)


def test_a_false_alarm_of_an_entity_that_was_silent_is_told():
    base = Baseline.of([run(SPANS)])
    worse = list(falls([run(SPANS | {"c": [("URL", 0, 3)]})], base))
    assert [(f.documents, f.was, f.now) for f in worse if f.entity == "URL"] == [(("c",), 0, 1)]
    assert "URL: false alarms rose by 1, from 0 to 1: c" in (
        text.removeprefix("set: ") for text in map(str, worse)
    )
    again = run(SPANS | {"c": [("URL", 0, 3), ("URL", 4, 6)]})
    rose = list(falls([again], Baseline.of([run(SPANS | {"c": [("URL", 0, 3)]})])))
    assert [(f.was, f.now) for f in rose if f.entity == "URL"] == [(1, 2)]


def test_an_entity_that_is_no_longer_looked_for_has_fallen():
    report = run(SPANS, looked_for=("US_SSN",))
    worse = list(falls([report], Baseline.of([run(SPANS)])))
    assert {f.entity for f in worse} >= {"PERSON"}


def test_better_and_new_figures_pass():
    before = Baseline.of([run({"a": SPANS["a"]})])
    assert list(falls([run(SPANS)], before)) == []
    old = Baseline.of([run(SPANS, looked_for=("US_SSN",))])
    assert list(falls([run(SPANS)], old)) == []


def test_the_tolerance_is_small():
    many = {str(n): [("US_SSN", 0, 5)] for n in range(1000)}
    base = Baseline.of([run(many, spans=many)])
    found = {name: them for name, them in many.items() if int(name) >= 2}
    assert list(falls([run(found, spans=many)], base)) == []
    found = {name: them for name, them in many.items() if int(name) >= 4}
    assert [f.figure for f in falls([run(found, spans=many)], base) if f.entity == "US_SSN"] == [
        "recall", "f2", "recall", "f2",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sets": {"a": {"US_SSN": {}}}}'])
def test_a_broken_baseline_is_told(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(DocumentError, match="is no baseline"):
        Baseline.read(path)


def test_a_budget_is_per_group_and_what_it_does_not_name_has_none(tmp_path):
    path = tmp_path / "budget.yaml"
    path.write_text("false_alarms_per_100:\n  pii: 40\n  government_id: 30\n")
    budget = Budget.read(path)
    report = run(SPANS | {"c": [("US_SSN", 0, 3)]})
    assert [str(over) for over in overdrawn([report], budget)] == [
        "government_id: 33.33 false alarms per 100 documents, the budget is 30.00: c"
    ]
    report = run(SPANS | {"c": [("URL", 0, 3)]})
    assert [over.group for over in overdrawn([report], budget)] == ["network"]
    path.write_text("false_alarms_per_100: {pij: 1}\n")
    with pytest.raises(DocumentError, match="unknown group `pij`, did you mean `pii`"):
        Budget.read(path)


def test_no_page_shows_a_text():
    report = run({"a": [], "c": [("URL", 0, 3)], "b": [("US_SSN", 0, 4), ("PERSON", 6, 9)]})
    for by in ("entity", "group", "document"):
        page = show([report], by=by)
        assert "secret" not in page.replace("secret ", "")
        assert "text" not in page
    assert "a: missed US_SSN at 0:5" in show([report], by="document")
    assert "c: false URL at 0:3 (0.50, test)" in show([report], by="document")
    assert "b: other ends for US_SSN at 0:5" in show([report], by="document")
    data = plain(report)
    assert data["entities"]["US_SSN"]["partial"]["recall"] == 0.5
    assert data["outcomes"][0] == {
        "id": "a",
        "missed": [{"entity": "US_SSN", "start": 0, "end": 5}],
        "false": [],
        "other_ends": [],
    }
