"""Do all protocols keep the laws of extraction and rewriting, on requests as clients send them?

A canary goes into every string, key, file, file name, header, query value and trailer of every
golden request, one at a time; then into all of them at once, to be redacted.
"""

import base64
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gateway import protocols
from gateway.encodings import content_encoding, splice
from gateway.model import (
    BlobPart,
    Edit,
    Exchange,
    Extraction,
    PartKind,
    Refusal,
    Role,
    TextPart,
    Transport,
    UnreadReason,
)

GOLDEN = Path(__file__).parent / "golden"
REQUESTS = [
    pytest.param(path.stem, request, id=f"{path.stem}: {request['operation']} {request['target']}")
    for path in sorted(GOLDEN.glob("*.json"))
    for request in json.loads(path.read_text())
]
MASK = "[GONE]"
CANARY = re.compile(r"Zq7[0-9]+ANARY")
ENCODINGS = ("", "gzip", "br", "zstd", "deflate", "gzip, br", "br, zstd")
BOUNDARY = "----form5f3b"

type Plant = Callable[[str], str]


class Planter:
    """Puts a canary into the place numbered `which`, or into all; `count` places were met."""

    def __init__(self, which: int | None = None, *, everywhere: bool = False) -> None:
        self.which = which
        self.everywhere = everywhere
        self.count = 0

    def __call__(self, value: str) -> str:
        number = self.count
        self.count += 1
        if self.everywhere or number == self.which:
            middle = len(value) // 2
            return f"{value[:middle]}Zq7{number}ANARY{value[middle:]}"
        return value


def chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + crc


def blob(name: str, plant: Plant) -> bytes:
    """A small file of the kind that `$name` in a golden request stands for."""
    word = plant("picture words").encode()
    match name:
        case "png":
            head = chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
            data = chunk(b"IDAT", zlib.compress(b"\0\0"))
            return (
                b"\x89PNG\r\n\x1a\n"
                + head
                + chunk(b"tEXt", b"C\0" + word)
                + data
                + chunk(b"IEND", b"")
            )
        case "wav":
            return b"RIFF" + (len(word) + 4).to_bytes(4, "little") + b"WAVE" + word
        case "pdf":
            return b"%PDF-1.7\n% " + word + b"\n%%EOF\n"
        case "zip":
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr("a.txt", word)
            return out.getvalue()
        case _:  # text, in base64
            return b"these are some plain words: " + word


def string(value: str, plant: Plant) -> str:
    """One string of a golden request, with its canary in the innermost text that it holds."""
    token = re.search(r"\$(png|wav|pdf|zip|text|b64text|b64word)", value)
    if token:
        data = base64.b64encode(blob(token[1], plant)).decode()
        return value.replace(token[0], data)
    if value[:1] in ("{", "["):
        try:
            inner = json.loads(value)
        except ValueError:
            return plant(value)
        if inner:
            return json.dumps(tree(inner, plant))
    return plant(value)


def tree(value: Any, plant: Plant) -> Any:
    match value:
        case dict():
            return {plant(key): tree(item, plant) for key, item in value.items()}
        case list():
            return [tree(item, plant) for item in value]
        case str():
            return string(value, plant)
        case _:
            return value


def raw_text(request: dict[str, Any], plant: Plant) -> str:
    """A body that stands as text in the golden file: the canary goes between its words."""
    return re.sub(
        r"(?<=[\"> ])[a-z]{2,}(?=[\"< ]|$)|^[a-z]+(?= )", lambda m: plant(m[0]), request["raw"]
    )


def body(request: dict[str, Any], plant: Plant) -> tuple[bytes, str]:
    if "json" in request:
        text = json.dumps(tree(request["json"], plant))
        return text.encode(request.get("encode", "utf-8")), request.get("type", "application/json")
    if "form" in request:
        pairs = [(plant(name), string(value, plant)) for name, value in request["form"]]
        text = "&".join(
            f"{quote(name)}={quote(value).replace('%20', '+')}" for name, value in pairs
        )
        return text.encode(), "application/x-www-form-urlencoded"
    if "multipart" in request:
        return b"".join(part(item, plant) for item in request["multipart"]) + (
            f"--{BOUNDARY}--\r\n".encode()
        ), f'multipart/form-data; boundary="{BOUNDARY}"'
    raw = request.get("raw", "")
    if raw.startswith("$"):
        return blob(raw[1:], plant), request["type"]
    text = raw_text(request, plant)
    return text.encode(request.get("encode", "utf-8")), request.get("type", "")


def part(item: dict[str, Any], plant: Plant) -> bytes:
    name = plant(item["name"])
    head = f'Content-Disposition: form-data; name="{name}"'
    if "filename" in item:
        head += f'; filename="{plant(item["filename"])}"'
    if "type" in item:
        head += f"\r\nContent-Type: {item['type']}; note={plant('x')}"
    coded = False
    for key, value in item.get("headers", ()):
        coded = coded or value == "base64"
        head += f"\r\n{key}: {value}" if coded else f"\r\n{plant(key)}: {plant(value)}"
    if "data" in item:
        data = blob(item["data"][1:], plant)
    elif "jsonl" in item:
        data = "\n".join(json.dumps(tree(line, plant)) for line in item["jsonl"]).encode()
    elif coded:
        data = base64.b64encode(plant(base64.b64decode(item["text"]).decode()).encode())
    elif "raw" in item:
        data = plant(item["raw"]).encode()
    else:
        data = string(item["text"], plant).encode()
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n"


def exchange(request: dict[str, Any], plant: Plant, encoding: str = "") -> Exchange:
    path, _, query = request["target"].partition("?")
    target = "/".join(quote(plant(item)) if item else "" for item in path.split("/"))
    if query:
        pairs = [pair.partition("=") for pair in query.split("&")]
        target += "?" + "&".join(
            f"{plant(name)}={quote(plant(value.replace('+', ' ')))}" for name, _, value in pairs
        )
    transport = Transport(request.get("transport", "http"))
    data, content_type = body(request, plant)
    headers = [
        ("Content-Type", f"{content_type}; note={plant('x')}" if content_type else plant(""))
    ]
    if not content_type:
        headers = []
    for name, value in request.get("headers", ()):
        if "$b64word" in value:
            inner = base64.b64encode(blob("b64word", plant)).decode()
            headers.append((plant(name), value.replace("$b64word", inner)))
        else:
            headers.append((plant(name), plant(value)))
    headers.append(("User-Agent", plant("test")))
    if encoding and transport is Transport.HTTP:
        data = content_encoding.encode(data, encoding)
        headers.append(("Content-Encoding", encoding))
    headers.append(("Content-Length", str(len(data))))
    trailers = [(plant(name), plant(value)) for name, value in request.get("trailers", ())]
    return Exchange(
        id="x",
        received_at=0.0,
        actor="a",
        source_ip="192.0.2.1",
        method=request.get("method", "POST"),
        scheme="https",
        host="api.example",
        port=443,
        target=target,
        headers=tuple((name.encode(), value.encode()) for name, value in headers),
        body=data,
        trailers=tuple((name.encode(), value.encode()) for name, value in trailers),
        transport=transport,
    )


def extract(name: str, request: Exchange) -> Extraction:
    return protocols.get(name).extract(request, protocols.Limits())


def holds(extraction: Extraction, word: str) -> bool:
    for item in extraction.parts:
        match item:
            case TextPart():
                if word in item.text:
                    return True
            case BlobPart():
                if word.encode() in item.data or word in item.filename:
                    return True
    return False


def on_the_wire(request: Exchange, number: int) -> bool:
    """For a WebSocket message only the message is read; its upgrade was read before."""
    if request.transport is Transport.HTTP:
        return True
    return f"Zq7{number}ANARY".encode() in request.body


def planted_places() -> list[tuple[str, dict[str, Any], int]]:
    out = []
    for parameter in REQUESTS:
        name, request = parameter.values
        counter = Planter()
        exchange(request, counter)
        out += [(name, request, number) for number in range(counter.count)]
    return out


def test_every_protocol_has_golden_requests():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(protocols.names())


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_golden_request_is_read_whole(name, request_):
    for encoding in ENCODINGS:
        assert extract(name, exchange(request_, Planter(), encoding)).unread == () or (
            request_["operation"] == "generate"  # its token ids cannot be read
        )


def test_canary_anywhere_is_found_whatever_the_encoding(record_property):
    places = planted_places()
    missed = []
    swept = 0
    for at, (name, request, number) in enumerate(places):
        planted = exchange(request, Planter(number), ENCODINGS[at % len(ENCODINGS)])
        if not on_the_wire(planted, number):
            continue
        swept += 1
        if not holds(extract(name, planted), f"Zq7{number}ANARY"):
            missed.append((name, request["operation"], number))
    record_property("canaries", swept)
    assert swept > 900
    assert missed == []


@pytest.mark.parametrize("request_", [p.values[1] for p in REQUESTS])
def test_no_edits_give_the_same_bytes(request_):
    for encoding in ENCODINGS:
        before = exchange(request_, Planter(everywhere=True), encoding)
        after = splice.apply(before, ())
        assert (after.target, after.headers, after.body, after.trailers) == (
            before.target, before.headers, before.body, before.trailers,
        )  # fmt: skip


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_redacting_changes_exactly_what_was_redacted(name, request_):
    for encoding in ("", "gzip", "br, zstd"):
        before = exchange(request_, Planter(everywhere=True), encoding)
        first = extract(name, before)
        edits = [
            Edit(item.locator, *match.span(), MASK)
            for item in first.parts
            if isinstance(item, TextPart) and item.editable
            for match in CANARY.finditer(item.text)
        ]
        assert edits or request_.get("raw", "").startswith("$")  # a picture has no text
        made = splice.apply(before, edits)
        after = Exchange(
            **{
                field: getattr(before, field)
                for field in ("id", "received_at", "actor", "source_ip", "method", "scheme", "host",
                              "port", "transport")
            },
            target=made.target, headers=made.headers, body=made.body, trailers=made.trailers,
        )  # fmt: skip
        second = extract(name, after)
        assert after.header("content-length") == str(len(after.body)) or not any(
            edit.locator.steps[0].codec == "body" for edit in edits
        )
        plain = content_encoding.decode(after.body, after.header("content-encoding") or "", 1 << 20)
        if "json" in request_:
            json.loads(plain)
        assert len(second.unread) == len(first.unread)
        assert len(second.parts) == len(first.parts)
        # A text that is base64 is read twice; as it stands, it follows what it decodes to.
        twice = {
            item.locator.path
            for item in first.parts
            if any(step.codec == "base64" for step in item.locator.steps)
        }
        for old, new in zip(first.parts, second.parts, strict=True):
            assert (type(old), old.role, old.editable) == (type(new), new.role, new.editable)
            if isinstance(old, TextPart) and isinstance(new, TextPart):
                if old.locator.path in twice:
                    assert not (old.editable and CANARY.search(new.text))
                elif old.editable:
                    assert new.text == CANARY.sub(MASK, old.text)
                elif old.label != "content-length":
                    assert new.text == old.text
            elif isinstance(old, BlobPart) and isinstance(new, BlobPart):
                assert new.data == old.data


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_paths_never_hold_what_was_sent(name, request_):
    extraction = extract(name, exchange(request_, Planter(everywhere=True)))
    places = [item.locator.path for item in (*extraction.parts, *extraction.unread)]
    assert not [path for path in places if CANARY.search(path)]


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_no_two_parts_have_one_address(name, request_):
    extraction = extract(name, exchange(request_, Planter()))
    locators = [item.locator for item in extraction.parts]
    assert len(set(locators)) == len(locators)


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_every_text_reads_back_from_its_address(name, request_):
    before = exchange(request_, Planter(), "gzip")
    for item in extract(name, before).parts:
        if isinstance(item, TextPart):
            if item.editable:
                assert splice.read(before, item.locator) == item.text
        else:
            assert splice.read(before, item.locator) == item.data


# --- who speaks, and what must not change --------------------------------------------------------


def golden(name: str, operation: str) -> Exchange:
    for request in json.loads((GOLDEN / f"{name}.json").read_text()):
        if request["operation"] == operation:
            return exchange(request, Planter())
    raise LookupError(operation)


def by_text(name: str, operation: str) -> dict[str, TextPart]:
    parts = extract(name, golden(name, operation)).parts
    return {item.text: item for item in parts if isinstance(item, TextPart)}


@pytest.mark.parametrize(
    ("name", "operation", "text", "role", "kind", "editable"),
    [
        ("openai", "chat", "Please read this", Role.USER, PartKind.TEXT, True),
        ("openai", "chat", "Be brief", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "chat", "one", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("openai", "chat", "sent to bob", Role.TOOL, PartKind.TEXT, True),
        ("openai", "chat", "call_1", Role.TOOL, PartKind.IDENTIFIER, False),
        ("openai", "chat", "Sends mail", Role.NONE, PartKind.TOOL_DEFINITION, True),
        ("openai", "chat", "T-1", Role.NONE, PartKind.METADATA, True),
        ("openai", "responses", "Be kind", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "responses", "Hello there", Role.USER, PartKind.TEXT, True),
        ("openai", "responses", "found it", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("openai", "responses", "gAAAAopaque", Role.NONE, PartKind.IDENTIFIER, False),
        ("openai", "responses", "tok", Role.NONE, PartKind.CREDENTIAL, False),
        ("openai", "responses text", "just text", Role.USER, PartKind.TEXT, True),
        ("openai", "batch file", "first", Role.USER, PartKind.TEXT, True),
        ("openai", "batch of many", "line orders", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "batch of many", "line argument", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("openai", "batch of many", "line result", Role.TOOL, PartKind.TEXT, True),
        ("openai", "batch of many", "response orders", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "batch of many", "response result", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("openai", "batch of many", "gAAAAline", Role.NONE, PartKind.IDENTIFIER, False),
        ("openai", "batch of many", "embedded words", Role.USER, PartKind.TEXT, True),
        ("openai", "batch of many", "completed words", Role.USER, PartKind.TEXT, True),
        ("openai", "batch of many", "moderated words", Role.USER, PartKind.TEXT, True),
        ("openai", "training chat", "trained orders", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "training chat", "trained answer", Role.ASSISTANT, PartKind.TEXT, True),
        ("openai", "training chat", "trained tool", Role.NONE, PartKind.TOOL_DEFINITION, True),
        ("openai", "training pairs", "asked words", Role.USER, PartKind.TEXT, True),
        ("openai", "training pairs", "answered words", Role.ASSISTANT, PartKind.TEXT, True),
        ("openai", "training preferences", "preference question", Role.USER, PartKind.TEXT, True),
        ("openai", "training preferences", "better answer", Role.ASSISTANT, PartKind.TEXT, True),
        ("openai", "training preferences", "worse answer", Role.ASSISTANT, PartKind.TEXT, True),
        ("openai", "realtime", "hi live", Role.USER, PartKind.TEXT, True),
        ("openai", "realtime session", "live orders", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "realtime session", "looks up words", Role.NONE, PartKind.TOOL_DEFINITION, True),
        ("openai", "realtime session", "city words", Role.USER, PartKind.TEXT, True),
        ("openai", "realtime response", "answer orders", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "realtime response", "asked live", Role.USER, PartKind.TEXT, True),
        ("openai", "realtime response", "tool words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("openai", "realtime tool", "live result", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("openai", "responses socket", "socket orders", Role.SYSTEM, PartKind.TEXT, True),
        ("openai", "responses socket", "socket words", Role.USER, PartKind.TEXT, True),
        ("openai", "responses socket", "patched words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("openai", "responses socket", "gAAAAopaque", Role.NONE, PartKind.IDENTIFIER, False),
        ("openai", "image edit", "make it blue", Role.USER, PartKind.TEXT, True),
        ("azure_openai", "chat", "You know", Role.SYSTEM, PartKind.TEXT, True),
        ("azure_openai", "chat", "zzz", Role.NONE, PartKind.CREDENTIAL, False),
        ("anthropic", "messages", "Be careful", Role.SYSTEM, PartKind.TEXT, True),
        ("anthropic", "messages", "plain words", Role.USER, PartKind.TEXT, True),
        ("anthropic", "messages", "document words", Role.USER, PartKind.TEXT, True),
        ("anthropic", "messages", "let me see", Role.ASSISTANT, PartKind.REASONING, False),
        ("anthropic", "messages", "c2ln", Role.ASSISTANT, PartKind.IDENTIFIER, False),
        ("anthropic", "messages", "b3BhcXVl", Role.ASSISTANT, PartKind.IDENTIFIER, False),
        ("anthropic", "messages", "/etc/x", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("anthropic", "messages", "file words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("anthropic", "messages", "string result", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("anthropic", "batch", "batched", Role.USER, PartKind.TEXT, True),
        ("bedrock", "converse", "Be careful", Role.SYSTEM, PartKind.TEXT, True),
        ("bedrock", "converse", "guarded words", Role.SYSTEM, PartKind.TEXT, True),
        ("bedrock", "converse", "plain words", Role.USER, PartKind.TEXT, True),
        ("bedrock", "converse", "found words", Role.USER, PartKind.TEXT, True),
        ("bedrock", "converse", "thought words", Role.ASSISTANT, PartKind.REASONING, False),
        ("bedrock", "converse", "c2ln", Role.ASSISTANT, PartKind.IDENTIFIER, False),
        ("bedrock", "converse", "b3BhcXVl", Role.ASSISTANT, PartKind.IDENTIFIER, False),
        ("bedrock", "converse", "tooluse_1", Role.USER, PartKind.IDENTIFIER, False),
        ("bedrock", "converse", "value words", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("bedrock", "converse", "json words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("bedrock", "converse", "hit words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("bedrock", "converse", "variable words", Role.USER, PartKind.TEXT, True),
        ("bedrock", "count tokens", "count words", Role.USER, PartKind.TEXT, True),
        ("bedrock", "invoke: anthropic", "words out", Role.TOOL, PartKind.TOOL_RESULT, True),
        (
            "bedrock",
            "invoke: anthropic",
            "thought words",
            Role.ASSISTANT,
            PartKind.REASONING,
            False,
        ),
        ("bedrock", "invoke: titan", "titan words", Role.USER, PartKind.TEXT, True),
        ("bedrock", "invoke: cohere", "answer words", Role.ASSISTANT, PartKind.TEXT, True),
        ("bedrock", "async", "film words", Role.USER, PartKind.TEXT, True),
        ("bedrock", "guardrail", "guard words", Role.USER, PartKind.TEXT, True),
        ("gemini", "generate", "hello gem", Role.USER, PartKind.TEXT, True),
        ("gemini", "generate", "bob", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("gemini", "generate", "done", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("gemini", "generate", "c2ln", Role.ASSISTANT, PartKind.IDENTIFIER, False),
        ("gemini", "snake", "sys", Role.SYSTEM, PartKind.TEXT, True),
        ("gemini", "cli", "from cli", Role.USER, PartKind.TEXT, True),
        ("gemini", "web", "the prompt", Role.NONE, PartKind.TEXT, True),
        ("cohere", "v1", "before", Role.USER, PartKind.TEXT, True),
        ("mistral", "conversation", "hello", Role.USER, PartKind.TEXT, True),
        ("ideogram", "v4", "boat", Role.USER, PartKind.TEXT, True),
        ("comfyui", "prompt", "156680208700286", Role.USER, PartKind.NUMBER, False),
        ("generic", "xml", "<a b='c'>Fish & chips</a>", Role.NONE, PartKind.TEXT, True),
        ("generic", "signalr", "hi", Role.USER, PartKind.TEXT, True),
        ("generic", "chatgpt", "typed words", Role.USER, PartKind.TEXT, True),
        ("mcp", "call", "me", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("mcp", "call", "nested words", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("mcp", "call", "tools/call", Role.NONE, PartKind.IDENTIFIER, False),
        ("mcp", "call", "tok", Role.NONE, PartKind.IDENTIFIER, False),
        ("mcp", "call, mirrored", "far region", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("mcp", "call, mirrored", "b3BhcXVl", Role.NONE, PartKind.IDENTIFIER, False),
        ("mcp", "call, mirrored", "given words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("mcp", "read", "file:///notes words", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("mcp", "complete", "half wor", Role.USER, PartKind.TEXT, True),
        ("mcp", "sampled", "sampled words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("mcp", "elicited", "typed words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("mcp", "pictures", "resource words", Role.TOOL, PartKind.TOOL_RESULT, True),
        ("mcp", "several", "batched words", Role.ASSISTANT, PartKind.TOOL_CALL, True),
        ("generic", "latin", "naïve words", Role.NONE, PartKind.TEXT, True),
    ],
)
def test_tables_say_who_speaks_and_what_may_change(*, name, operation, text, role, kind, editable):
    item = by_text(name, operation)[text]
    assert (item.role, item.kind, item.editable) == (role, kind, editable)


def test_path_names_known_fields_and_stars_others():
    parts = extract("generic", golden("generic", "json")).parts
    paths = {item.text: item.locator.path for item in parts if isinstance(item, TextPart)}
    assert paths["goes"] == "body.*.*[0]"
    assert paths["some words"] == "query.q"
    assert paths["a note"] == "header.*"
    assert by_text("openai", "chat")["one"].locator.path == (
        "body.messages[2].tool_calls[0].function.arguments.body.*[0]"
    )


@pytest.mark.parametrize(
    ("name", "operation", "media_type", "filename"),
    [
        ("openai", "chat", "application/pdf", "report.pdf"),
        ("openai", "image edit", "image/png", "me.png"),
        ("anthropic", "messages", "image/png", ""),
        ("bedrock", "converse", "application/pdf", ""),
        ("mcp", "pictures", "image/png", ""),
        ("gemini", "generate", "image/png", ""),
        ("huggingface", "raw", "image/png", ""),
        ("automatic1111", "img2img", "image/png", ""),
        ("generic", "upload", "application/octet-stream", "a b.bin"),
    ],
)
def test_files_are_blobs_with_their_declared_type_and_name(name, operation, media_type, filename):
    blobs = [
        (item.media_type, item.filename)
        for item in extract(name, golden(name, operation)).parts
        if isinstance(item, BlobPart)
    ]
    assert (media_type, filename) in blobs


@pytest.mark.parametrize("name", protocols.names())
def test_refusals_have_the_service_shape_and_stop_retries(name):
    refusal = Refusal("Card number found.", "block-cards", "inc-42")
    answer = protocols.get(name).refuse(refusal)
    assert answer.status == 400
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-should-retry"] == b"false"
    assert headers[b"cache-control"] == b"no-store"
    body_ = json.loads(answer.body)
    text = json.dumps(body_)
    assert "block-cards" in text
    assert "inc-42" in text
    match name:
        case "openai":
            assert set(body_["error"]) == {"message", "type", "param", "code"}
        case "anthropic":
            assert body_["type"] == "error"
            assert body_["error"]["type"] == "invalid_request_error"
        case "gemini":
            assert body_["error"]["code"] == 400
            assert body_["error"]["status"] == "INVALID_ARGUMENT"
        case "bedrock":
            assert set(body_) == {"message"}
            assert headers[b"x-amzn-errortype"] == b"ValidationException"
        case "mcp":
            assert body_["jsonrpc"] == "2.0"
            assert body_["id"] is None
            assert body_["error"]["code"] == -32602
        case "azure_openai":
            assert body_["error"]["code"] == "content_filter"


def test_unknown_protocol_is_an_error():
    with pytest.raises(KeyError):
        protocols.get("opnai")


# --- over WebSocket ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", protocols.names())
def test_refused_messages_are_answered_with_an_event_where_clients_know_one(name):
    refusal = Refusal("Card number found.", "block-cards", "inc-42", over_socket=True)
    answer = protocols.get(name).refuse(refusal)
    if name not in {"openai", "azure_openai"}:
        assert answer.body == b""
        return
    event = json.loads(answer.body)
    assert event["type"] == "error"
    assert event["status"] == 400
    assert event["error"]["code"] == "blocked_by_policy"
    assert "block-cards" in event["error"]["message"]
    assert "inc-42" in event["error"]["message"]


def sound(data: bytes) -> Extraction:
    body = json.dumps(
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode()}
    )
    plain = golden("openai", "realtime audio")
    return extract("openai", replace(plain, body=body.encode()))


def test_bare_samples_are_a_recording_that_nobody_has_read():
    samples = bytes(range(256)) * 4
    extraction = sound(samples)
    (unread,) = extraction.unread
    (file,) = extraction.files
    assert (unread.reason, unread.size) == (UnreadReason.UNSUPPORTED_FILE, len(samples))
    assert (file.family, file.locator) == ("audio", unread.locator)
    assert unread.locator.path == "body.audio"


@pytest.mark.parametrize("data", [b"%PDF-1.7\nx" + bytes(40), b"PK\x03\x04" + bytes(40)])
def test_a_file_where_samples_belong_is_opened_as_the_file_that_it_is(data):
    extraction = sound(data)
    assert [item.data for item in extraction.parts if isinstance(item, BlobPart)] == [data]
    assert not extraction.files


def test_text_where_samples_belong_is_read_as_text():
    said = b"these are words and no sound at all"
    assert said.decode() in [item.text for item in sound(said).parts if isinstance(item, TextPart)]


def heard(data: bytes, *, binary: bool = True) -> Extraction:
    """A message to a service that listens."""
    kind = Transport.WEBSOCKET_BINARY if binary else Transport.WEBSOCKET_TEXT
    plain = golden("sound", "text in a binary message")
    return extract("sound", replace(plain, body=data, transport=kind))


def test_samples_in_a_binary_message_are_a_recording_where_a_service_listens():
    samples = bytes(range(128, 256)) * 8 + b"\0"
    extraction = heard(samples)
    assert [item.reason for item in extraction.unread] == [UnreadReason.UNSUPPORTED_FILE]
    assert [(item.family, item.size) for item in extraction.files] == [("audio", len(samples))]
    assert extraction.parts == ()
    elsewhere = extract("generic", replace(golden("generic", "ws binary"), body=samples))
    assert [item.reason for item in elsewhere.unread] == [UnreadReason.UNKNOWN_TYPE]


def test_words_amid_samples_are_looked_at():
    hidden = b"\0\x01\xff" + b"card 4111 1111 1111 1111" + b"\xff\0\x02"
    for extraction in (heard(hidden), sound(hidden)):
        (part,) = [
            item for item in extraction.parts if isinstance(item, TextPart) and "4111" in item.text
        ]
        assert part.text == "card 4111 1111 1111 1111"
        assert not part.editable


def test_what_is_no_sound_is_read_where_a_service_listens():
    (file,) = [
        item for item in heard(b"%PDF-1.7\nx" + bytes(40)).parts if isinstance(item, BlobPart)
    ]
    assert file.data.startswith(b"%PDF")
    assert "secret words" in [p.text for p in heard(b'{"a":"secret words"}', binary=True).parts]
    assert "secret words" in [p.text for p in heard(b'{"a":"secret words"}', binary=False).parts]
