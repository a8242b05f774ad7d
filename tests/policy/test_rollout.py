import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.documents import DocumentError
from gateway.model import Scan, Verdict
from gateway.policy import evaluate, rollout

IDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
SHARES = st.integers(1, rollout.WHOLE)
RULE = "rules: [{id: a, when: {entity: US_SSN}, rollout: 25%, action: redact}]"


@given(IDS, st.text(), SHARES, SHARES)
def test_who_is_in_a_share_is_in_every_larger_one(rule, actor, one, other):
    small, large = sorted((one, other))
    who = {"actor": actor, "source_ip": "192.0.2.1"}
    if rollout.enforced(rule, small, **who):
        assert rollout.enforced(rule, large, **who)


@given(IDS, st.text(min_size=1), SHARES)
def test_neither_letter_case_nor_place_changes_the_share(rule, actor, share):
    first = rollout.enforced(rule, share, actor=actor.lower(), source_ip="192.0.2.1")
    upper = actor.lower().upper().lower()
    assert first == rollout.enforced(rule, share, actor=actor.lower(), source_ip="198.51.100.9")
    if upper == actor.lower():
        assert first == rollout.enforced(rule, share, actor=actor.upper(), source_ip="")


def test_a_share_is_that_share_of_the_senders_and_rules_are_independent():
    actors = [f"actor-{number}@example.com" for number in range(4000)]
    of = {
        rule: {
            actor
            for actor in actors
            if rollout.enforced(rule, 2500, actor=actor, source_ip="192.0.2.1")
        }
        for rule in ("first", "second")
    }
    # Four standard deviations of the binomial distribution.
    assert abs(len(of["first"]) - 1000) < 110
    assert abs(len(of["first"] & of["second"]) - 250) < 62


def test_the_share_of_a_sender_stays_what_it_is():
    """A changed hash would silently exchange the people in force: this must be told to people."""
    assert rollout.place("cards", actor="Ann@example.com", source_ip="") == 22
    assert rollout.place("cards", actor="", source_ip="10.1.2.3") == 7267


def test_addresses_stand_for_those_without_a_name():
    first = rollout.place("a", actor="", source_ip="10.1.2.3")
    assert first == rollout.place("a", actor="", source_ip="::ffff:10.1.2.3")
    assert first != rollout.place("a", actor="10.1.2.3", source_ip="10.1.2.3")
    assert len({rollout.place("a", actor="", source_ip=f"10.1.2.{n}") for n in range(20)}) > 15


def test_whom_nobody_knows_a_rule_is_enforced_for():
    assert rollout.enforced("a", 1, actor="", source_ip="?")


@pytest.mark.parametrize(
    "share", ["0%", "100.01%", "25", "'25'", "-1%", "1.234%", "e%", "1e1%", "٣%", ""]
)
def test_shares_are_read_strictly(policy, share):
    with pytest.raises(DocumentError, match=r"write e\.g\. `25%`"):
        policy(RULE.replace("25%", share))


def test_a_share_beside_monitor_mode_is_an_error_but_not_when_an_override_monitors(policy):
    with pytest.raises(DocumentError, match="`a`: has no effect with `mode: monitor`"):
        policy(RULE.replace("rollout", "mode: monitor, rollout"))
    (rule,) = policy(f"{RULE}\noverrides: {{a: {{mode: monitor}}}}").rules
    assert (rule.mode, rule.rollout) == ("monitor", rollout.WHOLE)
    (rule,) = policy(f"{RULE}\noverrides: {{a: {{rollout: 50.5 %}}}}").rules
    assert (rule.mode, rule.rollout) == ("enforce", 5050)


def test_a_rule_is_enforced_for_its_share_and_monitors_for_the_rest(
    policy, exchange, route, finding
):
    compiled = policy(RULE)
    seen = set()
    for number in range(40):
        sender = exchange(actor=f"a{number}")
        outcome = evaluate(compiled, sender, route(), Scan((finding(),)))
        inside = rollout.enforced("a", 2500, actor=sender.actor, source_ip=sender.source_ip)
        assert outcome.monitored is Verdict.REDACT
        assert outcome.verdict is (Verdict.REDACT if inside else Verdict.ALLOW)
        assert bool(outcome.redactions) is inside
        assert [hit.mode for hit in outcome.hits] == ["enforce" if inside else "monitor"]
        seen.add(inside)
    assert seen == {True, False}


@given(
    st.text(max_size=3),
    st.floats(0, 2e9),
    st.lists(
        st.tuples(st.sampled_from(["US_SSN", "PERSON", "CREDIT_CARD"]), st.booleans()), max_size=4
    ),
    st.tuples(st.sampled_from(["US_SSN", "PERSON", "CREDIT_CARD"]), st.booleans()),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_one_more_finding_never_weakens_a_verdict_in_part_or_at_times(
    policy, exchange, route, finding, actor, at, before, more
):
    compiled = policy(RULES)
    sender = exchange(actor=actor, received_at=at)

    def outcome(sketches):
        findings = tuple(
            finding(entity, editable=editable, fingerprint=f"f{number}")
            for number, (entity, editable) in enumerate(sketches)
        )
        return evaluate(compiled, sender, route(), Scan(findings))

    first, second = outcome(before), outcome([*before, more])
    assert first.verdict <= second.verdict
    assert first.monitored <= second.monitored
    assert {hit.rule for hit in first.hits} <= {hit.rule for hit in second.hits}


RULES = """
rules:
- {id: a, when: {entity: US_SSN}, rollout: 25%, action: block}
- {id: b, when: {entity_group: pii, min_count: 2}, rollout: 50%, action: redact}
- id: c
  when: {entity: CREDIT_CARD, time: {days: mon-fri, hours: "08:00-18:00", zone: Europe/Berlin}}
  unless: {entity: CREDIT_CARD, time: {days: wed, zone: UTC}}
  action: redact
- {id: d, when: {min_distinct: 3}, unless: {entity: PERSON}, rollout: 75%, action: block}
"""
