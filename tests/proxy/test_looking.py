"""What the service says of its own accord: logged, taken out, or the answer ends; through the proxy."""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import random
import time

import pytest
import websockets.exceptions
from support import clients, prompts, sockets
from support.echo import Echo, says
from support.gate import GateThread
from support.gateway import KEY, patterns
from support.upstream import certificate

from gateway import bootstrap
from gateway.detectors import seeds
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
      when: {{entity: [CREDIT_CARD, SEED_PHRASE], min_confidence: 0.6, service: [{services}]}}
      action: {action}
"""
REDIRECT = """\
approved:
  ours: {{url: "{url}", protocol: openai, service: mistral-api}}
rules:
  - id: one-assistant
    when: {{service: openai-api}}
    action: redirect
    to: ours
"""
SOCKET_HOST, SOCKET_SERVICE = "chatgpt.com", "chatgpt"
SERVICES = "openai-api, anthropic-api, gemini-api, ollama, bedrock"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", "localhost")


class Place:
    """A proxy whose inspector is the real one, in this process, and the service behind it."""

    def __init__(self, tmp_path_factory, tls):
        self.echo = Echo(tls[0])
        self.sockets = sockets.Service(tls[0])
        folder = tmp_path_factory.mktemp("gate")
        self._policies = tmp_path_factory.mktemp("policies")
        self.gate = GateThread(
            folder,
            upstreams=dict.fromkeys(prompts.HOSTS, self.echo.url) | {SOCKET_HOST: self.sockets.url},
            trusted_ca=tls[1],
        )
        self.gate.inspect = self._inspect
        self.gate.look = self._look
        self._inspectors = {}
        self.inspector = None
        self.fault = None
        self.looks = 0

    def policy(self, action, mode="enforce", services=SERVICES, more=""):
        key = (action, mode, services, more)
        if key not in self._inspectors:
            text = POLICY.format(action=action, mode=mode, services=services) + more
            (self._policies / "policy.yaml").write_text(text)
            rules = bootstrap.load_rules(self._policies)
            self._inspectors[key] = bootstrap.build_inspector(
                bootstrap.plan(rules, key=KEY, cache=patterns(), max_decoded=1 << 22)
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

    def client(self, *, http2=False):
        return clients.client(self.gate, http2=http2)

    def ask(self, protocol, text, *, stream, http2=False, **headers):
        url, body = protocol(text, stream=stream)
        with self.client(http2=http2) as client:
            return client.post(url, json=body, headers={"authorization": "Bearer none"} | headers)

    def connect(self):
        ca = self.gate.authority.certificate_path
        return sockets.connect(self.gate.url, ca, "wss://chatgpt.com/backend-api/codex/responses")

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
    place.sockets.close()


@pytest.fixture(params=prompts.PROTOCOLS, ids=lambda each: each.__name__)
def protocol(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


SPEAKING = {"content", "delta", "text", "partial_json", "arguments", "response"}


def strings(value, name=""):
    if isinstance(value, str) and name in SPEAKING:
        yield value
    if isinstance(value, dict):
        for key, below in value.items():
            yield from strings(below, key)
    for below in value if isinstance(value, list) else ():
        yield from strings(below, name)


def spoken(content):
    """All that is said in an answer, one string after the other, however it is framed."""
    text = content.decode("utf-8", "replace")
    decoder, out, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
        else:
            out += strings(value)
    return "".join(out)


@pytest.mark.parametrize("action", ["redact", "log"])
def test_the_answer_of_the_service_that_a_rule_sent_it_to_is_judged_as_its_own(place, action):
    place.policy(action, services="mistral-api", more=REDIRECT.format(url=place.echo.url))
    answer = place.ask(prompts.PROTOCOLS[0], says(SAID), stream=False)
    assert answer.status_code == 200
    assert (CARD.encode() in answer.content) == (action == "log")
    assert (LABEL in answer.content) == (action == "redact")
    request, told = place.recorded(2)
    assert [hit.rule for hit in request.outcome.hits] == ["one-assistant"]
    assert [hit.rule for hit in told.outcome.hits] == ["cards-in-answers"]
    # What the client sent itself is no news in the answer.
    place.ask(prompts.PROTOCOLS[0], f"My card is {CARD}. {says(SAID)}", stream=False)
    assert len(place.recorded(3)) == 3
    place.policy(action, services="mistral-api")
    assert CARD.encode() in place.ask(prompts.PROTOCOLS[0], says(SAID), stream=False).content
    assert place.looks == 0, "nobody sent it there"


def test_value_that_the_service_says_is_logged_and_passes(place, protocol, stream):
    place.policy("log")
    answer = place.ask(protocol, says(SAID), stream=stream)
    assert answer.status_code == 200
    assert LABEL not in answer.content
    assert CARD in spoken(answer.content)
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


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "bare deflate"])
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


# --- other transports -----------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["log", "redact", "block"])
def test_answers_over_http2_are_looked_at(place, action, stream):
    place.policy(action)
    answer = place.ask(prompts.chat, says(SAID), stream=stream, http2=True)
    assert (LABEL in answer.content) == (action == "redact")
    assert ("1111 1111" in spoken(answer.content)) == (action == "log")
    assert ("cards-in-answers" in answer.text) == (action == "block")
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, {"log": Forward, "redact": Rewrite}.get(action, Refuse))


def test_one_stopped_answer_of_http2_leaves_the_others_alone(place):
    """Both on one connection, the second under way while the first is stopped."""
    place.policy("block")
    place.echo.pause = 0.005
    try:
        with place.client(http2=True) as client, concurrent.futures.ThreadPoolExecutor() as pool:
            url, body = prompts.chat(f"hello {FILL}", stream=True)
            going_on = pool.submit(client.post, url, json=body)
            url, body = prompts.chat(says(SAID), stream=True)
            stopped = pool.submit(client.post, url, json=body)
            assert "cards-in-answers" in stopped.result(60).text
            assert going_on.result(60).text.endswith("data: [DONE]\n\n")
    finally:
        place.echo.pause = 0.0


def heard(connection):
    """What the service says until it is done, or until the connection closes."""
    text = ""
    try:
        while True:
            event = json.loads(connection.recv(timeout=30))
            if "error" in event:
                text += json.dumps(event)
            elif event["type"].endswith(".done"):
                return text, event["text"]
            else:
                text += event["delta"]
    except websockets.exceptions.ConnectionClosed as closed:
        return text, closed.rcvd.code if closed.rcvd else 0


def test_value_over_a_websocket_is_logged_and_passes(place):
    place.policy("log", services=SOCKET_SERVICE)
    with place.connect() as connection:
        sockets.ask(connection, says(SAID))
        assert heard(connection) == (SAID, SAID)
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Forward)
    assert CARD not in repr(decision)


def test_value_over_a_websocket_is_taken_out(place):
    place.policy("redact", services=SOCKET_SERVICE)
    with place.connect() as connection:
        sockets.ask(connection, says(SAID))
        clean = SAID.replace(CARD, LABEL.decode())
        assert heard(connection) == (clean, clean)
        sockets.ask(connection, "and hello")
        assert heard(connection) == ("and hello", "and hello")
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Rewrite)


def test_value_over_a_websocket_ends_the_connection(place):
    place.policy("block", services=SOCKET_SERVICE)
    with place.connect() as connection:
        sockets.ask(connection, says(SAID))
        text, code = heard(connection)
    assert "1111 1111" not in text
    assert "cards-in-answers" in text
    assert code == 1008
    (decision,) = place.recorded()
    assert isinstance(decision.enforcement, Refuse)
    assert decision.incident in text


def test_value_that_was_sent_over_the_websocket_is_left_alone(place):
    place.policy("block", services=SOCKET_SERVICE)
    with place.connect() as connection:
        sockets.ask(connection, SAID)
        assert heard(connection) == (SAID, SAID)
        sockets.ask(connection, says(SAID))
        assert heard(connection) == (SAID, SAID)
    assert not place.recorded(0)


@pytest.mark.parametrize("number", range(3))
def test_long_seed_in_a_list_does_not_begin_to_leave(place, number):
    """Twenty-four numbered words are longer than what a text waits for."""
    listed = list(seeds.words())
    entropy = random.Random(number).randbytes(32)
    bits = int.from_bytes(entropy) << 8 | hashlib.sha256(entropy).digest()[0]
    phrase = [listed[bits >> 11 * at & 2047] for at in reversed(range(24))]
    lines = [f"{at + 1}. {word}" for at, word in enumerate(phrase)]
    place.policy("redact")
    answer = place.ask(
        prompts.chat, says(f"{FILL}\n" + "\n".join(lines) + f"\n\n{FILL}"), stream=True
    )
    said = spoken(answer.content)
    assert "[SEED_PHRASE]" in said
    assert not [at for at in range(21) if "\n".join(lines[at : at + 3]) in said]
