"""Is a request a piece of an upload that comes in several, and where does the piece stand?

Law: a request that says it is a piece is one, whatever else is wrong with it; only what holds the
upload from its first byte to its last is whole.

Known are: `Content-Range` (RFC 9110 section 14.5, as PUT by Google's and Microsoft's stores), tus and
the IETF's resumable uploads (`Upload-Offset`), Google's `X-Goog-Upload-Command`, OpenAI's
`/uploads/{id}/parts`, S3's `partNumber`, and Azure's blocks and pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.encodings import form, multipart
from gateway.model import Exchange, Transport


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: of which upload, and where in it.

    `at` is its offset or number, `after` that of the piece that follows; None where pieces only
    follow one another. `start:end` is what it carries within the body; `readable` says whether that
    is known.
    """

    upload: str = field(repr=False)
    at: int | None = None
    after: int | None = None
    first: bool = False
    last: bool = False
    start: int = 0
    end: int = 0
    readable: bool = True

    @property
    def whole(self) -> bool:
        """Is it all of the upload?"""
        return self.first and self.last and self.readable


_RANGE: Final = re.compile(r"bytes[ =](\d{1,18})-(\d{1,18})(?:/(?:(\d{1,18})|\*))?")
_ASKING: Final = re.compile(r"bytes \*/(?:\d{1,18}|\*)")
"""A request without content, for how far an upload has come."""
_NUMBER: Final = re.compile(r"\d{1,18}")
_OPENAI_PART: Final = re.compile(r"(.*/uploads/[^/]+)/parts/?")


def piece_of(exchange: Exchange) -> Piece | None:
    """The piece that an exchange is; None when it is none."""
    if exchange.transport is not Transport.HTTP or not exchange.body:
        return None
    path, _, query = exchange.target.partition("?")
    if (part := _OPENAI_PART.fullmatch(path)) is not None:
        return _in_form(exchange, part[1])
    said = {query[slice(*name)].lower(): query[slice(*value)] for name, value in form.pairs(query)}
    piece = _by_query(exchange, path, said) or _by_header(exchange)
    if piece is None:
        return None
    if exchange.header("content-encoding"):
        return Piece(piece.upload, readable=False)
    return piece


def _by_header(exchange: Exchange) -> Piece | None:
    size, upload = len(exchange.body), exchange.target
    ranged = exchange.header("content-range")
    if ranged is not None:
        return None if _ASKING.fullmatch(ranged.strip()) else _ranged(ranged, upload, size)
    offset = exchange.header("upload-offset")
    if offset is not None:
        total = exchange.header("upload-length")
        complete = exchange.header("upload-complete") == "?1"
        return _at(offset, upload, size, total=total, last=complete)
    if exchange.header("tus-resumable") and exchange.header("upload-length"):
        # tus: an upload may be created with its first piece.
        return _at("0", upload, size, total=exchange.header("upload-length"))
    command = exchange.header("x-goog-upload-command")
    if command is not None and "upload" in command.lower():
        offset = exchange.header("x-goog-upload-offset") or "0"
        return _at(offset, upload, size, last="finalize" in command.lower())
    return None


def _by_query(exchange: Exchange, path: str, said: dict[str, str]) -> Piece | None:
    size = len(exchange.body)
    number, upload_id = said.get("partnumber"), said.get("uploadid")
    if number is not None and upload_id is not None:
        upload = f"{path}?{upload_id}"
        if _NUMBER.fullmatch(number) is None:
            return Piece(upload, readable=False)
        at = int(number)
        return Piece(upload, at, at + 1, first=at == 1, end=size)
    match said.get("comp", "").lower():
        case "block" | "appendblock":
            # The order of blocks is told at the end; clients send them in it.
            return Piece(path, end=size)
        case "page":
            return _ranged(exchange.header("x-ms-range") or "", path, size)
        case _:
            return None


def _ranged(ranged: str, upload: str, size: int) -> Piece:
    match = _RANGE.fullmatch(ranged.strip())
    if match is None or int(match[2]) - int(match[1]) + 1 != size:
        return Piece(upload, readable=False)
    at, after = int(match[1]), int(match[2]) + 1
    last = match[3] is not None and after == int(match[3])
    return Piece(upload, at, after, first=at == 0, last=last, end=size)


def _at(
    offset: str, upload: str, size: int, *, total: str | None = None, last: bool = False
) -> Piece:
    if _NUMBER.fullmatch(offset.strip()) is None:
        return Piece(upload, readable=False)
    at = int(offset)
    after = at + size
    last = last or (total is not None and total.strip() == str(after))
    return Piece(upload, at, after, first=at == 0, last=last, end=size)


def _in_form(exchange: Exchange, upload: str) -> Piece:
    """A piece that is the only part of a form."""
    content_type = exchange.header("content-type") or ""
    try:
        boundary = multipart.parameter(content_type, "boundary") or ""
    except multipart.MultipartError:
        boundary = ""
    mark = b"--" + boundary.encode("latin-1", "replace")
    body = exchange.body
    start = body.find(b"\r\n\r\n") + 4
    end = body.rfind(b"\r\n" + mark + b"--")
    plain = boundary and not exchange.header("content-encoding")
    if not plain or body.count(mark) != 2 or not body.startswith(mark) or not 4 <= start <= end:
        return Piece(upload, readable=False)
    return Piece(upload, start=start, end=end)
