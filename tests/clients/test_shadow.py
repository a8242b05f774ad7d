"""Shadow AI through a gateway as an operator runs it: from several people's curl to a service of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
from click.testing import CliRunner
from support.gateway import GatewayProcess
from support.upstream import Upstream, certificate

from gateway.cli import main
from gateway.database.engines import open_engine
from gateway.shadow.ledger import Ledger

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

TUNNELLED = "chat.shinygpt.example"
OPENED = "talk.plain.example"
POLICY = f"""\
version: 1
inspect_hosts: [{OPENED}, "*.{OPENED}"]
rules:
  - id: numbers
    when: {{entity: US_SSN, min_confidence: 0.5}}
    action: block
"""
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
LEAST = 4 * 300
"""Bytes that four requests in tunnels take, at the least."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shadow")
    pem, trusted = certificate(folder, "127.0.0.1", TUNNELLED)
    with (
        Upstream(pem) as upstream,
        GatewayProcess(
            folder / "gateway",
            policies=POLICY,
            upstreams=dict.fromkeys((OPENED, TUNNELLED), upstream.url),
            trusted_ca=trusted,
            settings={"identity": {"trusted_proxies": {"networks": ["127.0.0.1/32"]}}},
        ) as gateway,
    ):
        yield gateway, upstream, trusted


def curl(place, person, host, body, *arguments, path="/v1/chat/completions", scheme="https"):
    gateway, _, _ = place
    done = subprocess.run(
        [
            "curl", "-sS", "--proxy", gateway.url, "--proxy-header", f"X-Authenticated-User: {person}",
            "-H", "content-type: application/json", "--data-binary", "@-",
            "-o", "/dev/null", "-w", "%{http_code}", *arguments, f"{scheme}://{host}{path}?secret=s3cr3t",
        ],
        input=json.dumps(body), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout or done.stderr


def shadow(place, *arguments):
    """A command beside the running gateway; in this process, for a new one loads for seconds."""
    gateway, _, _ = place
    done = CliRunner().invoke(main, ["shadow", *arguments, "--config", str(gateway.config)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def seen(place, wanted):
    """Wait until these hosts were seen, each by so many people with so many tunnels and requests."""
    gateway, _, _ = place
    engine = open_engine(gateway.database_url)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            ranked = Ledger(engine).ranked()
            found = {each.host: (each.people, each.tunnels, each.requests) for each in ranked}
            # What a tunnel carries is told as it goes, and the last of it may wait for the next round.
            whole = all(each.sent > LEAST for each in ranked if each.host == TUNNELLED)
            if found == wanted and whole:
                return
            time.sleep(0.2)
        raise AssertionError(found)
    finally:
        engine.dispose()


def test_a_host_goes_from_curl_to_a_service_of_its_own(place, ssn):
    gateway, upstream, trusted = place
    past = ("--cacert", str(trusted), "--connect-to", f"{TUNNELLED}:443:127.0.0.1:{upstream.port}")
    for person in ("ann", "bob", "kim", "ann"):
        assert curl(place, person, TUNNELLED, CHAT, *past) == "200"
    ours = ("--cacert", str(gateway.ca))
    # A host that holds a number is nobody's to keep.
    assert curl(place, "ann", f"{ssn}.{OPENED}", CHAT, *ours) == "400"
    # Nor one in a tunnel, nor over plain HTTP.
    number = f"{ssn}.gpt.example"
    there = ("-k", "--connect-to", f"{number}:443:127.0.0.1:{upstream.port}")
    assert curl(place, "ann", number, CHAT, *there) == "200"
    assert curl(place, "ann", number, CHAT, scheme="http") == "502"
    for person in ("ann", "192.0.2.7"):
        assert curl(place, person, OPENED, CHAT, *ours) == "200"
    assert curl(place, "ann", OPENED, {"q": "weather"}, *ours, path="/forecast") == "200"
    assert all("s3cr3t" in each.target for each in upstream.seen)
    seen(place, {TUNNELLED: (3, 4, 0), OPENED: (2, 0, 3)})
    assert ssn.encode() not in gateway.traces()

    status, out, err = shadow(place, "list", "--json")
    assert (status, err) == (0, "")
    tunnelled, opened = json.loads(out)
    assert tunnelled["host"] == TUNNELLED
    assert (tunnelled["people"], tunnelled["tunnels"], tunnelled["requests"]) == (3, 4, 0)
    assert tunnelled["sent"] > LEAST
    assert tunnelled["reasons"] == [
        "its name has “gpt” in it",
        "its name has “chat” in it",
    ]
    assert opened["host"] == OPENED
    assert (opened["people"], opened["tunnels"], opened["requests"]) == (2, 0, 3), (
        "by its certificate"
    )
    assert "requests hold a model and messages" in opened["reasons"]
    assert "in its certificate, its name has “gpt” in it" in opened["reasons"]
    kept = (gateway.state / "leakgate.db").read_bytes()
    assert b"s3cr3t" not in kept
    assert b"/forecast" not in kept

    status, table, _ = shadow(place, "list")
    assert status == 0
    assert TUNNELLED in table
    drafts = [shadow(place, "draft", host) for host in (OPENED, TUNNELLED)]
    before = gateway.metric("leakgate_policy_last_reload_timestamp_seconds")
    for number, (status, draft, err) in enumerate(drafts):
        assert (status, err) == (0, "")
        (gateway.policies / f"draft-{number}.new").write_text(draft)
    for draft in gateway.policies.glob("*.new"):  # both for one reload
        draft.rename(draft.with_suffix(".yaml"))
    until = time.monotonic() + 120
    while gateway.metric("leakgate_policy_last_reload_timestamp_seconds") == before:
        assert time.monotonic() < until, gateway.log()
        time.sleep(0.2)

    many = len(upstream.seen)
    text = f"her number is {ssn}"
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    services = ((TUNNELLED, "chat-shinygpt-example"), (OPENED, "talk-plain-example"))
    for number, (host, service) in enumerate(services, start=2):  # one is of the host above
        assert curl(place, "ann", host, CHAT, *ours) == "200"
        assert curl(place, "ann", host, body, *ours) == "400"
        newest = gateway.incidents(at_least=number)[0]
        assert (newest.service, newest.actor, newest.act) == (service, "ann", "prompt")
    assert len(upstream.seen) == many + 2
    status, out, _ = shadow(place, "list", "--json")
    assert (status, json.loads(out)) == (0, []), "what is a service by now is no suspect"
    assert gateway.metric("leakgate_suspected_total", how="tunnel") == 5
    assert gateway.metric("leakgate_suspected_total", how="request") == 4


def test_what_is_dismissed_is_not_listed_and_audited(place):
    assert curl(place, "ann", "gpt.other.example", CHAT, "--connect-timeout", "1").startswith("000")
    seen(place, {TUNNELLED: (3, 4, 0), OPENED: (2, 0, 3), "gpt.other.example": (1, 1, 0)})
    why = ("--reason", "a shop for shoes")
    assert shadow(place, "dismiss", "gpt.other.example", *why)[:2] == (0, "")
    assert json.loads(shadow(place, "list", "--json")[1]) == []
    (one,) = json.loads(shadow(place, "list", "--json", "--dismissed")[1])
    assert one["dismissed"]["reason"] == "a shop for shoes"
    assert shadow(place, "restore", "gpt.other.example")[0] == 0
    assert json.loads(shadow(place, "list", "--json")[1])[0]["dismissed"] is None
    status, _, err = shadow(place, "draft", "never.example")
    assert status == 2
    assert "no host `never.example` was seen" in err


def test_what_passed_is_written_down_without_a_number(place, ssn):
    gateway, _, _ = place
    gateway.stop()
    passed = json.loads((gateway.state / "passed-through.json").read_text())
    assert passed[TUNNELLED]["connections"] == 4
    assert passed["*"]["connections"] == 1
    assert ssn.encode() not in gateway.traces()
