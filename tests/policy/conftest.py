"""A vocabulary of our own, so that these tests depend on no catalogue and no detector."""

import textwrap

import pytest

from gateway.model import Act, Exchange, Finding, Locator, PartKind, Role, Route
from gateway.policy import Vocabulary, compile_text

VOCABULARY = Vocabulary(
    services={"chatty": "chat", "portrait": "avatar", "coder": "code"},
    categories=frozenset({"chat", "avatar", "code"}),
    operations=frozenset({"send", "upload"}),
    facts={
        "trains_on_input": frozenset({"yes", "no", "opt_out"}),
        "licence_irrevocable": frozenset({"yes", "no"}),
        "retention_days": None,
        "jurisdiction": None,
    },
    entities=frozenset({"US_SSN", "CREDIT_CARD", "EMAIL_ADDRESS", "PERSON", "CLOUD_KEY"}),
    groups={
        "secret": frozenset({"CLOUD_KEY"}),
        "pii": frozenset({"US_SSN", "EMAIL_ADDRESS", "PERSON"}),
        "financial": frozenset({"CREDIT_CARD"}),
    },
    detectors=frozenset({"test", "other"}),
    lessons=frozenset({"general", "secrets"}),
)


@pytest.fixture
def vocabulary():
    return VOCABULARY


def policy(rules):
    """Compile rules written as the body of a policy file."""
    return compile_text("version: 1\n" + textwrap.dedent(rules), VOCABULARY)


@pytest.fixture(name="policy")
def policy_fixture():
    return policy


def exchange(**changes):
    values = {
        "id": "x1",
        "received_at": 1_800_000_000.0,
        "actor": "Ann@example.com",
        "source_ip": "10.1.2.3",
        "groups": frozenset({"Engineering", "all"}),
        "device": "laptop-7",
        "method": "POST",
        "scheme": "https",
        "host": "api.chatty.example",
        "port": 443,
        "target": "/v1",
        "headers": (),
        "body": b"",
    }
    return Exchange(**{**values, **changes})


def route(service="chatty", category="chat", operation="send", act=Act.PROMPT, **facts):
    return Route(service, category, operation, act, "generic", facts)


def finding(entity="US_SSN", **changes):
    values = {
        "locator": Locator("body.text"),
        "role": Role.USER,
        "kind": PartKind.TEXT,
        "editable": True,
        "entity": entity,
        "start": 0,
        "end": 9,
        "confidence": 0.85,
        "detector": "test",
        "fingerprint": "f1",
        "preview": "",
    }
    return Finding(**{**values, **changes})


@pytest.fixture(name="exchange")
def exchange_fixture():
    return exchange


@pytest.fixture(name="route")
def route_fixture():
    return route


@pytest.fixture(name="finding")
def finding_fixture():
    return finding
