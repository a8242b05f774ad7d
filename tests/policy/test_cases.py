from pathlib import Path

import pytest

from gateway.documents import DocumentError
from gateway.model import Act, Match, Route
from gateway.policy import run_cases, untested

RULES = """
rules:
- {id: ssn, when: {entity: US_SSN, category: chat}, action: redact}
- {id: key, when: {entity: CLOUD_KEY}, action: block, severity: critical, mode: monitor}
- {id: locked, when: {unread: encrypted, file: {family: document}}, action: block}
- {id: pictures, when: {facts: {licence_irrevocable: yes}, file: {family: image}}, action: block}
- id: lab
  when: {host: "*"}
  unless: {actor: "*", until: 2026-06-30}
  action: log
"""


def scan_text(text, label):
    at = text.find("078")
    found = [Match("US_SSN", at, at + 11, 0.9, "test")] if at >= 0 else []
    return found + ([Match("CLOUD_KEY", 0, 1, 0.9, "test")] if label == "api_key" else [])


def route_of(service, operation):
    if service != "chatty":
        return None
    return Route("chatty", "chat", operation or "send", Act.PROMPT, "generic", {})


@pytest.fixture
def run(tmp_path: Path, policy):
    def run(cases):
        (tmp_path / "a_test.yaml").write_text(f"version: 1\ncases:\n{cases}")
        return run_cases(tmp_path, policy(RULES), scan_text, route_of=route_of)

    return run


GOOD = """
- name: a number is taken out
  request: {service: chatty}
  parts: [{text: ["my number is 078", "-05-1120"]}]
  want: {verdict: redact, severity: medium, rules: ssn, not_rules: [key], entities: US_SSN, redacts: [US_SSN]}
- name: a label helps
  parts: [{text: secret, label: api_key}]
  want: {verdict: allow, monitored: block, redacts: []}
- name: a locked document
  files: [{family: image}, {family: document}]
  unread: [{reason: encrypted, file: 1}]
  want: {verdict: block}
- name: a picture
  request: {facts: {licence_irrevocable: yes}}
  files: [{family: image, size: 3 MB}]
  want: {verdict: block, rules: [pictures]}
- name: after the exception has ended
  request: {at: 2026-07-01}
  want: {verdict: log, rules: lab}
- name: an id cannot be rewritten
  request: {service: chatty}
  findings: [{entity: US_SSN, part: identifier}]
  want: {verdict: block}
"""


def test_cases_that_hold_pass(run):
    results = run(GOOD)
    assert [str(result) for result in results if not result.passed] == []
    assert [result.line for result in results] == [4, 8, 11, 15, 19, 22]


def test_rules_without_a_passing_case_are_told(run, policy):
    results = run(GOOD)
    assert untested(policy(RULES), results) == ()
    assert untested(policy(RULES), results[1:3]) == ("lab", "pictures", "ssn")


def test_a_case_that_fails_says_what_came(run):
    (result,) = run("""
- name: all wrong
  request: {service: chatty}
  parts: [{text: 078-05-1120}]
  want:
    verdict: block
    monitored: log
    severity: low
    rules: key
    not_rules: ssn
    entities: PERSON
    redacts: []
""")
    assert not result.passed
    told = str(result)
    assert told.startswith(f"{result.source}:4: FAILED: all wrong\n")
    for line in (
        "verdict: wanted block, got redact; rules that matched: `ssn` (enforce, redact)",
        "monitored: wanted log, got redact",
        "severity: wanted low, got medium",
        "rules: wanted `key` to match",
        "not_rules: `ssn` matched (US_SSN)",
        "entities: wanted PERSON to be selected; found: US_SSN 0.90",
        "redacts: wanted nothing, got US_SSN",
    ):
        assert line in told
    assert "078-05" not in told


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("- {name: a, want: {verdict: blok}}", "did you mean `block`?"),
        ("- {name: a, want: {verdict: block, rules: sssn}}", "did you mean `ssn`?"),
        ("- {name: a, want: {verdict: block}, unread: [any]}", "not a reason"),
        ("- {name: a, want: {verdict: block}, unread: [encryptd]}", "did you mean `encrypted`?"),
        ("- {name: a, want: {verdict: block}, parts: [{text: a, file: 0}]}", "names file 0"),
        ("- {name: a, want: {verdict: block}, files: [{family: imge}]}", "did you mean `image`?"),
        (
            "- {name: a, want: {verdict: log}, files: [{family: image, facts: {gsp: true}}]}",
            "`gps`?",
        ),
        ("- {name: a, want: {verdict: log}, files: [{family: image, facts: {gps: 1}}]}", "`true`"),
        (
            "- {name: a, want: {verdict: log}, files: [{family: image, facts: {faces: true}}]}",
            "number",
        ),
        ("- {name: a, wnat: {}, want: {verdict: block}}", "did you mean `want`?"),
        ("- {name: a}", "`want` is missing"),
    ],
)
def test_a_case_that_makes_no_sense_is_an_error_at_its_line(run, case, words):
    with pytest.raises(DocumentError) as caught:
        run(case)
    assert any(words in problem.message and problem.line == 3 for problem in caught.value.problems)


def test_all_broken_files_are_told(tmp_path: Path, policy):
    for name in ("a_test.yaml", "b_test.yaml"):
        (tmp_path / name).write_text("version: 1\ncases: 3\n")
    with pytest.raises(DocumentError) as caught:
        run_cases(tmp_path, policy(RULES), scan_text)
    assert len(caught.value.problems) == 2
