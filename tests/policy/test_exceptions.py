from datetime import date, timedelta

import pytest

from gateway.policy import load
from gateway.policy.exceptions import notices

TODAY = date(2026, 11, 26)


def kinds(policy, unless, today=TODAY):
    compiled = policy(
        f"rules: [{{id: a, when: {{entity: US_SSN}}, unless: {unless}, action: log}}]"
    )
    return [notice.kind for notice in notices(compiled, today)]


@pytest.mark.parametrize(
    ("days", "wanted"),
    [(-1, ["ended"]), (0, ["ends soon"]), (14, ["ends soon"]), (15, []), (4000, [])],
)
def test_an_exception_is_told_from_two_weeks_before_its_end(policy, days, wanted):
    end = TODAY + timedelta(days=days)
    assert kinds(policy, f"{{actor: ann, until: {end}, owner: jo, reason: x}}") == wanted


@pytest.mark.parametrize(
    ("unless", "incomplete"),
    [
        ("{actor: ann}", True),
        ("{source_network: 10.0.0.0/8}", True),
        ("{fingerprint: f1}", True),
        ("{service: coder, until: 2027-12-31, owner: jo}", True),
        ("{service: coder, until: 2027-12-31, owner: jo, reason: Pilot}", False),
        ("{part: identifier}", False),
        ("{role: system, entity: US_SSN}", False),
    ],
)
def test_what_somebody_was_given_has_owner_reason_and_end(policy, unless, incomplete):
    assert kinds(policy, unless) == (["incomplete"] if incomplete else [])


def test_an_exception_of_an_override_is_told_at_its_own_place(vocabulary, tmp_path):
    (tmp_path / "a.yaml").write_text(
        "version: 1\nrules: [{id: a, when: {entity: US_SSN}, action: log}]\n"
    )
    (tmp_path / "b.yaml").write_text(
        "version: 1\noverrides:\n  a:\n    unless:\n"
        "      - {entity: US_SSN, until: 2026-01-31, owner: jo}\n"
    )
    found = notices(load(tmp_path, vocabulary), TODAY)
    missing, ended = (str(notice.problem).removeprefix(f"{tmp_path}/") for notice in found)
    assert missing == "b.yaml:5:9: rule `a`: the exception has no `reason`"
    assert ended.startswith("b.yaml:5:9: rule `a`: the exception of `jo` ended on 2026-01-31, so")
