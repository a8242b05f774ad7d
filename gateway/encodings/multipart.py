"""Where do the parts of a multipart body stand, and how is each declared?

Law: one reading only. Parsers differ on what the standards leave open (bare line feeds, repeated
parameters, a boundary inside a longer line, text outside the parts); a body that two parsers could
read differently is `MultipartError`, since what one of them skips would pass uninspected.

Sources: RFC 2046 section 5.1, RFC 7578, and WHATWG HTML for how browsers write names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gateway.model import UnreadReason

MAX_PARTS = 10_000
MAX_HEAD = 64_000
"""Bytes of headers per part."""


class MultipartError(Exception):
    """A multipart body with no one reading: MALFORMED, or TOO_DEEP for more parts than allowed."""

    def __init__(self, reason: UnreadReason = UnreadReason.MALFORMED) -> None:
        self.reason = reason
        super().__init__(f"multipart body: {reason.value}")


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a header value: the span of the raw value, and how it is written.

    `codec` is ``quoted`` (between quotes), ``slice`` (a bare token) or ``percent`` (RFC 5987
    extended value, after the charset and language; `charset` names it). `key_start:key_end` spans
    the name of the parameter.
    """

    start: int
    end: int
    codec: str
    key_start: int
    key_end: int
    charset: str = ""


@dataclass(frozen=True, slots=True)
class FieldSpan:
    """One header field of a part; offsets are into the body."""

    name: bytes = field(repr=False)
    name_start: int
    value_start: int
    value_end: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `start:end` spans its content; params are spans within the body."""

    fields: tuple[FieldSpan, ...]
    start: int
    end: int
    params: dict[str, Param] = field(repr=False)
    content_type: str = field(default="", repr=False)
    transfer_encoding: str = ""


_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105  # RFC 9110 calls it so
_NAME = re.compile(_TOKEN.encode())
_TYPE = re.compile(rf"[ \t]*(?:{_TOKEN}(?:/{_TOKEN})?)?[ \t]*")
_PARAM = re.compile(
    rf'[ \t]*;[ \t]*(?:({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]*)))?[ \t]*'
)
_EXTENDED = re.compile(r"([A-Za-z0-9\-_]{1,20})'[A-Za-z\-]{0,11}'")


def parameters(value: str) -> Iterator[tuple[str, Param]]:
    """Name (lower case) and span of each parameter of a header value such as a content type.

    Raises `MultipartError` when the value is not in that form.
    """
    head = _TYPE.match(value)
    at = head.end() if head else 0
    while at < len(value):
        match = _PARAM.match(value, at)
        if match is None:
            raise MultipartError
        at = match.end()
        if match[1] is None:
            continue
        name = match[1].lower()
        if match[2] is not None:
            # Browsers never write a backslash escape other than these two (and write a Windows
            # path with single ones); a parser may unescape it or not.
            yield name, Param(*match.span(2), "quoted", *match.span(1))
        elif name.endswith("*"):
            extended = _EXTENDED.match(match[3])
            if extended is None:
                raise MultipartError
            start, end = match.span(3)
            charset = extended[1].lower()
            yield name, Param(start + extended.end(), end, "percent", *match.span(1), charset)
        else:
            yield name, Param(*match.span(3), "slice", *match.span(1))


def media_type(value: str) -> str:
    """The media type of a content type value, lower case, without parameters."""
    return value.partition(";")[0].strip(" \t").lower()


def parameter(value: str, name: str) -> str | None:
    """The text of one parameter of a header value; None when absent.

    Raises `MultipartError` when it stands there twice, since parsers differ on which counts.
    """
    found = [param for key, param in parameters(value) if key == name]
    if len(found) > 1:
        raise MultipartError
    if not found:
        return None
    text = value[found[0].start : found[0].end]
    return re.sub(r"\\(.)", r"\1", text) if found[0].codec == "quoted" else text


def parse(data: bytes, boundary: str, *, max_parts: int = MAX_PARTS) -> list[Part]:
    """The parts of a multipart body. Raises `MultipartError`."""
    # RFC 2046 allows 70 characters, none of them a control character or a space at the end.
    if (
        not boundary
        or len(boundary) > 200
        or not boundary.isascii()
        or boundary != boundary.strip()
    ):
        raise MultipartError
    parts: list[Part] = []
    begin = -1
    closed = False
    for start, end, final in _delimiters(data, b"--" + boundary.encode("ascii")):
        if closed:
            raise MultipartError
        if begin < 0:
            if start not in (0, 2) or data[:start].strip(b"\r\n"):  # text before the first part
                raise MultipartError
        else:
            if len(parts) >= max_parts:
                raise MultipartError(UnreadReason.TOO_DEEP)
            parts.append(_part(data, begin, start))
        begin = end
        closed = final
    if not closed or data[begin:] not in (b"", b"\r\n"):
        raise MultipartError
    return parts


def _delimiters(data: bytes, dashed: bytes) -> Iterator[tuple[int, int, bool]]:
    """Each delimiter line: where the content before it ends, where it ends, whether it is last."""
    at = data.find(dashed)
    while at >= 0:
        after = at + len(dashed)
        at_line_start = at == 0 or data[at - 1 : at] in (b"\n", b"\r")
        if at_line_start:
            # INVARIANT: a line that begins like a delimiter is one, or the body is refused.
            if at and data[at - 2 : at] != b"\r\n":
                raise MultipartError
            tail = data[after : after + 2]
            if tail == b"--":
                yield max(at - 2, 0), after + 2, True
            elif tail == b"\r\n":
                yield max(at - 2, 0), after + 2, False
            else:
                raise MultipartError
        at = data.find(dashed, after)


def _part(data: bytes, start: int, end: int) -> Part:
    fields: list[FieldSpan] = []
    params: dict[str, Param] = {}
    seen: dict[bytes, str] = {}
    at = start
    while True:
        line_end = data.find(b"\r\n", at, end + 2)
        if line_end < 0 or line_end > end or line_end - start > MAX_HEAD:
            raise MultipartError
        if line_end == at:
            at += 2
            break
        name = _NAME.match(data, at, line_end)
        if name is None or data[name.end() : name.end() + 1] != b":":
            raise MultipartError  # no field name, or a folded line
        line = data[name.end() + 1 : line_end]
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise MultipartError
        value_start = name.end() + 1 + len(line) - len(line.lstrip(b" \t"))
        value_end = line_end - (len(line) - len(line.rstrip(b" \t")))
        value_end = max(value_start, value_end)
        fields.append(FieldSpan(name[0], at, value_start, value_end))
        lower = name[0].lower()
        if lower in seen and lower.startswith(b"content-"):
            raise MultipartError
        # Latin-1 keeps offsets in characters equal to offsets in bytes.
        seen[lower] = data[value_start:value_end].decode("latin-1")
        if lower == b"content-disposition":
            for key, param in parameters(seen[lower]):
                if key in params:
                    raise MultipartError
                params[key] = replace(
                    param,
                    start=param.start + value_start,
                    end=param.end + value_start,
                    key_start=param.key_start + value_start,
                    key_end=param.key_end + value_start,
                )
        at = line_end + 2
    if at > end:
        # The blank line is the one before the delimiter: a part without content.
        if at != end + 2:
            raise MultipartError
        at = end
    return Part(
        tuple(fields),
        at,
        end,
        params,
        seen.get(b"content-type", ""),
        seen.get(b"content-transfer-encoding", "").strip().lower(),
    )
