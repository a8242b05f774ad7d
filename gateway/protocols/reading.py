"""What does an exchange hold, whatever its protocol?

Law: every string, key, number of six digits, file, file name, header, query value and trailer is
in a part, or its place is `Unread`; nothing is dropped, and no bytes make this raise.
"""

from __future__ import annotations

import codecs
import quopri
import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple

from gateway.encodings import (
    charset,
    content_encoding,
    enclosed,
    form,
    json_text,
    magic,
    multipart,
    splice,
)
from gateway.encodings.json_text import Container, EventKind, JsonError, Node, Table, Walk
from gateway.model import (
    Before,
    BlobPart,
    Exchange,
    Extraction,
    FileInfo,
    Header,
    Locator,
    PartKind,
    Role,
    Step,
    TextPart,
    Transport,
    Unread,
    UnreadReason,
)
from gateway.protocols import fields
from gateway.protocols.pieces import Piece, piece_of
from gateway.protocols.rules import (
    CREDENTIAL,
    FILE_NAME,
    SAY,
    TOOL_CALL,
    Rule,
    role_named,
    uniform,
)

type Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read. Sizes in bytes; what goes over a limit is `Unread`, never skipped.

    `max_nested` counts documents inside texts inside documents, and parts inside parts.
    """

    max_decoded: int = 64 << 20
    max_depth: int = 200
    max_nested: int = 8
    max_parts: int = 100_000
    max_values: int = 1_000_000


_JSON_TYPE: Final = re.compile(
    r"(?:application|text)/(?:(?:[\w.\-]+\+)?json(?:\+\w+)?|(?:x-)?(?:nd-?json|jsonl|jsonlines|json-seq))"
    r"|application/csp-report"
)
_TEXT_TYPE: Final = re.compile(
    r"text/.*|.*\+xml|.*\+yaml|application/(?:xml|javascript|ecmascript|graphql|sdp|x?-?yaml|yaml|toml|sql"
    r"|x-sh|x-shellscript|(?:x-)?(?:csv|python|tex|latex)|x-httpd-php|x-www-form-urlencoded|x-subrip|typescript|x-ndjson|x-javascript)"
)
_BLOB_TYPE: Final = re.compile(
    r"(?:image|audio|video|font|model)/.*|message/(?:rfc822|global)"
    r"|application/(?:pdf|octet-stream|zip|gzip|rtf|msword|zstd|dicom|mbox|postscript"
    r"|ogg|mp4|epub\+zip|java-archive|x-(?:tar|gzip|bzip2|bzip|xz|7z-compressed|zip|zip-compressed"
    r"|rar-compressed|compressed|sqlite3|pdf|parquet|ipynb\+json)|vnd\.(?:openxmlformats|oasis|ms-|rar"
    r"|sqlite3|apache\.parquet|apple|visio).*)|binary/octet-stream"
)
_XML_TYPE: Final = re.compile(r"text/(?:xml|html|xhtml)|.*\+xml|application/xml")

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]{20,}+={0,2}[ \r\n]*\Z")
_FRAME_PREFIX: Final = re.compile(r"[0-9]{1,6}-?(?:/[^,\[{]{0,100},)?[0-9]{0,10}(?=[\[{])")
_PERCENT: Final = re.compile(r"%[0-9a-fA-F]{2}")
_FORM_AGAIN: Final = re.compile(r"(?=[^+]*+\+)[^%\s]*+%[0-9a-fA-F]{2}\S*+")
_WRAPPED: Final = re.compile(r"=\?base64\?([A-Za-z0-9+/_\-]*={0,2})\?=\Z")
_PRINTABLE_RUN: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{6,}")
_TEXT_AMID_SAMPLES: Final = re.compile(rb"[ -~]{12,}")
_IN_A_CHARACTER: Final = re.compile(rb"\A[\x80-\xbf]{1,3}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_MAX_SALVAGE: Final = 4 << 20
_MIN_NUMBER_DIGITS: Final = 6
_EXPONENT: Final = re.compile(r"\b([1-9])\.([0-9]{4,24})[eE]\+?([0-9]{1,2})\b")
_DIGIT: Final = re.compile(r"[0-9]")
_DISPOSITIONS: Final = frozenset({"", "form-data", "file", "attachment", "inline"})
_NO_TYPE: Final = frozenset({"", "unknown/unknown", "*/*", "application/unknown"})


def extract(exchange: Exchange, table: Table[Rule], limits: Limits) -> Extraction:
    """All content of an exchange, its JSON read along `table`."""
    reader = _Reader(table, limits)
    if exchange.transport is Transport.HTTP:
        reader.method(exchange.method)
        reader.authority(exchange)
        reader.target(exchange.target)
        for index, header in enumerate(exchange.headers):
            reader.header(header, index, trailer=False)
        for index, header in enumerate(exchange.trailers):
            reader.header(header, index, trailer=True)
        reader.body(exchange)
    else:
        reader.message(exchange)
    return Extraction(tuple(reader.parts), tuple(reader.unread), tuple(reader.files))


def _text_like(data: bytes) -> str | None:
    """The text that bytes are in UTF-8, when all of it could have been typed."""
    if not data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _UNPRINTABLE.search(text) else text


def _read_on(before: bytes, data: bytes) -> tuple[str, str | None]:
    """The texts of two pieces that follow one another; None where the second one is no text.

    A character that is cut belongs to the piece in which it ends.
    """
    head = _IN_A_CHARACTER.sub(b"", before, count=1)
    if not head:
        data = _IN_A_CHARACTER.sub(b"", data, count=1)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        said = decoder.decode(head)
        text = decoder.decode(data)
    except UnicodeDecodeError:
        return "", None
    return said, None if _UNPRINTABLE.search(text) else text


def _written_out(number: re.Match[str]) -> str:
    """A number without its exponent: libraries that know floats only write a card `4.111…E15`."""
    digits, places = number[1] + number[2], int(number[3])
    whole = len(number[1]) + places
    return (
        digits.ljust(whole, "0") if whole >= len(digits) else f"{digits[:whole]}.{digits[whole:]}"
    )


def _has_digits(text: str) -> bool:
    """Whether there are six digits in a list of numbers; looks no further than the sixth."""
    return sum(1 for _ in islice(_DIGIT.finditer(text), _MIN_NUMBER_DIGITS)) == _MIN_NUMBER_DIGITS


class _Place(NamedTuple):
    """Where a text or file stands, and what is known of it before it is looked at.

    `rule` and `role` are as in the table; `node` is the place in the table for a document inside;
    `media` and `filename` are what stands beside a file; `depth` counts documents around. A tuple,
    because a request makes dozens of them.
    """

    path: str
    steps: Steps
    rule: Rule = SAY
    role: Role | None = None
    label: str = ""
    node: Node[Rule] | None = None
    depth: int = 0
    media: str = ""
    filename: str = ""

    def inside(self, *steps: Step) -> _Place:
        """The same place, some layers further in."""
        return self._replace(steps=(*self.steps, *steps))

    def locator(self) -> Locator:
        return Locator(self.path, self.steps)


class _Reader:
    """Gathers the parts of one exchange. Used once, and never seen outside `extract`."""

    def __init__(self, table: Table[Rule], limits: Limits) -> None:
        self.table = table
        self.limits = limits
        self.parts: list[TextPart | BlobPart] = []
        self.unread: list[Unread] = []
        self.files: list[FileInfo] = []
        self._overflowed = False
        self._piece: Piece | None = None
        self._before: Before | None = None

    # --- one part --------------------------------------------------------------------------------

    def _full(self, place: _Place) -> bool:
        if len(self.parts) < self.limits.max_parts:
            return False
        if not self._overflowed:
            self._overflowed = True
            self._not_read(UnreadReason.TOO_DEEP, place, 0, "parts")
        return True

    def _add(self, text: str, place: _Place) -> None:
        if text and not self._full(place):
            rule = place.rule
            role = rule.role or place.role or Role.NONE
            self.parts.append(
                TextPart(place.locator(), text, role, rule.kind, rule.editable, place.label)
            )

    def _blob(self, data: bytes, place: _Place) -> None:
        if not self._full(place):
            rule = place.rule
            role = rule.role or place.role or Role.NONE
            locator = place.locator()
            self.parts.append(
                BlobPart(locator, data, place.media, place.filename, role, rule.editable)
            )

    def _not_read(self, reason: UnreadReason, place: _Place, size: int, detail: str = "") -> None:
        self.unread.append(Unread(place.locator(), reason, size, detail))

    def _salvage(self, data: bytes, place: _Place) -> None:
        """What can be seen of bytes that have no reading: their printable runs, for detectors.

        The place is `Unread` all the same; this only lets a policy that admits it still find
        what lies there in the open, for instance in strings of a binary protocol.
        """
        runs = _PRINTABLE_RUN.findall(data[:_MAX_SALVAGE])
        text = "\n".join(run.decode("utf-8", "replace") for run in runs)
        self._add(text, _Place(place.path, (), _FIXED))

    # --- request line and headers ----------------------------------------------------------------

    def method(self, method: str) -> None:
        """A method that no standard knows is text that a client made up."""
        if method.upper() not in fields.METHODS:
            self._add(method, _Place("method", (), _MADE_UP))

    def authority(self, exchange: Exchange) -> None:
        """HTTP/2 names the host beside the headers; a label of it can be made up as well."""
        if exchange.header("host") is None:
            self._add(exchange.host, _Place("header.host", (), _PROTOCOL_HEADER, label="host"))

    def target(self, target: str) -> None:
        """Path segments, query names and query values."""
        root = _Place("path", (Step("target", 0, len(target)),), _URL_PATH)
        cut = target.find("?")
        path_end = len(target) if cut < 0 else cut
        at = number = 0
        while at < path_end:
            slash = target.find("/", at, path_end)
            end = path_end if slash < 0 else slash
            if end > at:
                text, place = self._decoded(target, root, Step("percent", at, end))
                self._string(text, place._replace(path=f"path[{number}]"))
                number += 1
            at = end + 1
        if cut >= 0:
            for name, value in form.pairs(target, cut + 1):
                self._query(target, root._replace(path="query"), name, value)

    def _decoded(self, parent: str, place: _Place, step: Step) -> tuple[str, _Place]:
        """A slice of a text, decoded by a codec from text to text."""
        codec = splice.CODECS[step.codec]
        value = codec.decode(parent[step.start : step.end], step.param)
        return value if isinstance(value, str) else "", place.inside(step)

    def _query(self, target: str, root: _Place, name: form.Span, value: form.Span) -> None:
        label, place = self._decoded(target, root, Step("form", *name))
        lower = label.lower()
        path = f"query.{lower if lower in fields.KNOWN_QUERY else '*'}"
        if lower not in fields.KNOWN_QUERY:
            self._add(label, place._replace(path=f"{path}.name", rule=_MADE_UP))
        rule = CREDENTIAL if lower in fields.CREDENTIAL_QUERY else _QUERY
        text, place = self._decoded(target, root, Step("form", *value))
        self._string(text, place._replace(path=path, rule=rule, label=label))
        if "+" in target[slice(*value)]:
            # RFC 3986 gives `+` no meaning; whether it is a space is the server's choice.
            text, place = self._decoded(target, root, Step("percent", *value))
            self._string(text, place._replace(path=path, rule=rule, label=label))

    def header(self, header: Header, index: int, *, trailer: bool) -> None:
        """One header field; its name too, when the client made it up."""
        name, value = header
        where = "trailer" if trailer else "header"
        lower = name.decode("latin-1").lower()
        known = lower in fields.KNOWN_HEADERS
        path = f"{where}.{lower if known else '*'}"
        if not known:
            step = Step(f"{where}-name", 0, len(name), str(index))
            text, place = self._field_text(name, _Place(f"{path}.name", (step,), _MADE_UP))
            self._add(text, place)
        rule = _TRAILER if trailer else _HEADER
        if lower in fields.CREDENTIAL_HEADERS:
            rule = CREDENTIAL
        elif lower in fields.PROTOCOL_HEADERS and not trailer:
            rule = _PROTOCOL_HEADER
        elif lower == "mcp-name" or lower.startswith("mcp-param-"):
            rule = TOOL_CALL  # what it repeats is an argument of the call
        step = Step(where, 0, len(value), str(index))
        text, place = self._field_text(value, _Place(path, (step,), rule, label=lower))
        self._field_value(text, place)

    def _field_text(self, value: bytes, place: _Place) -> tuple[str, _Place]:
        """Header text: UTF-8 where it is valid, as clients send, else Latin-1 (RFC 9110)."""
        try:
            return value.decode("utf-8"), place.inside(Step("utf-8", 0, len(value)))
        except UnicodeDecodeError:
            return value.decode("latin-1"), place.inside(Step("latin-1", 0, len(value)))

    def _field_value(self, text: str, place: _Place) -> None:
        """A header value as it stands, and as what it says once its own escapes are undone."""
        self._string(text, place)
        if place.rule.opaque:
            return
        wrapped = _WRAPPED.match(text)
        if wrapped is not None:
            # Model Context Protocol, 2026-07-28: values outside ASCII travel in this form.
            inner = splice.decode_base64(wrapped[1])
            said = _text_like(inner) if inner else None
            if inner and said:
                layers = (Step("base64", *wrapped.span(1)), Step("utf-8", 0, len(inner)))
                self._string(said, place.inside(*layers)._replace(depth=1))
        elif _PERCENT.search(text):
            said, place = self._decoded(text, place, Step("percent", 0, len(text)))
            self._string(said, place._replace(depth=1))

    # --- bodies ----------------------------------------------------------------------------------

    def message(self, exchange: Exchange) -> None:
        """One WebSocket message."""
        data = exchange.body
        if not data:
            return
        place = _Place("body", (Step("body", 0, len(data)),))
        if exchange.transport is Transport.WEBSOCKET_BINARY and (
            magic.sniff(data) or _text_like(data.replace(b"\x1e", b"")) is None
        ):
            if self.table.root.rule.recording and not magic.sniff(data):
                self._samples(data, place)
            else:
                self._untyped(data, place)
        else:
            self._text_document(data, place, "")

    def body(self, exchange: Exchange) -> None:
        """The body of a request, its content encoding undone."""
        data = exchange.body
        if not data:
            return
        place = _Place("body", (Step("body", 0, len(data)),))
        piece = piece_of(exchange)
        if piece is not None and not piece.whole:
            self._piece, self._before = piece, exchange.before
        headers: dict[str, list[str]] = {}
        for name, value in exchange.headers:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        codings = ",".join(headers.get("transfer-encoding", ())).lower().replace(" ", "")
        if codings not in ("", "chunked", "identity"):
            self._not_read(UnreadReason.UNDECODABLE, place, len(data), "transfer-encoding")
        encodings = ", ".join(headers.get("content-encoding", ()))
        if encodings:
            try:
                applied = content_encoding.parse(encodings)
                decoded = content_encoding.decode(data, encodings, self.limits.max_decoded)
            except content_encoding.EncodingError as error:
                self._not_read(error.reason, place, len(data), error.detail)
                self._salvage(data, place)
                return
            if said := content_encoding.remarks(data, encodings):
                self._add(said.decode("latin-1"), _Place("body.gzip-header", place.steps, _REMARK))
            if applied:
                place = place.inside(Step("content-encoding", 0, len(data), ", ".join(applied)))
                data = decoded
        types = headers.get("content-type", [])
        if len({value.strip().lower() for value in types}) > 1:
            # RFC 9110 section 8.3: one value. Which of two a server takes is not known.
            self._not_read(UnreadReason.MALFORMED, place, len(data), "content-type")
        content_type = types[0] if types else ""
        if self._piece is not None and not multipart.media_type(content_type).startswith("multi"):
            self._slice(data, place)
        else:
            self._content(data, place, content_type)

    def _content(self, data: bytes, place: _Place, content_type: str) -> None:
        """Bytes with a content type: a body, or one part of a multipart body."""
        if not data:
            return
        media = multipart.media_type(content_type)
        place = place._replace(media=media)
        try:
            declared = multipart.parameter(content_type, "charset") or ""
            boundary = multipart.parameter(content_type, "boundary") or ""
        except multipart.MultipartError:
            self._not_read(UnreadReason.MALFORMED, place, len(data), "content-type")
            declared = boundary = ""
        is_json = _JSON_TYPE.fullmatch(media) is not None
        is_text = is_json or _TEXT_TYPE.fullmatch(media) is not None
        if media.startswith("multipart/"):
            self._multipart(data, place, boundary)
        elif is_text and (is_json or not magic.sniff(data) or _text_like(data) is not None):
            begins_like_file = not is_json and magic.sniff(data)
            if begins_like_file:
                self._blob(data, place)
                place = place._replace(rule=replace(place.rule, editable=False))
            self._text_document(data, place, declared, declared_json=is_json)
        elif self._sniffed_json(data, place):
            pass
        elif is_text or _BLOB_TYPE.fullmatch(media):
            self._blob(data, place)
        elif media in _NO_TYPE and not magic.sniff(data) and _text_like(data) is not None:
            self._text_document(data, place, declared)
        else:
            self._untyped(data, place)

    def _untyped(self, data: bytes, place: _Place) -> None:
        """Binary bytes without a declared type, or of one that says nothing here."""
        media = magic.sniff(data)
        if media:
            self._blob(
                data, place._replace(media=media if place.media in _NO_TYPE else place.media)
            )
        else:
            self._not_read(UnreadReason.UNKNOWN_TYPE, place, len(data))
            self._salvage(data, place)

    def _sniffed_json(self, data: bytes, place: _Place) -> bool:
        """Read bytes of another type that are JSON all the same; servers often do not check."""
        if data[:64].lstrip(b" \t\r\n\x1e\xef\xbb\xbf\xff\xfe\0")[:1] not in (b"{", b"["):
            return False
        read = charset.decode(data)
        if read is None:
            return False
        text, found = read
        return self._json(text, place.inside(found.step(len(data)))) is None

    def _text_document(
        self, data: bytes, place: _Place, declared: str, *, declared_json: bool = False
    ) -> None:
        """Bytes that are text of some kind: JSON, JSON lines, a form, markup, or plain."""
        is_markup = _XML_TYPE.fullmatch(place.media) is not None
        if is_markup and not declared:
            declared = charset.declared_in_xml(data[:200])
        read = charset.decode(data, declared)
        if read is None and not (declared or declared_json):
            self._blob(data, place)  # what character set it is in shows when it is opened
            return
        if read is None:
            self._not_read(UnreadReason.CHARSET, place, len(data))
            self._salvage(data, place)
            return
        text, found = read
        if not found.certain:
            self._not_read(UnreadReason.CHARSET, place, len(data))
        place = place.inside(found.step(len(data)))
        is_form = place.media == "application/x-www-form-urlencoded"
        if declared_json or text[:64].lstrip(" \t\r\n\x1e\ufeff")[:1] in ("{", "["):
            reason = self._json(text, place)
            if reason is None:
                if is_form and _PERCENT.search(text):
                    # A server that takes the type at its word reads something else than JSON.
                    self._form(text, place._replace(path=f"{place.path}.form"), editable=False)
                return
            if declared_json or reason is not UnreadReason.MALFORMED:
                self._not_read(reason, place, len(data))
                self._add(text, place._replace(rule=_FIXED))
                return
        if is_form:
            self._form(text, place, editable=True)
            return
        prefix = _FRAME_PREFIX.match(text)
        if prefix is not None and place.path == "body":
            # Socket.IO: packet type, namespace and acknowledgement id, then JSON.
            rest = place.inside(Step("slice", prefix.end(), len(text)))
            if self._json(text[prefix.end() :], rest) is None:
                head = place.inside(Step("slice", 0, prefix.end()))
                self._add(prefix[0], head._replace(rule=_NUMBER))
                return
        if is_markup and "<!ENTITY" in text:
            # Entities of its own can spell any text; nothing here expands them.
            self._not_read(UnreadReason.UNKNOWN_TYPE, place, len(data), "dtd")
        if is_markup and "&" in text:
            text, place = self._decoded(text, place, Step("xml", 0, len(text)))
        self._string(text, place)

    def _form(self, text: str, root: _Place, *, editable: bool) -> None:
        """An urlencoded body; its fields are keys of the table's root."""
        for name, value in form.pairs(text):
            label, place = self._decoded(text, root, Step("form", *name))
            known = label in self.table.words
            path = f"{root.path}.{label if known else '*'}"
            if not known:
                rule = replace(_KEY, editable=editable)
                self._add(label, place._replace(path=f"{path}.name", rule=rule))
            said, place = self._decoded(text, root, Step("form", *value))
            node = self._field_node(label)
            rule = node.rule if editable else replace(node.rule, editable=False)
            node = node if editable else uniform(rule)
            place = place._replace(path=path, rule=rule, node=node, label=label)
            self._string(said, place)
            if _FORM_AGAIN.fullmatch(said):
                # Encoded twice, as happens where a client and its library both do it.
                said, place = self._decoded(said, place, Step("form", 0, len(said)))
                self._string(said, place._replace(depth=place.depth + 1))

    # --- multipart -------------------------------------------------------------------------------

    def _multipart(self, data: bytes, place: _Place, boundary: str) -> None:
        reason = UnreadReason.TOO_DEEP
        if place.depth < self.limits.max_nested:
            try:
                parts = multipart.parse(data, boundary, max_parts=self.limits.max_parts)
                dispositions = [self._disposition(data, part) for part in parts]
            except multipart.MultipartError as error:
                reason = error.reason
            else:
                inside = place._replace(media="", depth=place.depth + 1)
                for number, (part, params) in enumerate(zip(parts, dispositions, strict=True)):
                    path = f"{place.path}.part[{number}]"
                    self._part(data, inside._replace(path=path), part, params)
                return
        self._not_read(reason, place, len(data), "multipart")
        self._salvage(data, place)

    def _disposition(self, data: bytes, part: multipart.Part) -> dict[str, tuple[str, Steps]]:
        """Each parameter of the part's disposition, decoded, with the layers that decode it."""
        for line in part.fields:
            if line.name.lower() == b"content-disposition":
                value = data[line.value_start : line.value_end].decode("latin-1")
                if multipart.media_type(value) not in _DISPOSITIONS:
                    raise multipart.MultipartError
        out: dict[str, tuple[str, Steps]] = {}
        for name, param in part.params.items():
            charset_param = ""
            if param.codec == "percent":
                known = {"utf-8": "", "iso-8859-1": "latin-1"}.get(param.charset)
                if known is None:
                    raise multipart.MultipartError
                charset_param = known
            span = Step("slice", param.start, param.end)
            raw, place = self._field_text(data[param.start : param.end], _Place("", (span,)))
            step = Step(param.codec, 0, len(raw), charset_param)
            text, place = self._decoded(raw, place, step)
            out[name] = (text, place.steps)
        return out

    def _part(
        self, data: bytes, root: _Place, part: multipart.Part, params: dict[str, tuple[str, Steps]]
    ) -> None:
        """One part: its header fields, its names, and its content by what it is."""
        name = params["name"][0] if "name" in params else ""
        base = name.removesuffix("[]")
        path = f"{root.path}.{base}" if base in self.table.words else root.path
        node = self._field_node(name)
        for key, (text, steps) in params.items():
            place = _Place(path, (*root.steps, *steps))
            if key in ("filename", "filename*"):
                self._add(text, place._replace(path=f"{path}.filename", rule=FILE_NAME, label=name))
            elif key != "name":
                self._add(text, place._replace(path=f"{path}.parameter", rule=_HEADER))
                span = Step("slice", part.params[key].key_start, part.params[key].key_end)
                latin = Step("latin-1", 0, span.end - span.start)
                where = root._replace(path=f"{path}.parameter.name", rule=_MADE_UP)
                self._add(data[span.start : span.end].decode("latin-1"), where.inside(span, latin))
            elif base not in self.table.words:
                self._add(text, place._replace(path=f"{path}.name", rule=_KEY))
        for line in part.fields:
            self._part_header(data, root._replace(path=path), line)
        content = data[part.start : part.end]
        place = root._replace(path=path, rule=node.rule, node=node, label=name)
        place = place.inside(Step("multipart", part.start, part.end))
        transfer = part.transfer_encoding
        if transfer in ("base64", "quoted-printable"):
            # RFC 7578 section 4.7 deprecates this field, and many servers ignore it: what stands
            # there is read as it is, too.
            self._salvage(content, place)
            decoded = (
                splice.decode_base64(content)
                if transfer == "base64"
                else quopri.decodestring(content)
            )
            if decoded is None:
                self._not_read(UnreadReason.UNDECODABLE, place, len(content), transfer)
                return
            place = place.inside(Step(transfer, 0, len(content)))
            content = decoded
        elif transfer not in ("", "7bit", "8bit", "binary"):
            self._not_read(UnreadReason.UNDECODABLE, place, len(content), "transfer-encoding")
            self._salvage(content, place)
            return
        media = multipart.media_type(part.content_type)
        if self._piece is not None and base == "data":
            if transfer in ("base64", "quoted-printable"):
                self._before = None  # what is kept of a piece is kept as it was sent
            self._slice(content, place)
        elif "filename" in params or "filename*" in params:
            filename = params.get("filename*") or params["filename"]
            self._file(content, place._replace(media=media, filename=filename[0]))
        elif part.content_type:
            self._content(content, place, part.content_type)
        else:
            self._field(content, place)

    def _part_header(self, data: bytes, root: _Place, line: multipart.FieldSpan) -> None:
        lower = line.name.decode("latin-1").lower()
        if lower == "content-disposition":
            return
        known = lower in fields.KNOWN_HEADERS
        path = f"{root.path}.header.{lower if known else '*'}"
        if not known:
            end = line.name_start + len(line.name)
            where = root._replace(path=f"{path}.name", rule=_MADE_UP, label="")
            name = Step("slice", line.name_start, end), Step("latin-1", 0, len(line.name))
            self._add(line.name.decode("latin-1"), where.inside(*name))
        rule = _HEADER
        if lower in fields.PROTOCOL_HEADERS or lower == "content-transfer-encoding":
            rule = _PROTOCOL_HEADER
        start, end = line.value_start, line.value_end
        place = root._replace(path=path, rule=rule, label=lower)
        text, place = self._field_text(data[start:end], place.inside(Step("slice", start, end)))
        self._field_value(text, place)

    def _field_node(self, name: str) -> Node[Rule]:
        """The place of a form field in the table: the field is a key of the root."""
        root = self.table.root
        node = root.keys.get(name.removesuffix("[]"), root.other)
        return node.item if name.endswith("[]") else node

    def _field(self, data: bytes, place: _Place) -> None:
        """A form field without a content type: text, by RFC 7578 section 4.4."""
        read = charset.decode(data)
        media = magic.sniff(data)
        if read is None or media:
            self._blob(data, place._replace(media=media))
        if read is not None and (not media or _text_like(data) is not None):
            text, found = read
            rule = replace(place.rule, editable=place.rule.editable and not media)
            self._string(text, place.inside(found.step(len(data)))._replace(rule=rule))

    def _file(self, data: bytes, place: _Place) -> None:
        """An uploaded file. One that is JSON or JSON lines is read here, along the table."""
        is_other = magic.sniff(data) or magic.is_notebook(data)
        if not is_other and self._sniffed_json(data, place._replace(node=None)):
            self.files.append(
                FileInfo(place.locator(), "application/json", "text", len(data), place.media)
            )
            return
        self._blob(data, place)

    def _slice(self, data: bytes, place: _Place) -> None:
        """A piece of an upload. Text is read on from what stood before it; no other file can be.

        What is found cannot change: the sizes and hashes of the whole were said before, and a value
        that began in an earlier piece has left in part.
        """
        place = place._replace(rule=_PIECE)
        known = self._before
        before, text = _read_on(known.end if known else b"", data)
        if known is None or text is None:
            self._not_read(UnreadReason.PARTIAL, place, len(data))
        if text is None:
            self._salvage(data, place)
        elif not self._full(place):
            self.parts.append(
                TextPart(
                    locator=Locator(place.path),
                    text=text,
                    kind=PartKind.FILE,
                    editable=False,
                    before=before if known else "",
                )
            )

    # --- JSON ------------------------------------------------------------------------------------

    def _json(self, text: str, place: _Place) -> UnreadReason | None:
        """Read a text as JSON or a sequence of JSON texts; else say why it is none."""
        table = Table(self.table.root if place.node is None else place.node, self.table.words)
        limits = {"max_depth": self.limits.max_depth, "max_values": self.limits.max_values}
        reason = UnreadReason.MALFORMED
        for read in (json_text.walk, json_text.walk_sequence):
            try:
                walk = read(text, table, **limits)
            except JsonError as error:
                reason = error.reason
            else:
                self._events(walk, place)
                return None
            if reason is not UnreadReason.MALFORMED:
                break
        return reason

    def _events(self, walk: Walk[Rule], place: _Place) -> None:
        names = _Paths(place.path, self.table.words, many=len(walk.ends) > 1)
        hints: dict[tuple[int, str | int], str] | None = None
        steps, parts = place.steps, self.parts
        room = self.limits.max_parts
        for event, tag in zip(walk.events, walk.tags, strict=True):
            kind, value, start, end, rule, container, key = event
            if self._overflowed:
                return
            if kind is EventKind.KEY:
                if not self._full(place):
                    locator = Locator(
                        names.of(container, key), (*steps, Step("json-string", start, end))
                    )
                    speaker = rule.role or place.role or Role.NONE
                    parts.append(TextPart(locator, value, speaker, PartKind.KEY, rule.editable))
                continue
            path = names.of(container, key)
            role = role_named(tag) if tag is not None else place.role
            label = key if isinstance(key, str) else _nearest_key(container) or place.label
            if kind is EventKind.STRING:
                if (rule.opaque or not _opens(value)) and len(parts) < room:
                    if value:  # nearly every string ends here, so it is made without detours
                        locator = Locator(path, (*steps, Step("json-string", start, end)))
                        speaker = rule.role or role or Role.NONE
                        parts.append(
                            TextPart(locator, value, speaker, rule.kind, rule.editable, label)
                        )
                    continue
                if hints is None:
                    hints = _hints(walk)
                media, filename = _hinted(hints, container)
                here = _Place(
                    path, (*steps, Step("json-string", start, end)), rule, role, label,
                    depth=place.depth, media=media, filename=filename,
                )  # fmt: skip
                self._string(value, here)
            elif rule.tokens and kind is EventKind.NUMBERS:
                self._not_read(UnreadReason.TOKEN_IDS, place._replace(path=path), end - start)
            elif kind is EventKind.NUMBER or _has_digits(value):
                value = _EXPONENT.sub(_written_out, value)  # as people know it
                here = _Place(
                    path, (*steps, Step("slice", start, end)), _NUMBER, rule.role or role, label
                )
                self._add(value, here)

    # --- texts that may hold more ----------------------------------------------------------------

    def _string(self, text: str, place: _Place) -> None:
        """A text, and what it holds: a JSON document, base64 of a file or a text, data URLs, files."""
        if place.rule.opaque or not _opens(text):
            self._add(text, place)
            return
        if place.depth >= self.limits.max_nested:
            self._not_read(UnreadReason.TOO_DEEP, place, len(text))
            self._add(text, place)
            return
        stripped = text.strip()
        if stripped[:1] in ("{", "[") and stripped[-1:] in ("}", "]") and self._nested(text, place):
            return
        parsed = splice.data_url(text)
        if parsed is not None:
            if self._data_url(text, (0, len(text)), place):
                head = place.inside(Step("slice", 0, parsed[2]))
                self._add(text[: parsed[2]], head._replace(rule=_DATA_URL_HEAD))
                return
        elif _BASE64.match(text) and (decoded := splice.decode_base64(text)) is not None:
            if self._base64(decoded, place.inside(Step("base64", 0, len(text)))):
                return
        else:
            self._enclosed(text, place)
            return
        self._add(text, place)

    def _enclosed(self, text: str, place: _Place) -> None:
        """A running text, and the files that stand among its words.

        The letters of a file are no words: what is found in it is changed in it, not with it.
        """
        at = 0
        for start, end, codec in sorted(enclosed.files_in(text)):
            parsed = splice.data_url(text[start:end])
            media, _, head = parsed or ("", False, 0)
            inner = place._replace(media=media, filename="").inside(Step(codec, start, end))
            if self._encoded(text[start:end], inner):
                self._add(text[at : start + head], place.inside(Step("slice", at, start + head)))
                at = end
        if at:
            place = place.inside(Step("slice", at, len(text)))
        self._add(text[at:], place)

    def _encoded(self, text: str, place: _Place) -> bool:
        """Read letters that may stand for a file; False when they do not, or for a text as well."""
        codec = place.steps[-1].codec
        try:
            data = splice.CODECS[codec].decode(text, "")
        except splice.CannotRewrite:
            return False  # letters that only begin like a file
        if not isinstance(data, bytes) or not (codec == "data-url" or magic.sniff(data)):
            return False
        return self._hidden(data, place) and _text_like(data) is None

    def _nested(self, text: str, place: _Place) -> bool:
        """Read a text that is a JSON document; False when it is none, or holds nothing."""
        before = len(self.parts), len(self.unread)
        rule = replace(place.rule, role=place.rule.role or place.role)
        node = uniform(rule) if place.node is None else place.node
        inner = place.inside(Step("json", 0, len(text)))
        reason = self._json(text, inner._replace(node=node, depth=place.depth + 1))
        if reason is UnreadReason.TOO_DEEP:
            self._not_read(reason, place, len(text))
        return reason is None and (len(self.parts), len(self.unread)) != before

    def _data_url(self, url: str, span: tuple[int, int], place: _Place) -> bool:
        """Read a data URL that stands at `span` of the place; False when it is malformed."""
        data = splice.decode_data_url(url)
        parsed = splice.data_url(url)
        if data is None or parsed is None:
            return False
        self._hidden(data, place.inside(Step("data-url", *span))._replace(media=parsed[0]))
        return True

    def _hidden(self, data: bytes, place: _Place) -> bool:
        """Bytes that stood encoded in a text: a file, a text, or both; False when it is neither.

        A text that only begins like a file is read as both, so that three letters in front of it
        do not make it an audio file that no one opens; as a text it cannot change, since the file
        might break.
        """
        said = _text_like(data)
        found = magic.sniff(data)
        if said is not None:
            inner = place.inside(Step("utf-8", 0, len(data)))
            rule = replace(place.rule, editable=place.rule.editable and not found)
            self._string(said, inner._replace(rule=rule, depth=place.depth + 1))
        if data and place.rule.recording and not found and said is None:
            self._samples(data, place)
            return True
        if data and (found or (said is None and (place.rule.media or place.media))):
            self._blob(data, place._replace(media=place.media or found))
            return True
        return False

    def _samples(self, data: bytes, place: _Place) -> None:
        """Bare samples of sound: a recording, as far as the protocol says, and nobody can read it.

        Samples hardly ever make a row of letters and digits; where there is one, it is looked at.
        """
        kind = "audio/pcm"
        self.files.append(FileInfo(place.locator(), kind, "audio", len(data)))
        self._not_read(UnreadReason.UNSUPPORTED_FILE, place, len(data), kind)
        runs = _TEXT_AMID_SAMPLES.findall(data[:_MAX_SALVAGE])
        if runs:
            self._add(b"\n".join(runs).decode("ascii"), _Place(place.path, (), _FIXED))

    def _base64(self, data: bytes, place: _Place) -> bool:
        """Read what is base64 through and through; False when it stays a text as well."""
        said = _text_like(data) is not None
        is_file = bool(place.rule.media or place.media)
        if not magic.sniff(data) and not place.rule.media:
            place = place._replace(media="")  # a type stands beside it, but it may be any text
        hidden = self._hidden(data, place)
        # A text in it takes its place only where it is said to be a file, for a secret may look like
        # base64 of a text. With both, a value would take the letters of the whole file with it.
        return is_file if said else hidden


_FIXED: Final = replace(SAY, editable=False)
_REMARK: Final = Rule(kind=PartKind.FILE_NAME, editable=False, opaque=True)
_PIECE: Final = Rule(kind=PartKind.FILE, editable=False)
_KEY: Final = Rule(kind=PartKind.KEY, opaque=True)
_MADE_UP: Final = Rule(kind=PartKind.KEY, editable=False, opaque=True)
_URL_PATH: Final = Rule(kind=PartKind.URL_PATH, editable=False)
_QUERY: Final = Rule(kind=PartKind.QUERY)
_HEADER: Final = Rule(kind=PartKind.HEADER)
_TRAILER: Final = Rule(kind=PartKind.TRAILER)
_PROTOCOL_HEADER: Final = Rule(kind=PartKind.PROTOCOL_HEADER, editable=False, opaque=True)
_NUMBER: Final = Rule(kind=PartKind.NUMBER, editable=False, opaque=True)
_DATA_URL_HEAD: Final = Rule(kind=PartKind.METADATA, editable=False, opaque=True)


def _opens(text: str) -> bool:
    """Whether a text may hold more than itself; a cheap look, since nearly none does."""
    first = text[:1]
    return (
        (first in "{[ \t\r\n\ufeff" and text.strip()[:1] in ("{", "["))
        or text[:5].lower() == "data:"
        or (len(text) >= 20 and _BASE64.match(text) is not None)
        or enclosed.may_hold(text)
    )


def _hints(walk: Walk[Rule]) -> dict[tuple[int, str | int], str]:
    """What stands beside a file in its object: its media type and its name."""
    keys = {*fields.MEDIA_TYPE_KEYS, *fields.FILE_NAME_KEYS}
    return {
        (id(container), key): value
        for kind, value, _, _, _, container, key in walk.events
        if kind is EventKind.STRING and key in keys
    }


def _hinted(
    hints: dict[tuple[int, str | int], str], container: Container | None
) -> tuple[str, str]:
    """Media type and file name beside a file in its object, each empty when not told."""
    here = id(container)
    media = next((hints[here, key] for key in fields.MEDIA_TYPE_KEYS if (here, key) in hints), "")
    name = next((hints[here, key] for key in fields.FILE_NAME_KEYS if (here, key) in hints), "")
    return media[:100], name


def _nearest_key(container: Container | None) -> str:
    """The key under which an array stands; arrays in arrays have none."""
    return container[1] if container is not None and isinstance(container[1], str) else ""


class _Paths:
    """Writes the path of a place in one document, in words that the gateway knows."""

    def __init__(self, base: str, words: frozenset[str], *, many: bool) -> None:
        self.words = words
        self._base = base
        self._many = many
        self._known: dict[int, str] = {}

    def of(self, container: Container | None, key: str | int) -> str:
        if container is None:
            return self._base
        parent = self._known.get(id(container))
        if parent is None:
            above, name = container
            if above is None:
                parent = f"{self._base}[{name}]" if self._many else self._base
            else:
                parent = self.of(above, name)
            self._known[id(container)] = parent
        if isinstance(key, int):
            return f"{parent}[{key}]"
        return f"{parent}.{key}" if key in self.words else f"{parent}.*"
