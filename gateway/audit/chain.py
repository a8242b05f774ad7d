"""What is an entry of the audit log, and how does it hang on the one before?

Law: the seal of an entry is keyed and covers everything of it, its number and the seal before it; so
an entry fits in one place of one log only. The head is sealed too: it says where the log begins and
ends, so that an end that was cut off shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

SEAL_BYTES = 32
WHO_CHARS = 256
ACTION_CHARS = 64
TARGET_CHARS = 128
REASON_CHARS = 1000
LEAST_REASON = 3
"""Characters without which a reason tells nothing."""
DETAIL_CHARS = 4000

FIRST = bytes(SEAL_BYTES)
"""What the first entry hangs on."""


class AuditError(ValueError):
    """An entry that cannot be written, or a log that cannot be written to; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done: by `who`, to `target`, for a `reason` where one was asked for.

    `action` is a word of ours such as `incident.changed`; `detail` holds short names and values of
    ours, never content and no names of persons but accounts of the console. `seq` counts from 1.
    """

    seq: int
    at: datetime
    who: str
    action: str
    target: str
    reason: str
    detail: Mapping[str, str]
    before: bytes = field(repr=False)
    seal: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends. Note its `text` elsewhere, and `verify` tells whether the log still has it."""

    seq: int
    seal: bytes

    @property
    def text(self) -> str:
        """`seq:seal`, the seal in hexadecimal digits."""
        return f"{self.seq}:{self.seal.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The head that `text` gave. Raises `AuditError`."""
        number, _, seal = text.strip().partition(":")
        try:
            head = cls(int(number), bytes.fromhex(seal))
        except ValueError:
            head = cls(-1, b"")
        if head.seq < 0 or len(head.seal) != SEAL_BYTES:
            raise AuditError(f"`{text[:80]}` is not a head; write it as `audit verify` prints it")
        return head


def detail_text(detail: Mapping[str, str]) -> str:
    """The one spelling of `detail`. Raises `AuditError` when it is too long."""
    text = json.dumps(dict(detail), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    if len(text) > DETAIL_CHARS:
        raise AuditError(f"the detail of an audit entry is over {DETAIL_CHARS} characters")
    return text


def clean(text: str, limit: int, what: str) -> str:
    """`text` without control characters. Raises `AuditError` when it is longer than `limit`."""
    if len(text) > limit:
        raise AuditError(f"`{what}` is over {limit} characters; shorten it")
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else " " for char in text).strip()


def entry_seal(
    key: bytes,
    *,
    seq: int,
    at: datetime,
    who: str,
    action: str,
    target: str,
    reason: str,
    detail: str,
    before: bytes,
) -> bytes:
    """The seal of an entry with these values. `detail` is as `detail_text` spells it."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return _seal(key, "entry", before, str(seq), moment, who, action, target, reason, detail)


def head_seal(key: bytes, head: Head, floor: Head) -> bytes:
    """The seal of what the log says about its beginning (the last entry purged) and its end."""
    return _seal(key, "head", head.seal, str(head.seq), str(floor.seq), floor.seal.hex())


def key_id(key: bytes) -> str:
    """What names a key; it tells nothing of it."""
    return _seal(key, "id", b"").hex()[:12]


def same(one: bytes, other: bytes) -> bool:
    """Whether two seals are the same, told in constant time."""
    return hmac.compare_digest(one, other)


def _seal(key: bytes, kind: str, before: bytes, *fields: str) -> bytes:
    """HMAC-SHA-256 (RFC 2104) over fields, each with its length, so that none runs into the next."""
    data = bytearray()
    for each in (b"leakgate audit 1", kind.encode(), before, *(text.encode() for text in fields)):
        data += len(each).to_bytes(8, "big") + each
    return hmac.new(key, data, hashlib.sha256).digest()
