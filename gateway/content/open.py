"""How is a file opened? Text becomes a text part, everything else an `Unread` with its type.

Law: what is read is read whole. A file that is text in part only (binary after a text head) is not
text. A file of another type that happens to be text (a PDF in ASCII, RTF) is read as text *and*
`Unread`: its receiver will read something else in it.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass

from gateway.content.types import SVG, TEXT, text_encoding, type_of
from gateway.model import (
    BlobPart,
    FileInfo,
    Locator,
    PartKind,
    Step,
    TextPart,
    Unread,
    UnreadReason,
)

_READ_AS_TEXT = (TEXT, SVG)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a file holds: facts for policy, text parts, and what was not read."""

    info: FileInfo
    parts: tuple[TextPart, ...] = ()
    unread: tuple[Unread, ...] = ()


def open_blob(blob: BlobPart, *, max_bytes: int) -> Opened:
    """Open `blob`. Files over `max_bytes` are `Unread` with reason `too_large`."""
    kind = type_of(blob.data)
    info = FileInfo(
        locator=blob.locator,
        media_type=kind.media_type,
        family=kind.family,
        size=len(blob.data),
        declared_type=_known_type(blob.media_type),
    )
    if len(blob.data) > max_bytes:
        return Opened(info, unread=(_unread(blob, UnreadReason.TOO_LARGE, kind.media_type),))
    encoding = text_encoding(blob.data)
    if encoding is None:
        return Opened(info, unread=(_unread(blob, UnreadReason.UNSUPPORTED_FILE, kind.media_type),))
    step = _text_step(blob.data, encoding)
    text = blob.data[step.start :].decode(step.param or step.codec)
    part = TextPart(
        locator=Locator(blob.locator.path, (*blob.locator.steps, step)),
        text=text,
        role=blob.role,
        kind=PartKind.FILE,
        editable=blob.editable,
    )
    unread: tuple[Unread, ...] = ()
    if kind not in _READ_AS_TEXT:
        unread = (_unread(blob, UnreadReason.UNSUPPORTED_FILE, kind.media_type),)
    return Opened(info, parts=(part,), unread=unread)


def _text_step(data: bytes, encoding: str) -> Step:
    """How the text stands in the file: behind its byte order mark, in the order that it names."""
    match encoding:
        case "utf-8":
            return Step("utf-8", 0, len(data))
        case "utf-8-sig":
            return Step("utf-8", 3, len(data))
        case "utf-16":
            order = "utf-16-le" if data[:1] == b"\xff" else "utf-16-be"
            return Step("charset", 2, len(data), order)
        case "utf-32":
            order = "utf-32-le" if data[:1] == b"\xff" else "utf-32-be"
            return Step("charset", 4, len(data), order)
    raise AssertionError(encoding)


def _unread(blob: BlobPart, reason: UnreadReason, detail: str) -> Unread:
    return Unread(blob.locator, reason, len(blob.data), detail)


_REGISTERED = frozenset(mimetypes.types_map.values()) | {"application/octet-stream"}


def _known_type(declared: str) -> str:
    """The declared media type when it is a registered one; else ``other``, for it is content."""
    bare = declared.split(";", 1)[0].strip().lower()
    if not bare:
        return ""
    return bare if bare in _REGISTERED else "other"
