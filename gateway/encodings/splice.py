"""How do edits of decoded texts get back into the bytes of an exchange?

Law: only the edited spans change. With no edits the bytes are identical; with edits, every byte
outside them is kept, through every layer of encoding, and what cannot be rewritten safely is
`CannotRewrite`, never a damaged request.

A `Locator.steps` is a path of `Step(codec, start, end, param)` from the wire to a text. The first
step names a *place*: ``body``, ``target``, ``header`` and ``trailer`` (values), ``header-name`` and
``trailer-name``; for the last four the param is the index. Each further step takes the slice
``start:end`` of what its parent decodes to, and decodes it with a codec of `CODECS`.

There are two kinds of codec. Where each decoded character has its own place in the raw form
(UTF-8, JSON strings, percent, entities), an edit maps to exactly that place. Where it has not
(compression, base64), the layer is encoded anew as a whole.

What a request declares of its own bytes (sizes, hashes) follows the change: see `declared`.
"""

from __future__ import annotations

import base64
import binascii
import html
import quopri
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing in the stubs
from typing import Any, Final
from urllib.parse import quote, unquote

from gateway.encodings import content_encoding, declared
from gateway.encodings.declared import Change
from gateway.model import Edit, Exchange, Header, Headers, Locator, Rewrite, Step

type Value = str | bytes
type Splice = tuple[int, int, Value]
"""Replace `start:end` of a value; offsets and replacement are in the units of that value."""

MAX_DECODED: Final = 1 << 30
"""A guard only: extraction has already decoded the same bytes under its own, lower limit."""


class CannotRewrite(Exception):  # reads as a statement where it is raised
    """The exchange cannot be rewritten; it has to be refused instead. `reason` holds no content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the request cannot be rewritten: {reason}")


@dataclass(frozen=True, slots=True)
class Codec:
    """One layer. `decode` undoes it; `splice` turns edits of the decoded value into raw ones."""

    decode: Callable[[Value, str], Value]
    splice: Callable[[Value, Sequence[Splice], str], list[Splice]]


# --- layers in which every character has its place -----------------------------------------------

type Escape = tuple[int, int, str]
"""A stretch of raw text that decodes to something else: raw start, raw end, and a text as long as
what it decodes to.
"""


def _escaping(
    decode: Callable[[str, str], str],
    escapes: Callable[[str, str], Iterator[Escape]],
    escape: Callable[[str, str], str],
    block: re.Pattern[str],
) -> Codec:
    """A codec over text in which some stretches are escapes and all else stands for itself.

    `block` matches some thousand characters, never ending inside an escape: a text is decoded block by
    block to find where an edit lies, and only the blocks with an edit are looked at closely.
    """

    def decoded(raw: Value, param: str) -> Value:
        return decode(_text(raw), param)

    def splice(raw: Value, splices: Sequence[Splice], param: str) -> list[Splice]:
        text = _text(raw)
        wanted = [position for start, end, _ in splices for position in (start, end)]
        offsets: list[int] = []
        raw_at = raw_end = decoded_at = size = 0
        piece = ""
        for number, position in enumerate(wanted):
            while position > decoded_at + size and raw_end < len(text):
                raw_at, decoded_at = raw_end, decoded_at + size
                match = block.match(text, raw_at)
                raw_end = match.end() if match else len(text)
                piece = text[raw_at:raw_end]
                size = len(decode(piece, param))
            inside = _raw_offset(
                escapes(piece, param), position - decoded_at, is_end=number % 2 == 1
            )
            offsets.append(raw_at + inside)
        return [
            (offsets[2 * number], offsets[2 * number + 1], escape(_text(new), param))
            for number, (_, _, new) in enumerate(splices)
        ]

    return Codec(decoded, splice)


def _raw_offset(escapes: Iterator[Escape], position: int, *, is_end: bool) -> int:
    """The raw offset of a decoded one; inside an escape, its near or far edge."""
    shrunk = 0
    for start, end, decoded in escapes:
        decoded_start = start - shrunk
        if position <= decoded_start:
            break
        if position < decoded_start + len(decoded):
            return end if is_end else start
        shrunk += end - start - len(decoded)
    return position + shrunk


_JSON_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)


def json_string(text: str) -> str:
    """`text` as it stands between the quotes of a JSON string, all in ASCII."""
    out: list[str] = []
    for ch in text:
        code = ord(ch)
        if ch in '"\\':
            out.append("\\" + ch)
        elif 0x20 <= code < 0x7F:
            out.append(ch)
        elif code > 0xFFFF:
            code -= 0x10000
            out.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
        else:
            out.append(f"\\u{code:04x}")
    return "".join(out)


_JSON_BLOCK = re.compile(rf"(?:[^\\]{{1,200}}|{_JSON_ESCAPE.pattern}){{1,100}}+", re.DOTALL)


def _decode_json(raw: str, _param: str) -> str:
    decoded: str = scanstring(raw + '"', 0, True)[0] if "\\" in raw else raw  # noqa: FBT003  # the signature of the json module
    return decoded


def _json_escapes(raw: str, param: str) -> Iterator[Escape]:
    for match in _JSON_ESCAPE.finditer(raw):
        start, end = match.span()
        # Nearly all are of two characters, such as `\\n`; each escape is one character.
        yield start, end, raw[start + 1] if end - start == 2 else _decode_json(match[0], param)


_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_PERCENT_BLOCK = re.compile(r"(?:[^%]{1,200}|(?:%[0-9a-fA-F]{2})++|%){1,100}+")


def _decode_percent(raw: str, param: str) -> str:
    """Percent triplets as UTF-8, or as the single-byte charset in `param`; ``form`` adds `+`.

    A byte that is not valid stands as a lone surrogate, so that each keeps its own place.
    """
    if param == "form":
        raw, param = raw.replace("+", " "), ""
    return unquote(raw, encoding=param or "utf-8", errors="surrogateescape")


def _percent_escapes(raw: str, param: str) -> Iterator[Escape]:
    charset = "utf-8" if param in ("", "form") else param
    for match in _PERCENT.finditer(raw):
        start = match.start()
        for ch in bytes.fromhex(match[0].replace("%", "")).decode(charset, "surrogateescape"):
            size = 3 * len(ch.encode(charset, "surrogateescape"))
            yield start, start + size, ch
            start += size


def _percent(text: str, param: str) -> str:
    charset = "utf-8" if param in ("", "form") else param
    return quote(text, safe="", encoding=charset, errors="replace")


_QUOTED = re.compile(r'\\["\\]')
_QUOTED_BLOCK = re.compile(r'(?:[^\\]{1,200}|\\["\\]?){1,100}+')


def _decode_quoted(raw: str, _param: str) -> str:
    return _QUOTED.sub(lambda match: match[0][1], raw)


def _quoted_escapes(raw: str, _param: str) -> Iterator[Escape]:
    for match in _QUOTED.finditer(raw):
        yield match.start(), match.end(), match[0][1]


def _quoted(text: str, _param: str) -> str:
    # WHATWG HTML, multipart/form-data: these three characters are percent-encoded in names.
    for ch, escaped in (("\\", "_"), ('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        text = text.replace(ch, escaped)
    return text


_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{0,31});")
_ENTITY_BLOCK = re.compile(rf"(?:[^&]{{1,200}}|{_ENTITY.pattern}|&){{1,100}}+")


def _decode_entities(raw: str, _param: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]), raw)


def _entity_escapes(raw: str, _param: str) -> Iterator[Escape]:
    for match in _ENTITY.finditer(raw):
        decoded = html.unescape(match[0])
        if decoded != match[0]:
            yield match.start(), match.end(), decoded


def _entities(text: str, _param: str) -> str:
    return html.escape(text)


# --- bytes to text -------------------------------------------------------------------------------


def _decode_utf8(raw: Value, _param: str) -> Value:
    return _bytes(raw).decode("utf-8")


def _splice_utf8(raw: Value, splices: Sequence[Splice], _param: str) -> list[Splice]:
    data = _bytes(raw)
    text = data.decode("utf-8")
    ascii_only = len(text) == len(data)
    out: list[Splice] = []
    at = offset = 0

    def byte_offset(position: int) -> int:
        nonlocal at, offset
        if ascii_only:
            return position
        offset += len(text[at:position].encode("utf-8"))
        at = position
        return offset

    for start, end, new in splices:
        out.append((byte_offset(start), byte_offset(end), _text(new).encode("utf-8", "replace")))
    return out


def _decode_latin1(raw: Value, _param: str) -> Value:
    return _bytes(raw).decode("latin-1")


def _splice_latin1(_raw: Value, splices: Sequence[Splice], _param: str) -> list[Splice]:
    return [(start, end, _text(new).encode("latin-1", "replace")) for start, end, new in splices]


def _decode_charset(raw: Value, param: str) -> Value:
    return _bytes(raw).decode(param)


def _splice_charset(raw: Value, splices: Sequence[Splice], param: str) -> list[Splice]:
    data = _bytes(raw)
    text = data.decode(param)
    if text.encode(param) != data:
        raise CannotRewrite(f"its character set `{param}` does not encode back")
    known = [
        (start, end, _text(new).encode(param, "replace").decode(param))
        for start, end, new in splices
    ]
    return [(0, len(data), _joined(text, known).encode(param))]


# --- layers that are encoded anew as a whole -----------------------------------------------------


def _whole(
    decode: Callable[[Value, str], bytes], encode: Callable[[bytes, Value, str], Value]
) -> Codec:
    """A codec that encodes the whole layer again; `encode` gets the old raw form for its style."""

    def decoded(raw: Value, param: str) -> Value:
        return decode(raw, param)

    def splice(raw: Value, splices: Sequence[Splice], param: str) -> list[Splice]:
        new = _joined_bytes(decode(raw, param), splices)
        return [(0, len(raw), encode(new, raw, param))]

    return Codec(decoded, splice)


def decode_base64(raw: Value) -> bytes | None:
    """The bytes of a base64 text in either alphabet, padded or not; None when it is neither."""
    if isinstance(raw, str):
        if not raw.isascii():
            return None
        data = raw.encode("ascii")
    else:
        data = raw
    data = data.translate(None, b" \t\r\n").rstrip(b"=")
    if len(data) % 4 == 1:
        return None
    url = b"-" in data or b"_" in data
    data += b"=" * (-len(data) % 4)
    try:
        return base64.b64decode(data, b"-_" if url else None, validate=True)
    except binascii.Error:
        return None


BREAK: Final = re.compile(r"[ \t]*(?:\r?\n|\\r\\n|\\n)[ \t>]*")
"""What stands between lines of base64: plain, indented, quoted in a mail, or escaped in a literal."""


def _decode_base64(raw: Value, _param: str) -> bytes:
    if isinstance(raw, str) and (">" in raw or "\\" in raw):
        raw = BREAK.sub("", raw)
    data = decode_base64(raw)
    if data is None:
        raise CannotRewrite("its base64 is malformed")
    return data


def _encode_base64(data: bytes, raw: Value, _param: str) -> Value:
    """Encode as `raw` was: same alphabet, same padding habit, lines of the same length."""
    old = raw if isinstance(raw, str) else raw.decode("ascii")
    is_broken = "\n" in old or "\\" in old
    url = "-" in old or "_" in old
    new = base64.b64encode(data, b"-_" if url else None).decode("ascii")
    if "=" not in old and (url or len(BREAK.sub("", old) if is_broken else old) % 4):
        new = new.rstrip("=")
    between = BREAK.search(old.strip()) if is_broken else None
    if between is not None and (width := between.start()):
        new = between[0].join(new[at : at + width] for at in range(0, len(new), width))
    return new if isinstance(raw, str) else new.encode("ascii")


def _decode_uuencode(raw: Value, _param: str) -> bytes:
    try:
        return b"".join(map(binascii.a2b_uu, _text(raw).encode("ascii").splitlines()))
    except ValueError:  # of Unicode, or of the lines
        raise CannotRewrite("its uuencode is malformed") from None


def _encode_uuencode(data: bytes, raw: Value, _param: str) -> Value:
    old = _text(raw)
    lines = (
        binascii.b2a_uu(data[at : at + _UU_BYTES], backtick="`" in old).rstrip(b"\n")
        for at in range(0, len(data), _UU_BYTES)
    )
    return ("\r\n" if "\r\n" in old else "\n").join(line.decode("ascii") for line in lines)


_UU_BYTES: Final = 45
"""Bytes of a full line of uuencode (POSIX)."""


_DATA_URL = re.compile(r"[dD][aA][tT][aA]:([^,]{0,500}),")


def data_url(url: str) -> tuple[str, bool, int] | None:
    """Media type, whether base64, and offset of the payload of a `data:` URL (RFC 2397)."""
    match = _DATA_URL.match(url)
    if match is None:
        return None
    media, _, rest = match[1].partition(";")
    is_base64 = rest.strip().lower().endswith("base64") or media.strip().lower() == "base64"
    return media.strip().lower(), is_base64, match.end()


def decode_data_url(url: str) -> bytes | None:
    """The bytes that a `data:` URL holds; None when it is malformed."""
    parsed = data_url(url)
    if parsed is None:
        return None
    _, is_base64, start = parsed
    payload = url[start:]
    if is_base64:
        return decode_base64(_text(_PERCENT_CODEC.decode(payload, "")))
    return _text(_PERCENT_CODEC.decode(payload, "")).encode("utf-8", "surrogateescape")


def _decode_data_url(raw: Value, _param: str) -> bytes:
    data = decode_data_url(_text(raw))
    if data is None:
        raise CannotRewrite("its data URL is malformed")
    return data


def _encode_data_url(data: bytes, raw: Value, _param: str) -> Value:
    url = _text(raw)
    parsed = data_url(url)
    if parsed is None:
        raise CannotRewrite("its data URL is malformed")
    _, is_base64, start = parsed
    payload = base64.b64encode(data).decode("ascii") if is_base64 else quote(data, safe="")
    return url[:start] + payload


def _decode_quoted_printable(raw: Value, _param: str) -> bytes:
    return quopri.decodestring(_bytes(raw))


def _encode_quoted_printable(data: bytes, _raw: Value, _param: str) -> Value:
    return quopri.encodestring(data, quotetabs=True)


def _decode_content(raw: Value, param: str) -> bytes:
    try:
        return content_encoding.decode(_bytes(raw), param, MAX_DECODED)
    except content_encoding.EncodingError as error:
        raise CannotRewrite(f"its content encoding `{error.detail}` is {error.reason}") from None


def _encode_content(data: bytes, raw: Value, param: str) -> Value:
    return content_encoding.encode(data, param, _bytes(raw))


def _same(raw: Value, _param: str) -> Value:
    return raw


def _same_splices(_raw: Value, splices: Sequence[Splice], _param: str) -> list[Splice]:
    return list(splices)


_PERCENT_CODEC: Final = _escaping(_decode_percent, _percent_escapes, _percent, _PERCENT_BLOCK)

CODECS: Final[dict[str, Codec]] = {
    "slice": Codec(_same, _same_splices),  # a part of the parent, as it stands
    "json": Codec(_same, _same_splices),  # a JSON document inside a decoded text
    "multipart": Codec(_same, _same_splices),  # the content of one part
    "utf-8": Codec(_decode_utf8, _splice_utf8),
    "latin-1": Codec(_decode_latin1, _splice_latin1),
    "charset": Codec(_decode_charset, _splice_charset),  # param: name of a Python codec
    "json-string": _escaping(
        _decode_json, _json_escapes, lambda text, _param: json_string(text), _JSON_BLOCK
    ),
    "percent": _PERCENT_CODEC,  # param: a single-byte charset, UTF-8 when empty
    "form": _escaping(
        lambda raw, _param: _decode_percent(raw, "form"),
        lambda raw, _param: _percent_escapes(raw, "form"),
        lambda text, _param: _percent(text, "form"),
        _PERCENT_BLOCK,
    ),
    "quoted": _escaping(_decode_quoted, _quoted_escapes, _quoted, _QUOTED_BLOCK),
    "xml": _escaping(_decode_entities, _entity_escapes, _entities, _ENTITY_BLOCK),
    "base64": _whole(_decode_base64, _encode_base64),
    "uuencode": _whole(_decode_uuencode, _encode_uuencode),
    "data-url": _whole(_decode_data_url, _encode_data_url),
    "quoted-printable": _whole(_decode_quoted_printable, _encode_quoted_printable),
    "content-encoding": _whole(_decode_content, _encode_content),  # param: the header's value
}


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise CannotRewrite("a layer does not have the form that the place says")
    return value


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise CannotRewrite("a layer does not have the form that the place says")
    return value


def _pieces[T: (str, bytes)](value: T, splices: Sequence[tuple[int, int, T]]) -> Iterator[T]:
    at = 0
    for start, end, new in splices:
        yield value[at:start]
        yield new
        at = end
    yield value[at:]


def _joined(value: str, splices: Sequence[Splice]) -> str:
    return "".join(_pieces(value, [(start, end, _text(new)) for start, end, new in splices]))


def _joined_bytes(value: bytes, splices: Sequence[Splice]) -> bytes:
    return b"".join(_pieces(value, [(start, end, _bytes(new)) for start, end, new in splices]))


# --- the one rewriting engine --------------------------------------------------------------------


@dataclass(slots=True)
class _Layer:
    """The edits of one decoded value, and those of the layers inside it."""

    own: list[Splice] = field(default_factory=list)
    inner: dict[Step, _Layer] = field(default_factory=dict)


def _ordered(splices: Sequence[Splice], size: int) -> list[Splice]:
    """Own edits by place. INVARIANT: within bounds, and no two overlap."""
    ordered = sorted(splices, key=lambda splice: splice[:2])
    at = 0
    for start, end, _ in ordered:
        if not 0 <= start <= end <= size:
            raise CannotRewrite("an edit lies outside its text")
        if start < at:
            raise CannotRewrite("two edits overlap")
        at = end
    return ordered


def _merged(outer: Sequence[Splice], inner: Sequence[Splice]) -> list[Splice]:
    """Edits of a value and of the layers inside it; where one covers another, the larger stands.

    A text may be read twice, as it stands and decoded, so that a secret found in both readings
    gives two edits of the same place.
    """
    out: list[Splice] = []
    for splice in sorted([*outer, *inner], key=lambda item: (item[0], -item[1])):
        if out and splice[0] < out[-1][1]:
            if splice[1] > out[-1][1]:
                raise CannotRewrite("two edits overlap")
            continue
        if out and splice[:2] == out[-1][:2] and splice[0] != splice[1]:
            continue
        out.append(splice)
    return out


_FILES: Final = frozenset(
    {"multipart", "base64", "uuencode", "data-url", "quoted-printable", "content-encoding"}
)
"""Layers in which a file stands, of which a size or hash may be declared around it."""


def _resolve(layer: _Layer, value: Value) -> tuple[list[Splice], list[Change]]:
    """The edits of `value`, and what changed in it of which something may be declared."""
    own = _ordered(layer.own, len(value))
    inner: list[Splice] = []
    changes: list[Change] = []
    for step, child in layer.inner.items():
        codec = CODECS.get(step.codec)
        if codec is None:
            raise CannotRewrite(f"layer `{step.codec}` is read-only")
        raw = value[step.start : step.end]
        decoded = _decoded(codec, raw, step.param)
        splices, within = _resolve(child, decoded)
        changes += within
        if isinstance(decoded, bytes) and splices and step.codec in _FILES:
            changes.append(Change(decoded, _joined_bytes(decoded, splices)))
        inner += [
            (step.start + start, step.start + end, new)
            for start, end, new in codec.splice(raw, splices, step.param)
        ]
    merged = _merged(own, inner) if inner else own
    if changes:
        is_form = any(step.codec == "multipart" for step in layer.inner)
        merged = sorted([*merged, *_declared(value, merged, changes, is_form=is_form)])
    return merged, changes


def _declared(
    value: Value, taken: Sequence[Splice], changes: Sequence[Change], *, is_form: bool
) -> list[Splice]:
    """What `value` says of what changed within it, put right; `taken` are edits of other places."""
    if isinstance(value, bytes):
        if not is_form:
            return []
        text = value.decode("latin-1")
        spans = list(_spoken(text))
    else:
        text, spans = value, [(0, len(value))]
    out: list[Splice] = []
    for first, last in spans:
        edges = [(start, end) for start, end, _ in taken if first <= start < last]
        at = first
        for start, end in (*edges, (last, last)):
            found = _corrections(text, changes, start=at, end=start)
            out += [
                (begin, stop, new if isinstance(value, str) else new.encode("ascii"))
                for begin, stop, new in found
            ]
            at = max(at, end)
    if out and is_form and _POLICY.search(text):
        # S3 and Google sign conditions on the fields of a form, never the file in it.
        raise CannotRewrite("its form is signed, and declares the size or hash of a file")
    return out


def _corrections(text: str, changes: Sequence[Change], **where: Any) -> list[tuple[int, int, str]]:
    try:
        return list(declared.corrections(text, changes, **where))
    except declared.Ambiguous:
        pass
    raise CannotRewrite("it declares the size of files of which several were equally long")


_POLICY: Final = re.compile(r'name="policy"', re.IGNORECASE)
_MOST_FIELD: Final = 64 << 10


def _spoken(body: str) -> Iterator[tuple[int, int]]:
    """Spans of a multipart body that speak of files: fields of parts, and contents that are no file."""
    first = body.lstrip("\r\n").partition("\r\n")[0].strip()
    if not first.startswith("--"):
        return
    delimiter = "\r\n" + first
    at = 0
    while 0 <= at < len(body):
        end = body.find(delimiter, at + 1)
        end = len(body) if end < 0 else end
        head = body.find("\r\n\r\n", at, end)
        if head >= 0:
            is_file = "filename" in body[at:head].lower() or end - head > _MOST_FIELD
            # The end of the field is part of it: what follows a value tells that it is whole.
            yield at, head + 2 if is_file else end
        at = end if end < len(body) else -1


def _decoded(codec: Codec, raw: Value, param: str) -> Value:
    try:
        return codec.decode(raw, param)
    except UnicodeError:
        pass
    # Not raised inside `except`: a decode error holds the bytes.
    raise CannotRewrite("a layer is not in the character set that its place says")


_PLACES: Final = frozenset({"body", "target", "header", "trailer", "header-name", "trailer-name"})


def _place(exchange: Exchange, step: Step) -> Value:
    if step.codec == "body":
        return exchange.body
    if step.codec == "target":
        return exchange.target
    if step.codec not in _PLACES:
        raise CannotRewrite(f"`{step.codec}` is not a place in a request")
    fields = exchange.headers if step.codec.startswith("header") else exchange.trailers
    return fields[int(step.param)][0 if step.codec.endswith("-name") else 1]


def read(exchange: Exchange, locator: Locator) -> Value:
    """What stands at a locator, decoded. Raises `CannotRewrite` for one that does not fit."""
    if not locator.steps:
        raise CannotRewrite("the place has no address")
    value = _place(exchange, locator.steps[0])
    for step in locator.steps[1:]:
        codec = CODECS.get(step.codec)
        if codec is None:
            raise CannotRewrite(f"layer `{step.codec}` is read-only")
        value = _decoded(codec, value[step.start : step.end], step.param)
    return value


def apply(
    exchange: Exchange, edits: Sequence[Edit], blobs: Sequence[tuple[Locator, bytes]] = ()
) -> Rewrite:
    """The exchange with all `edits` made, and each blob in `blobs` replaced whole.

    Edits may lie in any layers; two edits of one text must not overlap. Raises `CannotRewrite`.
    """
    roots: dict[Step, _Layer] = {}

    def layer_of(locator: Locator) -> _Layer:
        if not locator.steps:
            raise CannotRewrite("the place has no address")
        first, *rest = locator.steps
        layer = roots.setdefault(Step(first.codec, 0, 0, first.param), _Layer())
        for step in rest:
            layer = layer.inner.setdefault(step, _Layer())
        return layer

    for edit in edits:
        layer_of(edit.locator).own.append((edit.start, edit.end, edit.replacement))
    for locator, data in blobs:
        layer = layer_of(locator)
        if layer.own or layer.inner:
            raise CannotRewrite("two edits overlap")
        layer.own.append((0, len(_bytes(read(exchange, locator))), data))

    if not roots:
        return Rewrite(exchange.target, exchange.headers, exchange.body, exchange.trailers)
    _require_unsigned(exchange, roots)
    target, body = exchange.target, exchange.body
    headers, trailers = list(exchange.headers), list(exchange.trailers)
    changes: list[Change] = []
    for step, layer in roots.items():
        value = _place(exchange, step)
        splices, within = _resolve(layer, value)
        changes += within
        match step.codec:
            case "target":
                target = _visible(_joined(_text(value), splices))
            case "body":
                body = _joined_bytes(_bytes(value), splices)
            case _:
                fields = headers if step.codec.startswith("header") else trailers
                _replace_field(fields, step, _joined_bytes(_bytes(value), splices))
    fields_out: Headers = tuple(headers)
    if body != exchange.body:
        changes = [Change(exchange.body, body), *changes]
        fields_out = _fitting_headers(fields_out, exchange, body, changes)
        trailers = list(_fitting_fields(trailers, changes))
        target = _fitting_target(target, changes)
        if target != exchange.target and _SIGNED_QUERY.search(target):
            raise CannotRewrite("its URL is signed")
    return Rewrite(target, fields_out, body, tuple(trailers))


# --- what a changed body does to the headers -----------------------------------------------------

_FRAMING: Final = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-encoding", b"content-type", b"te",
     b"connection", b"upgrade", b"trailer"}
)  # fmt: skip

_BODY_DIGESTS: Final = frozenset(
    {b"content-md5", b"digest", b"content-digest", b"repr-digest", b"x-goog-hash",
     b"x-ms-content-crc64", b"x-ms-blob-content-md5"}
)  # fmt: skip
"""Checksums that a sender adds for the receiver to verify: recomputed where they fitted.

All are optional: one that did not fit, or that is made in a way not known here, is dropped.
"""
_CHECKSUMS: Final = b"x-amz-checksum-"
_CHECKSUM_KIND: Final = b"x-amz-sdk-checksum-algorithm"

_BODY_SIGNATURES: Final = frozenset(
    {b"x-amz-content-sha256", b"poe-tag-id", b"signature", b"signature-input", b"x-hub-signature",
     b"x-hub-signature-256", b"content-sha256", b"x-content-sha256"}
)  # fmt: skip
_SIGNED_SCHEMES: Final = ("aws4-hmac-", "aws4-ecdsa-", "goog4-", "sharedkey ", "hmac", "signature ")
_SIGNED_QUERY: Final = re.compile(r"[?&](?:x-amz-signature|x-goog-signature)=", re.IGNORECASE)
_PARTIAL: Final = frozenset({b"content-range", b"upload-offset", b"x-goog-upload-offset"})


def _require_unsigned(exchange: Exchange, roots: Mapping[Step, _Layer]) -> None:
    """Refuse where a signature covers what would change, since the receiver would reject it."""
    for name, value in exchange.headers:
        lower = name.lower()
        if lower in _BODY_SIGNATURES:
            raise CannotRewrite(f"header `{lower.decode('ascii')}` signs its body")
        if lower == b"authorization" and value.decode("latin-1").lower().lstrip().startswith(
            _SIGNED_SCHEMES
        ):
            raise CannotRewrite("its `authorization` signs its body")
    query = _query(exchange.target)
    if "signature" in query and exchange.header("content-md5") is not None:
        # Version 2 of both stores signs this field, too, when it is sent.
        raise CannotRewrite("its URL is signed, and covers its body")
    if not _SIGNED_QUERY.search(exchange.target):
        return
    # A signed URL covers itself and the headers that it names. Storage does not sign what is put
    # there (S3 API, "Authenticating requests: query parameters": `UNSIGNED-PAYLOAD`).
    if any(step.codec != "body" for step in roots):
        raise CannotRewrite("its URL is signed")
    scope = query.get("x-amz-credential", query.get("x-goog-credential", ""))
    signed = query.get("x-amz-signedheaders", query.get("x-goog-signedheaders", ""))
    names = {name.encode() for name in signed.lower().split(";")} | {
        name.encode() for name in query
    }
    is_storage = "/s3/" in scope or "/storage/" in scope
    if not is_storage or not signed or any(map(_is_of_body, names)):
        raise CannotRewrite("its URL is signed, and covers its body")


def _query(target: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in target.partition("?")[2].split("&"))
    return {unquote(name).lower(): unquote(value) for name, _, value in pairs}


def _is_of_body(name: bytes) -> bool:
    """Whether a header says something of the body, so that it cannot stay as it was signed."""
    return (
        name in _BODY_DIGESTS
        or name.startswith((_CHECKSUMS, b"x-goog-content-sha256", b"x-amz-content-sha256"))
        or name.endswith(b"length")
    )


def _visible(target: str) -> str:
    if any(ch <= " " or ch == "\x7f" for ch in target):
        raise CannotRewrite("the new URL would not be valid")
    return target


def _replace_field(fields: list[Header], step: Step, value: bytes) -> None:
    name, old = fields[int(step.param)]
    is_name = step.codec.endswith("-name")
    if name.lower() in _FRAMING:
        raise CannotRewrite("a header that frames the request cannot change")
    # RFC 9110 section 5.5: CR, LF and NUL in a field value are dangerous.
    if any(byte in value for byte in (b"\r", b"\n", b"\0")) or (is_name and not value):
        raise CannotRewrite("the new header would not be valid")
    fields[int(step.param)] = (value, old) if is_name else (name, value)


def _fitting_headers(
    headers: Headers, exchange: Exchange, body: bytes, changes: Sequence[Change]
) -> Headers:
    names = {name.lower() for name, _ in headers}
    if names & _PARTIAL and len(body) != len(exchange.body):
        raise CannotRewrite("it is one slice of an upload, whose size must not change")
    length = str(len(body)).encode("ascii")
    return tuple(
        (name, length if name.lower() == b"content-length" else value)
        for name, value in _fitting_fields(headers, changes)
    )


def _fitting_fields(fields: Iterable[Header], changes: Sequence[Change]) -> Iterator[Header]:
    """Fields with sizes and hashes that fit what changed; a checksum that cannot be made goes."""
    lost = False
    fitting: list[Header] = []
    for name, value in fields:
        lower = name.lower()
        if lower in _FRAMING:
            new = value
        elif lower in _BODY_DIGESTS or lower.startswith(_CHECKSUMS):
            entries = [_corrected(entry, lower, changes) for entry in value.split(b",")]
            new = b",".join(entry for entry in entries if entry is not None)
            lost = lost or (not new and lower.startswith(_CHECKSUMS))
        else:
            new = _corrected(value, lower, changes) or value
        if new or not value:
            fitting.append((name, new))
    return iter(field for field in fitting if not lost or field[0].lower() != _CHECKSUM_KIND)


def _corrected(value: bytes, name: bytes, changes: Sequence[Change]) -> bytes | None:
    """A field's value as it has to be now; None when nothing in it spoke of what changed.

    The first change is that of the body: what fits it is not asked of a file in it.
    """
    text = value.decode("latin-1")
    for some in (changes[:1], changes[1:]):
        found: list[Splice] = [*_corrections(text, some, name=name.decode("latin-1"))]
        if found:
            return _joined(text, found).encode("latin-1")
    return None


def _fitting_target(target: str, changes: Sequence[Change]) -> str:
    path, mark, query = target.partition("?")
    if declared.names_hash(unquote(path), changes):
        # E.g. Ollama's `/api/blobs/sha256:…`: the service would know the file by another name.
        raise CannotRewrite("its URL names a hash of what it sends")
    found: list[Splice] = [*_corrections(query, changes)]
    return path + mark + _joined(query, found)
