"""The official SDKs through the gateway to a mock of their services that others wrote.

They are set up as people set them up behind a company proxy: `HTTPS_PROXY` and `SSL_CERT_FILE`.
"""

from __future__ import annotations

import json
import re
import statistics
import time

import pytest
from support.mock import ANSWER

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")
genai = pytest.importorskip("google.genai")
genai_errors = pytest.importorskip("google.genai.errors")

MODEL = "claude-opus-4-8"
ERRORS = (openai.APIStatusError, anthropic.APIStatusError, genai_errors.APIError)


class Clients:
    """One client of each SDK; straight to `base` when it is given, else to the real address."""

    def __init__(self, base=None):
        v1 = {"base_url": f"{base}/v1"} if base else {}
        self.openai = openai.OpenAI(api_key="none", **v1)
        self.anthropic = anthropic.Anthropic(api_key="none", **({"base_url": base} if base else {}))
        options = {"api_version": "v1beta"} | ({"base_url": base} if base else {})
        self.gemini = genai.Client(api_key="none", http_options=options)

    def close(self):
        self.openai.close()
        self.anthropic.close()
        self.gemini.close()


def chat(clients, text, **more):
    return clients.openai.chat.completions.create(
        model="gpt-5", messages=[{"role": "user", "content": text}], **more
    )


def responses_stream(clients, text):
    events = clients.openai.responses.create(model="gpt-5", input=text, stream=True)
    return "".join(e.delta for e in events if e.type == "response.output_text.delta")


def messages(text):
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


def messages_stream(clients, text):
    with clients.anthropic.messages.stream(max_tokens=50, **messages(text)) as stream:
        return "".join(stream.text_stream)


def gemini_stream(clients, text):
    pieces = clients.gemini.models.generate_content_stream(model="gemini-3-pro", contents=text)
    return "".join(piece.text or "" for piece in pieces)


OPERATIONS = {
    "openai chat": lambda c, text: chat(c, text).choices[0].message.content,
    "openai chat, streaming": lambda c, text: "".join(
        piece.choices[0].delta.content or ""
        for piece in chat(c, text, stream=True)
        if piece.choices
    ),
    "openai responses": lambda c, text: (
        c.openai.responses.create(model="gpt-5", input=text).output_text
    ),
    "openai responses, streaming": responses_stream,
    "openai embeddings": lambda c, text: (
        c.openai.embeddings.create(model="text-embedding-3-small", input=[text, "two"])
        .data[0]
        .embedding
    ),
    "openai files": lambda c, text: (
        c.openai.files.create(
            file=("notes.txt", f"Notes.\n{text}\n".encode(), "text/plain"), purpose="user_data"
        ).filename
    ),
    "openai images": lambda c, text: (
        c.openai.images.generate(model="gpt-image-1", prompt=text).data[0].b64_json
    ),
    "anthropic messages": lambda c, text: (
        c.anthropic.messages.create(max_tokens=50, **messages(text)).content[0].text
    ),
    "anthropic messages, streaming": messages_stream,
    "anthropic count_tokens": lambda c, text: (
        c.anthropic.messages.count_tokens(**messages(text)).input_tokens
    ),
    "google-genai generate_content": lambda c, text: (
        c.gemini.models.generate_content(model="gemini-3-pro", contents=text).text
    ),
    "google-genai generate_content, streaming": gemini_stream,
}
CLEAN = 'Summarise this: the h\u00e9ron stands \u2014 "quite still" \\ in the reeds. \U0001f426'


@pytest.fixture(scope="module")
def through(mocked):
    """SDK clients behind the gateway, by environment alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPS_PROXY", mocked.gateway.url)
        patch.setenv("SSL_CERT_FILE", str(mocked.gateway.ca))
        clients = Clients()
    yield clients
    clients.close()


@pytest.fixture(scope="module")
def direct(mocked):
    """The same clients straight to the recording server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(mocked.certificate))
        clients = Clients(mocked.upstream.url)
    yield clients
    clients.close()


@pytest.fixture(autouse=True)
def fresh(mocked):
    mocked.upstream.seen.clear()


def body_of(seen):
    """The body, with the random boundary of a multipart body replaced."""
    found = re.search(r"boundary=([^;]+)", seen.header("content-type") or "")
    return seen.body.replace(found[1].encode(), b"BOUNDARY") if found else seen.body


@pytest.mark.parametrize("operation", OPERATIONS)
def test_clean_request_arrives_as_without_a_gateway(mocked, through, direct, operation):
    expected = OPERATIONS[operation](direct, CLEAN)
    answer = OPERATIONS[operation](through, CLEAN)
    straight, passed = mocked.upstream.seen
    assert body_of(passed) == body_of(straight)
    assert len(passed.body) > 50
    # The SDK puts the path of its base address in front; the rest of the target is the same.
    assert passed.target == straight.target
    assert (
        passed.header("content-type").split("boundary")[0]
        == (straight.header("content-type").split("boundary")[0])
    )
    assert answer == expected
    if operation in WITH_TEXT:
        assert answer == ANSWER


WITH_TEXT = [name for name in OPERATIONS if re.search("chat|responses|messages|generate", name)]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_redacted_request_is_still_valid_and_answered(mocked, through, ssn, operation):
    answer = OPERATIONS[operation](through, f'Is my social security number {ssn} "valid"?')
    assert answer
    (seen,) = mocked.upstream.seen
    assert ssn not in mocked.upstream.everything().decode("latin-1")
    if "files" not in operation:
        json.loads(seen.body)
    assert b"US_SSN_" in seen.body
    if operation in WITH_TEXT:
        assert answer == ANSWER


@pytest.mark.parametrize("operation", OPERATIONS)
def test_blocked_request_raises_one_clear_exception(mocked, through, secret, operation):
    before = mocked.gateway.requests()
    began = time.monotonic()
    with pytest.raises(ERRORS) as raised:
        OPERATIONS[operation](through, f"Why does this not work: {secret}")
    assert time.monotonic() - began < 5
    message = str(raised.value)
    code = getattr(raised.value, "status_code", None) or getattr(raised.value, "code", None)
    assert code in {400, 403}
    (incident,) = re.findall(r"incident `([0-9a-f]{16})`", message)
    assert "rule `" in message.lower()
    assert secret not in message
    # One request, not one and its retries; and it ended here.
    assert mocked.gateway.requests() - before == 1
    assert mocked.upstream.seen == []
    deadline = time.monotonic() + 10
    found = None
    while found is None and time.monotonic() < deadline:
        with mocked.gateway.store() as store:
            found = store.get(incident)
        time.sleep(0.05)
    assert found is not None
    assert found.enforcement == "refuse"
    rules = [fired.rule for fired in found.rules]
    assert any(rule in message for rule in rules)


def streams():
    """How each SDK gives the pieces of a streamed answer."""
    return {
        "openai chat": lambda c: chat(c, CLEAN, stream=True),
        "openai responses": lambda c: c.openai.responses.create(
            model="gpt-5", input=CLEAN, stream=True
        ),
        "anthropic messages": lambda c: c.anthropic.messages.create(
            max_tokens=50, stream=True, **messages(CLEAN)
        ),
        "google-genai": lambda c: c.gemini.models.generate_content_stream(
            model="gemini-3-pro", contents=CLEAN
        ),
    }


@pytest.mark.parametrize("name", streams())
def test_streamed_answer_arrives_piece_by_piece(through, direct, name):
    """Time to first piece with and without the gateway, taken in turns."""
    times = {"direct": [], "gateway": []}
    for _ in range(3):
        for where, clients in (("direct", direct), ("gateway", through)):
            began = time.monotonic()
            arrivals = [time.monotonic() - began for _ in streams()[name](clients)]
            times[where].append((arrivals[0], arrivals[-1], len(arrivals)))
    first = {where: statistics.median(t[0] for t in each) for where, each in times.items()}
    last = {where: statistics.median(t[1] for t in each) for where, each in times.items()}
    print(
        f"\n{name}: first piece {first['direct'] * 1000:.0f} ms direct, "
        f"{first['gateway'] * 1000:.0f} ms through the gateway; last piece "
        f"{last['direct'] * 1000:.0f} and {last['gateway'] * 1000:.0f} ms"
    )
    # Held back to the end, the first piece would come with the last, 0.2 s later or more.
    assert first["gateway"] < last["gateway"] - 0.12
    assert first["gateway"] - first["direct"] < 0.5
    assert {each[2] for each in times["gateway"]} == {each[2] for each in times["direct"]}
