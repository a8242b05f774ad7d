"""Redirects, restrictions to tenants and keys of the company, as services see them."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
import websockets.exceptions
from support import clients, wire
from support.gateway import GatewayProcess, warm
from support.upstream import Upstream, certificate

from gateway import bootstrap

OURS, THEIRS, CONTAINER = (f"sk-{name}-" + name * 8 for name in ("ours", "mine", "azure"))
OPENAI, MISTRAL, CLAUDE, COHERE, BEDROCK = (
    "api.openai.com",
    "api.mistral.ai",
    "claude.ai",
    "api.cohere.com",
    "login.microsoftonline.com",
)
POLICY = """\
version: 1
inspect_hosts: [login.microsoftonline.com]
api_keys:
  corporate: {print}
approved:
  ours:
    url: {url}/approved
    protocol: openai
    service: openai-api
    title: Our own assistant
tenants:
  - id: claude
    when: {{host: claude.ai}}
    headers: {{anthropic-allowed-org-ids: 6f0c-ours}}
  - id: microsoft
    when: {{host: login.microsoftonline.com}}
    headers:
      Restrict-Access-To-Tenants: corp.example
      sec-Restrict-Tenant-Access-Policy: restrict-msa
rules:
  - id: corporate-keys-only
    when: {{service: openai-api, api_key: {{not_in: corporate}}, host: api.openai.com}}
    action: block
    message: Please use a key of the company.
  - id: not-mistral
    when: {{service: {mistral}}}
    action: redirect
    to: ours
  - id: not-cohere
    when: {{service: {cohere}}}
    action: redirect
    to: ours
  - id: cards-do-not-go-to-ours
    when: {{service: openai-api, entity: CREDIT_CARD, min_confidence: 0.6}}
    action: redact
"""


CLI = "from gateway.cli import main; main()"


def service_of(host):
    catalogue = bootstrap.Catalogue.load()
    route = catalogue.route(
        host=host, method="POST", target="/v1/chat/completions",
        content_type="application/json", websocket=False,
    )  # fmt: skip
    return route.service, route.protocol


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steering")
    tls = certificate(folder, "127.0.0.1", "localhost")
    told = subprocess.run(
        [sys.executable, "-c", CLI, "api-keys", "--state", str(warm())],
        input=f"research {OURS}\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert OURS not in told
    line, _, note = told.strip().partition("  # ")
    assert note == "research"
    secret = folder / "azure.key"
    secret.write_text(CONTAINER)
    with Upstream(tls[0], http2=True) as there, Upstream(tls[0], http2=True) as upstream:
        policy = POLICY.format(
            print=line.removeprefix("- "),
            url=there.url,
            mistral=service_of(MISTRAL)[0],
            cohere=service_of(COHERE)[0],
        )
        with GatewayProcess(
            folder / "gateway",
            policies=policy.replace("protocol: openai", f"protocol: {service_of(MISTRAL)[1]}"),
            upstreams=dict.fromkeys((OPENAI, MISTRAL, CLAUDE, COHERE, BEDROCK), upstream.url),
            trusted_ca=tls[1],
            settings={
                "approved_keys": {
                    "ours": {"header": "api-key", "prefix": "", "secret": {"file": str(secret)}}
                }
            },
        ) as gateway:
            yield gateway, upstream, there


@pytest.fixture(autouse=True)
def fresh(place):
    for each in place[1:]:
        each.seen.clear()


def post(gateway, http, host, headers, body=None, target="/v1/chat/completions"):
    message = body or {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
    client = http(host, proxy=gateway.port, cafile=gateway.ca)
    try:
        return client.request(
            "POST", target, [("content-type", "application/json"), *headers],
            json.dumps(message).encode(),
        )  # fmt: skip
    finally:
        client.close()


VERSIONS = (wire.Http1, wire.Http2)


def fields(seen):
    return {name.lower(): value for name, value in seen.headers}


@pytest.mark.parametrize("http", VERSIONS)
def test_a_key_of_the_company_passes_and_any_other_does_not(place, http):
    gateway, upstream, _ = place
    assert post(gateway, http, OPENAI, [("authorization", f"Bearer {OURS}")]).status == 200
    assert len(upstream.seen) == 1
    for headers in (
        [("authorization", f"Bearer {THEIRS}")],
        [("authorization", f"Bearer {OURS}"), ("x-api-key", THEIRS)],
        [],
    ):
        answer = post(gateway, http, OPENAI, headers)
        assert answer.status == 400
        assert b"a key of the company" in answer.body
    assert len(upstream.seen) == 1
    assert not [key for key in (OURS, THEIRS) if key.encode() in gateway.traces()]


def test_a_socket_is_opened_with_a_key_of_the_company_alone(place):
    gateway, upstream, _ = place

    def open_(key, **more):
        options = {"additional_headers": {"Authorization": f"Bearer {key}"}} | more
        return clients.websocket(f"wss://{OPENAI}/ws", gateway.url, gateway.ca, **options)

    with open_(OURS) as connection:
        connection.send("hello")
        assert connection.recv(timeout=10) == "hello"
    upstream.seen.clear()
    with pytest.raises(websockets.exceptions.InvalidStatus):
        open_(THEIRS)
    subprotocols = ["realtime", f"openai-insecure-api-key.{THEIRS}"]
    with pytest.raises(websockets.exceptions.InvalidStatus):
        open_(OURS, additional_headers={}, subprotocols=subprotocols)
    assert upstream.seen == []


@pytest.mark.parametrize("http", VERSIONS)
def test_tenants_are_set_and_what_the_client_said_of_them_is_deleted(place, http):
    gateway, upstream, _ = place
    said = [("Anthropic-Allowed-Org-IDs", "mine"), ("anthropic-allowed-org-ids", "and-mine")]
    said = [(name.lower(), value) for name, value in said] if http is wire.Http2 else said
    post(gateway, http, CLAUDE, said, target="/api/x")
    (seen,) = upstream.seen
    values = [value for name, value in seen.headers if name.lower() == "anthropic-allowed-org-ids"]
    assert values == ["6f0c-ours"]
    post(gateway, http, BEDROCK, [], target="/common/oauth2")
    told = fields(upstream.seen[1])
    assert told["restrict-access-to-tenants"] == "corp.example"
    assert told["sec-restrict-tenant-access-policy"] == "restrict-msa"
    post(gateway, http, OPENAI, [("authorization", f"Bearer {OURS}")])
    assert "anthropic-allowed-org-ids" not in fields(upstream.seen[2])


@pytest.mark.parametrize("http", VERSIONS)
def test_a_service_is_exchanged_for_the_approved_one_with_its_rules_and_key(place, http, card):
    gateway, upstream, there = place
    body = {"model": "m", "messages": [{"role": "user", "content": f"card {card}"}]}
    headers = [("authorization", f"Bearer {THEIRS}"), ("x-note", "stays")]
    answer = post(
        gateway, http, MISTRAL, headers, body, target=f"/v1/chat/completions?a=1&key={THEIRS}&b=2"
    )
    assert answer.status == 200
    assert upstream.seen == []
    (seen,) = there.seen
    assert seen.target == "/approved/v1/chat/completions?a=1&b=2"
    assert (fields(seen)["api-key"], fields(seen)["x-note"]) == (CONTAINER, "stays")
    assert THEIRS.encode() not in there.everything()
    # A rule for the approved service, not for the one that was asked.
    assert card.encode() not in seen.body
    assert b"[CREDIT_CARD]" in seen.body
    # It is stored in the background, maybe after those of earlier tests.
    until = time.monotonic() + 15
    while not any(
        fired.rule == "not-mistral"
        for each in gateway.incidents(at_least=1)
        for fired in each.rules
    ):
        assert time.monotonic() < until


def test_where_protocols_differ_the_message_names_the_approved_service(place):
    gateway, upstream, there = place
    answer = post(gateway, wire.Http1, COHERE, [], target="/v2/chat")
    assert answer.status == 400
    assert b"Our own assistant" in answer.body
    assert upstream.seen == there.seen == []
