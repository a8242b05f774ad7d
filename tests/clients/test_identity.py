"""People whom a real directory knows, through the gateway as an operator runs it."""

from __future__ import annotations

import json
import secrets
import shutil
import ssl
import subprocess
import time

import pytest
from support import slapd
from support.gateway import GatewayProcess
from support.upstream import Upstream, certificate

openai = pytest.importorskip("openai")
httpx = pytest.importorskip("httpx")

PEOPLE = {name: f"pw-{secrets.token_hex(8)}" for name in ("ann", "bob", "kim")}
ANN, BOB, KIM = (f"{name}:{password}" for name, password in PEOPLE.items())
GROUPS = {"finance": ["@controlling"], "controlling": ["ann"], "contractors": ["bob", "kim"]}
POLICY = """\
version: 1
rules:
  - id: known-people
    severity: high
    when: {service: anthropic-api, identified: false}
    action: block
    message: Please sign in to the proxy.
  - id: no-numbers-but-finance
    severity: high
    when: {entity: CREDIT_CARD, min_confidence: 0.6}
    unless: {group: finance}
    action: block
    message: Card numbers are for finance.
  - id: no-code-from-contractors
    severity: high
    when: {group: contractors, service: openai-api, operation: embeddings}
    action: block
  - id: numbers-become-tokens
    when: {entity: US_SSN, min_confidence: 0.5}
    action: tokenise
"""
OPENAI, ANTHROPIC = "api.openai.com", "api.anthropic.com"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    if not slapd.available():
        pytest.skip(slapd.MISSING)
    folder = tmp_path_factory.mktemp("identity")
    tls = certificate(folder, "127.0.0.1", "localhost")
    with (
        slapd.Slapd(folder / "slapd", tls, PEOPLE, GROUPS) as directory,
        Upstream(tls[0], http2=True) as upstream,
        GatewayProcess(
            folder / "gateway",
            policies=POLICY,
            upstreams=dict.fromkeys((OPENAI, ANTHROPIC), upstream.url),
            trusted_ca=tls[1],
            settings={
                "teams": ["control*"],
                "identity": {
                    "passwords": {"directory": True},
                    "directory": directory.settings(),
                    "exempt": ["127.0.0.5/32"],
                    "fresh": "1s",
                    "stale": "30m",
                },
            },
        ) as gateway,
    ):
        yield directory, upstream, gateway


@pytest.fixture(autouse=True)
def fresh(place):
    place[1].seen.clear()


def said(text):
    return {"model": "gpt-5", "messages": [{"role": "user", "content": text}]}


def curl(
    place, user, text, *arguments, host=OPENAI, path="/v1/chat/completions", source="127.0.0.1"
):
    _, _, gateway = place
    command = ["curl", "-sS", "--interface", source, "--proxy", gateway.url]
    command += ["--proxy-user", user] if user else []
    command += ["--cacert", str(gateway.ca), "-H", "content-type: application/json", *arguments]
    command += ["--data-binary", "@-", "-w", "\n%{http_connect} %{http_code}"]
    done = subprocess.run(
        [*command, f"https://{host}{path}"],
        input=json.dumps(said(text)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    body, _, codes = done.stdout.rpartition("\n")
    return tuple(int(code) for code in codes.split()), body


def sdk(place, user):
    _, _, gateway = place
    proxy = gateway.url.replace("://", f"://{user}@")
    client = httpx.Client(proxy=proxy, verify=ssl.create_default_context(cafile=str(gateway.ca)))
    return openai.OpenAI(api_key="none", http_client=client, max_retries=0)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_rule_for_a_nested_group_holds_over_every_version(place, card, version):
    _, upstream, gateway = place
    assert curl(place, ANN, f"card {card}", version)[0] == (200, 200)
    assert len(upstream.seen) == 1
    codes, body = curl(place, BOB, f"card {card}", version)
    assert codes == (200, 400)
    assert "Card numbers are for finance" in body
    assert len(upstream.seen) == 1
    newest = gateway.incidents(at_least=1)[0]
    assert (newest.actor, newest.source_ip) == ("bob", "127.0.0.1")
    # Those that rules name or the setting does; nothing of others.
    assert newest.asked == ("contractors", "control*", "finance")
    assert newest.teams == ("contractors",)
    assert newest.keys == ()
    assert b"proxy-authorization" not in upstream.everything().lower()


def test_an_official_sdk_logs_in_and_is_told_what_is_wrong(place, card):
    _, upstream, _ = place
    with sdk(place, ANN) as client:
        client.chat.completions.create(**said(f"card {card}"))
    assert len(upstream.seen) == 1
    with sdk(place, BOB) as client:
        with pytest.raises(openai.BadRequestError, match="Card numbers are for finance"):
            client.chat.completions.create(**said(f"card {card}"))
    for user in ("ann:wrong", "nobody:x"):
        with sdk(place, user) as client:
            with pytest.raises(openai.APIConnectionError) as caught:
                client.chat.completions.create(**said("hello"))
            assert "407" in str(caught.value.__cause__)
    assert len(upstream.seen) == 1


def test_a_rule_asks_for_a_name_where_settings_do_not(place):
    source = "127.0.0.5"  # exempt
    assert curl(place, "", "hello", source=source)[0] == (200, 200)
    assert curl(place, "", "hello", host=ANTHROPIC, path="/v1/messages", source=source)[0] == (
        407,
        0,
    )
    assert curl(place, ANN, "x", host=ANTHROPIC, path="/v1/messages", source=source)[0] == (
        200,
        200,
    )


def test_tokens_belong_to_the_person_at_every_address(place, ssn):
    _, upstream, _ = place
    for user, source in (
        (ANN, "127.0.0.1"),
        (ANN, "127.0.0.2"),
        (KIM, "127.0.0.1"),
    ):
        assert curl(place, user, f"my number is {ssn}", source=source)[0] == (200, 200)
    first, second, other = (
        json.loads(seen.body)["messages"][0]["content"] for seen in upstream.seen
    )
    assert ssn not in first
    assert first == second
    assert first != other


def test_with_the_directory_away_groups_never_help_anybody(place, card):
    directory, upstream, gateway = place
    assert curl(place, ANN, f"card {card}")[0] == (200, 200)
    directory.stop()
    try:
        # Known a moment ago: still let in, with the groups of then.
        until = time.monotonic() + 15
        while not gateway.metric("leakgate_identities_total", result="stale"):
            assert curl(place, ANN, f"card {card}")[0] == (200, 200)
            assert time.monotonic() < until
        before = len(upstream.seen)
        # Not seen before, or with another password: refused, not asked again for a password.
        for user in ("ann:other", "eve:x"):
            assert curl(place, user, "hello")[0] == (503, 0)
        assert len(upstream.seen) == before
        assert gateway.metric("leakgate_identities_total", result="away") >= 2
    finally:
        directory.start()
    written = gateway.traces()
    assert not [name for name, password in PEOPLE.items() if password.encode() in written]
