"""What does an exchange hold, whatever its protocol?

Law: every string, key, number of six digits, file, file name, header, query value and trailer is
in a part, or its place is `Unread`; nothing is dropped, and no bytes make this raise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from gateway.encodings import (
    charset,
    content_encoding,
    form,
    json_text,
    magic,
    multipart,
    splice,
)
from gateway.encodings.json_text import Container, EventKind, JsonError, Node, Table, Walk
from gateway.model import (
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
from gateway.protocols.rules import SAY, Rule, role_named, uniform

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
    r"(?:application|text)/(?:[\w.\-]+\+)?json(?:\+\w+)?|application/csp-report"
)
_LINES_TYPE: Final = re.compile(
    r"application/(?:x-)?(?:nd-?json|jsonl|jsonlines|json-seq)|text/jsonl"
)
_TEXT_TYPE: Final = re.compile(
    r"text/.*|.*\+xml|.*\+yaml|application/(?:xml|javascript|ecmascript|graphql|sdp|x?-?yaml|yaml|toml|sql"
    r"|x-sh|x-httpd-php|x-www-form-urlencoded|x-subrip|typescript|x-ndjson|x-javascript)"
)
_BLOB_TYPE: Final = re.compile(
    r"(?:image|audio|video|font|model)/.*|application/(?:pdf|octet-stream|zip|gzip|rtf|msword|zstd"
    r"|ogg|mp4|epub\+zip|java-archive|x-(?:tar|gzip|bzip2|bzip|xz|7z-compressed|zip|zip-compressed"
    r"|rar-compressed|compressed|sqlite3|pdf|parquet|ipynb\+json)|vnd\.(?:openxmlformats|oasis|ms-|rar"
    r"|sqlite3|apache\.parquet|apple|visio).*)|binary/octet-stream"
)
_XML_TYPE: Final = re.compile(r"text/(?:xml|html|xhtml)|.*\+xml|application/xml")

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_\-\r\n]{20,}+={0,2}[ \r\n]*\Z")
_DATA_URL: Final = re.compile(
    r"data:[\w.+/\-]{0,100}(?:;[\w.+=\-]{1,100}){0,8};base64,[A-Za-z0-9+/_\-%]++={0,2}",
    re.IGNORECASE,
)
_FRAME_PREFIX: Final = re.compile(r"[0-9]{1,6}(?=[\[{])")
_PERCENT: Final = re.compile(r"%[0-9a-fA-F]{2}")
_WRAPPED: Final = re.compile(r"=\?base64\?([A-Za-z0-9+/_\-]*={0,2})\?=\Z")
_PRINTABLE_RUN: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{6,}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_MAX_SALVAGE: Final = 4 << 20
_MIN_NUMBER_DIGITS: Final = 6
_DISPOSITIONS: Final = frozenset({"", "form-data", "file", "attachment", "inline"})
_TEXT_PREVIEW: Final = 4096


def extract(exchange: Exchange, table: Table[Rule], limits: Limits) -> Extraction:
    """All content of an exchange, its JSON read along `table`."""
    reader = _Reader(table, limits)
    if exchange.transport is Transport.HTTP:
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


def _digits(text: str) -> int:
    return sum(ch.isdigit() for ch in text)


class _Reader:
    """Gathers the parts of one exchange. Used once, and never seen outside `extract`."""

    def __init__(self, table: Table[Rule], limits: Limits) -> None:
        self.table = table
        self.limits = limits
        self.parts: list[TextPart | BlobPart] = []
        self.unread: list[Unread] = []
        self.files: list[FileInfo] = []
        self._overflowed = False

    # --- one part --------------------------------------------------------------------------------

    def _full(self, locator: Locator) -> bool:
        if len(self.parts) < self.limits.max_parts:
            return False
        if not self._overflowed:
            self._overflowed = True
            self.unread.append(Unread(locator, UnreadReason.TOO_DEEP))
        return True

    def _add(
        self,
        text: str,
        steps: Steps,
        path: str,
        rule: Rule,
        role: Role | None = None,
        label: str = "",
    ) -> None:
        locator = Locator(path, steps)
        if text and not self._full(locator):
            role = rule.role or role or Role.NONE
            self.parts.append(TextPart(locator, text, role, rule.kind, rule.editable, label))

    def _blob(
        self,
        data: bytes,
        steps: Steps,
        path: str,
        rule: Rule,
        role: Role | None,
        media: str,
        name: str,
    ) -> None:
        locator = Locator(path, steps)
        if not self._full(locator):
            role = rule.role or role or Role.NONE
            self.parts.append(BlobPart(locator, data, media, name, role, rule.editable))

    def _not_read(
        self, reason: UnreadReason, steps: Steps, path: str, size: int, detail: str = ""
    ) -> None:
        self.unread.append(Unread(Locator(path, steps), reason, size, detail))

    def _salvage(self, data: bytes, path: str) -> None:
        """What can be seen of bytes that have no reading: their printable runs, for detectors.

        The place is `Unread` all the same; this only lets a policy that admits it still find
        what lies there in the open, for instance in strings of a binary protocol.
        """
        runs = _PRINTABLE_RUN.findall(data[:_MAX_SALVAGE])
        text = "\n".join(run.decode("utf-8", "replace") for run in runs)
        self._add(text, (), path, replace(SAY, editable=False))

    # --- request line and headers ----------------------------------------------------------------

    def target(self, target: str) -> None:
        """Path segments, query names and query values."""
        place = (Step("target", 0, len(target)),)
        cut = target.find("?")
        path_end = len(target) if cut < 0 else cut
        at = 0
        segment_rule = Rule(kind=PartKind.URL_PATH, editable=False)
        number = 0
        while at < path_end:
            slash = target.find("/", at, path_end)
            end = path_end if slash < 0 else slash
            if end > at:
                text, steps = self._decoded(target, place, Step("percent", at, end))
                self._string(text, steps, f"path[{number}]", segment_rule, None, "", 0)
                number += 1
            at = end + 1
        if cut >= 0:
            for name, value in form.pairs(target, cut + 1):
                self._pair(target, place, "query", name, value, PartKind.QUERY)

    def _decoded(self, parent: str, steps: Steps, step: Step) -> tuple[str, Steps]:
        codec = splice.CODECS[step.codec]
        value = codec.decode(parent[step.start : step.end], step.param)
        return value if isinstance(value, str) else "", (*steps, step)

    def _pair(
        self,
        parent: str,
        steps: Steps,
        place: str,
        name: form.Span,
        value: form.Span,
        kind: PartKind,
    ) -> None:
        """One name and value of an urlencoded text."""
        label, name_steps = self._decoded(parent, steps, Step("form", *name))
        lower = label.lower()
        is_form = kind is PartKind.TEXT
        node = self._field_node(label) if is_form else None
        known = label in self.table.words if is_form else lower in fields.KNOWN_QUERY
        path = f"{place}.{label if is_form else lower}" if known else f"{place}.*"
        if not known:
            self._add(label, name_steps, f"{path}.name", Rule(kind=PartKind.KEY, opaque=True))
        if lower in fields.CREDENTIAL_QUERY and not is_form:
            rule = Rule(kind=PartKind.CREDENTIAL, editable=False, opaque=True)
        else:
            rule = node.rule if node else Rule(kind=kind)
        text, value_steps = self._decoded(parent, steps, Step("form", *value))
        self._string(text, value_steps, path, rule, None, label, 0, node)

    def header(self, header: Header, index: int, *, trailer: bool) -> None:
        """One header field; its name too, when the client made it up."""
        name, value = header
        place = "trailer" if trailer else "header"
        lower = name.decode("latin-1").lower()
        known = lower in fields.KNOWN_HEADERS
        path = f"{place}.{lower}" if known else f"{place}.*"
        if not known:
            text, steps = self._field_text(name, Step(f"{place}-name", 0, len(name), str(index)))
            self._add(text, steps, f"{path}.name", Rule(kind=PartKind.KEY, editable=False))
        rule = Rule(kind=PartKind.TRAILER if trailer else PartKind.HEADER)
        if lower in fields.CREDENTIAL_HEADERS:
            rule = Rule(kind=PartKind.CREDENTIAL, editable=False, opaque=True)
        elif lower in fields.PROTOCOL_HEADERS and not trailer:
            rule = Rule(kind=PartKind.PROTOCOL_HEADER, editable=False, opaque=True)
        text, steps = self._field_text(value, Step(place, 0, len(value), str(index)))
        self._field_value(text, steps, path, rule, lower)

    def _field_text(self, value: bytes, place: Step) -> tuple[str, Steps]:
        try:
            return value.decode("utf-8"), (place, Step("utf-8", 0, len(value)))
        except UnicodeDecodeError:
            return value.decode("latin-1"), (place, Step("latin-1", 0, len(value)))

    def _field_value(self, text: str, steps: Steps, path: str, rule: Rule, label: str) -> None:
        """A header value as it stands, and as what it says once its own escapes are undone."""
        self._string(text, steps, path, rule, None, label, 0)
        if rule.opaque:
            return
        wrapped = _WRAPPED.match(text)
        if wrapped is not None:
            # Model Context Protocol, 2026-07-28: values outside ASCII travel in this form.
            inner = splice.decode_base64(wrapped[1])
            said = _text_like(inner) if inner else None
            if inner and said:
                steps = (*steps, Step("base64", *wrapped.span(1)), Step("utf-8", 0, len(inner)))
                self._string(said, steps, path, rule, None, label, 1)
        elif _PERCENT.search(text):
            said, steps = self._decoded(text, steps, Step("percent", 0, len(text)))
            self._string(said, steps, path, rule, None, label, 1)

    # --- bodies ----------------------------------------------------------------------------------

    def message(self, exchange: Exchange) -> None:
        """One WebSocket message."""
        data = exchange.body
        if not data:
            return
        steps: Steps = (Step("body", 0, len(data)),)
        binary = exchange.transport is Transport.WEBSOCKET_BINARY
        if binary and (_text_like(data.replace(b"\x1e", b"")) is None or magic.sniff(data)):
            self._untyped(data, steps, "body")
            return
        self._text_document(data, steps, "body", "", "", declared_json=False, depth=0, node=None)

    def body(self, exchange: Exchange) -> None:
        """The body of a request, its content encoding undone."""
        data = exchange.body
        if not data:
            return
        steps: Steps = (Step("body", 0, len(data)),)
        headers: dict[str, list[str]] = {}
        for name, value in exchange.headers:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        codings = ",".join(headers.get("transfer-encoding", ())).lower().replace(" ", "")
        if codings not in ("", "chunked", "identity"):
            self._not_read(UnreadReason.UNDECODABLE, steps, "body", len(data), "transfer-encoding")
        encodings = ", ".join(headers.get("content-encoding", ()))
        if encodings:
            try:
                applied = content_encoding.parse(encodings)
                decoded = content_encoding.decode(data, encodings, self.limits.max_decoded)
            except content_encoding.EncodingError as error:
                self._not_read(error.reason, steps, "body", len(data), error.detail)
                self._salvage(data, "body")
                return
            if applied:
                steps = (*steps, Step("content-encoding", 0, len(data), ", ".join(applied)))
                data = decoded
        types = headers.get("content-type", [])
        if len({value.strip().lower() for value in types}) > 1:
            # RFC 9110 section 8.3: one value. Which of two a server takes is not known.
            self._not_read(UnreadReason.MALFORMED, steps, "body", len(data), "content-type")
        self._content(data, steps, "body", types[0] if types else "", 0)

    def _content(
        self, data: bytes, steps: Steps, path: str, content_type: str, depth: int,
        node: Node[Rule] | None = None,
    ) -> None:  # fmt: skip
        """Bytes with a content type: a body, or one part of a multipart body."""
        if not data:
            return
        media = multipart.media_type(content_type)
        try:
            declared = multipart.parameter(content_type, "charset") or ""
            boundary = multipart.parameter(content_type, "boundary") or ""
        except multipart.MultipartError:
            self._not_read(UnreadReason.MALFORMED, steps, path, len(data), "content-type")
            declared = boundary = ""
        if media.startswith("multipart/"):
            self._multipart(data, steps, path, boundary, depth)
            return
        is_json = (
            _JSON_TYPE.fullmatch(media) is not None or _LINES_TYPE.fullmatch(media) is not None
        )
        if is_json or _TEXT_TYPE.fullmatch(media):
            if magic.sniff(data) and not is_json:
                self._blob(data, steps, path, SAY, None, media, "")
                return
            self._text_document(
                data, steps, path, media, declared, declared_json=is_json, depth=depth, node=node
            )
            return
        if self._sniffed_json(data, steps, path, depth, node):
            return
        if _BLOB_TYPE.fullmatch(media):
            self._blob(data, steps, path, SAY, None, media, "")
        elif media in ("", "unknown/unknown", "*/*", "application/unknown"):
            if magic.sniff(data) or _text_like(data) is None:
                self._untyped(data, steps, path)
            else:
                self._text_document(
                    data, steps, path, media, declared, declared_json=False, depth=depth, node=node
                )
        else:
            self._not_read(UnreadReason.UNKNOWN_TYPE, steps, path, len(data))
            self._salvage(data, path)

    def _untyped(self, data: bytes, steps: Steps, path: str) -> None:
        """Binary bytes without a declared type."""
        media = magic.sniff(data)
        if media:
            self._blob(data, steps, path, SAY, None, media, "")
        else:
            self._not_read(UnreadReason.UNKNOWN_TYPE, steps, path, len(data))
            self._salvage(data, path)

    def _sniffed_json(
        self, data: bytes, steps: Steps, path: str, depth: int, node: Node[Rule] | None
    ) -> bool:
        """Read bytes of another type that are JSON all the same; servers often do not check."""
        if data.lstrip(b" \t\r\n\x1e\xef\xbb\xbf")[:1] not in (b"{", b"["):
            return False
        read = charset.decode(data)
        if read is None:
            return False
        text, found = read
        return self._json(text, (*steps, found.step(len(data))), path, depth, node) is None

    def _text_document(
        self, data: bytes, steps: Steps, path: str, media: str, declared: str, *,
        declared_json: bool, depth: int, node: Node[Rule] | None,
    ) -> None:  # fmt: skip
        """Bytes that are text of some kind: JSON, JSON lines, a form, markup, or plain."""
        read = charset.decode(data, declared)
        if read is None:
            self._not_read(UnreadReason.CHARSET, steps, path, len(data))
            self._salvage(data, path)
            return
        text, found = read
        if not found.certain:
            self._not_read(UnreadReason.CHARSET, steps, path, len(data))
        steps = (*steps, found.step(len(data)))
        is_form = media == "application/x-www-form-urlencoded"
        if declared_json or text.lstrip(" \t\r\n\x1e\ufeff")[:1] in ("{", "["):
            reason = self._json(text, steps, path, depth, node)
            if reason is None:
                if is_form and _PERCENT.search(text):
                    self._form(text, steps, f"{path}.form", editable=False)
                return
            if declared_json or reason is not UnreadReason.MALFORMED:
                self._not_read(reason, steps, path, len(data))
                self._add(text, steps, path, replace(SAY, editable=False))
                return
        if is_form:
            self._form(text, steps, path, editable=True)
            return
        prefix = _FRAME_PREFIX.match(text)
        if prefix is not None and path == "body":
            # Socket.IO: packet type and acknowledgement id in digits, then JSON.
            rest = Step("slice", prefix.end(), len(text))
            if self._json(text[prefix.end() :], (*steps, rest), path, depth, node) is None:
                self._add(prefix[0], (*steps, Step("slice", 0, prefix.end())), path, _NUMBER_RULE)
                return
        rule = node.rule if node else SAY
        if _XML_TYPE.fullmatch(media) and "&" in text:
            text, steps = self._decoded(text, steps, Step("xml", 0, len(text)))
        self._string(text, steps, path, rule, None, "", depth, node)

    def _form(self, text: str, steps: Steps, path: str, *, editable: bool) -> None:
        before = len(self.parts)
        for name, value in form.pairs(text):
            self._pair(text, steps, path, name, value, PartKind.TEXT)
        if not editable:
            self.parts[before:] = [replace(part, editable=False) for part in self.parts[before:]]

    # --- multipart -------------------------------------------------------------------------------

    def _multipart(self, data: bytes, steps: Steps, path: str, boundary: str, depth: int) -> None:
        reason = UnreadReason.TOO_DEEP
        parts: list[multipart.Part] = []
        if depth < self.limits.max_nested:
            try:
                parts = multipart.parse(data, boundary, max_parts=self.limits.max_parts)
                names = [self._disposition(data, part) for part in parts]
            except multipart.MultipartError as error:
                reason = error.reason
                parts = []
            else:
                for number, (part, params) in enumerate(zip(parts, names, strict=True)):
                    self._part(data, steps, f"{path}.part[{number}]", part, params, depth)
                return
        self._not_read(reason, steps, path, len(data), "multipart")
        self._salvage(data, path)

    def _disposition(self, data: bytes, part: multipart.Part) -> dict[str, tuple[str, Step]]:
        """Each parameter of the part's disposition, decoded, with the layer that decodes it."""
        for field in part.fields:
            if field.name.lower() == b"content-disposition":
                value = data[field.value_start : field.value_end].decode("latin-1")
                if multipart.media_type(value) not in _DISPOSITIONS:
                    raise multipart.MultipartError
        out: dict[str, tuple[str, Step]] = {}
        for name, param in part.params.items():
            raw = data[param.start : param.end]
            if param.codec == "percent":
                codec = {"utf-8": "", "iso-8859-1": "latin-1"}.get(param.charset)
                if codec is None:
                    raise multipart.MultipartError
                step = Step("percent", 0, 0, codec)
            else:
                step = Step(param.codec, 0, 0)
            text, _ = self._field_text(raw, step)
            step = replace(step, end=len(text))
            decoded = splice.CODECS[step.codec].decode(text, step.param)
            out[name] = (decoded if isinstance(decoded, str) else "", step)
        return out

    def _part(
        self, data: bytes, steps: Steps, path: str, part: multipart.Part,
        params: dict[str, tuple[str, Step]], depth: int,
    ) -> None:  # fmt: skip
        name = params["name"][0] if "name" in params else ""
        base = name.removesuffix("[]")
        if base in self.table.words:
            path = f"{path}.{base}"
        node = self._field_node(name)
        for key, (text, step) in params.items():
            span = part.params[key]
            place, codec = self._field_text(
                data[span.start : span.end], Step("slice", span.start, span.end)
            )
            where = (*steps, *codec, step)
            if key in ("filename", "filename*"):
                self._add(text, where, f"{path}.filename", _FILE_NAME_RULE, label=name)
            elif key == "name":
                if base not in self.table.words:
                    self._add(text, where, f"{path}.name", Rule(kind=PartKind.KEY, opaque=True))
            else:
                self._add(place, (*steps, *codec), f"{path}.parameter", Rule(kind=PartKind.HEADER))
                self._add(key, (), f"{path}.parameter", _MADE_UP_RULE)
        for field in part.fields:
            self._part_header(data, steps, path, field)
        content = data[part.start : part.end]
        inner: Steps = (*steps, Step("multipart", part.start, part.end))
        match part.transfer_encoding:
            case "" | "7bit" | "8bit" | "binary":
                pass
            case "base64" | "quoted-printable" as transfer:
                decoded: splice.Value | None = None
                if transfer == "quoted-printable" or splice.decode_base64(content) is not None:
                    decoded = splice.CODECS[transfer].decode(content, "")
                if not isinstance(decoded, bytes):
                    self._not_read(UnreadReason.UNDECODABLE, inner, path, len(content), transfer)
                    self._salvage(content, path)
                    return
                inner = (*inner, Step(transfer, 0, len(content)))
                content = decoded
            case _:
                self._not_read(
                    UnreadReason.UNDECODABLE, inner, path, len(content), "transfer-encoding"
                )
                self._salvage(content, path)
                return
        if "filename" in params or "filename*" in params:
            filename = params.get("filename*", params.get("filename", ("", Step("slice", 0, 0))))[0]
            self._file(content, inner, path, part, filename, depth, node)
        elif part.content_type:
            self._content(content, inner, path, part.content_type, depth + 1, node)
        else:
            self._field(content, inner, path, name, depth + 1, node)

    def _part_header(
        self, data: bytes, steps: Steps, path: str, field: multipart.FieldSpan
    ) -> None:
        lower = field.name.decode("latin-1").lower()
        if lower == "content-disposition":
            return
        known = lower in fields.KNOWN_HEADERS
        path = f"{path}.header.{lower if known else '*'}"
        if not known:
            self._add(field.name.decode("latin-1"), (), f"{path}.name", _MADE_UP_RULE)
        start, end = field.value_start, field.value_end
        text, codec = self._field_text(data[start:end], Step("slice", start, end))
        rule = Rule(kind=PartKind.HEADER)
        if lower in fields.PROTOCOL_HEADERS or lower == "content-transfer-encoding":
            rule = Rule(kind=PartKind.PROTOCOL_HEADER, editable=False, opaque=True)
        self._field_value(text, (*steps, *codec), path, rule, lower)

    def _field_node(self, name: str) -> Node[Rule]:
        """The place of a form field in the table: the field is a key of the root."""
        node = self.table.root.keys.get(name.removesuffix("[]"), self.table.root.other)
        return node.item if name.endswith("[]") else node

    def _field(
        self, data: bytes, steps: Steps, path: str, name: str, depth: int, node: Node[Rule]
    ) -> None:
        """A form field without a content type: text by RFC 7578 section 4.4."""
        read = charset.decode(data)
        if read is None or magic.sniff(data):
            self._blob(data, steps, path, node.rule, None, magic.sniff(data), "")
            return
        text, found = read
        steps = (*steps, found.step(len(data)))
        self._string(text, steps, path, node.rule, None, name, depth, node)

    def _file(
        self, data: bytes, steps: Steps, path: str, part: multipart.Part, filename: str, depth: int,
        node: Node[Rule],
    ) -> None:  # fmt: skip
        """An uploaded file. One that is JSON or JSON lines is read here, along the table."""
        media = multipart.media_type(part.content_type)
        if not magic.sniff(data) and self._sniffed_json(data, steps, path, depth + 1, None):
            self.files.append(
                FileInfo(Locator(path, steps), "application/json", "text", len(data), media)
            )
            return
        self._blob(data, steps, path, node.rule, None, media, filename)

    # --- JSON ------------------------------------------------------------------------------------

    def _json(
        self, text: str, steps: Steps, path: str, depth: int, node: Node[Rule] | None
    ) -> UnreadReason | None:
        """Read a text as JSON or a sequence of JSON texts; else say why it is none."""
        table = Table(self.table.root if node is None else node, self.table.words)
        limits = {"max_depth": self.limits.max_depth, "max_values": self.limits.max_values}
        try:
            walk = json_text.walk(text, table, **limits)
        except JsonError as error:
            reason = error.reason
        else:
            self._events(walk, steps, path, depth)
            return None
        if reason is UnreadReason.MALFORMED:
            try:
                walk = json_text.walk_sequence(text, table, **limits)
            except JsonError as error:
                reason = error.reason
            else:
                self._events(walk, steps, path, depth)
                return None
        return reason

    def _events(self, walk: Walk[Rule], steps: Steps, base: str, depth: int) -> None:
        names = _Paths(base, self.table.words, many=len(walk.ends) > 1)
        hints: dict[tuple[int, str | int], str] | None = None
        for event, tag in zip(walk.events, walk.tags, strict=True):
            kind, value, start, end, rule, container, key = event
            if kind is EventKind.KEY:
                if value not in names.words:
                    path = names.of(container, key)
                    steps_here = (*steps, Step("json-string", start, end))
                    self._add(value, steps_here, path, Rule(PartKind.KEY, editable=rule.editable))
                continue
            path = names.of(container, key)
            role = None if tag is None else role_named(tag)
            label = key if isinstance(key, str) else ""
            if kind is EventKind.STRING:
                where = (*steps, Step("json-string", start, end))
                if rule.opaque or not _opens(value, rule):
                    self._add(value, where, path, rule, role, label)
                    continue
                if hints is None:
                    hints = _hints(walk)
                self._string(
                    value, where, path, rule, role, label, depth, None, (hints, id(container))
                )
            elif rule.tokens and kind is EventKind.NUMBERS:
                self._not_read(UnreadReason.TOKEN_IDS, steps, path, end - start)
            elif kind is EventKind.NUMBER or _digits(value) >= _MIN_NUMBER_DIGITS:
                self._add(
                    value, (*steps, Step("slice", start, end)), path, _NUMBER_RULE, role, label
                )

    # --- texts that may hold more ----------------------------------------------------------------

    def _string(
        self, text: str, steps: Steps, path: str, rule: Rule, role: Role | None, label: str, depth: int,
        node: Node[Rule] | None = None,
        hints: tuple[dict[tuple[int, str | int], str], int] | None = None,
    ) -> None:  # fmt: skip
        """A text, and what it holds: a JSON document, data URLs, or base64 of a file or a text."""
        if rule.opaque or not _opens(text, rule):
            self._add(text, steps, path, rule, role, label)
            return
        if depth >= self.limits.max_nested:
            self._not_read(UnreadReason.TOO_DEEP, steps, path, len(text))
            self._add(text, steps, path, rule, role, label)
            return
        stripped = text.strip()
        if stripped[:1] in ("{", "[") and stripped[-1:] in ("}", "]"):
            if self._nested(text, steps, path, rule, role, depth, node):
                return
        media, name = _hinted(hints)
        parsed = splice.data_url(text)
        if parsed is not None:
            data = splice.decode_data_url(text)
            if data is not None:
                inner = (*steps, Step("data-url", 0, len(text)))
                self._add(
                    text[: parsed[2]], (*steps, Step("slice", 0, parsed[2])), path, _HEAD_RULE
                )
                self._embedded(data, inner, path, rule, role, parsed[0], name, label, depth)
                return
        elif _BASE64.match(text):
            data = splice.decode_base64(text)
            if data is not None:
                inner = (*steps, Step("base64", 0, len(text)))
                found = magic.sniff(data)
                if found or (rule.media and _text_like(data) is None):
                    self._blob(data, inner, path, rule, role, media or found, name)
                    return
                said = _text_like(data)
                if said is not None:
                    self._add(text, steps, path, rule, role, label)
                    inner = (*inner, Step("utf-8", 0, len(data)))
                    self._string(said, inner, path, rule, role, label, depth + 1)
                    return
        else:
            for match in _DATA_URL.finditer(text):
                url = match[0]
                data = splice.decode_data_url(url)
                parsed = splice.data_url(url)
                if data is not None and parsed is not None:
                    inner = (*steps, Step("data-url", *match.span()))
                    self._embedded(data, inner, path, rule, role, parsed[0], "", label, depth)
        self._add(text, steps, path, rule, role, label)

    def _nested(
        self, text: str, steps: Steps, path: str, rule: Rule, role: Role | None, depth: int,
        node: Node[Rule] | None,
    ) -> bool:  # fmt: skip
        """Read a text that is a JSON document; False when it is none, or holds nothing."""
        before = len(self.parts), len(self.unread)
        if node is None:
            node = uniform(replace(rule, role=rule.role or role))
        inner = (*steps, Step("json", 0, len(text)))
        reason = self._json(text, inner, path, depth + 1, node)
        if reason is UnreadReason.TOO_DEEP:
            self._not_read(reason, steps, path, len(text))
        return reason is None and (len(self.parts), len(self.unread)) != before

    def _embedded(
        self, data: bytes, steps: Steps, path: str, rule: Rule, role: Role | None, media: str, name: str,
        label: str, depth: int,
    ) -> None:  # fmt: skip
        """The bytes of a data URL."""
        said = _text_like(data) if not magic.sniff(data) else None
        if said is None:
            if data:
                self._blob(data, steps, path, rule, role, media, name)
            return
        self._string(
            said, (*steps, Step("utf-8", 0, len(data))), path, rule, role, label, depth + 1
        )


_NUMBER_RULE: Final = Rule(kind=PartKind.NUMBER, editable=False, opaque=True)
_FILE_NAME_RULE: Final = Rule(kind=PartKind.FILE_NAME, opaque=True)
_MADE_UP_RULE: Final = Rule(kind=PartKind.KEY, editable=False, opaque=True)
_HEAD_RULE: Final = Rule(kind=PartKind.METADATA, editable=False, opaque=True)


def _opens(text: str, rule: Rule) -> bool:
    """Whether a text may hold more than itself; a cheap look, since nearly none does."""
    first = text[:1]
    return (
        (first in "{[ \t\r\n\ufeff" and text.strip()[:1] in ("{", "["))
        or ("data:" in text or "DATA:" in text or text[:5].lower() == "data:")
        or (len(text) >= 20 and _BASE64.match(text) is not None)
    )


def _hints(walk: Walk[Rule]) -> dict[tuple[int, str | int], str]:
    """What stands beside a file in its object: its media type and its name."""
    keys = {*fields.MEDIA_TYPE_KEYS, *fields.FILE_NAME_KEYS}
    return {
        (id(container), key): value
        for kind, value, _, _, _, container, key in walk.events
        if kind is EventKind.STRING and key in keys
    }


def _hinted(hints: tuple[dict[tuple[int, str | int], str], int] | None) -> tuple[str, str]:
    if hints is None:
        return "", ""
    known, container = hints
    media = next(
        (known[container, key] for key in fields.MEDIA_TYPE_KEYS if (container, key) in known), ""
    )
    name = next(
        (known[container, key] for key in fields.FILE_NAME_KEYS if (container, key) in known), ""
    )
    return media[:100], name


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
