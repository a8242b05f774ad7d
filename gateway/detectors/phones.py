"""Which runs of digits are phone numbers? Law: what `phonenumbers` finds, and nothing else, found
without asking it about every run of digits for every region.

Presidio's recognizer walks the text once per region. Here only runs of digits in the shape of a
number are looked at; the numbering plans of the regions are asked directly (`numbering`), and the
library's matcher sees only what holds a number in an odd writing. The first region that takes a
whole candidate ends the search, because all regions give the same confidence and a shorter match
inside a longer one is dropped anyway. Numbers of fewer than
seven digits (German local numbers) are left out: any number in any text is one. So are dates,
Internet addresses, card numbers and numbers in the shape of a US social security number.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import regex
from phonenumbers import PhoneNumberMatcher
from phonenumbers.phonenumbermatcher import (
    _LEAD_PATTERN,
    _MATCHING_BRACKETS,
    _PUB_PAGES,
    _SLASH_SEPARATED_DATES,
    _TIME_STAMPS,
)

from gateway.detectors import numbering
from gateway.detectors.cards import is_card
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.probes import PatternProbe, Raw

MIN_DIGITS, MOST_DIGITS = 7, 15

# Separators as in phonenumbers' own candidate pattern: at most four of them between digits.
_BETWEEN = r"[-xX\u2010-\u2015\u2212\u30FC\uFF0D-\uFF0F \u00A0\u00AD\u200B\u2060\u3000()\uFF08\uFF09\uFF3B\uFF3D.\[\]/~\u2053\u223C]"
# In the flat text every separator outside ASCII is a space, `_` or U+0001.
_FLAT_SHAPE = rf"\d(?:[-x ()./\[\]~_\x01]{{0,4}}\d){{{MIN_DIGITS - 1}}}"
# The library's candidate pattern without its extensions: at most twenty further groups of at most
# twenty digits. What begins with a digit is searched for quickly; brackets and signs before it are added.
# ASCII is searched in a copy in which each digit is `0`, each separator `-`, and all else a space: a class
# takes longer than one character does.
_RUN, _ASCII_RUN = (
    re.compile(
        rf"{digit}(?=(?:{between}{{0,4}}+{digit}){{{MIN_DIGITS - 1}}})"
        rf"{digit}{{0,19}}+(?:{between}{{0,4}}+{digit}{{1,20}}+){{0,20}}+"
    )
    for digit, between in ((r"\d", _BETWEEN), ("0", "-"))
)
_SIGNS = bytes(
    ord("0" if chr(code) in string.digits else "-" if chr(code) in "-xX ()./[]~" else " ")
    for code in range(256)
)
# Without this, runs are nothing but digits, or digits with one dot between: a sign before a run; between
# digits one that is no dot, or several; a second dot. It begins with a sign, for there are more digits.
_ODD, _ASCII_ODD = (
    re.compile(
        rf"{between[:-1]}+\uFF0B](?:(?<=[(\[\uFF08\uFF3B+\uFF0B]){between}{{0,4}}\d"
        rf"|(?<=\d[^.]){between}{{0,3}}\d|(?<=\d\.){between}{{1,3}}\d|(?<=\.)\d++\.\d)"
    )
    for between in (_BETWEEN, r"[-xX ()./\[\]~]")
)
_LEAD = re.compile(rf"(?:[(\[\uFF08\uFF3B+\uFF0B]{_BETWEEN}{{0,4}}){{1,2}}\Z")
_LEADS = 2 * 5
_NO_LEAD = frozenset(string.ascii_letters + "'\"_:,;=<>{}|*#$%&@!?\t\n") - frozenset("xX")
"""What a number may stand behind that is no lead of it, nor the end of one."""
# Where the library looks for a number within a candidate that is none: after (and before the
# first) separator of one kind.
_INNER = tuple(
    re.compile(pattern)
    for pattern in (
        r"/+(.*)",
        r"(\([^(]*)",
        r"(?:\s-|-\s)\s*(.+)",
        r"[\u2012-\u2015\uFF0D]\s*(.+)",
        r"\.+\s*([^.]+)",
        r"\s+(\S+)",
    )
)

# Shapes that are something else, whatever a numbering plan says: a date, the end of one with its time
# zone (`2022 -0800`), an Internet address, a US social security number, a US postal code, a decimal
# fraction, the number of a part or of a drug (21 CFR 207.33: 4-4-2, 5-3-2 and 5-4-1 digits), a version
# (`19.29.30036.3`).
_OTHER = re.compile(
    r"(?:19|20)\d\d([-./])[01]\d\1[0-3]\d(?: +[0-2]?\d)?"
    r"|[0-3]?\d([-./])[0-3]?\d\2(?:19|20)\d\d(?: +[0-2]?\d)?"
    r"|(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:/\d\d?)?"
    r"|\d{3}-\d{2}-\d{4}"
    r"|\d{5}-\d{4}|(?:\+ ?)?\d+\.\d+"
    r"|(?:\d{1,2} )?(?:19|20)\d\d -[01]\d[0-5]\d"
    r"|\d\d\.\d\d\.\d{5}\.\d{1,4}|\d{3}-\d{5}-\d{2}|\d{5}-\d{3}-\d{2}|\d{5}-\d{4}-\d|\d{4}-\d{4}-\d{2}"
    r"|\[?[\d.]{1,9}\D{2,4}(?:19|20)\d\d-[01]\d-[0-3]\d|0\.\d{2,}(?: \d+)*|\d+(?: {2,4}\d+\.\d+)+"
    r"|0x\d+"
)
_OPENED = re.compile(r"[(\[][^)\]]*")
"""A bracket before a number that does not close within it: an argument, an item of a list."""

_SAID_OTHERWISE = regex.compile(
    r"(?ri)(?<!\p{L})(?:parts?|article|artikel|order|item|sku|batch|lot|issn|isbn|model|serial|catalog(?:ue)?|drawing"
    r"|charge|bestell|auftrags?|pedido|commande|run|build|error|ticket|invoice)"
    r"[ _-]?(?:no|nr|nº|n°|num|numbers?|nummer|codes?|id)?[.:#= \"']{0,4}"
)
"""What says that a number is one of a thing."""
_EXTENSION_AHEAD = regex.compile(
    r"#|;ext=|[ \u00A0\t,]{0,20}(?:[#＃~～xｘ]|int|ｉｎｔ|e?xt(?:ensi[\p{L}\p{M}]{0,3})?n?|ｅ?ｘｔｎ?|доб|anexo)"
    r"[:.．]?[ \u00A0\t,-]{0,20}\d",
    regex.IGNORECASE,
)
_NAME_BEFORE = regex.compile(r"\p{L}[-_]$")
_NO_EXTENSION = frozenset(string.ascii_letters + string.punctuation + "\r\n") - frozenset(
    "#;,~xXiIeEaA"
)
"""What no extension begins with."""

_NUMBERS = re.compile(
    r"(?:^|[ -])\d{1,4}\.\d+ +-?\d{1,4}\.\d+(?:[ -]|$)"  # decimal fractions side by side
    r"|(?:^|[ -])\d\.\d{3,} (?:-?\d{1,4} ){1,4}-?\d{1,4}\.\d{3,}(?: |$)"  # or nearly so
    r"|^(?=.* -)\d{1,4}(?:\.\d+)?(?: -?\d{1,4}(?:\.\d+)?){3,} ?$"  # with a sign among them
    r"|^\d{1,4} -?0\.\d{3,} ?$|^\d+ {2,}\d+$"  # two columns
)
"""Figures of a drawing or a table, in the shape of a number."""
_PLACE = re.compile(r"[+-]\d{4}[+-]\d{5}|[+-]\d{6}[+-]\d{7}")
"""Latitude and longitude as of ISO 6709."""
_VERSION = re.compile(r"/\d+(?:\.\d+){3}")
_BYTES = re.compile(r"\d\d(?: {1,2}\d\d)+")
_BYTE_BEFORE = re.compile(
    r"(?:\d[a-f]|[a-f]\d|ff) {1,2}$|(?<!\w)(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{3,16}:[ \t]{1,4}$"
)
_BYTE_AFTER = re.compile(r" {1,2}(?:\d[a-f]|[a-f]\d|ff)\b")
"""A byte in hexadecimal that is no word and no number, or its address."""
_BYTE_REACH = 24
_SINGLES = 3
"""Digits by themselves among groups of two: a list of numbers (`0 2 14 4 6 8`)."""
_TIME_AFTER = re.compile(r":\d\d(?!\d)")
"""After figures of a table whose next column is a time or a score."""

_DIGITS = re.compile(r"\d+")
_UNCERTAIN = regex.compile(r"\p{L}")
_PLUS = re.compile("[+\uff0b]")
_GLUED = regex.compile(r"[\p{L}\p{M}%\p{Sc}]")

_PART = regex.compile(rf"(?ri)(?:\d|{_BETWEEN}|[+\uff0b])*")
_LETTERS = re.compile("[xX\u30fc]")
"""The letters among the separators."""

_LONGEST = _LEADS + 20 + 20 * 24
"""Code points of the longest candidate."""

EXTENSION = 48
"""Code points after the last digit that may hold an extension (`ext. 123`)."""


_NORTH_AMERICAN = (
    r"(?<![\w.+-])(?:(?:\+?1|001)[-. ]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])\d{3}[-. ]\d{4}"
    r"(?:(?: ?x| ext\.? ?)\d{1,5})?(?![\w-])(?!\.\d)"
)
_INTERNATIONAL = (
    r"(?<![\w+])\+[1-9]\d{0,2}[-. ]?(?:\(\d{1,4}\)[-. ]?|\d[-. ])?\d{2,4}(?:[-. ]?\d{2,4}){2,4}"
    r"(?:x\d{1,5})?(?![\w-])(?!\.\d)"
)
SHAPES = (_NORTH_AMERICAN, _INTERNATIONAL)
"""Writings that say by themselves that a number is a phone number. Numbers in them need not be
assigned: a mistyped, new or made-up number is somebody's number to whoever wrote it down."""


class PhoneProbe:
    """Numbers of some regions, as a recognizer of Presidio's defines them.

    `accept` is asked about each number that was found (a `phonenumbers.PhoneNumber`), and takes
    none of other regions. `worth`
    tells whether a candidate would be reported without a context word; one that would not is
    looked at only where there is one. It may tell numbers of digits alone from others, and no more.
    """

    def __init__(
        self,
        *,
        name: str,
        entity: str,
        regions: Sequence[str],
        leniency: int,
        confidence: float,
        vocabulary: Vocabulary,
        accept: Callable[[Any], bool] | None = None,
        worth: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.name = name
        self.entity = entity
        self.vocabulary = vocabulary
        self.strongest = confidence
        # Not located: one look for runs of digits in a block, instead of one around each of them.
        self.expressions = (Expression(_FLAT_SHAPE, regex.IGNORECASE),)
        self._regions = tuple(regions)
        self._leniency = leniency
        self._confidence = confidence
        self._accept = accept
        self._worth = worth
        self._codes = tuple(map(numbering.country_code, regions))
        self._sieve = numbering.sieve(self._regions)

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Numbers that start in `text[start:end]`."""
        # A table has a hundred thousand numbers of nothing but digits, and mostly no word for them.
        # INVARIANT: where the vocabulary is not near, it does not speak: this leaves out no number.
        odd = not self._worth("0") and not around.near(self.vocabulary, 0, len(text))
        runs = around.shared.get((start, end, odd))
        if runs is None:
            # Other probes of this kind ask about the same windows.
            runs = around.shared[start, end, odd] = _runs(text, start, end, odd=odd)
        for first, last, digits, plain, parts in runs:
            candidate = text[first:last]
            # The matcher looks at the character before a candidate.
            ahead = 4 if plain else EXTENSION
            left, right = max(0, first - 1), min(len(text), last + ahead)
            whole = plain and self._is_number(candidate, digits)
            regions = () if whole else self._possible(candidate, digits, parts, plain=plain)
            if not whole and not regions:
                continue
            doubtful = not self._worth(_bare(candidate)) or _is_other(text, first, last)
            if doubtful and not around.speaks(self.vocabulary, first, last):
                continue
            if whole and self._accept is None and _stands_alone(text, first, last):
                spans = {(first, last)}
            else:
                spans = self._ask(text[left:right], (first - left, last - left), regions)
                spans = {(left + begin, left + stop) for begin, stop in spans}
            named = _NAME_BEFORE.search(text, max(0, first - 2), first)
            for begin, stop in sorted(spans):
                if named and begin == first:
                    continue  # the version in `name-4.1-2025-04-14`
                if sum(map(str.isdecimal, text[begin:stop])) >= MIN_DIGITS:
                    yield Raw(begin, stop, self._confidence, self.entity, self)

    def _is_number(self, candidate: str, digits: str) -> bool:
        if _PLUS.search(candidate):
            wanted = self._accept is None or digits.startswith(self._codes)
            return wanted and numbering.international(digits) is True
        return self._dialled(digits)

    def _dialled(self, digits: str) -> bool:
        return any(numbering.dialled(digits, region) for region in self._sieve(digits))

    def _possible(self, candidate: str, digits: str, parts: int, *, plain: bool) -> tuple[str, ...]:
        """The regions that could take what the matcher finds within the candidate, which is none
        itself; what is found there has no more than `parts` digits.
        """
        abroad = _PLUS.search(candidate) is not None
        if not plain or (abroad and numbering.international(digits) is None):
            return self._regions
        if parts < MIN_DIGITS and not abroad:
            return ()
        pieces = set()
        for inner in _INNER:
            found = inner.search(candidate)
            if found is None:
                continue
            pieces.add(_digits_of(candidate[: found.start()]))
            while found is not None:
                pieces.add(_digits_of(found[1]))
                found = inner.search(candidate, found.start() + 1)
        numbers = [
            piece for piece in pieces if len(piece) >= MIN_DIGITS and (abroad or self._sieve(piece))
        ]
        if not numbers:
            return ()
        return tuple(
            region
            for region in self._regions
            if any(
                numbering.dialled(number, region)
                or (abroad and numbering.international(number) is not False)
                for number in numbers
            )
        )

    def _ask(
        self, window: str, run: tuple[int, int], regions: Sequence[str]
    ) -> set[tuple[int, int]]:
        """Numbers in the window that begin before the end of the run, by the library."""
        first, last = run
        spans: set[tuple[int, int]] = set()
        for region in regions or self._regions:
            for match in _Matcher(window, region, leniency=self._leniency):
                if match.start >= last:
                    break  # the next run's
                if self._accept is None or self._accept(match.number):
                    spans.add((match.start, match.end))
            if any(begin <= first and stop >= last for begin, stop in spans):
                break
        return spans


class ShapeProbe(PatternProbe):
    """Numbers in one of `SHAPES`, apart from those that are said to be of a thing."""

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Numbers that start in `text[start:end]`."""
        for raw in super().find(text, start, end, around):
            said = text[raw.start : raw.end].partition("x")[0]
            if sum(map(str.isdecimal, said)) > MOST_DIGITS:
                continue
            doubtful = _is_other(text, raw.start, raw.end)
            if not doubtful or around.speaks(self.vocabulary, raw.start, raw.end):
                yield raw


class _Matcher(PhoneNumberMatcher):
    """The library's matcher, without parsing what is no number of its region."""

    def _parse_and_verify(self, candidate: str, offset: int) -> Any:
        # A plus sign calls any country; a letter sets off an extension or a carrier code.
        if _UNCERTAIN.search(candidate) is None and not _PLUS.search(candidate):
            digits = _digits_of(candidate)
            region = str(self.preferred_region)
            if len(digits) < MIN_DIGITS or not numbering.dialled(digits, region):
                return None
        return super()._parse_and_verify(candidate, offset)


def _runs(text: str, start: int, end: int, *, odd: bool) -> list[Run]:
    """Candidates that begin in `text[start:end]`; with `odd` those that have more than digits."""
    found = []
    # A run that goes on from before the window is not one that starts in it.
    before = _PART.match(text, max(0, start - _LONGEST), start) if start else None
    begin = before.start() if before else start
    stop = min(len(text), end + _LONGEST)
    more = _ASCII_ODD if text.isascii() else _ODD
    if odd and more.search(text, begin, stop) is None:
        return []
    for digit, last in _spans(text, begin, stop):
        first = digit
        if digit > begin and text[digit - 1] not in _NO_LEAD:
            lead = _LEAD.search(text, max(begin, digit - _LEADS), digit)
            if lead is not None:
                first = lead.start()
        if first < start:
            continue
        if first >= end:
            break
        candidate = text[first:last]
        if odd and candidate.isdecimal():
            continue
        if _OTHER.fullmatch(_bare(candidate)):
            continue
        groups = _DIGITS.findall(candidate)
        digits = _ascii("".join(groups))
        if len(digits) >= 12 and is_card(candidate):
            continue
        plain = _LETTERS.search(candidate) is None and (
            text[last : last + 1] in _NO_EXTENSION or _EXTENSION_AHEAD.match(text, last) is None
        )
        # What the library looks at within a candidate leaves out its first group or its last.
        parts = len(digits) - min(len(groups[0]), len(groups[-1]))
        found.append((first, last, digits, plain, parts))
    return found


def _spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where in `text[start:end]` runs of digits are, without what may stand before the first digit."""
    if text.isascii():
        signs = text[start:end].encode("ascii").translate(_SIGNS).decode("ascii")
        return [(start + run.start(), start + run.end()) for run in _ASCII_RUN.finditer(signs)]
    return [run.span() for run in _RUN.finditer(text, start, end)]


type Run = tuple[int, int, str, bool, int]
"""A candidate: where it stands; its digits; whether these and signs are all there is, no letter and
no extension; and the most digits that a part of it has."""


def _stands_alone(text: str, first: int, last: int) -> bool:
    """True where nothing in or around the candidate says that it is something else.

    In doubt False: these are checks of the library's matcher, which then makes them itself.
    """
    candidate = text[first:last]
    return not (
        _PUB_PAGES.search(candidate)
        or _SLASH_SEPARATED_DATES.search(candidate)
        or _TIME_STAMPS.search(candidate)
        or not _MATCHING_BRACKETS.fullmatch(candidate)
        or (last < len(text) and _GLUED.match(text[last]))
        or (first and not _LEAD_PATTERN.match(candidate) and _GLUED.match(text[first - 1]))
    )


def _bare(candidate: str) -> str:
    """The candidate without a bracket that only stands before it."""
    return candidate.lstrip("([ -") if _OPENED.fullmatch(candidate) else candidate


def _is_other(text: str, first: int, last: int) -> bool:
    """True for what is said to be a number of a thing, or looks like figures: a word must speak for it."""
    return _otherwise(text, first) or _figures(text, first, last)


def _otherwise(text: str, first: int) -> bool:
    return _SAID_OTHERWISE.match(text, max(0, first - 24), first) is not None


def _figures(text: str, first: int, last: int) -> bool:
    """True for measures, a place on a map, a version or bytes in the shape of a number."""
    candidate = text[first:last]
    if _NUMBERS.search(candidate):
        return True
    wider = text[max(0, first - 1) : last]
    if _PLACE.fullmatch(wider) or _PLACE.fullmatch(candidate) or _VERSION.fullmatch(wider):
        return True
    groups = candidate.split(" ")
    singles = sum(len(group) == 1 for group in groups)
    if singles >= _SINGLES and all(0 < len(group) <= 2 for group in groups):
        counted = groups == [str(number) for number in range(int(groups[0]), 10)]
        if singles < len(groups) or counted:
            return True
    if _BYTES.fullmatch(candidate) is None:
        return False
    return (
        _TIME_AFTER.match(text, last) is not None
        or _BYTE_AFTER.match(text, last) is not None
        or _BYTE_BEFORE.search(text, max(0, first - _BYTE_REACH), first) is not None
    )


def _digits_of(candidate: str) -> str:
    return _ascii("".join(_DIGITS.findall(candidate)))


def _ascii(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)
