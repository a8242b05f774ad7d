"""What the record bounds: against exchanges of which everything is known."""

import dataclasses

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from support import sketches
from support.thorough import examples

from gateway.incidents.recall import happened, recorded
from gateway.incidents.record import from_decision
from gateway.model import (
    Decision,
    Forward,
    Locator,
    PartKind,
    Refuse,
    Rewrite,
    Scan,
    Verdict,
)
from gateway.policy import PolicySet, evaluate
from gateway.policy.recorded import Hindsight
from gateway.policy.simulate import Simulation
from gateway.policy.teams import MAX_GROUPS, MAX_KEYS, Teams

_FIXED = {PartKind.TEXT: True, PartKind.IDENTIFIER: False}
"""What the kind of a place tells of whether it can be changed; of files it tells nothing."""


def told(scan):
    """A scan in which the kind of a place tells whether it can be changed."""
    return dataclasses.replace(
        scan,
        findings=tuple(
            dataclasses.replace(each, editable=_FIXED.get(each.kind, each.editable))
            for each in scan.findings
        ),
    )


SCANS = sketches.SCANS.map(told)


ASKED = [None, [], ["*"], ["eng*"], ["sales", "finance"]]
"""What was asked of groups when an exchange was recorded; None of a record that tells nothing of them."""


def remembered(compiled, sender, route, scan, *, host=None, asked=None):
    """The incident that such an exchange leaves."""
    outcome = evaluate(compiled, sender, route, scan)
    enforcement = {
        Verdict.BLOCK: Refuse("policy", 400, (), b""),
        Verdict.REDACT: Rewrite("/", (), b"", ()),
    }.get(outcome.verdict, Forward())
    incident = from_decision(
        Decision(
            exchange="x",
            at=sender.received_at,
            actor=sender.actor,
            source_ip=sender.source_ip,
            method="POST",
            host=host or sender.host,
            route=route,
            scan=scan,
            outcome=outcome,
            enforcement=enforcement,
            policy_revision=compiled.revision,
            detector_revision="d",
            incident="i",
            known=None if asked is None else Teams.of(PolicySet("", ()), asked).known(sender),
        )
    )
    return outcome, incident


PLAIN = "\n".join(line for line in sketches.RULES.splitlines() if "fingerprint" not in line)


@pytest.mark.parametrize("rules", [sketches.RULES, PLAIN])
@given(
    sender=sketches.SENDERS,
    route=sketches.ROUTES,
    scan=SCANS,
    hidden=st.booleans(),
    asked=st.sampled_from(ASKED),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(200),
)
def test_the_truth_lies_between_the_bounds(
    policy, exchange, rules, sender, route, scan, hidden, asked
):
    compiled = policy(rules)
    sender = exchange(**sender)
    host = "*" if hidden else None
    outcome, incident = remembered(compiled, sender, route, scan, host=host, asked=asked)
    past = recorded(incident, lambda *_: route)
    hindsight = Hindsight(compiled)
    bounds = hindsight.bounds(past)
    real = {hit.rule: hit for hit in outcome.hits}
    assert bounds.surely.keys() <= real.keys() <= bounds.possibly.keys()
    for rule, hit in real.items():
        assert bounds.possibly[rule].mode == hit.mode
        assert bounds.possibly[rule].action >= hit.action
        if rule in bounds.surely:
            assert bounds.surely[rule].action <= hit.action
    for rule in compiled.rules:
        why = hindsight.why_not(rule, past)
        assert bool(why) == (rule.id not in bounds.possibly)


@pytest.mark.parametrize("rules", [sketches.RULES, PLAIN])
@given(
    sketches.SENDERS, sketches.SENDERS, sketches.ROUTES, SCANS, SCANS, st.randoms(), st.booleans()
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(200),
)
def test_what_looks_the_same_to_the_rules_is_answered_the_same(
    policy, exchange, rules, sender, other, route, scan, another, chance, mixed
):
    hindsight = Hindsight(policy(rules))

    def past(who, what):
        _, incident = remembered(hindsight.policy, exchange(**who), route, what)
        return recorded(incident, lambda *_: route)

    one = past(sender, scan)
    two = past(sender if mixed and chance.random() < 0.7 else other, another)
    if mixed:
        # The same findings by somebody else, in another order, and other values in them.
        names = {value: f"{value[::-1]}x" for group in one.groups for value in group.fingerprints}
        groups = [
            dataclasses.replace(
                group, path="elsewhere", fingerprints=tuple(map(names.get, group.fingerprints))
            )
            for group in one.groups
        ]
        chance.shuffle(groups)
        two = dataclasses.replace(two, groups=tuple(groups), unread=one.unread, cut=one.cut)
    same = hindsight.shape(one) == hindsight.shape(two)
    event(f"looks the same: {same}")
    if same:
        first, second = hindsight.bounds(one), hindsight.bounds(two)
        for of in ("surely", "possibly"):
            assert {rule: (hit.mode, hit.action) for rule, hit in getattr(first, of).items()} == {
                rule: (hit.mode, hit.action) for rule, hit in getattr(second, of).items()
            }


def test_what_looks_the_same_is_asked_about_once(policy, exchange, route, monkeypatch):
    compiled = policy("rules: [{id: a, when: {entity: US_SSN}, action: block}]")
    _, incident = remembered(compiled, exchange(), route(), Scan())
    past = recorded(incident, lambda *_: route())
    simulation, asked = Simulation(compiled, compiled), []
    whole = Hindsight.bounds
    monkeypatch.setattr(
        Hindsight, "bounds", lambda self, each: asked.append(each) or whole(self, each)
    )
    for number in range(5):
        each = dataclasses.replace(past, actor=f"person-{number}", at=past.at + number)
        simulation.add(each, happened(incident), sender=each.actor, then=route())
    assert len(asked) == 1
    assert simulation.tally.exchanges == 5


@given(sketches.SENDERS, sketches.ROUTES, SCANS, st.sampled_from(ASKED))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(100),
)
def test_the_same_policies_change_nothing(policy, exchange, sender, route, scan, asked):
    compiled = policy(sketches.RULES)
    _, incident = remembered(compiled, exchange(**sender), route, scan, asked=asked)
    simulation = Simulation(compiled, policy(sketches.RULES))
    assert simulation.changed == ()
    past = recorded(incident, lambda *_: route)
    simulation.add(past, happened(incident), sender="s", then=route)
    assert simulation.tally.exchanges == 1
    assert not simulation.tally.changes


@given(
    sketches.SENDERS,
    sketches.ROUTES,
    SCANS,
    st.sets(st.integers(3, 26), min_size=1, max_size=24),
    st.sampled_from(["block", "log", "redact"]),
    st.sampled_from(ASKED),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(200),
)
def test_what_is_counted_as_sure_is_what_would_have_happened(
    policy, exchange, sender, route, scan, left, action, asked
):
    """Old policies are a part of the rules, the new ones another, with another action here and there."""
    lines = sketches.LINES.strip().splitlines()
    blocks = [[]]
    for line in lines:
        if line.startswith("- ") and blocks[-1]:
            blocks.append([])
        blocks[-1].append(line)
    text = ["\n".join(block) for block in blocks]
    kept = [rule for number, rule in enumerate(text) if number % 2 or number in left]
    changed = [
        rule.replace("action: block", f"action: {action}")
        if action != "redact" or "entity" in rule.split("unless")[0]
        else rule
        for number, rule in enumerate(text)
        if number not in left
    ]
    before = policy(sketches.HEAD + "\n".join(kept))
    after = policy(sketches.HEAD + "\n".join(changed or text[:1]))
    sender = exchange(**sender)
    was, incident = remembered(before, sender, route, scan, asked=asked)
    now = evaluate(after, sender, route, scan)
    simulation = Simulation(before, after)
    past = recorded(incident, lambda *_: route)
    simulation.add(past, happened(incident), sender="s", then=route)
    (change,) = simulation.tally.changes or (None,)
    block, coach, redact = Verdict.BLOCK, Verdict.COACH, Verdict.REDACT
    event(str(change))
    match change:
        case "new block":
            assert was.verdict < block == now.verdict
        case "lifted block":
            assert now.verdict < block == was.verdict
        case "new coaching":
            assert was.verdict < coach <= now.verdict
        case "lifted coaching":
            assert now.verdict < coach <= was.verdict
        case "new redaction":
            assert was.verdict < redact == now.verdict
        case "lifted redaction":
            assert now.verdict < redact == was.verdict
        case "other redaction":
            assert was.verdict is now.verdict is redact
        case None:
            assert (was.verdict is block) == (now.verdict is block)
            assert (was.verdict is coach) == (now.verdict is coach)
            assert (was.verdict >= redact) == (now.verdict >= redact)
        case "not known":
            assert simulation.tally.unknown


def test_a_scan_without_findings_has_bounds(policy, exchange, route):
    compiled = policy("rules: [{id: a, when: {service: chatty}, action: log}]")
    _, incident = remembered(compiled, exchange(), route(), Scan())
    bounds = Hindsight(compiled).bounds(recorded(incident, lambda *_: route()))
    assert bounds.surely.keys() == bounds.possibly.keys() == {"a"}


def test_what_cannot_be_known_is_told_with_its_reason(policy, exchange, route, finding):
    old = policy("rules: [{id: a, when: {entity: PERSON}, action: log}]")
    new = policy("rules: [{id: b, when: {entity: PERSON, min_length: 5}, action: block}]")
    scan = Scan((finding("PERSON", locator=Locator("body")),))
    _, incident = remembered(old, exchange(), route(), scan)
    simulation = Simulation(old, new)
    simulation.add(
        recorded(incident, lambda *_: route()), happened(incident), sender="s", then=route()
    )
    assert simulation.tally.changes == {"not known": 1}
    assert simulation.tally.unknown == {("b", "lengths are not recorded"): 1}


ABOUT_SENDERS = """
api_keys: {corporate: [aaaaaaaaaaaaaaaaaaaaaaaa]}
rules:
- {id: member, when: {group: "eng*"}, action: block}
- {id: unless-member, when: {act: prompt}, unless: {group: finance}, action: block}
- {id: device, when: {device: "managed-*"}, action: block}
- {id: key, when: {api_key: {not_in: corporate}}, action: block}
"""


@given(sketches.SENDERS, sketches.ROUTES)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(100),
)
def test_what_was_asked_of_a_sender_is_known_afterwards(policy, exchange, sender, route):
    compiled = policy(ABOUT_SENDERS)
    sender = exchange(**sender | {"keys": sender["keys"] or frozenset()})
    asked = Teams.of(compiled).asked
    assert asked == ("eng*", "finance")
    outcome, incident = remembered(compiled, sender, route, Scan(), asked=asked)
    incident = incident or from_decision(_kept(sender, route, outcome, asked))
    bounds = Hindsight(compiled).bounds(recorded(incident, lambda *_: route))
    assert bounds.surely.keys() == bounds.possibly.keys() == {hit.rule for hit in outcome.hits}


def test_a_group_that_nobody_asked_for_is_not_known_to_be_missing(policy, exchange, route):
    old = policy("rules: [{id: a, when: {group: sales}, action: log}]")
    new = policy("rules: [{id: b, when: {group: finance}, action: block}]")
    simulation = Simulation(old, new)
    for groups in ({"sales", "finance"}, {"sales"}):
        sender = exchange(actor="ann", groups=frozenset(groups))
        _, incident = remembered(old, sender, route(), Scan(), asked=Teams.of(old).asked)
        past = recorded(incident, lambda *_: route())
        teams = incident.teams
        assert teams == ("sales",), "only what was asked for is kept"
        simulation.add(past, happened(incident), sender="s", then=route(), teams=teams)
    why = "whether the sender was in that group was not asked then"
    assert simulation.tally.unknown == {("b", why): 2}
    assert simulation.tally.by_team == {"sales": {"not known": 2}}


def test_a_record_that_names_nobody_explains_without_names(policy, exchange, route):
    compiled = policy(
        "rules: [{id: a, when: {actor: bob}, action: log}, {id: g, when: {group: x}, action: log},"
        " {id: d, when: {device: z}, action: log},"
        " {id: n, when: {source_network: 10.0.0.0/8}, action: log}]"
    )
    sender = exchange(
        actor="ann", groups=frozenset({"works-council"}), device="ann-laptop", source_ip="192.0.2.9"
    )
    outcome = evaluate(compiled, sender, route(), Scan())
    incident = from_decision(_kept(sender, route(), outcome, ["*"]))
    hindsight = Hindsight(compiled)
    whys = [
        hindsight.why_not(rule, recorded(incident, lambda *_: route())) for rule in compiled.rules
    ]
    assert all(whys)
    for word in ("ann", "works-council", "192.0.2.9"):
        assert word not in " ".join(whys)


def test_what_is_kept_of_a_sender_is_bounded(policy, exchange):
    teams = Teams.of(policy("rules: [{id: a, when: {group: 'g*'}, action: log}]"), ["Sales"])
    assert teams.asked == ("g*", "sales")
    many = exchange(
        actor="ann",
        groups=frozenset(f"g{number}" for number in range(500)),
        keys=frozenset(map(str, range(100))),
    )
    known = teams.known(many)
    assert len(known.groups) == MAX_GROUPS
    assert known.asked == (), "of the groups that were left out nobody may think that they are not"
    assert known.keys is None
    few = teams.known(exchange(actor="ann", groups=frozenset({"g1", "h"}), keys=frozenset("k")))
    assert (few.groups, few.asked, few.keys) == ({"g1"}, ("g*", "sales"), {"k"})
    assert MAX_KEYS * 25 < 512, "they fit the column"
    assert teams.known(exchange(actor="", groups=None)).groups is None


def _kept(sender, route, outcome, asked):
    return Decision(
        exchange="x",
        at=sender.received_at,
        actor=sender.actor,
        source_ip=sender.source_ip,
        method="POST",
        host=sender.host,
        route=route,
        scan=Scan(),
        outcome=outcome,
        enforcement=Forward(),
        policy_revision="p",
        detector_revision="d",
        incident="i",
        known=Teams.of(PolicySet("", ()), asked).known(sender),
    )
