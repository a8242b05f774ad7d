"""What the service says of its own accord is looked at: logged, taken out, or the answer ends."""

from __future__ import annotations

import json
import ssl
import time

import httpx
import pytest
from support.echo import Echo, says
from support.gateway import GatewayProcess

CARD = "4111 1111 1111 1111"
HOSTS = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "ollama.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
)
FILL = "Here is a sentence that says nothing, to be read by nobody in particular. " * 6
SAID = f"{FILL}The card number is {CARD}, valid thru 09/28. {FILL}"

RULE = "cards-in-answers"
POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {{entity: EMAIL_ADDRESS}}
    action: tokenise
answers:
  rules:
    - id: cards-in-answers
      severity: high
      when: {{entity: CREDIT_CARD, min_confidence: 0.6}}
      action: {action}
"""


class Place:
    """A gateway that looks at answers, and the service behind it."""

    def __init__(self, folder, tls, action, **more):
        self.echo = Echo(tls[0], **more)
        self.echo.__enter__()
        self.gateway = GatewayProcess(
            folder,
            policies=POLICY.format(action=action),
            upstreams=dict.fromkeys(HOSTS, self.echo.url),
            trusted_ca=tls[1],
        )
        self.gateway.start()

    def client(self):
        context = ssl.create_default_context(cafile=str(self.gateway.ca))
        return httpx.Client(proxy=self.gateway.url, verify=context, timeout=60)

    def close(self):
        self.gateway.stop()
        self.echo.__exit__()


@pytest.fixture(scope="module")
def places(tmp_path_factory, tls):
    made = {}

    def place(action):
        if action not in made:
            made[action] = Place(tmp_path_factory.mktemp(action), tls, action)
        return made[action]

    yield place
    for one in made.values():
        one.close()


def chat(text, *, stream):
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    return "https://api.openai.com/v1/chat/completions", body


def responses(text, *, stream):
    return "https://api.openai.com/v1/responses", {"model": "m", "stream": stream, "input": text}


def messages(text, *, stream):
    body = {"model": "m", "max_tokens": 9, "stream": stream}
    body["messages"] = [{"role": "user", "content": text}]
    return "https://api.anthropic.com/v1/messages", body


def gemini(text, *, stream):
    call = "streamGenerateContent" if stream else "generateContent"
    url = f"https://generativelanguage.googleapis.com/v1beta/models/m:{call}"
    return url, {"contents": [{"role": "user", "parts": [{"text": text}]}]}


def ollama(text, *, stream):
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    return "https://ollama.com/api/chat", body


def converse(text, *, stream):
    host = "https://bedrock-runtime.us-east-1.amazonaws.com"
    url = f"{host}/model/m/converse{'-stream' if stream else ''}"
    return url, {"messages": [{"role": "user", "content": [{"text": text}]}]}


PROTOCOLS = [chat, responses, messages, gemini, ollama, converse]


@pytest.fixture(params=PROTOCOLS, ids=lambda each: each.__name__)
def protocol(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


def ask(place, protocol, text, *, stream):
    url, body = protocol(text, stream=stream)
    headers = {"authorization": "Bearer none"}
    with place.client() as client:
        return client.post(url, json=body, headers=headers)


def spoken(content):
    """The letters of an answer, put together from its pieces, however they are framed."""
    text = content.decode("utf-8", "replace")
    out = []
    for line in text.replace("\r", "").split("\n"):
        line = line.removeprefix("data: ")
        at = 0
        while (at := line.find('"', at)) >= 0:
            try:
                value, end = json.decoder.scanstring(line, at + 1)
            except ValueError:
                break
            out.append(value)
            at = end
    return out


def found_in(place, at_least=0):
    """Incidents of answers, the newest first; waits until there are so many."""
    ends = time.monotonic() + 20
    while True:
        some = place.gateway.incidents()
        found = [one for one in some if any(rule.rule == RULE for rule in one.rules)]
        if len(found) >= at_least or time.monotonic() > ends:
            return found
        time.sleep(0.1)


def test_value_that_the_service_says_is_logged_and_passes(places, protocol, stream):
    place = places("log")
    before = len(found_in(place))
    answer = ask(place, protocol, says(SAID), stream=stream)
    assert answer.status_code == 200
    found = found_in(place, before + 1)
    assert len(found) == before + 1
    incident = found[0]
    assert incident.enforcement == "forward"
    assert incident.findings[0].path == "answer.text"
    assert "4111 1111" not in repr(incident)


def test_value_that_the_client_sent_itself_is_left_alone(places, protocol, stream):
    place = places("redact")
    before = len(found_in(place))
    answer = ask(place, protocol, SAID, stream=stream)
    assert "[CREDIT_CARD]" not in "".join(spoken(answer.content))
    assert len(found_in(place)) == before


def test_value_that_the_service_says_is_taken_out(places, protocol, stream):
    place = places("redact")
    before = len(found_in(place))
    answer = ask(place, protocol, says(SAID), stream=stream)
    assert answer.status_code == 200
    assert b"[CREDIT_CARD]" in answer.content
    assert "1111 1111" not in "".join(spoken(answer.content))
    found = found_in(place, before + 1)
    assert len(found) == before + 1
    assert found[0].enforcement == "rewrite"


def test_answer_with_the_value_ends(places, protocol, stream):
    place = places("block")
    before = len(found_in(place))
    answer = ask(place, protocol, says(SAID), stream=stream)
    text = answer.text
    assert "1111 1111" not in text
    assert "cards-in-answers" in text
    if not stream:
        assert answer.status_code == 400
    found = found_in(place, before + 1)
    assert len(found) == before + 1
    incident = found[0]
    assert incident.enforcement == "refuse"
    assert incident.id in text
