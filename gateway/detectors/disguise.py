r"""Which values in a text are written so that a plain look does not see them? Law: every view tells
for each of its characters which code points of the original it stands for, and all views of a text
together are no larger than `ALLOWANCE` plus `FACTOR` times the text; where that would not do,
`TooMuch` says so.

A view is not the whole text again but the neighbourhoods of what is disguised, with the disguise
undone: characters that look like others, invisible ones, entities and escapes, encoded runs, digits
set apart, values that go on in the next line. Views are looked at for disguises themselves, to
`DEPTH`. A text without any costs one pass of the multi-pattern matcher.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import functools
import html
import re
import threading
import unicodedata
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import hyperscan

from gateway.detectors import codes, databases

DEPTH = 3
"""Disguises within disguises that are undone. What lies deeper raises `TooMuch`."""

ALLOWANCE, FACTOR = 1_000_000, 4
"""Code points that all views of a text may have together: so many, and so many times the text."""

INFLATED = 500_000
"""Bytes that one compressed run may become."""

BEFORE, AFTER = 260, 160
"""Code points around a disguise that its view shows: what context words and patterns can reach."""

NEAR = 120
"""A disguised character so many code points before a match may be what speaks for the match."""

_UNDO_THEMSELVES = frozenset({"backwards", "rot13"})
_GAP = "\n\n"
_BLOCK, _AHEAD = 8_192, 512


class TooMuch(Exception):
    """What is disguised in a text is more, or deeper, than can be looked at."""


@dataclass(frozen=True, slots=True)
class _Token:
    """`start:end` of the text stands for `plain`. `tells`: worth a view, not only undone in one."""

    start: int
    end: int
    plain: str = field(repr=False)
    name: str
    tells: bool


@dataclass(frozen=True, slots=True)
class View:
    """Text with disguises undone.

    `starts[i]:ends[i]` are the code points of the original that character `i` stands for.
    `changed` are the offsets of characters that are not as in the original, ascending, `names` what
    was undone there; `seams` are offsets where neighbourhoods meet. In a `strict` view only matches
    that prove themselves count, since undoing such a disguise can make values out of nothing.
    """

    name: str
    text: str = field(repr=False)
    strict: bool
    starts: Sequence[int] = field(repr=False)
    ends: Sequence[int] = field(repr=False)
    changed: Sequence[int] = field(repr=False)
    names: Sequence[str] = field(repr=False)
    seams: Sequence[int] = field(repr=False)

    def place(self, start: int, end: int) -> tuple[int, int, str] | None:
        """The span of the original that `start:end` stands for, and the name of the disguise.

        None where nothing was disguised in it or shortly before it (then a plain look sees it), or
        where it lies across a seam.
        """
        at = bisect.bisect_left(self.changed, start)
        inside = at < len(self.changed) and self.changed[at] < end
        seam = bisect.bisect_left(self.seams, start)
        if seam < len(self.seams) and self.seams[seam] < end:
            return None
        if not inside:
            if not at or start - self.changed[at - 1] > NEAR:
                return None
            at -= 1
            # Where a neighbourhood was cut, a part of something longer may look like a value.
            if (seam < len(self.seams) and self.seams[seam] <= end + 1) or (
                seam and self.seams[seam - 1] >= start - 3
            ):
                return None
        first, last = min(self.starts[start:end]), max(self.ends[start:end])
        # What stands for nothing of the text, a space that was put between two words, has no place.
        return (first, last, self.names[at]) if first < last else None


def views(text: str) -> Iterator[View]:
    """The views of `text`. Raises `TooMuch` after those that can be given."""
    left = ALLOWANCE + FACTOR * len(text)
    level: list[View | None] = [None]
    spilt = False
    for depth in range(DEPTH + 1):
        following: list[View | None] = []
        for outer in level:
            inner = text if outer is None else outer.text
            for name, strict, found, full in _families(inner, left):
                spilt = spilt or full
                if outer is not None and name == outer.name and name in _UNDO_THEMSELVES:
                    continue
                # What was to be seen without the outer view was seen there.
                tokens = found if outer is None else [t for t in found if _touches(outer, t)]
                if not any(token.tells for token in tokens):
                    continue
                guessed = strict or (outer is not None and outer.strict)
                if depth == DEPTH:
                    if not guessed:
                        raise TooMuch
                    continue
                view = _view(inner, name, tokens, strict=guessed, outer=outer)
                left -= len(view.text)
                if left < 0:
                    raise TooMuch
                yield view
                following.append(view)
        level = following
        if not level:
            break
    if spilt:
        raise TooMuch


def _touches(outer: View, token: _Token) -> bool:
    at = bisect.bisect_left(outer.changed, token.start)
    return at < len(outer.changed) and outer.changed[at] < token.end


def _view(
    text: str, name: str, tokens: Sequence[_Token], *, strict: bool, outer: View | None
) -> View:
    """Neighbourhoods of the `tokens` that tell, with all tokens in them undone."""
    parts: list[str] = []
    starts, ends, changed, seams = array("q"), array("q"), array("q"), array("q")
    names: list[str] = []
    size = 0

    def literal(first: int, last: int) -> None:
        nonlocal size
        parts.append(text[first:last])
        starts.extend(range(first, last))
        ends.extend(range(first + 1, last + 1))
        size += last - first

    def put(plain: str, first: int, last: int) -> None:
        nonlocal size
        parts.append(plain)
        starts.extend([first] * len(plain))
        ends.extend([last] * len(plain))
        size += len(plain)

    at = 0
    for left, right in _neighbourhoods(text, tokens):
        if size:
            put(_GAP, left, left)
        if left:
            seams.append(size)
        position = left
        while at < len(tokens) and tokens[at].start < left:
            at += 1
        while at < len(tokens) and tokens[at].end <= right:
            token = tokens[at]
            at += 1
            if token.start < position:
                continue
            literal(position, token.start)
            position = token.end
            plain = token.plain
            if not plain:
                # Nothing stands for what was taken out: the next character tells of it.
                changed.append(size)
                names.append(token.name)
                continue
            if len(plain) > 1 and parts and parts[-1][-1:].isalnum() and token.name in _RUNS:
                put(" ", token.start, token.start)
            changed.extend(range(size, size + len(plain)))
            names.extend([token.name] * len(plain))
            put(plain, token.start, token.end)
        literal(position, right)
        if right < len(text):
            seams.append(size)
    if outer is not None:
        starts = array("q", [outer.starts[i] if i < len(outer.starts) else 0 for i in starts])
        ends = array("q", [outer.ends[i - 1] if i else 0 for i in ends])
    return View(name, "".join(parts), strict, starts, ends, changed, names, seams)


def _neighbourhoods(text: str, tokens: Iterable[_Token]) -> list[tuple[int, int]]:
    size = len(text)
    joined: list[tuple[int, int]] = []
    for token in tokens:
        if not token.tells:
            continue
        left, right = max(0, token.start - BEFORE), min(size, token.end + AFTER)
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(right, joined[-1][1]))
        else:
            joined.append((left, right))
    return joined


# --- what is there to undo ------------------------------------------------------------------------


def _families(text: str, left: int) -> Iterator[tuple[str, bool, list[_Token], bool]]:
    """Name, strictness, tokens by place, and whether something did not fit, per kind of disguise.

    `left` code points are the most that encoded runs may become.
    """
    hinted = _matcher().find(text)
    ascii_only = text.isascii()
    if ascii_only and not hinted:
        return
    inline: list[_Token] = []
    for kind, find in _INLINE.items():
        for first, last in hinted.get(kind, ()):
            inline.extend(find(text, first, last))
    if not ascii_only:
        inline.extend(_lookalikes(text))
        inline.extend(_glued(text))
        inline.extend(_overridden(text))
    if inline:
        yield "inline", False, _in_order(inline), False
    runs: list[_Token] = []
    full = False
    for kind, decode in _ENCODED.items():
        reached = 0  # a long run may be hinted at many times
        for first, last in hinted.get(kind, ()):
            if last <= reached:
                continue
            try:
                begin = max(first, reached) if kind in codes.PLAIN else _back(text, first, reached)
                for token in decode(text, begin, last):
                    reached = token.end
                    if not token.plain:
                        continue
                    runs.append(token)
                    left -= len(token.plain)
                    if left < 0:
                        raise TooMuch  # noqa: TRY301  # the same as from `decode`
            except TooMuch:
                full = True
    runs = _in_order(runs)
    numbers = [token for token in runs if _is_numbers(token.plain)]
    if numbers:
        # No word in them speaks for anything, so only what proves itself counts.
        runs = [token for token in runs if not _is_numbers(token.plain)]
        yield "numbers", True, numbers, False
    if runs or full:
        yield "runs", False, runs, full
    read = [(token.start, token.end) for token in (*runs, *numbers) if token.tells]
    for kind, find in _STRICT.items():
        tokens: list[_Token] = []
        for first, last in hinted.get(kind, ()):
            tokens.extend(find(text, first, last))
        if kind == "wrapped" and read:
            tokens = [token for token in tokens if not _within(token, read)]
        if tokens:
            yield kind, True, _in_order(tokens), False


def _is_numbers(plain: str) -> bool:
    """Is it long, and hardly anything but numbers?"""
    return len(plain) > _NUMBERS_FROM and len(_LETTER.findall(plain[:_NUMBERS_FROM])) < 20


_NUMBERS_FROM = 1_000


def _within(token: _Token, spans: Sequence[tuple[int, int]]) -> bool:
    at = bisect.bisect_right(spans, (token.start, token.start)) - 1
    return at >= 0 and token.end <= spans[at][1]


def _in_order(tokens: list[_Token]) -> list[_Token]:
    """By place, the longer first, without those that overlap an earlier one."""
    tokens.sort(key=lambda token: (token.start, -token.end))
    kept: list[_Token] = []
    for token in tokens:
        if not kept or token.start >= kept[-1].end:
            kept.append(token)
    return kept


# Base64 of printable ASCII: six bits that begin a byte of 0x20-0x7e, and so on through the group.
_THIRD = "AQgwBRhxEUk0FVl1IYo4JZp5Mcs8Ndt9"
_B64_GROUP = rf"[I-Za-f][C-HS-Xi-nyz0-3][{_THIRD}][A-Za-z0-9+/_-]"
_B64_WIDE = r"[I-Za-f][AQgw][A-Za-z0-9+/_-]{2}A[C-H][A-Za-z0-9+/_-]A"
_B64_WIDE_BE = r"A[C-H][AEIMQUYcgkosw048]A[I-Za-f][AQgw][A-D][A-Za-z0-9+/_-]"
_B64_ZIPPED = r"(?:H4sI|eJ[wxyz]|eA[EF]|eNo|eF4)[A-Za-z0-9+/_-]{12}"
_B64_ANCHOR = rf"(?:(?:{_B64_GROUP}){{3}}[I-Za-f][C-HS-Xi-nyz0-3]|(?:{_B64_WIDE}){{2}}|(?:{_B64_WIDE_BE}){{2}}|{_B64_ZIPPED})"
_B32_ANCHOR = r"(?:[E-P][ABEFIJMNQRUVYZ2-7][A-Z2-7][C-HS-X][ACEGIKMOQSUWY246][I-Z2-7][BCDJKLRSTZ23][A-Z2-7]){2}"
_HEX_ANCHOR = r"(?:[2-7][0-9A-Fa-f]){8}"
_HEX_APART = r"(?:(?:0x)?[2-7][0-9A-Fa-f][ ,:;-]{1,2}){8}"

_W = r"[A-Za-z0-9_+/-]"
_BREAK, _CELL = codes.BREAK, codes.CELL
# Tags that change how text looks, not where it stands; comments.
_TAG = r"(?:</?(?:b|i|u|s|em|strong|span|mark|font|small|big|code|tt|ins|del|sub|sup|wbr|a)(?: [^<>]{0,80})?/?>|<!--[^<>]{0,60}-->)"
_SET_APART = r"(?:[._/*~]|[ ._/*~-]{2,3})"
# Words with digits in them, or in capitals. Loose on purpose: bounds on the left cost scan time.
_LEFT = rf"(?:\d{_W}{{0,24}}|[A-Z]{{5}})"
_RIGHT = r"(?:[A-Z0-9]{4}|[A-Za-z_+/-]{0,24}\d)"  # to the first digit: each end is a hit
_REACHES = {"wrapped": 150, "backwards": 240}
"""Kinds of which each hint is told, not only that there is one: so many code points before its end
the token begins at most. A wrapped value begins at its break."""

_HINTS: tuple[tuple[str, str, bool], ...] = (
    # Kind, what cannot be absent where there is something to undo, any case. The matcher is quick with
    # what begins rarely: so they begin with what stands between, not with the words around it.
    ("html", r"&(?:#|amp;(?:#|amp;|commat|nbsp)|commat|period|lowbar|hyphen|dash|num|nbsp|shy|zw|NoBreak|ZeroW)", False),
    ("percent", r"%[0-9A-F]{2}", True),
    ("escape", r"\\(?:u[0-9a-f{]|x[0-9a-f]|[0-3][0-7]{2})", True),
    ("break", r"\\[nrt][A-Za-z0-9_+-]{0,24}[0-9]", False),
    ("quoted", r"=[0-9A-F]{2}=[0-9A-F]{2}|[A-Za-z0-9@._-]=\r?\n[A-Za-z0-9@._-]", True),
    ("control", r"\x1b\[[0-9;?]{0,16}[a-z]|[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]", True),
    ("base64", _B64_ANCHOR, False),
    ("diagram", r"(?:<|&lt;|%3C)diagram\b|(?:diagrams\.net|draw\.io)/[^\s#]{0,200}#R", True),
    ("base32", _B32_ANCHOR, False),
    ("hex", _HEX_ANCHOR, False),
    ("hex", _HEX_APART, False),
    ("hex", r"1f8b0800[0-9a-f]{12}", True),
    ("spaced", r"[A-Za-z0-9@+](?:[ \t]{1,3}[!-~]){8}", False),
    ("spaced", r"(?:[._/|*~-][A-Za-z0-9@.-]){8}", False),
    ("spaced", r"[._/*~|](?:[A-Za-z0-9_-]{4}[._/*~|]){3}", False),
    ("spaced", r"(?:['\x22][!-~]['\x22], ?){8}", False),
    ("spaced", r"[0-9]{3}[_/][0-9]{2}[_/][0-9]{4}", False),
    ("markup", rf"[0-9@-] ?{_TAG}(?:[0-9@ -]|{_TAG}[0-9@ -]|@?[A-Za-z])", True),
    ("markup", rf"{_TAG}[a-z0-9._-]{{0,20}}@", True),
    ("markup", r"[0-9@-](?:[*][*]|~~|``)[0-9 -]|@(?:[*][*]|~~|``)[A-Za-z]", False),
    ("spaced", r"(?:[A-Za-z0-9_-]{4} [._/*~] ){3}", False),
    # A third group: a decimal fraction has two, and a table has nothing but these.
    ("spaced", rf"\d{{4}}{_SET_APART}(?:\d{{4}}{_SET_APART}\d|\d{{6}}{_SET_APART}\d{{4}})", False),
    ("wrapped", rf"{_LEFT}{_BREAK}{_RIGHT}", False),
    ("lines", rf"[A-Z0-9-]{{2}}{_BREAK}[A-Z0-9-]{{2,12}}{_BREAK}[A-Z0-9-]{{2}}", False),
    ("cells", rf"\d{{4}}{_CELL}\d{{4}}{_CELL}\d{{4}}|\d{{3}}{_CELL}\d{{2}}{_CELL}\d{{4}}", False),
    ("cells", rf"(?:^|[^\w.-])\d{{6,8}}{_CELL}\d{{6,8}}(?:[^\w.-]|$)", False),
    ("cells", rf"3[47]\d{{2}}{_CELL}\d{{6}}{_CELL}\d{{5}}|[A-Z]{{2}}\d{{2}}{_CELL}[A-Z0-9]{{4}}{_CELL}[A-Z0-9]{{4}}{_CELL}", False),
    ("cells", rf"(?:{codes.PREFIXES})[A-Za-z0-9_+/=-]{{0,40}}{_CELL}[A-Za-z0-9_+/=-]{{4}}", False),
    ("cells", rf"(?:{codes.HEADS}){_CELL}(?:[A-Za-z0-9_-]{{4}}{_CELL}){{2}}", False),
    *codes.HINTS,
)  # fmt: skip


class _Hints:
    """The hints as one database of the multi-pattern matcher. Safe to use from several threads."""

    def __init__(self, cache_dir: Path | None, key: bytes) -> None:
        self._lock = threading.Lock()  # a database has one scratch space
        forms = [
            (
                pattern.encode("ascii"),
                (0 if kind in _REACHES else hyperscan.HS_FLAG_SINGLEMATCH)
                | (hyperscan.HS_FLAG_CASELESS if any_case else 0),
            )
            for kind, pattern, any_case in _HINTS
        ]
        self._database = databases.database(forms, key=key, cache_dir=cache_dir).matcher
        self._kinds = [kind for kind, _, _ in _HINTS]

    def find(self, text: str) -> dict[str, list[tuple[int, int]]]:
        """For each kind, the regions of `text` in which its tokens begin."""
        flat = text.encode("ascii", "replace")
        result: dict[str, list[tuple[int, int]]] = {}
        hits: list[tuple[int, int]] = []
        kinds = self._kinds

        def hit(number: int, _begin: int, end: int, _flags: int, _context: object) -> None:
            hits.append((number, end))

        size = len(flat)
        with self._lock:
            for start in range(0, size, _BLOCK):
                block = flat if size <= _BLOCK else flat[start : start + _BLOCK + _AHEAD]
                self._database.scan(block, match_event_handler=hit)
                end = min(size, start + _BLOCK)
                whole = set()
                for number, at in hits:
                    kind = kinds[number]
                    reach = _REACHES.get(kind)
                    if reach is None:
                        whole.add(kind)
                    else:
                        _extend(result, kind, max(0, start + at - reach), start + at)
                for kind in whole:
                    _extend(result, kind, start, end)
                hits.clear()
        return result


def _extend(regions: dict[str, list[tuple[int, int]]], kind: str, left: int, right: int) -> None:
    """Add a region, which joins the last one that it touches."""
    before = regions.setdefault(kind, [])
    if before and left <= before[-1][1]:
        first, last = before[-1]
        before[-1] = (min(first, left), max(last, right))
    else:
        before.append((left, right))


_made: list[_Hints] = []


def _matcher() -> _Hints:
    if not _made:
        _made.append(_Hints(None, b""))
    return _made[0]


def prepare(cache_dir: Path | None, *, key: bytes) -> None:
    """Make now what the first use would make: the matcher and the table of look-alikes.

    The matcher is kept in `cache_dir`, sealed with `key`, since it takes a second to compile.
    """
    if not _made:
        _made.append(_Hints(cache_dir, key))
    _lookalike_patterns()


# --- entities and escapes -------------------------------------------------------------------------

_TELLING = frozenset("@._-+/:=")
_HTML = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,30})(?:;|\b)")
_PERCENT = re.compile(  # RFC 3629, 3: one byte, or a leading one and those that follow it
    r"%[0-7][0-9A-Fa-f]|%[CDcd][0-9A-Fa-f]%[89ABab][0-9A-Fa-f]"
    r"|%[Ee][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){2}|%[Ff][0-7](?:%[89ABab][0-9A-Fa-f]){3}"
)
_ESCAPE = re.compile(
    r"\\{1,8}(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2}))"
)
# A word with a digit in it begins behind what strings and logs write for a break.
_SPELT_BREAK = re.compile(r"\\{1,8}[nrt](?=[A-Za-z0-9_+-]{0,24}[0-9])")
_ENCODED_END = re.compile(r"[A-Za-z0-9+/]{15}")
_QUOTED = re.compile(r"(?:=[0-9A-Fa-f]{2}){2,}|(?<=[A-Za-z0-9@._-])=\r?\n(?=[A-Za-z0-9@._-])")


# What terminals take for a colour or a place (ECMA-48, 5.4), and control characters, which nobody sees.
_CONTROL = re.compile(r"(?:\x1b\[[0-9;?]{0,16}[A-Za-z]|[\x00-\x08\x0b\x0e-\x1f\x7f])+")
_DIVIDES = re.compile(r"[\x0b\x1c-\x1f]")


def _controls(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _CONTROL.finditer(text, start):
        if match.start() >= end:
            return
        before, after = (
            text[max(0, match.start() - 1) : match.start()],
            text[match.end() : match.end() + 1],
        )
        # A letter at its end hides that a word begins.
        hides = match[0][-1].isalpha() or (before != "" and _counts(before))
        plain = " " if _DIVIDES.search(match[0]) else ""
        tells = hides and after != "" and _counts(after)
        yield _Token(match.start(), match.end(), plain, "control", tells)


# What begins another of its kind: disguised twice.
_AGAIN = {
    "%": re.compile(r"[0-9A-Fa-f]{2}"),
    "&": re.compile(r"#|amp;|commat|period"),
    "\\": re.compile(r"u[0-9a-fA-F{]|x[0-9a-fA-F]"),
}


def _token(text: str, match: re.Match[str], plain: str, name: str) -> _Token | None:
    """None where nothing is undone."""
    if plain == match[0]:
        return None
    tells = any(c.isalnum() and (c.isascii() or c in _LOOKS) for c in plain) or plain == "@"
    if plain in _AGAIN:
        tells = _AGAIN[plain].match(text, match.end()) is not None
        sets_apart = plain == "&" and text.startswith("nbsp;", match.end())
        tells = tells or (sets_apart and text[match.start() - 1 : match.start()].isdigit())
    elif not tells:
        # A separator tells where it sets digits apart, a sign within a word, and either where its own
        # letters hide that a word begins: `%20518-` is no number, and `\u003dAKIA` no key.
        before = text[match.start() - 1 : match.start()]
        tells = before.isdigit() and plain in {" ", "-", "\u00a0", "."}
        tells = tells or (before.isalnum() and plain in _INVISIBLE | {".", "_"})
        tells = tells or (match[0][-1].isalnum() and text[match.end() : match.end() + 1].isalnum())
    return _Token(match.start(), match.end(), plain, name, tells)


def _html(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _HTML.finditer(text, start, min(len(text), end + 40)):
        if match.start() >= end:
            return
        # "A numeric character reference in that range" is what `unescape` makes of it: HTML 13.2.5.
        plain = html.unescape(match[0] if match[0].endswith(";") else match[0] + ";")
        token = _token(text, match, plain, "html")
        if token is not None and len(plain) <= 2:
            yield token


def _percent(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _PERCENT.finditer(text, start, min(len(text), end + 36)):
        if match.start() >= end:
            return
        data = bytes.fromhex(match[0].replace("%", ""))
        if token := _token(text, match, data.decode("utf-8", "replace"), "percent"):
            yield token


def _escape(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _ESCAPE.finditer(text, start, min(len(text), end + 16)):
        if match.start() >= end:
            return
        octal = match[5]
        code = int(octal, 8) if octal else int(match[1] or match[2] or match[3] or match[4], 16)
        plain = chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
        if token := _token(text, match, plain, "escape"):
            yield token


def _spelt_break(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _SPELT_BREAK.finditer(text, start, min(len(text), end + 36)):
        if match.start() >= end:
            return
        yield _Token(match.start(), match.end(), "\n", "escape", tells=True)


def _quoted(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _QUOTED.finditer(text, start, min(len(text), end + 40)):
        if match.start() >= end:
            return
        if match[0][1] in "\r\n":  # RFC 2045, 6.7: a soft line break
            if _ENCODED_END.fullmatch(text, max(0, match.start() - 15), match.start()):
                continue  # the padding of a run
            yield _Token(match.start(), match.end(), "", "quoted", tells=True)
            continue
        for at in range(match.start(), match.end(), 3):
            code = int(text[at + 1 : at + 3], 16)
            plain = chr(code) if code < 0x80 else "\ufffd"
            yield _Token(at, at + 3, plain, "quoted", plain.isalnum())


# --- characters that look like others, or like nothing --------------------------------------------

_INVISIBLE = frozenset(
    map(
        chr,
        (
            *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
            *range(0x180B, 0x1810),
            *range(0x200B, 0x2010),
            *range(0x202A, 0x202F),
            *range(0x2060, 0x2070),
            *range(0xFE00, 0xFE10),
            *range(0xE0000, 0xE0020),
            0xE007F,
            *range(0xE0100, 0xE01F0),
        ),
    )
)
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0\ufe20-\ufe2f"

# Letters of other scripts with the shape of an ASCII letter or digit in common typefaces: the
# single-character part of the confusables of UTS #39 for Cyrillic, Greek, Armenian and Cherokee.
_SHAPES = {
    "a": "аɑα", "b": "ЬƄ", "c": "сϲᴄ", "d": "ԁᏧ", "e": "еҽ℮", "g": "ɡցᶃ", "h": "һհᏂ", "i": "іιɩ",
    "j": "јϳ", "k": "кκ", "l": "ӏ", "m": "м", "n": "ոп", "o": "оοօσ", "p": "рρ", "q": "ԛզ",
    "r": "гᴦ", "s": "ѕꜱ", "t": "тτ", "u": "υսᴜ", "v": "νѵᴠ", "w": "ԝωᴡ", "x": "хχ", "y": "уγү",
    "z": "ᴢ", "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СϹᏟ", "D": "Ꭰ", "E": "ЕΕᎬ", "G": "ԌᏀ", "H": "НΗᎻ",
    "I": "ІΙӀ", "J": "ЈᎫ", "K": "КΚᏦ", "L": "Ꮮ", "M": "МΜᎷ", "N": "Ν", "O": "ОΟՕ", "P": "РΡᏢ",
    "Q": "Ԛ", "R": "ᎡᏒ", "S": "ЅՏᏚ", "T": "ТΤᎢ", "U": "Ս", "V": "ѴᏙ", "W": "ԜᎳ", "X": "ХΧ",
    "Y": "ҮΥУ", "Z": "ΖᏃ", "3": "ЗƷ", "4": "Ч", "6": "б",
    "-": "‐‑‒–—―−﹘⁃", ".": "․。", "@": "﹫",
}  # fmt: skip
_RAISED = "\u00b9\u00b2\u00b3"
"""Square metres and footnotes: these tell nothing by themselves."""
_AS_DIGITS = {"O": "0", "o": "0", "l": "1", "I": "1", "i": "1"}


def _look_alikes() -> dict[str, str]:
    """Each character outside ASCII that stands for one in ASCII."""
    table: dict[str, str] = {}
    ranges = ((0x2010, 0x3400), (0xFB00, 0xFFF0), (0x1D400, 0x1D800), (0x1F100, 0x1F200))
    for first, last in ranges:
        for code in range(first, last):
            plain = unicodedata.normalize("NFKC", chr(code))
            if len(plain) == 1 and ((plain.isascii() and plain.isalnum()) or plain in "@._-+"):
                table[chr(code)] = plain
    for code in (*range(0x660, 0xAC00), *range(0x104A0, 0x11DB0), *range(0x16A60, 0x1FC00)):
        digit = unicodedata.decimal(chr(code), None)
        if digit is not None:
            table[chr(code)] = str(digit)
    for code in range(0x2460, 0x2800):  # in circles: digits, but no decimal ones
        digit = unicodedata.digit(chr(code), None)
        if digit is not None:
            table.setdefault(chr(code), str(digit))
    table.update(dict(zip(_RAISED, "123", strict=True)))
    for plain, others in _SHAPES.items():
        table.update(dict.fromkeys(others, plain))
    table.update({chr(0xE0000 + code): chr(code) for code in range(0x20, 0x7F)})
    # Outside of words these are what they are; inside they set characters apart.
    table.update(dict.fromkeys("\u00a0\u2007\u202f\u2009\u200a\u2008\u2003\u2002\u3000", " "))
    return table


_LOOKS = _look_alikes()
_LETTERS = frozenset(c for others in _SHAPES.values() for c in others if c.isalpha())


_NOTHING = _INVISIBLE | frozenset(
    re.findall(f"[{_MARKS}]", "".join(map(chr, range(0x300, 0xFE30))))
)
_ANYWHERE = (frozenset(_LOOKS) - _LETTERS) | _NOTHING

FEW = 12
"""So many different characters are looked for one after the other faster than all at once."""


@functools.cache
def _lookalike_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Single characters that are looked at anywhere, and letters beside an ASCII one."""
    looks = "".join(map(re.escape, sorted(_ANYWHERE)))
    letters = "".join(sorted(_LETTERS))
    # Both begin with a set of characters: such a pattern skips what is not in it fast.
    return (
        re.compile(f"[{looks}]"),
        re.compile(f"[{letters}](?:(?=[A-Za-z0-9])|(?<=[A-Za-z0-9].))", re.DOTALL),
    )


_BESIDE = 64
"""Code points beside a mixed place in which letters are taken for what they look like."""


def _places(text: str) -> list[int]:
    """Where the characters of interest are."""
    anywhere, mixed = _lookalike_patterns()
    there = set(text)
    few = there & _ANYWHERE
    places: set[int] = set()
    if len(few) > FEW:
        places.update(match.start() for match in anywhere.finditer(text))
    else:
        for character in few:
            at = -1
            while (at := text.find(character, at + 1)) >= 0:
                places.add(at)
    if there.isdisjoint(_LETTERS):
        return sorted(places)
    done = 0
    for match in mixed.finditer(text):
        at = match.start()
        left = at
        while left > max(done, at - _BESIDE) and not text[left - 1].isspace():
            left -= 1
        right = at
        while right < len(text) and right < at + _BESIDE and not text[right].isspace():
            right += 1
        places.update(i for i in range(max(left, done), right) if text[i] in _LETTERS)
        done = max(done, right)
    return sorted(places)


def _lookalikes(text: str) -> Iterator[_Token]:
    """Tokens of single characters.

    Whole words of another script are words; a look-alike tells where it stands beside ASCII, or
    beside one that does. Invisible characters and marks tell within a word or number.
    """
    size = len(text)
    digits = -1  # where the last look-alike of a digit ended
    chained = -1  # where the last telling token ended
    marks = 0  # letters with a mark in a row: accents stand alone, or are composed
    mark_at = -1
    places = _places(text)
    last = -1
    for start in places:
        if start < last:
            continue
        character, end = text[start], start + 1
        if character not in _LOOKS:
            while end < size and text[end] in _NOTHING:
                end += 1
        last = end
        before = text[start - 1] if start else " "
        after = text[end] if end < size else " "
        plain = _LOOKS.get(character)
        if plain is None:
            joins = _counts(before) and (_counts(after) or _counts(before, digit=True))
            if character not in _INVISIBLE:
                marks = marks + 1 if start == mark_at + 1 else 1
                mark_at = end
                tells = before.isdigit() or (marks >= 4 and before.isalpha())
            else:
                tells = joins or (chained == start and (_counts(after) or after in _MARKED))
                # Before each space: the characters stand apart beside.
                tells = tells or (after == " " and text[end + 2 : end + 3] == character)
            yield _Token(start, end, "", "unicode", tells)
        elif character in _LETTERS:
            tells = _plain(before) or _plain(after) or chained == start
            within = before.isdigit() or digits == start
            if within and after != "@" and not (after.isascii() and after.isalpha()):
                plain = _AS_DIGITS.get(plain, plain)
            if plain.isdigit():
                digits = end
            yield _Token(start, end, plain, "unicode", tells)
        elif plain in " -.":
            tells = (before.isdigit() or chained == start) and (after.isdigit() or after in _LOOKS)
            tells = tells or (plain == "." and _plain(before) and after in _LOOKS)
            yield _Token(start, end, plain, "unicode", tells)
        else:
            tells = (plain.isalnum() or plain == "@") and character not in _RAISED
            yield _Token(start, end, plain, "unicode", tells)
        if tells:
            chained = end


_MARKED = frozenset("0123456789@.-")

# Kana, Chinese characters and Hangul: scripts that write no space before and after a number or an
# address, while patterns take them for letters of the same word.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_SEAM = re.compile(
    rf"[{_UNSPACED}](?=[A-Za-z0-9+][A-Za-z0-9@._+-]{{5}})|[A-Za-z0-9@._+-]{{5}}[A-Za-z0-9](?=[{_UNSPACED}])"
)


def _glued(text: str) -> Iterator[_Token]:
    """A space where a value touches a script that has none."""
    for match in _SEAM.finditer(text):
        yield _Token(match.end(), match.end(), " ", "glued", tells=True)


_OVERRIDDEN = re.compile("\u202e([!-~][ -~]{6,200}[!-~])")


def _overridden(text: str) -> Iterator[_Token]:
    """Text backwards that a control shows forwards: UAX #9, 2.2, RIGHT-TO-LEFT OVERRIDE."""
    for match in _OVERRIDDEN.finditer(text):
        yield _Token(match.start(), match.end(), match[1][::-1], "unicode", tells=True)


def _plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _counts(character: str, *, digit: bool = False) -> bool:
    if digit:
        return character.isdigit()
    return (character.isascii() and (character.isalnum() or character in "@._-+")) or (
        character in _LOOKS and character not in _LETTERS
    )


# --- encoded runs ---------------------------------------------------------------------------------

_RUNS = frozenset({"diagram", "base64", "base32", "hex", *codes.PLAIN, *codes.GUESSED})
_B64_RUN = re.compile(
    r"[A-Za-z0-9+/_-]{15,}(?:[ \t]*\r?\n[ \t>]*[A-Za-z0-9+/_-]{4,}(?![A-Za-z0-9+/_-]))*={0,2}"
)
_B64_START = re.compile(_B64_ANCHOR)
_B32_RUN = re.compile(r"[A-Z2-7]{16,}={0,6}")
_B32_START = re.compile(_B32_ANCHOR)
_HEX_RUN = re.compile(
    r"(?:0[xX])?(?:[0-9A-Fa-f]{2}){8,}"
    r"|(?:0[xX])?[0-9A-Fa-f]{2}(?:[ ,:;-]{1,2}(?:0[xX])?[0-9A-Fa-f]{2}){7,}"
)
_HEX_PAIR = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{2})")
_B64_LINE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_STRETCH = re.compile(rb"[\t\n\r\x20-\x7e]{12,}")


def _back(text: str, start: int, reached: int) -> int:
    """The beginning of the run that `start` is in: a region may cut it."""
    start = max(start, reached)
    while start > reached and (text[start - 1].isalnum() or text[start - 1] in "+/_-"):
        start -= 1
    return start


# Each of these gives a token for every run that it looked at, without `plain` where it is no text.


def _base64(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _B64_RUN.finditer(text, start):
        if match.start() >= end:
            return
        for spans in _lines(match):
            joined = _b64_token(text, spans)
            # A word in the next line may look like the last line of a run: then it fits badly.
            good = joined is not None and "\ufffd" not in joined.plain
            if good or len(spans) == 1 or (joined and len(spans) > SURE_LINES):
                yield joined or _nothing(spans)
                continue
            for span in spans:
                yield _b64_token(text, [span]) or _nothing([span])


SURE_LINES = 2
"""More lines of the same length than these are a run, even where it does not decode to clean text."""


def _nothing(spans: Sequence[tuple[int, int]]) -> _Token:
    return _Token(spans[0][0], spans[-1][1], "", "", tells=False)


def _b64_token(text: str, spans: Sequence[tuple[int, int]]) -> _Token | None:
    run = "".join(text[first:last] for first, last in spans).rstrip("=")
    anchor = _B64_START.search(run)
    if anchor is None:
        return None
    # The run may begin with characters that only stand beside it.
    for skip in sorted({0, anchor.start() % 4}, reverse=True):
        found = _read(_b64(run[skip:]))
        if found is not None:
            return _Token(spans[0][0] + skip, spans[-1][1], found, "base64", tells=True)
    return None


def _lines(match: re.Match[str]) -> list[list[tuple[int, int]]]:
    """The lines of a run, together those as long as each other with a shorter last one."""
    first = match.start()
    groups: list[list[tuple[int, int]]] = []
    width = 0
    done = False
    for line in _B64_LINE.finditer(match[0]):
        span = (first + line.start(), first + line.end())
        size = line.end() - line.start()
        if groups and not done and size <= width:
            groups[-1].append(span)
        else:
            groups.append([span])
            width = size
        done = size < width
    return groups


def _b64(run: str) -> bytes:
    run = run.translate(_URL_SAFE)
    run = run[: len(run) - 1] if len(run) % 4 == 1 else run
    return binascii.a2b_base64(run + "=" * (-len(run) % 4))


def _base32(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _B32_RUN.finditer(text, start):
        if match.start() >= end:
            return
        run = match[0].rstrip("=")
        if _B32_START.search(run) is None:
            yield _nothing([match.span()])
            continue
        run = run[: len(run) - {1: 1, 3: 1, 6: 1}.get(len(run) % 8, 0)]
        found = _read(base64.b32decode(run + "=" * (-len(run) % 8)))
        yield _Token(match.start(), match.end(), found or "", "base32", tells=True)


def _hex(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _HEX_RUN.finditer(text, start):
        if match.start() >= end:
            return
        run = "".join(_HEX_PAIR.findall(match[0]))
        # Digits alone are a number more often than bytes.
        found = _read(bytes.fromhex(run), whole=run.isdecimal())
        yield _Token(match.start(), match.end(), found or "", "hex", tells=True)


def _read(data: bytes, *, whole: bool = False) -> str | None:
    """The text that `data` is or (unless it is to be the `whole`) holds, None for other bytes."""
    # RFC 1952, 2.3.1, and RFC 1950, 2.2: the first two bytes are a multiple of 31.
    if data[:3] == _GZIP or (data[:1] == b"\x78" and not int.from_bytes(data[:2]) % 31):
        data = _inflate(data) or data
    if len(data) >= 8 and data[1::2].count(0) * 10 >= len(data) * 4:
        return _mostly(data.decode("utf-16-le", "replace"))
    if len(data) >= 8 and data[::2].count(0) * 10 >= len(data) * 4:
        return _mostly(data.decode("utf-16-be", "replace"))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    found = _mostly(text)
    if found is None and not whole:
        stretches = _STRETCH.findall(data)
        found = b"\n".join(stretches).decode("ascii") if stretches else None
    return found


def _mostly(text: str) -> str | None:
    if not text:
        return None
    odd = sum(1 for c in text[:4_000] if not (c.isprintable() or c in "\t\r\n"))
    return text if odd * 8 <= min(len(text), 4_000) else None


_GZIP = b"\x1f\x8b\x08"


_DIAGRAM = re.compile(
    r"(?:(?:<|&lt;|%3C)diagram\b.{0,400}?(?:>|&gt;|%3E)\s*"
    r"|(?:diagrams\.net|draw\.io)/[^\s#]{0,200}#R)(?P<run>(?:[A-Za-z0-9+/=]|%2B|%2F|%3D)++)",
    re.DOTALL | re.IGNORECASE,
)


def _diagram(text: str, start: int, end: int) -> Iterator[_Token]:
    """Diagrams as diagrams.net keeps them in its files and pictures: deflated, percent-encoded before that."""
    for match in _DIAGRAM.finditer(text, start):
        if match.start() >= end:
            return
        try:
            data = binascii.a2b_base64(unquote(match["run"]))
        except binascii.Error:
            continue
        plain = _inflate(data, wbits=-zlib.MAX_WBITS, most=ALLOWANCE)
        if plain is not None:
            # Labels are HTML within an attribute, so that their entities are escaped twice.
            said = html.unescape(html.unescape(unquote(plain.decode("utf-8", "replace"))))
            yield _Token(*match.span("run"), said, "diagram", tells=True)


def _inflate(data: bytes, *, wbits: int = 47, most: int = INFLATED) -> bytes | None:
    """None for what is not compressed. Raises `TooMuch` for more than `most` bytes.

    `wbits` is as `zlib` has it: without, gzip or zlib by its head.
    """
    machine = zlib.decompressobj(wbits=wbits)
    try:
        plain = machine.decompress(data, most)
    except zlib.error:
        return None
    if machine.unconsumed_tail:
        raise TooMuch
    return plain


# --- values set apart, and values that go on in the next line -------------------------------------

_X = r"[!-~]"
_APART = re.compile(rf"(?<!\S)[\"'(\[<]?(?P<x>{_X}(?:[ \t]{{1,3}}{_X}){{8,}})(?![^\s\"')\]>,.;])")
_POINTS = re.compile(r"(?<![\w.])\d(?:[._/|*~-]{1,2}\d){8,}(?![\w])(?!\.\d)")
_GROUPS = re.compile(
    r"(?<![\w.-])\d{4}(?P<by>[._/*~]|[ ._/*~-]{2,3})"
    r"(?:\d{4}(?P=by)\d{4}(?P=by)\d{1,4}|\d{6}(?P=by)\d{4,5})(?![\w])(?![.-]\d)"
)
_QUADS = re.compile(
    r"(?<![\w.-])(?=[A-Za-z0-9]{0,4}[A-Za-z_])[\w-]{4}(?P<by>[._/*~|]| [._/*~] )(?:[\w-]{4}(?P=by)){3,30}[\w-]{1,4}(?![\w.-])",
    re.ASCII,
)
_BETWEEN = re.compile(
    r"(?<![\w.-])(?=\S{0,40}[A-Za-z@])[A-Za-z0-9](?P<by>[._|*~/-])(?:[!-~](?P=by)){7,200}[A-Za-z0-9](?![\w.-])"
)
_CHARACTERS = re.compile(r"(?:(['\x22])[!-~]\1, ?){8,}(['\x22])[!-~]\2")
_BETWEEN_CHARACTERS = re.compile(r"(?<=[!-~])['\x22], ?['\x22](?=[!-~])|^['\x22]|['\x22]$")
_PARTED = re.compile(r"(?<![\w.-])\d{3}(?P<by>[_/])\d{2}(?P=by)\d{4}(?![\w/-])")
_MARKS_OF_TEXT = re.compile(
    rf"(?<=[0-9@.-])(?P<left>[ -]?)(?:(?:{_TAG}){{1,3}}|[*][*]|~~|``)"
    rf"(?P<right>[ -]?)(?:{_TAG}){{0,3}}(?=[0-9@A-Za-z])"
    rf"|(?<=[A-Za-z0-9])(?:{_TAG}|[*][*])(?=[A-Za-z0-9.]{{0,20}}@)",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"[ \t._/|*~-]+")
_BLANK = re.compile(r"[ \t]+")
_WRAP = re.compile(
    rf"(?<=[A-Za-z0-9])(?P<end>[ -]?){_BREAK}(?P<begin>(?<=['\x22])[ -]|)(?=[A-Za-z0-9])"
)
_HEAD, _TAIL = re.compile(rf"{_W}+$"), re.compile(rf"{_W}+")
_LETTER = re.compile(r"[A-Za-z]")
_NUMBERS = re.compile(r"[\d \t-]+")
_TOO_LONG = re.compile(r"\d{6,80}(?:\r?\n\d{6,80}){3,}(?=\r?\n|$)")
"""Lines of digits that would all be joined, to more than any value has. Fewer lines, and short ones beside
them, may be a value and what stands under it: a card's number in two lines, and its code."""
_TOO_LONG_AHEAD = 4_000


def _spaced(text: str, start: int, end: int) -> Iterator[_Token]:
    """Characters one by one, and digits in groups with other separators than usual."""
    stop = min(len(text), end + 2_000)
    left = max(0, start - 1)
    for match in _APART.finditer(text, left, stop):
        yield from _without(text, match.start("x"), match.end("x"), _BLANK)
    for pattern in (_POINTS, _GROUPS, _QUADS):
        for match in pattern.finditer(text, left, stop):
            yield from _without(text, match.start(), match.end(), _SEPARATOR)
    for match in _CHARACTERS.finditer(text, left, stop):
        for gap in _BETWEEN_CHARACTERS.finditer(match[0]):
            first = match.start()
            yield _Token(first + gap.start(), first + gap.end(), "", "spaced", tells=True)
    for match in _PARTED.finditer(text, left, stop):
        for at in (match.start() + 3, match.start() + 6):
            yield _Token(at, at + 1, "-", "spaced", tells=True)
    for match in _BETWEEN.finditer(text, left, stop):
        for at in range(match.start() + 1, match.end(), 2):
            yield _Token(at, at + 1, "", "spaced", tells=True)


def _without(text: str, start: int, end: int, gap: re.Pattern[str]) -> Iterator[_Token]:
    if sum(map(str.isalnum, text[start:end])) < 9:
        return
    for match in gap.finditer(text, start, end):
        yield _Token(match.start(), match.end(), "", "spaced", tells=True)


def _marked_up(text: str, start: int, end: int) -> Iterator[_Token]:
    """Numbers and addresses with tags or stars of emphasis within."""
    for match in _MARKS_OF_TEXT.finditer(text, max(0, start - 1), min(len(text), end + 300)):
        if match.start() >= end:
            return
        kept = (match["left"] or "") + (match["right"] or "")
        yield _Token(match.start(), match.end(), kept, "markup", tells=True)


def _wrapped(text: str, start: int, end: int) -> Iterator[_Token]:
    within = -1  # up to here goes what is too long
    for match in _WRAP.finditer(text, start, min(len(text), end + 2)):
        if match.start() >= end:
            return
        if match.end() <= within:
            continue
        before = text[max(0, match.start() - 48) : match.start()]
        after = text[match.end() : match.end() + 48]
        digits = before[-1].isdigit() and after[0].isdigit()
        if digits:
            line = text.rfind("\n", max(0, match.start() - 81), match.start()) + 1
            column = _TOO_LONG.match(text, line, match.end() + _TOO_LONG_AHEAD)
            if column is not None and column.end() >= match.end():
                within = column.end()
                continue
        if not _is_long(before, after):
            continue
        if digits and not _column(text, match):
            kept = match["end"] + match["begin"]
            yield _Token(match.start("end"), match.end(), kept, "wrapped", tells=True)
            continue
        head = _HEAD.search(before)
        tail = _TAIL.match(after)
        if (
            match["end"]
            or match["begin"]
            or head is None
            or tail is None
            or len(tail[0]) < 4
            or len(head[0]) < 6
        ):
            continue
        if (tail[0].isalpha() and not _LETTER.search(head[0])) or (
            head[0].isalpha() and not _LETTER.search(tail[0])
        ):
            continue  # a number, then a word
        if _mixed(head[0]) and _mixed(tail[0]):
            yield _Token(match.start(), match.end(), "", "wrapped", tells=True)


def _is_long(before: str, after: str) -> bool:
    """Could the last cell of a row and the first of the next make a value that proves itself?"""
    return sum(map(str.isalnum, before.rpartition("\t")[2] + after.partition("\t")[0])) >= _SHORTEST


_SHORTEST = 9
"""Letters and digits of the shortest value that proves itself: a US social security number."""

_LINES = re.compile(rf"(?<![\w-])[A-Z0-9-]{{2,12}}(?:{_BREAK}[A-Z0-9-]{{1,12}}(?![\w-]))+")
_BREAKS = re.compile(_BREAK)
MOST_LINES = 12
"""A value is not cut over more lines: such a column is a column of values."""
_ROW = re.compile(
    rf"(?<![\w.-])(?:(?:{codes.HEADS}|[A-Z]{{2}}\d{{2}})(?:{_CELL}[A-Za-z0-9_-]{{4}}){{2,12}}(?:{_CELL}[A-Za-z0-9_-]{{1,3}})?|\d{{2,8}}(?:{_CELL}\d{{2,8}}){{1,4}}"
    rf"|(?:{codes.PREFIXES})[A-Za-z0-9_+/=-]{{0,40}}{_CELL}[A-Za-z0-9_+/=-]{{4,}})(?![\w.-])"
)
_CELLS = re.compile(_CELL)


def _lined(text: str, start: int, end: int) -> Iterator[_Token]:
    """A value over three lines and more, of which each holds nothing else."""
    for match in _LINES.finditer(text, start, min(len(text), end + 600)):
        if match.start() >= end:
            return
        breaks = list(_BREAKS.finditer(match[0]))
        if 2 <= len(breaks) < MOST_LINES:
            first = match.start()
            for gap in breaks:
                yield _Token(first + gap.start(), first + gap.end(), "", "lines", tells=True)


def _celled(text: str, start: int, end: int) -> Iterator[_Token]:
    """A value over adjacent cells of a row."""
    for match in _ROW.finditer(text, start, min(len(text), end + 200)):
        if match.start() >= end:
            return
        if match[0][0].isdigit() and sum(map(str.isdigit, match[0])) not in _CARDS_AND_SSNS:
            continue
        for gap in _CELLS.finditer(text, match.start(), match.end()):
            yield _Token(gap.start(), gap.end(), "", "cells", tells=True)


_CARDS_AND_SSNS = frozenset({9, *range(12, 20)})


def _coded(name: str, find: codes.Finder) -> _Finder:
    def tokens(text: str, start: int, end: int) -> Iterator[_Token]:
        for first, last, plain in find(text, start, end):
            yield _Token(first, last, plain, name, tells=True)

    return tokens


def _mixed(word: str) -> bool:
    """True for what is hardly a word of a language: with digits in it, or in capitals."""
    return word.isupper() or any(map(str.isdigit, word))


def _column(text: str, match: re.Match[str]) -> bool:
    """True where three lines in a row hold nothing but digits: a column of numbers."""
    first = text.rfind("\n", max(0, match.start() - 80), match.start()) + 1
    last = text.find("\n", match.end(), match.end() + 80)
    if not first or not _NUMBERS.fullmatch(text, first, match.start()):
        before_too = False
    else:
        above = text.rfind("\n", max(0, first - 80), first - 1) + 1
        before_too = bool(_NUMBERS.fullmatch(text, above, first - 1))
    after_too = False
    if last >= 0 and _NUMBERS.fullmatch(text, match.end(), last):
        below = text.find("\n", last + 1, last + 80)
        below = below if below >= 0 else min(len(text), last + 80)
        after_too = bool(_NUMBERS.fullmatch(text, last + 1, below))
    return before_too or after_too


type _Finder = Callable[[str, int, int], Iterator[_Token]]

_INLINE: dict[str, _Finder] = {
    "html": _html,
    "percent": _percent,
    "escape": _escape,
    "break": _spelt_break,
    "quoted": _quoted,
    "control": _controls,
}
_ENCODED: dict[str, _Finder] = {
    "diagram": _diagram,
    "base64": _base64,
    "base32": _base32,
    "hex": _hex,
}
_ENCODED |= {name: _coded(name, find) for name, find in codes.PLAIN.items()}
_STRICT: dict[str, _Finder] = {
    "spaced": _spaced,
    "wrapped": _wrapped,
    "lines": _lined,
    "cells": _celled,
    "markup": _marked_up,
}
_STRICT |= {name: _coded(name, find) for name, find in codes.GUESSED.items()}
