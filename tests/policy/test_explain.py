import dataclasses
import re

import pytest
from hypothesis import HealthCheck, given, settings
from support import sketches
from support.thorough import examples

from gateway.model import FileInfo, Locator, PartKind, Role, Scan, Unread, UnreadReason
from gateway.policy import evaluate
from gateway.policy.explain import explain, why_not

PDF = FileInfo(Locator("files[0]"), "application/pdf", "document", 5000)


@given(sketches.SENDERS, sketches.ROUTES, sketches.SCANS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=examples(300),
)
def test_what_is_explained_is_what_is_done(policy, exchange, sender, route, scan):
    compiled = policy(sketches.RULES)
    sender = exchange(**sender)
    outcome = evaluate(compiled, sender, route, scan)
    hits = {hit.rule: hit for hit in outcome.hits}
    for rule in compiled.rules:
        assert bool(why_not(rule, sender, route, scan)) == (rule.id not in hits), rule.id
    told = explain(compiled, sender, route, scan)
    assert told.outcome == outcome
    assert {account.rule for account in told.accounts} == {rule.id for rule in compiled.rules}
    for account in told.accounts:
        assert account.why
        if (hit := hits.get(account.rule)) is not None:
            assert (account.matched, account.mode, account.action) == (True, hit.mode, hit.action)
    strict = [hits[rule].action for rule in told.deciding]
    assert all(action is outcome.verdict for action in strict)
    assert bool(strict) == (outcome.verdict > 0)


@pytest.fixture
def why(policy, exchange, route, finding):
    def run(rule, *findings, scan=None, to=None, **changes):
        (compiled,) = policy(f"rules: [{{id: a, {rule}, action: log}}]").rules
        scan = scan or Scan(tuple(finding(**sketch) for sketch in findings))
        return why_not(compiled, exchange(**changes), to or route(trains_on_input=True), scan)

    return run


SSN = {"entity": "US_SSN", "confidence": 0.4}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("service: portrait", "service is chatty, the rule wants portrait"),
        ("act: [upload, train]", "act is prompt, the rule wants train or upload"),
        (
            "facts: {trains_on_input: [no, unknown]}",
            "fact trains_on_input of the service is yes, the rule wants no or unknown",
        ),
        (
            "facts: {retention_days: {at_least: 31}}",
            "fact retention_days of the service is unknown, the rule wants at least 31",
        ),
        ("host: '*.other'", "host is api.chatty.example, the rule wants *.other"),
        ("actor: bob", "actor is Ann@example.com, the rule wants bob"),
        ("group: [sales, x]", "groups are Engineering and all, the rule wants sales or x"),
        ("device: phone", "device is laptop-7, the rule wants phone"),
        ("identified: false", "the sender is known, the rule wants an anonymous sender"),
        ("source_network: 192.168.0.0/16", "it came from 10.1.2.3, the rule wants 192.168.0.0/16"),
        (
            "time: {days: sat-sun, hours: '08:00-24:00', zone: UTC}",
            "it came on Fri at 08:00 (UTC), the rule wants sat, sun 08:00-24:00 (UTC)",
        ),
        ("entity: PERSON", "found no PERSON"),
        ("entity: US_SSN, min_confidence: 0.5", "found US_SSN at 0.40, the rule wants 0.5"),
        ("part: file", "found US_SSN at 0.40 in part text, the rule wants file"),
        ("role: tool", "found US_SSN at 0.40 in role user, the rule wants tool"),
        ("fingerprint: f9", "found US_SSN at 0.40, but no such fingerprint"),
        ("min_length: 20", "found US_SSN at 0.40 of 9 characters, the rule wants 20"),
        ("min_count: 3", "1 such finding, the rule wants 3"),
        ("min_distinct: 2", "1 different value, the rule wants 2"),
        ("entity: US_SSN, file: {family: image}", "it carries no file"),
        ("has_files: true", "it carries no file"),
        ("unread: encrypted", "everything was read, the rule wants encrypted"),
        (
            "history: {face_pictures: {at_least: 2}, within: 1 h}",
            "no picture with a face is in it, and the rule counts those sent over time",
        ),
        ("entity: US_SSN", ""),
    ],
)
def test_the_first_condition_that_fails_is_told(why, when, said):
    assert why(f"when: {{{when}}}", SSN) == said


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("family: image", "it is of family document, the rule wants image"),
        ("media_type: image/*", "its type is application/pdf, the rule wants image/*"),
        ("min_size: 1 MB", "it has 5000 bytes, the rule wants 1000000"),
        ("max_size: 1 kB", "it has 5000 bytes, the rule wants 1000 at most"),
        ("mismatch: true", "it is what it was declared to be"),
        ("medical: true", "nothing says medical"),
        ("pages: {at_least: 9}", "pages is 0, the rule wants at least 9"),
        ("label: Secret", "no label is secret"),
    ],
)
def test_what_a_file_lacks_is_told(why, when, said):
    told = why(f"when: {{file: {{{when}}}}}", scan=Scan(files=(PDF,)))
    assert told == f"the document of 5000 bytes is not such a file: {said}"


def test_an_exception_is_told_with_its_owner_and_its_end(why):
    rule = "when: {entity: US_SSN}, unless: {actor: ann*, until: 2028-01-01, owner: jo, reason: x}"
    told = "the exception of jo until 2028-01-01 (policy.yaml:2) applies to the whole request"
    assert why(rule, SSN) == told
    rule = rule.replace("actor: ann*", "entity: US_SSN")
    told = "found US_SSN at 0.40, but the exception of jo until 2028-01-01 (policy.yaml:2) leaves it out"
    assert why(rule, SSN) == told


def test_notes_tell_what_else_had_a_say(policy, exchange, route, finding):
    compiled = policy("""
    rules:
    - id: a
      when: {entity_group: pii}
      unless:
      - {entity: PERSON, owner: jo}
      - {actor: ann*, until: 2020-01-01, owner: kim}
      rollout: 1%
      action: redact
    """)
    scan = Scan((finding(editable=False), finding("PERSON", role=Role.TOOL)))
    (account,) = explain(compiled, exchange(), route(), scan).accounts
    assert account.why == "found US_SSN at 0.85"
    assert [re.sub(r" \(policy.yaml:\d+\)", "", note) for note in account.notes] == [
        "it wants to redact, but what it found cannot be changed where it stands",
        "rolled out to 1%: the sender is not among them",
        "the exception of jo leaves out PERSON at 0.85",
        "the exception of kim until 2020-01-01 would apply, but has ended",
    ]


def test_no_account_holds_a_preview_or_a_fingerprint(policy, exchange, route, finding):
    secret = finding(preview="PREVIEW", fingerprint="FINGERPRINT", kind=PartKind.FILE)
    scan = Scan(
        (secret, dataclasses.replace(secret, entity="PERSON")),
        (Unread(Locator("files[0]"), UnreadReason.ENCRYPTED, detail="DETAIL"),),
        (PDF,),
    )
    told = repr(explain(policy(sketches.RULES), exchange(), route(), scan).accounts)
    assert "PREVIEW" not in told
    assert "FINGERPRINT" not in told
