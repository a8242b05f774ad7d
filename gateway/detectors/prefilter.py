r"""Which patterns can match where? Answered for all patterns in one pass over the text.

Law: the answer is a superset. A pattern that is not named for a block has no match that starts in
the block; a pattern that the multi-pattern matcher cannot take is named for every block.

How it stays a superset on any text: the matcher (Hyperscan) runs over a *flat* copy of the text,
one ASCII character per code point, in which each character stands for its class: decimal digits
of any script become the ASCII digit, word characters `_`, white space a space, the rest U+0001.
`\d`, `\w`, `\s` and `\b` therefore hold in the copy where they hold in the text, and offsets are
the same. Look-arounds and back-references are relaxed by Hyperscan's prefilter mode, which only
ever adds answers.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import importlib.metadata
import os
import re
import secrets
import struct
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]  # the one source of a pattern's width
from typing import Any

import hyperscan
import regex

GROUP = 45
"""Expressions per database: compile time grows faster than the number of expressions, scan time
falls with fewer databases. 45 compiles 170 expressions in 3 s instead of 10 s and scans as fast."""

BLOCK = 1024
"""Block size in code points: larger ones cost fewer calls, smaller ones leave less text to patterns
whose matches are not located."""

LOOKAHEAD = 64
"""Code points beyond a block that are scanned with it, for matches that cross white space."""

_MAGIC = b"LGHSDB2\0"


@dataclass(frozen=True, slots=True)
class Expression:
    """A pattern in the syntax of the `regex` module, with its `regex` flags.

    `before` and `after` say how far before and after the end of what this pattern finds the wanted
    match may begin, in code points. Without `before` that is not known, and all of a block in
    which the pattern matches is named.
    """

    pattern: str
    flags: int = 0
    before: int | None = None
    after: int = 0


NARROW = 600
"""Patterns with matches up to this many code points are located, longer ones named by block."""

WINDOW = 8_192
"""Windows of one pattern are joined up to this many code points: a bound on what it sees."""


def located(pattern: str, flags: int = 0) -> Expression:
    """An expression that knows how long its matches can be, if they are not too long."""
    try:
        known = re.RegexFlag(flags) & (re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE)
        _, longest = _parser.parse(pattern, known).getwidth()
    except (re.error, OverflowError, RecursionError):
        return Expression(pattern, flags)  # syntax of the `regex` module only
    return Expression(pattern, flags, int(longest) if longest <= NARROW else None)


type Block = tuple[int, int]
"""Code points `start:end` of the text."""


def blocks(text: str, start: int = 0, end: int | None = None) -> list[Block]:
    """Cut `text[start:end]` into blocks of at most `BLOCK`, at white space where there is any."""
    stop = len(text) if end is None else end
    cuts: list[Block] = []
    while start < stop:
        cut = start + BLOCK
        if cut >= stop:
            cuts.append((start, stop))
            break
        near = start + BLOCK // 2
        at = text.rfind("\n", near, cut)
        if at < 0:
            at = text.rfind(" ", near, cut)
        cut = at + 1 if at >= 0 else cut
        cuts.append((start, cut))
        start = cut
    return cuts


# The four characters outside ASCII that match an ASCII letter when case is ignored (`regex`
# module, simple case folding); everything else maps by its class.
_FOLDED = {"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"}
_WORD, _SPACE = regex.compile(r"\w"), regex.compile(r"\s")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")


@functools.lru_cache(maxsize=20_000)
def _class_of(character: str) -> str:
    if character in _FOLDED:
        return _FOLDED[character]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if _WORD.match(character):
        return "_"
    return " " if _SPACE.match(character) else "\x01"


def flatten(text: str) -> bytes:
    """The flat copy of `text`: one ASCII byte per code point."""
    if text.isascii():
        return text.encode("ascii")
    return _FOREIGN.sub(lambda run: "".join(map(_class_of, run[0])), text).encode("ascii")


class Prefilter:
    """All patterns as a few databases, and the numbers of those that run unfiltered."""

    def __init__(
        self, databases: Sequence[Any], unfiltered: Sequence[int], expressions: Sequence[Expression]
    ) -> None:
        self._databases = tuple(databases)
        self.unfiltered = tuple(unfiltered)
        self._before = tuple(expression.before for expression in expressions)
        self._after = tuple(expression.after for expression in expressions)
        self._lock = threading.Lock()  # a database has one scratch space

    @classmethod
    def build(
        cls, expressions: Sequence[Expression], *, key: bytes, cache_dir: Path | None
    ) -> Prefilter:
        """Compile `expressions`, or load them from a file that an earlier build left.

        The file is keyed by the expressions and by the version of the matcher, and authenticated
        with `key`: a database is code to its matcher, so a file that this gateway did not write,
        or that is damaged, is compiled anew. A cache that cannot be written costs time, nothing
        else.
        """
        path = None
        if cache_dir is not None:
            path = cache_dir / f"patterns-{_digest(expressions)}.hsdb"
            loaded = _load(path, expressions, key=key)
            if loaded is not None:
                return loaded
        blobs, unfiltered = _compile(expressions)
        if path is not None:
            with contextlib.suppress(OSError):
                _store(path, blobs, unfiltered, key=key)
        return cls([_open(blob) for blob in blobs], unfiltered, expressions)

    def candidates(self, flat: bytes, cuts: Sequence[Block]) -> dict[int, list[Block]]:
        """For each pattern that can match, the windows in which its matches begin, ascending.

        `cuts` are neighbouring blocks of the flat text.
        """
        if not cuts:
            return {}
        result: dict[int, list[Block]] = {number: _join((), cuts) for number in self.unfiltered}
        found: list[tuple[int, int]] = []

        def hit(number: int, _begin: int, end: int, *_: object) -> None:
            found.append((number, end))

        befores, afters = self._before, self._after
        first, last, size = cuts[0][0], cuts[-1][1], len(flat)
        with self._lock:
            for start, end in cuts:
                stop = end
                if stop < size:
                    # A cut inside a token gets a whole block of look-ahead: the token goes on.
                    stop += LOOKAHEAD if flat[end - 1] in b" \n" else BLOCK
                block = flat[start:stop]
                for database in self._databases:
                    database.scan(block, match_event_handler=hit)
                for number, at in found:
                    before = befores[number]
                    if before is None:
                        left, right = start, end
                    else:
                        left = max(first, start + at - before)
                        right = min(last, start + at + afters[number])
                        if left >= right:
                            continue  # begins after the last block
                    windows = result.setdefault(number, [])
                    if windows and left <= windows[-1][1] and right - windows[-1][0] <= WINDOW:
                        left = min(left, windows[-1][0])
                        right = max(right, windows[-1][1])
                        windows[-1] = (left, right)
                    else:
                        windows.append((left, right))
                found.clear()
        return result


def _join(windows: Sequence[Block], cuts: Sequence[Block]) -> list[Block]:
    """`windows` with `cuts` added, neighbours joined up to `WINDOW`."""
    joined = list(windows)
    for start, end in cuts:
        if joined and start <= joined[-1][1] and end - joined[-1][0] <= WINDOW:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _hyperscan_form(expression: Expression) -> tuple[bytes, int]:
    """The expression for the flat text, relaxed where the exact form costs compile time."""
    # A long bounded repeat costs a state per repetition; without its bound it costs one.
    pattern = re.sub(r"(\[[^\]]+\])\{1,\d{3,}\}", r"\1+", expression.pattern)
    pattern = _FOREIGN.sub("_", pattern)
    flags = hyperscan.HS_FLAG_PREFILTER
    if expression.before is None:
        flags |= hyperscan.HS_FLAG_SINGLEMATCH
    if expression.flags & regex.IGNORECASE:
        flags |= hyperscan.HS_FLAG_CASELESS
    if expression.flags & regex.DOTALL:
        flags |= hyperscan.HS_FLAG_DOTALL
    if expression.flags & regex.MULTILINE:
        flags |= hyperscan.HS_FLAG_MULTILINE
    return pattern.encode("ascii"), flags


def _compile(expressions: Sequence[Expression]) -> tuple[list[bytes], list[int]]:
    forms: dict[tuple[bytes, int], list[int]] = {}
    for number, expression in enumerate(expressions):
        forms.setdefault(_hyperscan_form(expression), []).append(number)
    # The matcher reports one number per expression: twins get one entry each all the same.
    entries = [(form, number) for form, numbers in forms.items() for number in numbers]
    blobs, unfiltered = [], []
    for first in range(0, len(entries), GROUP):
        group = entries[first : first + GROUP]
        blob = _compile_group(group)
        if blob is None:
            accepted = []
            for entry in group:
                if _compile_group([entry]) is None:
                    unfiltered.append(entry[1])
                else:
                    accepted.append(entry)
            blob = _compile_group(accepted) if accepted else None
            if accepted and blob is None:
                unfiltered.extend(number for _, number in accepted)
        if blob is not None:
            blobs.append(blob)
    return blobs, sorted(unfiltered)


def _compile_group(entries: Sequence[tuple[tuple[bytes, int], int]]) -> bytes | None:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[form[0] for form, _ in entries],
            ids=[number for _, number in entries],
            flags=[form[1] for form, _ in entries],
            elements=len(entries),
        )
    except hyperscan.error:
        return None
    return bytes(hyperscan.dumpb(database))


def _open(blob: bytes) -> Any:
    database = hyperscan.loadb(blob, hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


def _digest(expressions: Sequence[Expression]) -> str:
    state = hashlib.blake2b(digest_size=16)
    state.update(f"{importlib.metadata.version('hyperscan')} {GROUP}".encode())
    for expression in expressions:
        form, flags = _hyperscan_form(expression)
        state.update(struct.pack("<II", len(form), flags) + form)
    return state.hexdigest()


def _mac(key: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(
        payload, key=key[:64], person=b"leakgate-pattern", digest_size=32
    ).digest()


def _load(path: Path, expressions: Sequence[Expression], *, key: bytes) -> Prefilter | None:
    try:
        data = path.read_bytes()
        if not data.startswith(_MAGIC):
            return None
        mac, payload = data[len(_MAGIC) : len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
        if not hmac.compare_digest(mac, _mac(key, payload)):
            return None
        count, loose = struct.unpack_from("<II", payload)
        sizes = struct.unpack_from(f"<{count + loose}I", payload, 8)
        offset, databases = 8 + 4 * (count + loose), []
        for size in sizes[:count]:
            databases.append(_open(payload[offset : offset + size]))
            offset += size
    except (OSError, struct.error, hyperscan.error):
        # Absent, unreadable, or made for another processor or version.
        return None
    return Prefilter(databases, sizes[count:], expressions)


def _store(path: Path, blobs: Sequence[bytes], unfiltered: Sequence[int], *, key: bytes) -> None:
    head = struct.pack("<II", len(blobs), len(unfiltered))
    sizes = struct.pack(f"<{len(blobs) + len(unfiltered)}I", *map(len, blobs), *unfiltered)
    payload = head + sizes + b"".join(blobs)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + _mac(key, payload) + payload)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
