"""The golden requests of `tests/protocols/golden`, with something planted in one of their places.

A place is everything that a sender can fill: strings and keys of JSON, also of JSON inside
strings; numbers; names, values, file names and headers of forms; files, also those in base64;
path, query, headers and trailers. Places are met in a fixed order, so that a number names one.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

GOLDEN = Path(__file__).parent.parent / "protocols" / "golden"

HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "azure_openai": "test.openai.azure.com",
    "bedrock": "bedrock-runtime.us-east-1.amazonaws.com",
    "gemini": "generativelanguage.googleapis.com",
    "cohere": "api.cohere.com",
    "mcp": "api.githubcopilot.com",
    "mistral": "api.mistral.ai",
    "huggingface": "router.huggingface.co",
    "replicate": "api.replicate.com",
    "fal": "fal.run",
    "stability": "api.stability.ai",
    "bfl": "api.bfl.ai",
    "ideogram": "api.ideogram.ai",
    "leonardo": "cloud.leonardo.ai",
    "ollama": "ollama.internal",
    "automatic1111": "automatic1111.internal",
    "comfyui": "comfyui.internal",
    "sound": "api.deepgram.com",
    "generic": "www.midjourney.com",
}
"""A host of a catalogued service for each protocol."""

EVERYWHERE = (
    ("Authorization", "Bearer none"),
    ("Cookie", "session=words; theme=dark"),
    ("User-Agent", "some client"),
    ("Referer", "https://intranet.example/page"),
    ("X-Request-Note", "some note"),
)
"""Headers that each request gets beside its own."""

BOUNDARY = "----boundary5f3b"


@dataclass(frozen=True)
class Golden:
    """One golden request."""

    protocol: str
    number: int
    data: dict[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.protocol}/{self.data['operation']}"

    @property
    def host(self) -> str:
        return HOSTS[self.protocol]

    @property
    def transport(self) -> str:
        return self.data.get("transport", "http")


@dataclass
class Request:
    """A request that can be sent. `place` says what was planted into."""

    golden: Golden
    place: str
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]]
    needs: frozenset[str]
    """What it can be sent over: `http1`, `http2`, `websocket`, `chunked`."""


def requests() -> list[Golden]:
    return [
        Golden(path.stem, number, data)
        for path in sorted(GOLDEN.glob("*.json"))
        for number, data in enumerate(json.loads(path.read_text()))
    ]


class Planter:
    """Puts `canary` into the place numbered `which`; `places` are all that were met."""

    def __init__(self, canary: str = "", which: int = -1) -> None:
        self.canary = canary
        self.which = which
        self.places: list[str] = []

    def _here(self, place: str) -> bool:
        self.places.append(place)
        return len(self.places) - 1 == self.which

    def text(self, value: str, place: str) -> str:
        """Between two halves of what stands there, as a word of its own."""
        if not self._here(place):
            return value
        middle = len(value) // 2
        return f"{value[:middle]} {self.canary} {value[middle:]}".strip()

    def number(self, value: object, place: str) -> object:
        """A number, where the canary is one."""
        if not self.canary.isdigit():
            return value
        return int(self.canary) if self._here(place) else value

    def tight(self, value: str, place: str) -> str:
        """Where no space may stand."""
        if any(c not in _TOKEN for c in self.canary):
            return value
        return f"{value}-{self.canary}" if self._here(place) else value


_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def places(golden: Golden, canary: str) -> list[str]:
    """All places of a request into which `canary` can be put."""
    planter = Planter(canary)
    build(golden, planter)
    return planter.places


def build(golden: Golden, plant: Planter | None = None) -> Request:
    """The request with what `plant` puts into it."""
    plant = plant or Planter()
    data = golden.data
    target = _target(data["target"], plant)
    headers: list[tuple[str, str]] = []
    for name, value in [*data.get("headers", []), *EVERYWHERE]:
        known = name.lower() in _KNOWN
        sent = name if known else plant.tight(name, "header name")
        place = "credential header" if name.lower() in _CREDENTIALS else "header"
        headers.append((sent, _string(value, plant, place)))
    trailers = [("X-Note", plant.text("a note", "trailer"))]
    trailers += [(name, plant.text(value, "trailer")) for name, value in data.get("trailers", [])]
    body, kind = _body(data, plant)
    kind = data.get("type", kind)
    if kind:
        headers.append(("Content-Type", kind))
    hit = plant.places[plant.which] if 0 <= plant.which < len(plant.places) else ""
    needs: frozenset[str] = frozenset()
    if golden.transport != "http":
        needs = frozenset({"websocket"})
        trailers = []
    elif hit == "trailer":
        needs = frozenset({"chunked"})
    elif hit == "header name":
        needs = frozenset({"http1"}) if plant.canary != plant.canary.lower() else frozenset()
    if hit != "trailer":
        trailers = []
    method = data.get("method", "POST")
    return Request(golden, hit, method, target, headers, body, trailers, needs)


_KNOWN = frozenset(
    [
        "authorization",
        "cookie",
        "user-agent",
        "referer",
        "x-api-key",
        "api-key",
        "x-key",
        "anthropic-version",
    ]
)
_CREDENTIALS = frozenset(["authorization", "cookie", "x-api-key", "api-key", "x-key"])


def _target(target: str, plant: Planter) -> str:
    path, mark, query = target.partition("?")
    segments = [quote(plant.text(each, "path segment")) for each in path.split("/")[1:]]
    pairs = [
        f"{quote(plant.text(name, 'query name'))}={quote(plant.text(value, 'query value'))}"
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    extra = plant.text("", "query value added")
    if extra:
        pairs.append(f"extra={quote(extra)}")
    return "/" + "/".join(segments) + ("?" + "&".join(pairs) if mark or extra else "")


def _body(data: dict[str, Any], plant: Planter) -> tuple[bytes, str]:
    charset = data.get("encode", "utf-8")
    if "json" in data:
        return json.dumps(_tree(data["json"], plant)).encode(charset), "application/json"
    if "form" in data:
        pairs = [
            (plant.text(name, "form name"), _string(value, plant, "form value"))
            for name, value in data["form"]
        ]
        text = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
        return text.replace("%20", "+").encode(), "application/x-www-form-urlencoded"
    if "multipart" in data:
        parts = b"".join(_part(item, plant) for item in data["multipart"])
        return parts + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"
    raw = data.get("raw", "")
    if raw.startswith("$"):
        return _file(raw[1:], plant), ""
    words = re.compile(r"(?<=[\"> ])[a-z]{2,}(?=[\"< ]|$)|^[a-z]+(?= )")
    return words.sub(lambda m: plant.text(m[0], "raw text"), raw).encode(charset), ""


def _tree(value: Any, plant: Planter, inside: str = "JSON") -> Any:
    match value:
        case dict():
            return {
                plant.text(key, f"{inside} key"): _tree(each, plant, inside)
                for key, each in value.items()
            }
        case list():
            return [_tree(each, plant, inside) for each in value]
        case str():
            return _string(value, plant, f"{inside} string")
        case bool() | None:
            return value
        case _:
            return plant.number(value, f"{inside} number")


def _string(value: str, plant: Planter, place: str) -> str:
    token = re.search(r"\$(png|wav|pdf|zip|text|b64text|b64word)", value)
    if token:
        data = base64.b64encode(_file(token[1], plant, "base64 ")).decode()
        return value.replace(token[0], data)
    if value[:1] in ("{", "["):
        try:
            inner = json.loads(value)
        except ValueError:
            return plant.text(value, place)
        return json.dumps(_tree(inner, plant, "JSON in a string"))
    return plant.text(value, place)


def _part(item: dict[str, Any], plant: Planter) -> bytes:
    head = f'Content-Disposition: form-data; name="{plant.text(item["name"], "multipart name")}"'
    if "filename" in item:
        head += f'; filename="{plant.text(item["filename"], "file name")}"'
    head += "\r\n"
    if "type" in item:
        head += f"Content-Type: {item['type']}\r\n"
    for name, value in item.get("headers", []):
        structural = name.lower() in {"content-transfer-encoding", "content-type"}
        head += f"{name}: {value if structural else plant.text(value, 'multipart header')}\r\n"
    if "data" in item:
        body = _file(item["data"].removeprefix("$"), plant)
    elif "jsonl" in item:
        body = b"".join(json.dumps(_tree(line, plant)).encode() + b"\n" for line in item["jsonl"])
    elif "json" in item:
        body = json.dumps(_tree(item["json"], plant)).encode()
    elif "raw" in item:
        body = plant.text(item["raw"], "file content").encode()
    else:
        text = item.get("text", "")
        encoded = any(k.lower() == "content-transfer-encoding" for k, _ in item.get("headers", []))
        if encoded:
            said = plant.text(base64.b64decode(text).decode(), "multipart base64")
            body = base64.b64encode(said.encode())
        else:
            body = _string(text, plant, "multipart field").encode()
    return f"--{BOUNDARY}\r\n{head}\r\n".encode() + body + b"\r\n"


def _file(name: str, plant: Planter, how: str = "") -> bytes:
    """A small file with words in it; pictures and recordings carry none."""
    match name:
        case "png":
            head = _chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
            data = _chunk(b"IDAT", zlib.compress(b"\0\0"))
            return b"\x89PNG\r\n\x1a\n" + head + data + _chunk(b"IEND", b"")
        case "wav":
            return b"RIFF" + (36).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)
        case "pdf":
            return _pdf(plant.text("some words", f"{how}page of a PDF"))
        case "zip":
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr("a.txt", plant.text("some words", f"{how}zip entry"))
            return out.getvalue()
        case _:
            return plant.text("these are some plain words to read", f"{how}text file").encode()


def _pdf(words: str) -> bytes:
    """A page with a line of text."""
    drawn = f"BT /F 12 Tf 72 720 Td ({words}) Tj ET".encode()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (
        b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
        % (table, len(out))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data).to_bytes(4, "big")
    return len(data).to_bytes(4, "big") + kind + data + check
