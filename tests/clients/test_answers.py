"""The gateway as it runs looks at what services say: in workers, and on record."""

from __future__ import annotations

import ssl
import time

import httpx
import pytest
from support import prompts
from support.echo import Echo, says
from support.gateway import GatewayProcess

CARD = "4111 1111 1111 1111"
SSN = "536-90-4399"
MAIL = "angela.whitfield@corp-mail.net"
FILL = "Here is a sentence that says nothing, to be read by nobody in particular. " * 6

POLICY = """\
version: 1
rules:
  - id: mail
    severity: medium
    when: {entity: EMAIL_ADDRESS}
    action: tokenise
answers:
  rules:
    - id: mail-in-answers
      when: {entity: EMAIL_ADDRESS}
      action: log
    - id: cards-in-answers
      when: {entity: CREDIT_CARD, min_confidence: 0.6}
      action: redact
    - id: ssn-in-answers
      when: {entity: US_SSN, min_confidence: 0.4}
      action: block
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, tls):
    upstreams = {}
    with Echo(tls[0]) as echo:
        upstreams = dict.fromkeys(prompts.HOSTS, echo.url)
        folder = tmp_path_factory.mktemp("answers")
        with GatewayProcess(
            folder, policies=POLICY, upstreams=upstreams, trusted_ca=tls[1]
        ) as gateway:
            yield gateway


def ask(gateway, protocol, text, *, stream):
    url, body = protocol(text, stream=stream)
    context = ssl.create_default_context(cafile=str(gateway.ca))
    with httpx.Client(proxy=gateway.url, verify=context, timeout=60) as client:
        return client.post(url, json=body, headers={"authorization": "Bearer none"})


def test_what_is_found_in_answers_is_done_and_on_record(gateway):
    for protocol in prompts.PROTOCOLS[:3]:
        for stream in (False, True):
            answer = ask(gateway, protocol, says(f"{FILL}Pay with {CARD}. {FILL}"), stream=stream)
            assert b"[CREDIT_CARD]" in answer.content
            answer = ask(gateway, protocol, says(f"{FILL}His SSN is {SSN}. {FILL}"), stream=stream)
            assert "ssn-in-answers" in answer.text
            # A value of the client's own leaves as a token, and comes back.
            ask(gateway, protocol, f"{FILL}Write to {MAIL}. {FILL}", stream=stream)
            ask(gateway, protocol, says(f"{FILL}Write to {MAIL}. {FILL}"), stream=stream)
    # Some are recorded once their answer has gone.
    ends = time.monotonic() + 30
    while gateway.metric("leakgate_incidents_stored_total") < 24 and time.monotonic() < ends:
        time.sleep(0.1)
    incidents = gateway.incidents(at_least=24)
    done = {}
    for incident in incidents:
        for rule in incident.rules:
            done.setdefault(rule.rule, []).append(incident)
    assert {name: len(some) for name, some in done.items()} == {
        "mail": 6,
        "cards-in-answers": 6,
        "ssn-in-answers": 6,
        "mail-in-answers": 6,
    }
    assert {one.enforcement for one in done["cards-in-answers"]} == {"rewrite"}
    assert {one.enforcement for one in done["ssn-in-answers"]} == {"refuse"}
    traces = gateway.traces()
    assert not any(value.encode() in traces for value in (CARD, SSN, MAIL))
