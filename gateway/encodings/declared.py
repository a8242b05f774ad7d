"""What does a request say of its own bytes? Sizes and hashes, and what they are after a change.

Law: what was true of the old bytes is true of the new ones; what was not is left alone, for it
speaks of something else. A number counts as a size only where its name says so; a hash is known by
its value, for nothing else has it by chance, and a short checksum by both.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

type Correction = tuple[int, int, str]
"""Put this text in place of `start:end`."""


@dataclass(frozen=True)  # no slots: what is worked out stays in the value's dictionary
class Change:
    """Bytes before and after: of a body, or of a file in it."""

    old: bytes = field(repr=False)
    new: bytes = field(repr=False)
    _known: dict[str, tuple[bytes, bytes]] = field(default_factory=dict, repr=False, compare=False)

    def digests(self, algorithm: str) -> tuple[bytes, bytes]:
        """The digest before and after."""
        if algorithm not in self._known:
            make = _ALGORITHMS[algorithm]
            self._known[algorithm] = make(self.old), make(self.new)
        return self._known[algorithm]


# --- hashes and checksums ------------------------------------------------------------------------


def _reflected(polynomial: int, bits: int) -> Callable[[bytes], bytes]:
    """A checksum that goes through its bytes lowest bit first, all ones at both ends."""
    ones = (1 << bits) - 1

    @functools.cache
    def table() -> list[int]:
        made = []
        for byte in range(256):
            value = byte
            for _ in range(8):
                value = (value >> 1) ^ (polynomial if value & 1 else 0)
            made.append(value)
        return made

    def checksum(data: bytes) -> bytes:
        rows, value = table(), ones
        for byte in data:
            value = rows[(value ^ byte) & 0xFF] ^ (value >> 8)
        return (value ^ ones).to_bytes(bits // 8, "big")

    return checksum


def _weak(name: str) -> Callable[[bytes], bytes]:
    return lambda data: hashlib.new(name, data, usedforsecurity=False).digest()


_ALGORITHMS: dict[str, Callable[[bytes], bytes]] = {
    "md5": _weak("md5"),
    "sha1": _weak("sha1"),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": _reflected(0x82F63B78, 32),  # RFC 9260, appendix A
    "crc64nvme": _reflected(0x9A6C9329AC4BC9B5, 64),  # NVM Express 2.0, 5.2.1.3.4
}
_BY_SIZE = {16: "md5", 20: "sha1", 32: "sha256", 64: "sha512"}
_SHORT = {4: ("crc32c", "crc32"), 8: ("crc64nvme",)}

_EDGE_BEFORE, _EDGE_AFTER = r"(?<![A-Za-z0-9+/_\-])", r"(?![A-Za-z0-9+/=_\-])"
_HEX = r"[0-9a-fA-F]"
_B64 = r"[A-Za-z0-9+/_\-]"
_DIGEST = re.compile(
    f"{_EDGE_BEFORE}(?:{_HEX}{{128}}|{_HEX}{{64}}|{_HEX}{{40}}|{_HEX}{{32}}|{_HEX}{{16}}|{_HEX}{{8}}"
    f"|{_B64}{{86}}(?:==)?|{_B64}{{43}}=?|{_B64}{{27}}=?|{_B64}{{22}}(?:==)?|{_B64}{{11}}=|{_B64}{{6}}==)"
    f"{_EDGE_AFTER}"
)


def _bytes_of(text: str) -> bytes | None:
    """The bytes that a hash in hexadecimal or base64 stands for."""
    if len(text) in {8, 16, 32, 40, 64, 128} and _ALL_HEX.fullmatch(text):
        return bytes.fromhex(text)
    bare = text.rstrip("=").translate(_TO_URL)
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return None


_ALL_HEX = re.compile(f"{_HEX}+")
_TO_URL = str.maketrans("+/", "-_")


def _written_like(digest: bytes, old: str) -> str:
    """`digest` as `old` was written: hexadecimal in its case, or base64 in its alphabet."""
    if len(old) == 2 * len(digest) and _ALL_HEX.fullmatch(old):
        return digest.hex().upper() if old.upper() == old else digest.hex()
    new = base64.b64encode(digest).decode("ascii")
    if "-" in old or "_" in old:
        new = base64.urlsafe_b64encode(digest).decode("ascii")
    return new if old.endswith("=") else new.rstrip("=")


def _new_digest(found: str, name: str, changes: Sequence[Change]) -> str | None:
    digest = _bytes_of(found)
    if digest is None:
        return None
    algorithms: Iterable[str] = (
        (_BY_SIZE[len(digest)],)
        if len(digest) in _BY_SIZE
        else (each for each in _SHORT.get(len(digest), ()) if each in name)
    )
    for algorithm in algorithms:
        for change in changes:
            old, new = change.digests(algorithm)
            if digest == old:
                return _written_like(new, found)
    return None


# --- names ---------------------------------------------------------------------------------------

_NEVER = re.compile(r"(?!)")
_REACH = 400
_BEFORE = re.compile(
    r"""
    "(?P<json>[^"\\]{1,80})"\s{0,20}:\s{0,20}"?\Z
    | \bname="(?P<form>[^"]{1,80})"[^\r\n]{0,200}\r\n(?:[^\r\n]{1,200}\r\n){0,4}\r\n\Z
    | (?:\A|\n)(?P<header>[A-Za-z0-9\-]{1,80}):[ \t]{0,8}\Z
    | (?:\A|[?&])(?P<query>[^=&?]{1,80})=\Z
    | (?P<entry>[A-Za-z0-9\-]{1,20})=:?\Z
    """,
    re.VERBOSE,
)
_SIZE_NAME = re.compile(r"(?!.*(?:max|min|limit))(?:.*(?:size|bytes|length))", re.IGNORECASE)


class Ambiguous(Exception):
    """Two files were of one size and are no longer: which of them a number means is open."""


def _name_before(text: str, at: int, name: str) -> str:
    """The name of what stands at `at`: its key, field, header or parameter; `name` around it."""
    found = _BEFORE.search(text[max(0, at - _REACH) : at])
    own = next((group for group in found.groups() if group), "") if found else ""
    return f"{name} {own}".lower().replace("-", "")


def corrections(
    text: str,
    changes: Sequence[Change],
    *,
    name: str = "",
    start: int = 0,
    end: int | None = None,
) -> Iterator[Correction]:
    """What in `text[start:end]` was true of the old bytes of any change, and what is true now.

    `name` is that of the whole text where it is a value, e.g. of a header. In order of place.
    Raises `Ambiguous`.
    """
    end = len(text) if end is None else end
    by_size: dict[str, set[int]] = {}
    for change in changes:
        by_size.setdefault(str(len(change.old)), set()).add(len(change.new))
    sizes = re.compile(rf"(?<![0-9.\-])(?:{'|'.join(by_size)})(?![0-9.])") if by_size else _NEVER
    found = {match.span(): match[0] for match in _DIGEST.finditer(text, start, end)}
    found |= {match.span(): match[0] for match in sizes.finditer(text, start, end)}
    for (first, last), old in sorted(found.items()):
        here = _name_before(text, first, name)
        if old in by_size and _SIZE_NAME.match(here):
            if len(by_size[old]) > 1:
                raise Ambiguous
            new: str | None = str(*by_size[old])
        else:
            new = _new_digest(old, here, changes)
        if new is not None and new != old:
            yield first, last, new


def names_hash(text: str, changes: Sequence[Change]) -> bool:
    """Whether `text` holds a hash of the old bytes of any change."""
    return any(_new_digest(match[0], "", changes) is not None for match in _DIGEST.finditer(text))
