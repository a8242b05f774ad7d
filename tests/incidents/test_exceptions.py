"""A false alarm becomes an exception that policies take: tried with the real policy loader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml

from gateway import bootstrap
from gateway.audit.log import Log
from gateway.incidents import exceptions
from gateway.incidents.record import FindingGroup, FiredRule
from gateway.incidents.states import Resolution, StaleEdit, WorkError
from gateway.incidents.store import Store
from gateway.incidents.work import Work
from gateway.model import Severity, Verdict
from gateway.rehearsal import explain_incident

TODAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = """\
version: 1
rules:
  - id: numbers
    when: {entity: US_SSN}
    action: block
"""


@pytest.fixture
def alarm(incident):
    def make(*prints, number=1, **changes):
        return incident(
            number,
            at=NOON,
            service="openai-api",
            category="chat",
            operation="chat_completions",
            rules=(FiredRule("numbers", "enforce", Verdict.BLOCK, Severity.HIGH),),
            findings=tuple(
                FindingGroup("US_SSN", f"p{n}", "user", "text", "d", 1, 1, 0.9, "•••", (each,))
                for n, each in enumerate(prints)
            ),
            unread=(),
            **changes,
        )

    return make


def draft(incident, **changes):
    values = {
        "owner": "jane.doe",
        "reason": "The number of the sample form",
        "until": TODAY + timedelta(days=90),
        "today": TODAY,
    }
    return exceptions.draft(incident, "numbers", ["f1"], **(values | changes))


def test_the_draft_is_narrow_dated_and_owned(alarm):
    text = draft(alarm("f1", "f2"))
    assert yaml.safe_load(text) == {
        "version": 1,
        "overrides": {
            "numbers": {
                "unless": [
                    {
                        "service": "openai-api",
                        "fingerprint": "f1",
                        "until": TODAY + timedelta(days=90),
                        "owner": "jane.doe",
                        "reason": "The number of the sample form",
                    }
                ]
            }
        },
    }
    assert text.startswith("# US_SSN: a false alarm in incident inc-1, 2026-03-01.\n")
    assert exceptions.file_name(alarm("f1"), "numbers") == "80-exception-numbers-inc1.yaml"


@pytest.mark.parametrize("owner", ["yes", "null", "a: b", "- x", "jane # doe", "'", "jürgen"])
def test_any_owner_and_reason_come_out_as_they_were(alarm, owner):
    found = yaml.safe_load(draft(alarm("f1"), owner=owner, reason=f"{owner}\n again"))
    (exception,) = found["overrides"]["numbers"]["unless"]
    assert (exception["owner"], exception["reason"]) == (owner, f"{owner} again")


def test_policies_take_it_and_only_this_value_to_this_service_passes(alarm, tmp_path):
    (tmp_path / "own.yaml").write_text(POLICY)
    before = bootstrap.load_rules(tmp_path)
    until = NOON.date() + timedelta(days=90)
    (tmp_path / "80-exception.yaml").write_text(draft(alarm("f1"), until=until))
    after = bootstrap.load_rules(tmp_path)

    def fires(rules, incident):
        (account,) = [each for each in explain_incident(rules, incident) if each.rule == "numbers"]
        return account.matched

    once = alarm("f1")
    assert fires(before, once)
    assert not fires(after, once)
    assert fires(after, alarm("f2"))
    assert fires(after, alarm("f1", "f2"))
    assert fires(after, replace(once, service="chatgpt"))
    assert not fires(after, replace(once, at=NOON + timedelta(days=90)))
    assert fires(after, replace(once, at=NOON + timedelta(days=91))), "it ends"


@pytest.mark.parametrize(
    ("changes", "fix"),
    [
        ({"owner": " "}, "`owner`"),
        ({"reason": ""}, "`reason`"),
        ({"reason": "r" * 201}, "over 200"),
        ({"until": TODAY - timedelta(days=1)}, "past"),
        ({"until": TODAY + timedelta(days=367)}, "2027-03-02"),
    ],
)
def test_what_makes_no_exception_is_refused_with_the_fix(alarm, changes, fix):
    with pytest.raises(WorkError, match=fix):
        draft(alarm("f1"), **changes)


def test_it_has_to_be_clear_which_value_is_meant(alarm):
    assert exceptions.fingerprints(alarm("f1")) == ("f1",)
    assert exceptions.fingerprints(alarm("f1", "f2"), ["f2"]) == ("f2",)
    for incident, chosen, fix in (
        (alarm(), None, "no value"),
        (alarm("f1", "f2"), None, "2 values"),
        (alarm("f1"), ["f3"], "`f3`"),
        (alarm("f1"), [], "at least one"),
    ):
        with pytest.raises(WorkError, match=fix):
            exceptions.fingerprints(incident, chosen)


def test_one_step_closes_the_incident_counts_for_the_rule_and_drafts(migrated_url, alarm):
    store = Store.open(migrated_url, clock=lambda: NOON)
    store.add([alarm("f1")])
    work = Work(store.engine, Log(store.engine, bytes(32)), clock=lambda: NOON)
    given = {
        "who": "ann",
        "version": 0,
        "owner": "jane",
        "reason": "The number of the form",
        "until": TODAY + timedelta(days=9),
    }
    for wrong in ({"until": TODAY - timedelta(days=9)}, {"version": 3}):
        with pytest.raises((WorkError, StaleEdit)):
            work.false_alarm(alarm("f1"), "numbers", **(given | wrong))
    with pytest.raises(WorkError, match="`other` did not fire"):
        work.false_alarm(alarm("f1"), "other", **given)
    assert work.state("inc-1").version == 0
    state, text = work.false_alarm(alarm("f1"), "numbers", **given)
    assert state.resolution is Resolution.FALSE_POSITIVE
    assert "fingerprint: f1" in text
    assert [(each.rule, each.false_positives) for each in work.precision()] == [("numbers", 1)]
    assert [entry.action for entry in work.history("inc-1")] == [
        "exception.drafted",
        "incident.changed",
    ]
    store.close()
