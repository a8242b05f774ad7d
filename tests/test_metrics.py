from __future__ import annotations

import inspect
import re
import time
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import metrics
from gateway.metrics import OTHER, Meter, Metrics, NullMeter
from gateway.model import (
    Act,
    Decision,
    Finding,
    Forward,
    Issued,
    Locator,
    Outcome,
    PartKind,
    Refuse,
    Rewrite,
    Role,
    Route,
    RuleHit,
    Scan,
    Severity,
    Unread,
    UnreadReason,
    Verdict,
)

CANARY = "canary-" + "5d0c" * 4


def finding(entity: str = "US_SSN") -> Finding:
    return Finding(
        Locator("messages[0].content"),
        Role.USER,
        PartKind.TEXT,
        True,
        entity,
        0,
        9,
        0.9,
        "d",
        CANARY,
        CANARY,
    )


def decision(**changes: object) -> Decision:
    values: dict[str, object] = {
        "exchange": "x",
        "at": 1.0,
        "actor": CANARY,
        "source_ip": "192.0.2.1",
        "method": "POST",
        "host": f"{CANARY}.example.com",
        "route": Route("openai", "chat", "chat.completions", Act.PROMPT, "p", {}),
        "scan": Scan(),
        "outcome": Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO),
        "enforcement": Forward(),
        "policy_revision": "p",
        "detector_revision": "d",
    }
    values |= changes
    scan = values["scan"]
    assert isinstance(scan, Scan)
    values.setdefault("found", Counter(finding.entity for finding in scan.findings))
    return Decision(**values)  # type: ignore[arg-type]


def test_findings_are_counted_although_the_decision_no_longer_holds_them(meter):
    meter.observe(decision(found={"US_SSN": 4000}))
    assert value(meter, "findings_total", entity="US_SSN", enforcement="forward") == 4000


@pytest.fixture
def meter() -> Metrics:
    return Metrics(version="1.2.3", python="3.13", mitmproxy="12")


def value(meter: Metrics, name: str, **labels: str) -> float | None:
    return meter.registry.get_sample_value(f"leakgate_{name}", labels)


def test_a_decision_is_counted_by_what_it_was_about_and_what_was_done(meter):
    meter.observe(
        decision(
            scan=Scan(
                (finding(), finding(), finding("EMAIL_ADDRESS")),
                (
                    Unread(Locator("a"), UnreadReason.ENCRYPTED, 700),
                    Unread(Locator("b"), UnreadReason.ENCRYPTED, 0),
                ),
            ),
            outcome=Outcome(
                Verdict.REDACT,
                Verdict.BLOCK,
                Severity.HIGH,
                (RuleHit("r1", Severity.HIGH, "enforce", Verdict.REDACT),),
            ),
            enforcement=Rewrite("/", (), b"", ()),
            inspected=1234,
            timings={"extract": 0.002, "detect": 0.02, "total": 0.03},
        )
    )
    assert (
        value(
            meter,
            "requests_total",
            service="openai",
            operation="chat.completions",
            act="prompt",
            enforcement="rewrite",
        )
        == 1
    )
    assert value(meter, "findings_total", entity="US_SSN", enforcement="rewrite") == 2
    assert value(meter, "findings_total", entity="EMAIL_ADDRESS", enforcement="rewrite") == 1
    assert value(meter, "rule_hits_total", rule="r1", mode="enforce", action="redact") == 1
    assert value(meter, "uninspected_places_total", reason="encrypted") == 2
    assert value(meter, "uninspected_bytes_total", reason="encrypted") == 700
    assert value(meter, "monitored_requests_total", verdict="block") == 1
    assert value(meter, "inspected_bytes_total") == 1234
    assert value(meter, "stage_seconds_sum", stage="detect") == 0.02
    assert value(meter, "stage_seconds_count", stage="total") is None
    assert value(meter, "request_seconds_sum") == 0.03
    assert value(meter, "refusals_total", cause="policy") is None


def test_without_a_total_the_stages_are_added_up(meter):
    meter.observe(decision(timings={"extract": 0.25, "detect": 0.5}))
    assert value(meter, "request_seconds_sum") == 0.75


def test_a_refusal_is_counted_by_its_cause(meter):
    meter.observe(decision(enforcement=Refuse("policy", 400, (), b"")))
    meter.refused("no_worker")
    assert value(meter, "refusals_total", cause="policy") == 1
    assert value(meter, "refusals_total", cause="no_worker") == 1


def test_every_event_of_the_contract_moves_its_series(meter):
    meter.failed("timeout")
    meter.identified("password")
    meter.passed_through("name", "not_ai", sent=10, received=20)
    meter.passed_through("name", "not_ai", connections=0, sent=1)
    meter.suspected("tunnel")
    meter.suspects(3)
    meter.spool(records=3, size=300, capacity=1000)
    meter.incidents_stored(4)
    meter.incident_write_failed("database_away")
    meter.incidents_set_aside("corrupt", 2)
    meter.exported("siem", "delivered", 3)
    meter.exported("siem", "refused", 0)
    meter.export_failed("siem", "timeout")
    meter.export_lag("siem", 12.5)
    meter.vault_failed("away")
    meter.vault_kept(5)
    meter.vault_found(6)
    meter.vault_missed(7)
    meter.coached("think", "chatgpt")
    meter.coaching_answered("think", "chatgpt", "justified", seconds=20)
    meter.coaching_expired("think", "chatgpt")
    meter.workers(2)
    meter.worker_restarted("worker_died")
    meter.queue(7)
    meter.ca_expires(5e9)
    meter.stream_started("openai")
    meter.stream_started("openai")
    meter.stream_ended("openai", "complete", seconds=2.0, received=50)
    assert value(meter, "identities_total", result="password") == 1
    assert value(meter, "failures_total", cause="timeout") == 1
    assert value(meter, "passthrough_connections_total", **{"class": "name", "why": "not_ai"}) == 1
    for direction, count in (("sent", 11), ("received", 20)):
        labels = {"class": "name", "why": "not_ai", "direction": direction}
        assert value(meter, "passthrough_bytes_total", **labels) == count
    assert value(meter, "spool_records") == 3
    assert value(meter, "spool_bytes") == 300
    assert value(meter, "spool_capacity_bytes") == 1000
    assert value(meter, "incidents_stored_total") == 4
    assert value(meter, "incident_write_failures_total", cause="database_away") == 1
    assert value(meter, "incidents_set_aside_total", kind="corrupt") == 2
    assert value(meter, "exported_total", sink="siem", result="delivered") == 3
    assert value(meter, "exported_total", sink="siem", result="refused") == 0
    assert value(meter, "export_failures_total", sink="siem", cause="timeout") == 1
    assert value(meter, "export_lag_seconds", sink="siem") == 12.5
    assert value(meter, "vault_failures_total", cause="away") == 1
    assert value(meter, "vault_kept_total") == 5
    assert value(meter, "vault_found_total") == 6
    assert value(meter, "vault_missed_total") == 7
    asked = {"rule": "think", "service": "chatgpt"}
    assert value(meter, "coached_requests_total", **asked) == 1
    assert value(meter, "coaching_answers_total", **asked, result="justified") == 1
    assert value(meter, "coaching_answers_total", **asked, result="expired") == 1
    assert value(meter, "coaching_answer_seconds_sum", result="justified") == 20
    assert value(meter, "workers") == 2
    assert value(meter, "worker_restarts_total", cause="worker_died") == 1
    assert value(meter, "inspection_queue") == 7
    assert value(meter, "ca_expiry_timestamp_seconds") == 5e9
    assert value(meter, "streams_open") == 1
    assert value(meter, "streams_total", service="openai", result="complete") == 1
    assert value(meter, "stream_seconds_sum") == 2.0
    assert value(meter, "stream_bytes_total") == 50


def test_only_the_policy_in_force_is_shown(meter):
    meter.policy_loaded("aaa", at=100.0)
    meter.policy_loaded("bbb", at=200.0)
    meter.policy_rejected()
    assert value(meter, "policy_info", revision="aaa") is None
    assert value(meter, "policy_info", revision="bbb") == 1
    assert value(meter, "policy_reloads_total", result="success") == 2
    assert value(meter, "policy_reloads_total", result="failure") == 1
    assert value(meter, "policy_last_reload_success") == 0
    assert value(meter, "policy_last_reload_timestamp_seconds") == 200.0
    meter.policy_loaded("aaa", at=300.0)
    assert value(meter, "policy_info", revision="aaa") == 1
    assert value(meter, "policy_last_reload_success") == 1


def test_counters_that_alerts_watch_start_at_zero(meter):
    # increase() does not see a series that appears at one.
    assert value(meter, "policy_reloads_total", result="failure") == 0
    assert value(meter, "uninspected_bytes_total", reason="encrypted") == 0
    assert value(meter, "incidents_set_aside_total", kind="corrupt") == 0
    assert value(meter, "vault_failures_total", cause="paused") == 0
    assert value(meter, "incident_write_failures_total", cause="spool_full") == 0


@pytest.mark.parametrize("label", ["service", "operation", "rule", "entity", "cause"])
def test_a_label_past_its_bound_is_counted_as_other(meter, label):
    bound = metrics.BOUNDS[label]
    for number in range(bound + 50):
        word = f"w{number}"
        match label:
            case "service" | "operation":
                route = Route("s", "c", "o", Act.PROMPT, "p", {})
                names = {"service": route.service, "operation": route.operation, label: word}
                route = Route(names["service"], "c", names["operation"], Act.PROMPT, "p", {})
                meter.observe(decision(route=route))
            case "rule":
                hit = RuleHit(word, Severity.LOW, "enforce", Verdict.LOG)
                outcome = Outcome(Verdict.LOG, Verdict.LOG, Severity.LOW, (hit,))
                meter.observe(decision(outcome=outcome))
            case "entity":
                meter.observe(decision(scan=Scan((finding(word),))))
            case "cause":
                meter.refused(word)
    seen = {
        sample.labels[label]
        for family in meter.registry.collect()
        for sample in family.samples
        if label in sample.labels and sample.labels[label].startswith("w")
    }
    assert len(seen) <= bound
    others = sum(
        sample.value
        for family in meter.registry.collect()
        for sample in family.samples
        if sample.labels.get(label) == OTHER
    )
    assert others >= 50


def test_a_label_value_that_is_too_long_is_counted_as_other(meter):
    meter.refused("x" * 1000)
    assert value(meter, "refusals_total", cause=OTHER) == 1


def test_nothing_of_people_hosts_or_findings_reaches_a_scrape(meter):
    meter.observe(
        decision(
            scan=Scan((finding(),), (Unread(Locator(CANARY), UnreadReason.MALFORMED, 1, CANARY),)),
            outcome=Outcome(
                Verdict.BLOCK,
                Verdict.BLOCK,
                Severity.HIGH,
                (RuleHit("r", Severity.HIGH, "enforce", Verdict.BLOCK, message=CANARY),),
                message=CANARY,
            ),
            enforcement=Refuse("policy", 400, ((b"x", CANARY.encode()),), CANARY.encode()),
        )
    )
    body, _ = meter.exposition()
    assert CANARY.encode() not in body


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_a_scrape_is_in_the_format_that_was_asked_for(meter, accept, wanted):
    meter.observe(decision())
    body, content_type = meter.exposition(accept)
    assert content_type.startswith(wanted)
    if "openmetrics" in content_type:
        assert body.endswith(b"# EOF\n")
    else:
        names = {family.name for family in text_string_to_metric_families(body.decode())}
        assert "leakgate_requests" in names
    assert b"_created" not in body


def test_labels_tell_exactly_what_a_scrape_holds(meter):
    meter.observe(
        decision(
            scan=Scan((finding(),)),
            outcome=Outcome(
                Verdict.LOG,
                Verdict.BLOCK,
                Severity.LOW,
                (RuleHit("r", Severity.LOW, "monitor", Verdict.BLOCK),),
            ),
            enforcement=Refuse("policy", 400, (), b""),
            timings={"detect": 0.1},
        )
    )
    token = Issued("PERSON_x", "value", restorable=True)
    meter.observe(decision(enforcement=Rewrite("/", (), b"", (), (token,))))
    meter.tokens_restored("s", restored=1, withheld=1, unknown=1)
    meter.answer_looked_at(decision(), "clean")
    meter.failed("x")
    meter.identified("password")
    meter.exported("siem", "delivered", 1)
    meter.export_failed("siem", "timeout")
    meter.export_lag("siem", 1.0)
    meter.passed_through("name", "why", sent=1, received=1)
    meter.suspected("tunnel")
    meter.policy_loaded("a", at=1.0)
    meter.coached("r", "s")
    meter.coaching_answered("r", "s", "cancelled", seconds=1.0)
    meter.worker_restarted("x")
    meter.stream_ended("s", "complete", seconds=1.0, received=1)
    scraped = {
        sample.name: set(sample.labels)
        for family in meter.registry.collect()
        for sample in family.samples
        if sample.name.startswith("leakgate_")
    }
    assert scraped == {name: set(labels) for name, labels in meter.labels().items()}


def test_names_follow_the_conventions_of_prometheus(meter):
    for name in meter.labels():
        assert re.fullmatch(r"leakgate_[a-z_]+", name)
        assert not re.search(r"_(ms|kb|percent)(_|$)", name)


def test_the_null_meter_answers_to_the_whole_contract():
    wanted = {name for name in vars(Meter) if not name.startswith("_")}
    for kind in (NullMeter, Metrics):
        for name in wanted:
            assert inspect.signature(getattr(kind, name)) == inspect.signature(getattr(Meter, name))
    null: Meter = NullMeter()
    null.observe(decision())
    null.passed_through("name", "why")
    null.stream_ended("s", "r", seconds=0.0, received=0)


def test_two_meters_do_not_share_series(meter):
    other = Metrics(version="1")
    meter.refused("policy")
    assert value(other, "refusals_total", cause="policy") is None


def test_observing_is_cheap(meter):
    one = decision(timings=dict.fromkeys(("extract", "open", "detect", "evaluate"), 0.001))
    meter.observe(one)
    begun = time.perf_counter()
    for _ in range(2000):
        meter.observe(one)
    # About 10 µs on the machine that this was written on; the bound only catches a blunder.
    assert (time.perf_counter() - begun) / 2000 < 300e-6


def test_answers_that_rules_looked_at_are_counted_with_the_rules_that_matched(meter):
    hits = (RuleHit("r", Severity.LOW, "enforce", Verdict.REDACT),)
    outcome = Outcome(Verdict.REDACT, Verdict.REDACT, Severity.LOW, hits)
    meter.answer_looked_at(decision(outcome=outcome, inspected=7), "redacted")
    meter.answer_looked_at(decision(), "failed")
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in meter.registry.collect()
        for sample in family.samples
    }
    service = decision().route.service
    name = "leakgate_answers_inspected_total"
    assert values[name, *sorted(("redacted", service))] == 1
    assert values[name, *sorted(("failed", service))] == 1
    assert values["leakgate_answers_inspected_bytes_total",] >= 7
    assert values["leakgate_rule_hits_total", *sorted(("r", "enforce", "redact"))] == 1
    assert "leakgate_requests_total" not in {key[0] for key in values}
