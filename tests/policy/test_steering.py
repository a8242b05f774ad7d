"""Redirects and restrictions to tenants: what rules say of where a request goes."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from support import sketches
from support.thorough import examples

from gateway.documents import DocumentError
from gateway.model import Scan, Verdict
from gateway.policy import Contradiction, Vocabulary, compile_text, evaluate, merged, restrictions

CLEAN = Scan()
APPROVED = """
approved:
  ours: {url: https://ai.corp.example/openai, protocol: generic, title: Our assistant, service: coder}
  other: {url: https://other.example, protocol: openai}
"""


@pytest.fixture
def speaking(vocabulary):
    known = dataclasses.replace(vocabulary, protocols=frozenset({"generic", "openai"}))

    def compiled(text):
        return compile_text(f"version: 1\n{APPROVED}{text}", known)

    return compiled


def problems(speaking, text):
    with pytest.raises(DocumentError) as caught:
        speaking(text)
    return str(caught.value)


def test_a_redirected_request_goes_and_is_recorded(speaking, exchange, route):
    policy = speaking("rules: [{id: a, when: {service: chatty}, action: redirect, to: ours}]")
    outcome = evaluate(policy, exchange(), route(), CLEAN)
    assert outcome.verdict is Verdict.LOG
    assert (outcome.redirect.name, outcome.redirect.url) == (
        "ours",
        "https://ai.corp.example/openai",
    )


def test_where_protocols_differ_people_are_told_where_to_go(speaking, exchange, route):
    policy = speaking("rules: [{id: a, when: {service: chatty}, action: redirect, to: other}]")
    outcome = evaluate(policy, exchange(), route(), CLEAN)
    assert (outcome.verdict, outcome.redirect) == (Verdict.BLOCK, None)
    assert outcome.message == "This was not sent: company policy wants other used instead."


def test_a_rule_that_monitors_redirects_nothing(speaking, exchange, route):
    policy = speaking(
        "rules: [{id: a, when: {service: chatty}, action: redirect, to: ours, mode: monitor}]"
    )
    assert evaluate(policy, exchange(), route(), CLEAN).redirect is None


def test_an_override_takes_the_redirect_away(speaking, exchange, route):
    policy = speaking(
        "rules: [{id: a, when: {service: chatty}, action: redirect, to: ours}]\n"
        "overrides: {a: {action: block}}"
    )
    outcome = evaluate(policy, exchange(), route(), CLEAN)
    assert (outcome.verdict, outcome.redirect) == (Verdict.BLOCK, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [{id: a, when: {service: chatty}, action: redirect}]", "needs `to`"),
        (
            "rules: [{id: a, when: {service: chatty}, action: redirect, to: our}]",
            "did you mean `ours`?",
        ),
        ("rules: [{id: a, when: {service: chatty}, action: block, to: ours}]", "has no effect"),
        ("tenants: [{id: a, when: {service: chaty}, headers: {X-A: b}}]", "did you mean `chatty`?"),
        ("tenants: [{id: a, when: {}, headers: {X-A: b}}]", "has no condition"),
        ("tenants: [{id: a, when: {service: chatty}, headers: {}}]", "at least 1"),
        ("tenants: [{id: a, when: {service: chatty}, headers: {Host: b}}]", "not a header"),
        ("tenants: [{id: a, when: {service: chatty}, headers: {X-A: b, x-a: c}}]", "twice"),
        ('tenants: [{id: a, when: {service: chatty}, headers: {X-A: "b\\r\\nc"}}]', "printable"),
        ("tenants: [{id: a, when: {entity: US_SSN}, headers: {X-A: b}}]", "entity"),
        (
            "tenants: [{id: a, when: {service: chatty}, unless: {identified: false}, headers: {X-A: b}}]",
            "would except",
        ),
        (
            "tenants: [{id: a, when: {host: x}, headers: {X-A: b}}, {id: a, when: {host: y}, headers: {X-A: b}}]",
            "exists already",
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error(speaking, text, words):
    assert words in problems(speaking, text)


def test_an_endpoint_speaks_a_protocol_that_is_known_and_is_reached_over_tls(vocabulary):
    for text, words in (
        ("{url: https://x.example, protocol: opnai}", "did you mean `openai`?"),
        ("{url: http://x.example, protocol: openai}", "is not a base URL"),
        ("{url: 'https://u:p@x.example', protocol: openai}", "is not a base URL"),
        ("{url: https://x.example, protocol: openai, service: chaty}", "did you mean `chatty`?"),
    ):
        known = dataclasses.replace(vocabulary, protocols=frozenset({"openai"}))
        with pytest.raises(DocumentError) as caught:
            compile_text(f"version: 1\napproved: {{ours: {text}}}", known)
        assert words in str(caught.value)
    assert Vocabulary is type(vocabulary)


TENANTS = """
tenants:
- id: ours
  when: {service: chatty}
  unless: [{group: research}, {actor: root, identified: true}]
  headers: {ChatGPT-Allowed-Workspace-Id: w-1, X-Other: y}
- id: also
  when: {host: "*.chatty.example", group: engineering}
  headers: {chatgpt-allowed-workspace-id: w-1}
"""


def test_headers_are_set_where_they_may_apply(speaking, exchange, route):
    policy = speaking(TENANTS)
    wanted = {"ChatGPT-Allowed-Workspace-Id": "w-1", "X-Other": "y"}
    assert dict(restrictions(policy, exchange(), route())) == wanted
    # Whoever nobody knows is restricted, and not excepted.
    anonymous = exchange(actor="", groups=None)
    assert dict(restrictions(policy, anonymous, route())) == wanted
    excepted = exchange(groups=frozenset({"Research"}))
    assert restrictions(policy, excepted, route()) == ()
    assert (
        restrictions(policy, exchange(host="x", groups=frozenset()), route("coder", "code")) == ()
    )


def test_two_values_of_one_header_are_a_contradiction(speaking, exchange, route):
    policy = speaking(
        "tenants: [{id: a, when: {group: x}, headers: {X-T: one}},"
        " {id: b, when: {group: y}, headers: {x-t: two}}]"
    )
    for groups in (frozenset({"x", "y"}), None):
        with pytest.raises(Contradiction) as caught:
            restrictions(policy, exchange(groups=groups), route())
        assert caught.value.args == ("a", "b", "x-t")
    assert restrictions(policy, exchange(groups=frozenset({"x"})), route()) == (("X-T", "one"),)


@given(sketches.SENDERS, sketches.ROUTES, sketches.ROUTES, sketches.SCANS)
@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_rules_of_two_services_together_are_no_milder_than_either(
    policy, exchange, sender, here, there, scan
):
    rules = policy(sketches.RULES)
    request = exchange(**sender)
    one, other = (evaluate(rules, request, route, scan) for route in (here, there))
    both = merged(one, other)
    for alone in (one, other):
        assert both.verdict >= alone.verdict
        assert both.monitored >= alone.monitored
        assert both.severity >= alone.severity
        assert {hit.rule for hit in both.hits} >= {hit.rule for hit in alone.hits}
        assert {r.finding for r in both.redactions} >= {r.finding for r in alone.redactions}
        assert {(c.file, c.what) for c in both.cleanings} >= {
            (c.file, c.what) for c in alone.cleanings
        }
    assert merged(one, one) == one
