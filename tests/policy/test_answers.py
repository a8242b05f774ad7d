"""Rules for answers: what they may say, and what they say of what was found."""

import pickle

import pytest

from gateway.documents import DocumentError
from gateway.model import Look, PartKind, Scan, Verdict
from gateway.policy import compile_text, evaluate, evaluate_answer, look_at_answer
from gateway.policy.written import written as written_in


@pytest.fixture
def answers(vocabulary):
    def make(rule, *, more=""):
        return compile_text(written(rule, more), vocabulary, source="p.yaml")

    return make


@pytest.fixture
def outcome(answers, exchange, route):
    def make(rule, *findings):
        return evaluate_answer(answers(rule), exchange(), route(), Scan(tuple(findings)))

    return make


def written(rule, more):
    return f"version: 1\nanswers:\n  rules:\n  - id: a\n    {rule}\n{more}"


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ("when: {entity: US_SSN}\n    action: tokenise", "6:5", "use `redact`"),
        ("when: {entity: US_SSN}\n    action: allow", "6:5", "not one of log, redact, block"),
        (
            "when: {entity: US_SSN}\n    action: redact\n    redact: {default: token}",
            "7:5",
            "in answers use `replace`",
        ),
        ("when: {service: chatty}\n    action: log", "5:5", "selects no finding"),
        ("when: {entity: US_SSN, has_files: true}\n    action: log", "5:28", "unknown key"),
        ("when: {entity: US_SSN, unread: any}\n    action: log", "5:28", "unknown key"),
        (
            "when: {entity: US_SSN, part: file}\n    action: log",
            "5:28",
            "not one of text, tool_call",
        ),
        ("when: {entity: US_SNN}\n    action: log", "5:12", "did you mean `US_SSN`?"),
        ("when: {entity: US_SSN}\n    unless: {}\n    action: log", "6:5", "never apply"),
        (
            "when: {entity: US_SSN}\n    action: log\n    redact: {US_SSN: mask}",
            "7:5",
            "has no effect",
        ),
        (
            (
                "when: {entity_group: secret}\n    action: redact\n"
                "    redact: {secret: {operator: partial, keep_last: 4}}"
            ),
            "7:5",
            "part of a secret",
        ),
    ],
)
def test_what_answers_cannot_do_is_an_error_with_its_place(answers, rule, place, words):
    with pytest.raises(DocumentError) as caught:
        answers(rule)
    told = [str(problem) for problem in caught.value.problems]
    assert any(one.startswith(f"p.yaml:{place}:") and words in one for one in told), told


def test_id_is_unique_over_rules_for_requests_and_for_answers(answers):
    with pytest.raises(DocumentError, match="rule `a` exists already at p"):
        answers(
            "when: {entity: US_SSN}\n    action: log",
            more="rules: [{id: a, when: {entity: US_SSN}, action: log}]\n",
        )


def test_override_changes_a_rule_for_answers_but_not_into_tokens(answers):
    rule = "when: {entity: US_SSN}\n    mode: monitor\n    action: log"
    made = answers(rule, more="overrides: {a: {mode: enforce, action: block}}\n")
    assert (made.answers[0].mode, made.answers[0].action) == ("enforce", Verdict.BLOCK)
    assert not answers(rule, more="overrides: {a: {enabled: false}}\n").answers
    with pytest.raises(DocumentError, match="in answers use `redact`"):
        answers(rule, more="overrides: {a: {action: tokenise}}\n")


def test_rules_for_answers_and_for_requests_are_apart(answers, exchange, route, finding):
    made = answers(
        "when: {entity: US_SSN}\n    action: block",
        more="rules: [{id: b, when: {entity: PERSON}, action: block}]\n",
    )
    scan = Scan((finding("US_SSN"),))
    assert not evaluate(made, exchange(), route(), scan).hits
    assert evaluate_answer(made, exchange(), route(), scan).verdict is Verdict.BLOCK
    assert not evaluate_answer(made, exchange(), route(), Scan((finding("PERSON"),))).hits
    assert {rule.id for rule in made.every_rule} == {"a", "b"}
    assert pickle.loads(pickle.dumps(made)).answers == made.answers


def test_reasoning_is_never_changed_but_ends_an_answer_that_is_blocked(outcome, finding):
    reason = finding("US_SSN", kind=PartKind.REASONING, editable=False)
    redacted = outcome("when: {entity: US_SSN}\n    action: redact", reason)
    assert redacted.verdict is Verdict.REDACT
    assert not redacted.redactions
    assert outcome("when: {entity: US_SSN}\n    action: block", reason).verdict is Verdict.BLOCK


def test_what_else_cannot_be_changed_ends_the_answer(outcome, finding):
    fixed = finding("US_SSN", editable=False)
    told = outcome("when: {entity: US_SSN}\n    action: redact", fixed)
    assert told.verdict is Verdict.BLOCK
    assert "answer" in told.message


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("when: {entity: US_SSN}\n    action: log", Look.BEHIND),
        ("when: {entity: US_SSN}\n    mode: monitor\n    action: block", Look.BEHIND),
        ("when: {entity: US_SSN}\n    action: redact", Look.AHEAD),
        ("when: {entity: US_SSN}\n    action: block", Look.AHEAD),
        ("when: {entity: US_SSN, service: coder}\n    action: block", Look.NONE),
        ("when: {entity: US_SSN, actor: bob}\n    action: block", Look.NONE),
        ("when: {entity: US_SSN}\n    unless: {service: chatty}\n    action: block", Look.NONE),
        ("when: {entity: US_SSN}\n    unless: {entity: US_SSN}\n    action: block", Look.AHEAD),
    ],
)
def test_only_an_exchange_that_a_rule_may_be_about_is_looked_at(
    answers, exchange, route, rule, expected
):
    assert look_at_answer(answers(rule), exchange(), route()) is expected


def test_rules_for_answers_of_all_files_are_told_when_policies_are_compared(tmp_path):
    for name in "ab":
        rule = f"{{id: {name}, when: {{entity: US_SSN}}, action: log, unless: {{part: reasoning}}}}"
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\nanswers:\n  rules: [{rule}]\n")
    found = written_in(tmp_path)
    assert found.rules.keys() == {"a", "b"}
    assert not found.settings["answers"]
