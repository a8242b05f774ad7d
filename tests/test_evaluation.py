"""Detection is as good as it was, and as quiet: the committed corpora against the committed
baseline and budget. `leakgate evaluate` shows the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from corpus import generate
from support.gateway import warm

from gateway import bootstrap, detectors, evaluation
from gateway.cli import main

CORPUS = Path(__file__).parent / "corpus"
SSN = "536-90-4399"


@pytest.fixture(scope="module")
def engine():
    return bootstrap.build_engine(detectors.Settings(), warm())


@pytest.fixture(scope="module")
def reports(engine):
    result = {}
    for corpus in evaluation.gather([CORPUS]):
        scans = [engine.scan(document.text) for document in corpus.documents]
        assert not any(scan.failures for scan in scans)
        result[corpus.name] = evaluation.evaluate(
            corpus.name,
            corpus.documents,
            [scan.matches for scan in scans],
            looked_for=engine.entities,
        )
    return result


def test_no_figure_is_below_the_baseline(reports):
    baseline = evaluation.Baseline.read(CORPUS / "baseline.json")
    assert set(baseline.sets) == set(reports)
    assert [str(fall) for fall in evaluation.falls(list(reports.values()), baseline)] == []


def test_false_alarms_stay_within_the_budget(reports):
    budget = evaluation.Budget.read(CORPUS / "benign" / "budget.yaml")
    benign = [report for name, report in reports.items() if name.startswith("benign/")]
    assert sum(report.documents for report in benign) >= 300
    assert [str(over) for over in evaluation.overdrawn(benign, budget)] == []


def test_the_budget_is_what_is_needed(reports):
    """A budget with room would let new false alarms in unseen."""
    budget = evaluation.Budget.read(CORPUS / "benign" / "budget.yaml").false_alarms_per_100
    benign = [report for name, report in reports.items() if name.startswith("benign/")]
    spent = {group: rate for group, (rate, _) in evaluation.rates(benign).items()}
    assert {group: rate for group, rate in budget.items() if rate > spent.get(group, 0) + 1} == {}


def test_the_committed_files_are_what_the_generator_makes():
    made = generate.files()
    assert {path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.jsonl")} == set(made)
    for name, text in made.items():
        assert (CORPUS / name).read_text(encoding="utf-8") == text, (
            f"`{name}` is not what its generator makes: run python -m tests.corpus.generate"
        )


def test_the_sets_are_large_and_share_no_document():
    dev, held_out = (
        {document.text for document in evaluation.load_corpus(CORPUS / f"{name}.jsonl")}
        for name in ("dev", "held-out")
    )
    assert min(len(dev), len(held_out)) >= 500
    assert not dev & held_out
    assert not {t for _, t in generate.texts.DEV} & {t for _, t in generate.texts.HELD_OUT}
    for _, _, ours, theirs in generate.ids_said.IDS:
        assert not set(ours) & set(theirs)


def test_no_key_in_live_shape_is_committed():
    for path in CORPUS.rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            template = json.loads(line)["template"]
            for start in ("ghp_", "AKIA", "sk_live_", "xoxb-", "glpat-", "-----BEGIN"):
                for piece in template.split(start)[1:]:
                    assert "<<" in piece[:40] or "EXAMPLE" in piece[:20], (path.name, line[:60])


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def evaluate(engine, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "build_engine", lambda *_: engine)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    lines = [
        {"id": "a", "template": f"my ssn is [[US_SSN:{SSN}]]"},
        {"id": "b", "template": "nothing"},
    ]
    (folder / "own.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_figures_are_printed_and_no_value(evaluate, corpus):
    for by in ("entity", "group", "document"):
        status, out, err = evaluate(corpus, "--by", by)
        assert (status, err) == (0, "")
        assert out.startswith("own: 2 documents\n")
        assert SSN not in out
    status, out, _ = evaluate(corpus, "--json")
    (report,) = json.loads(out)
    assert report["entities"]["US_SSN"]["strict"]["f2"] == 1.0
    assert report["micro"]["expected"] == 1


def test_what_became_worse_has_status_1_and_is_told(evaluate, corpus):
    assert evaluate(corpus, "--update-baseline")[0] == 0
    assert evaluate(corpus)[0] == 0
    more = json.dumps({"id": "c", "template": "the other is [[US_SSN:12345]]"})
    with (corpus / "own.jsonl").open("a") as file:
        file.write("\n" + more)
    status, _, err = evaluate(corpus)
    assert status == 1
    assert "own: US_SSN: strict recall fell by 0.5000, from 1.0000 to 0.5000: c\n" in err
    assert evaluate(corpus / "own.jsonl", "--baseline", corpus / "baseline.json")[0] == 1
    assert evaluate(corpus / "own.jsonl")[0] == 0
    assert evaluate(corpus, "--update-baseline")[0] == 0
    assert evaluate(corpus)[0] == 0


def test_a_budget_beside_the_corpus_is_checked(evaluate, corpus):
    (corpus / "own.jsonl").write_text(json.dumps({"id": "a", "text": f"my ssn is {SSN}"}))
    (corpus / "budget.yaml").write_text("false_alarms_per_100: {pii: 100, government_id: 50}\n")
    status, _, err = evaluate(corpus)
    assert status == 1
    assert "government_id: 100.00 false alarms per 100 documents, the budget is 50.00: a" in err


def test_policies_choose_the_detectors(monkeypatch, corpus):
    asked = []
    real = bootstrap.build_engine
    monkeypatch.setattr(bootstrap, "build_engine", lambda s, _: asked.append(s) or real(s, warm()))
    folder = corpus / "policies"
    folder.mkdir()
    (folder / "own.yaml").write_text("version: 1\ndetectors: {disabled: [US_SSN]}\n")
    done = CliRunner().invoke(main, ["evaluate", str(corpus), "--policies", str(folder)])
    assert done.exit_code == 0
    assert "not looked for: US_SSN (1)" in done.stdout
    assert asked[0].disabled == {"US_SSN"}


def test_what_cannot_be_read_has_status_2(evaluate, corpus, tmp_path):
    assert evaluate()[0] == 2  # no corpus of its own here
    assert evaluate(tmp_path / "none.jsonl")[0] == 2
    (corpus / "own.jsonl").write_text("{\n")
    status, out, err = evaluate(corpus)
    assert (status, out) == (2, "")
    assert f"{corpus}/own.jsonl:1:2: is not JSON" in err
    (corpus / "own.jsonl").write_text("")
    assert evaluate(corpus, "--baseline", tmp_path / "none.json")[0] == 2
    assert evaluate(corpus / "own.jsonl", "--update-baseline")[0] == 2
