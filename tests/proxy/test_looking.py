"""What the service says of its own accord: logged, taken out, or the answer ends; through the proxy."""

from __future__ import annotations

import json
import ssl
import time

import httpx
import pytest
from support import prompts
from support.echo import Echo, says
from support.gate import GateThread
from support.upstream import certificate

from gateway import bootstrap
from gateway.model import Forward, Look, Refuse, Rewrite
from gateway.workers import InspectionFault

CARD = "4111 1111 1111 1111"
LABEL = b"[CREDIT_CARD]"
FILL = "Here is a sentence that says nothing, to be read by nobody in particular. " * 6
SAID = f"{FILL}The card number is {CARD}, valid thru 09/28. {FILL}"

POLICY = """\
version: 1
answers:
  rules:
    - id: cards-in-answers
      severity: high
      mode: {mode}
      when: {{entity: CREDIT_CARD, min_confidence: 0.6, service: [{services}]}}
      action: {action}
"""
SERVICES = "openai-api, anthropic-api, gemini-api, ollama, bedrock"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", "localhost")


class Place:
    """A proxy whose inspector is the real one, in this process, and the service behind it."""

    def __init__(self, tmp_path_factory, tls):
        self.echo = Echo(tls[0])
        folder = tmp_path_factory.mktemp("gate")
        self._policies = tmp_path_factory.mktemp("policies")
        self._cache = tmp_path_factory.mktemp("cache")
        self.gate = GateThread(
            folder, upstreams=dict.fromkeys(prompts.HOSTS, self.echo.url), trusted_ca=tls[1]
        )
        self.gate.inspect = self._inspect
        self.gate.look = self._look
        self._inspectors = {}
        self.inspector = None
        self.fault = None
        self.looks = 0

    def policy(self, action, mode="enforce", services=SERVICES):
        key = (action, mode, services)
        if key not in self._inspectors:
            text = POLICY.format(action=action, mode=mode, services=services)
            (self._policies / "policy.yaml").write_text(text)
            rules = bootstrap.load_rules(self._policies)
            self._inspectors[key] = bootstrap.build_inspector(
                bootstrap.plan(rules, key=b"k" * 32, cache=self._cache, max_decoded=1 << 22)
            )
        self.inspector = self._inspectors[key]
        self.gate.recorded.clear()
        self.fault = None
        self.looks = 0

    async def _inspect(self, exchange, _):
        return self.inspector.inspect(exchange)

    async def _look(self, reply, _):
        self.looks += 1
        if self.fault is not None:
            raise InspectionFault(self.fault)
        return self.inspector.look(reply)

    def client(self):
        context = ssl.create_default_context(cafile=str(self.gate.authority.certificate_path))
        return httpx.Client(proxy=self.gate.url, verify=context, timeout=60)

    def ask(self, protocol, text, *, stream, **headers):
        url, body = protocol(text, stream=stream)
        with self.client() as client:
            return client.post(url, json=body, headers={"authorization": "Bearer none"} | headers)

    def recorded(self, count=1):
        ends = time.monotonic() + 10
        while len(self.gate.recorded) < count and time.monotonic() < ends:
            time.sleep(0.02)
        return self.gate.recorded

    def counted(self, result, service="openai-api"):
        name = "leakgate_answers_inspected_total"
        return self.gate.metric(name, result=result, service=service)


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    place = Place(tmp_path_factory, tls)
    with place.echo, place.gate:
        yield place


@pytest.fixture(params=prompts.PROTOCOLS, ids=lambda each: each.__name__)
def protocol(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


def strings(value):
    if isinstance(value, str):
        yield value
    for below in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from strings(below)


def spoken(content):
    """All strings of an answer, one after the other, however it is framed."""
    text = content.decode("utf-8", "replace")
    decoder, out, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
        else:
            out += [one for one in strings(value) if one not in {"text", "assistant", "model"}]
    return "".join(one for one in out if len(one) < 4 or " " in one)


def test_value_that_the_service_says_is_logged_and_passes(place, protocol, stream):
    place.policy("log")
    answer = place.ask(protocol, says(SAID), stream=stream)
    assert answer.status_code == 200
    assert LABEL not in answer.content
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Forward)
    assert {one.locator.path for one in decision.scan.findings} == {"answer.text"}
    assert decision.incident
    assert decision.incident != decision.exchange
    assert CARD not in repr(decision)


def test_value_that_the_client_sent_itself_is_left_alone(place, protocol, stream):
    place.policy("redact")
    answer = place.ask(protocol, SAID, stream=stream)
    assert answer.status_code == 200
    assert LABEL not in answer.content
    assert not place.recorded(0)


def test_value_that_the_service_says_is_taken_out(place, protocol, stream):
    place.policy("redact")
    answer = place.ask(protocol, says(SAID), stream=stream)
    assert answer.status_code == 200
    assert LABEL in answer.content
    assert "1111 1111" not in spoken(answer.content)
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Rewrite)


def test_answer_with_the_value_ends(place, protocol, stream):
    place.policy("block")
    answer = place.ask(protocol, says(SAID), stream=stream)
    assert "1111 1111" not in spoken(answer.content)
    assert "cards-in-answers" in answer.text
    assert answer.status_code == (200 if stream else 400)
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Refuse)
    assert decision.incident in answer.text


def test_rule_in_monitor_mode_changes_nothing(place, protocol, stream):
    place.policy("block", "monitor")
    answer = place.ask(protocol, says(SAID), stream=stream)
    assert answer.status_code == 200
    assert "cards-in-answers" not in answer.text
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Forward)
    assert decision.outcome.monitored.name == "BLOCK"


def test_stream_that_is_stopped_ends_with_an_error_of_its_protocol(place):
    place.policy("block")
    last = {}
    for protocol in prompts.PROTOCOLS[:3]:
        events = place.ask(protocol, says(SAID), stream=True).text.strip().split("\n\n")
        last[protocol.__name__] = events[-1].split("\n")
    (data,) = last["chat"]
    assert json.loads(data.removeprefix("data: "))["error"]["code"] == "blocked_by_policy"
    name, data = last["responses"]
    told = json.loads(data.removeprefix("data: "))
    assert name == "event: error"
    assert (told["type"], told["code"]) == ("error", "blocked_by_policy")
    name, data = last["messages"]
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["type"] == "error"


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate"])
def test_compressed_answers_are_looked_at(place, encoding):
    place.policy("redact")
    kept = {"x-echo-encoding": encoding}
    answer = place.ask(prompts.chat, says(SAID), stream=True, **kept)
    assert LABEL in answer.content
    place.policy("log")
    place.ask(prompts.chat, says(SAID), stream=True, **kept)
    assert len(place.recorded()) == 1


def test_answer_of_an_unknown_encoding_ends_where_a_rule_may_change_it(place):
    place.policy("redact")
    answer = place.ask(prompts.chat, says(SAID), stream=True, **{"x-echo-encoding": "sdch"})
    assert answer.status_code == 400
    assert "1111" not in answer.text
    place.policy("log")
    answer = place.ask(prompts.chat, says(SAID), stream=True, **{"x-echo-encoding": "sdch"})
    assert answer.status_code == 200


@pytest.mark.parametrize("fault", ["timeout", "worker_died", "exception", "overloaded"])
def test_answer_that_cannot_be_looked_at_ends_where_a_rule_may_change_it(place, fault, stream):
    place.policy("redact")
    place.fault = fault
    before = place.counted("failed")
    answer = place.ask(prompts.chat, says(SAID), stream=stream)
    assert "1111 1111" not in spoken(answer.content)
    assert "could not be checked" in answer.text
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Refuse)
    assert decision.enforcement.cause == fault
    assert place.counted("failed") == before + 1


def test_answer_that_cannot_be_looked_at_passes_where_rules_only_watch(place, stream):
    place.policy("log")
    place.fault = "timeout"
    before = place.counted("failed")
    answer = place.ask(prompts.chat, says(SAID), stream=stream)
    assert answer.status_code == 200
    ends = time.monotonic() + 10
    while place.counted("failed") == before and time.monotonic() < ends:
        time.sleep(0.02)
    assert place.counted("failed") == before + 1
    assert not place.recorded(0)


def test_exchange_that_no_rule_is_about_is_not_looked_at(place, stream):
    place.policy("block", services="anthropic-api")
    answer = place.ask(prompts.chat, says(SAID), stream=stream)
    assert answer.status_code == 200
    assert not place.looks
    assert not place.recorded(0)


def test_connection_goes_on_after_an_answer_that_was_stopped(place):
    place.policy("block")
    with place.client() as client:
        for stream in (True, False, True):
            url, body = prompts.chat(says(SAID), stream=stream)
            assert "cards-in-answers" in client.post(url, json=body).text
        url, body = prompts.chat("hello", stream=False)
        assert client.post(url, json=body).status_code == 200


@pytest.mark.parametrize("action", ["log", "redact"])
def test_first_bytes_do_not_wait_for_rules_that_watch(place, action):
    place.policy(action)
    place.echo.pause = 0.01
    try:
        url, body = prompts.chat(says(SAID), stream=True)
        with place.client() as client, client.stream("POST", url, json=body) as answer:
            chunks = answer.iter_raw()
            first = next(chunks) + next(chunks)
            early = place.looks
            rest = b"".join(chunks)
    finally:
        place.echo.pause = 0.0
    if action == "log":
        assert early == 0
        assert LABEL not in first + rest
    else:
        assert early <= 2
        assert LABEL in rest


def test_worker_tells_how_an_answer_is_to_be_looked_at(place):
    for action, mode, expected in (
        ("log", "enforce", Look.BEHIND),
        ("block", "monitor", Look.BEHIND),
        ("redact", "enforce", Look.AHEAD),
    ):
        place.policy(action, mode)
        decisions = []

        async def inspect(exchange, _, into=decisions):
            into.append(place.inspector.inspect(exchange))
            return into[-1]

        place.gate.inspect = inspect
        try:
            place.ask(prompts.chat, f"My card is {CARD}.", stream=False)
        finally:
            place.gate.inspect = place._inspect
        assert decisions[0].look is expected
        assert decisions[0].sent
        assert not any(mark in repr(decisions[0]) for mark in decisions[0].sent)
