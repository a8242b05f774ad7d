"""How is a file opened? Text becomes a text part, everything else an `Unread` with its type.

Law: what is read is read whole. A file that is text in part only (binary after a text head) is not
text.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass

from gateway.content.types import text_encoding, type_of
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
    text = blob.data.decode(encoding)
    locator = Locator(
        blob.locator.path,
        (*blob.locator.steps, Step("charset", 0, len(blob.data), encoding)),
    )
    part = TextPart(
        locator=locator, text=text, role=blob.role, kind=PartKind.FILE, editable=blob.editable
    )
    return Opened(info, parts=(part,))


def _unread(blob: BlobPart, reason: UnreadReason, detail: str) -> Unread:
    return Unread(blob.locator, reason, len(blob.data), detail)


_REGISTERED = frozenset(mimetypes.types_map.values()) | {"application/octet-stream"}


def _known_type(declared: str) -> str:
    """The declared media type when it is a registered one; else ``other``, for it is content."""
    bare = declared.split(";", 1)[0].strip().lower()
    if not bare:
        return ""
    return bare if bare in _REGISTERED else "other"
