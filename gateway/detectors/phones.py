"""Which runs of digits are phone numbers? Law: what `phonenumbers` finds, and nothing else, found
without asking it about every run of digits for every region.

Presidio's recognizer walks the text once per region. Here only runs of digits in the shape of a number are
looked at; what a region's numbering plan cannot hold is not parsed for it;
and the first region that takes a whole candidate ends the search, because all regions give the
same confidence and a shorter match inside a longer one is dropped anyway. Numbers of fewer than
seven digits (German local numbers) are left out: any number in any text is one. So are dates,
Internet addresses, card numbers and numbers in the shape of a US social security number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import regex
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberMatcher

from gateway.detectors.cards import is_card
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.probes import Raw, matches

MIN_DIGITS = 7

# Separators as in phonenumbers' own candidate pattern: at most four of them between digits.
_BETWEEN = r"[-x\u2010-\u2015\u2212\u30FC\uFF0D-\uFF0F \u00A0\u00AD\u200B\u2060\u3000()\uFF08\uFF09\uFF3B\uFF3D.\[\]/~\u2053\u223C]"
# In the flat text every separator outside ASCII is a space, `_` or U+0001.
_FLAT_SHAPE = rf"\d(?:[-x ()./\[\]~_\x01]{{0,4}}\d){{{MIN_DIGITS - 1}}}"
# The first seven digits with what stands between them, and up to two brackets or signs.
_BEFORE = 7 + 6 * 4 + 2 * 5
# The library's candidate pattern without its extensions: at most twenty further groups of at most
# twenty digits.
_RUN = regex.compile(
    rf"(?:[(\[\uFF08\uFF3B+\uFF0B]{_BETWEEN}{{0,4}}){{0,2}}"
    rf"\d{{1,20}}(?:{_BETWEEN}{{0,4}}\d{{1,20}}){{0,20}}",
    regex.IGNORECASE,
)
# Where the library looks for a number within a candidate that is none: after (and before the
# first) separator of one kind.
_INNER = tuple(
    regex.compile(pattern)
    for pattern in (
        r"/+(.*)",
        r"(\([^(]*)",
        r"(?:\s-|-\s)\s*(.+)",
        r"[\u2012-\u2015\uFF0D]\s*(.+)",
        r"\.+\s*([^.]+)",
        r"\s+(\S+)",
    )
)

# Shapes that are something else, whatever a numbering plan says: a date, an Internet address, a US
# social security number, a US postal code, a decimal fraction.
_OTHER = regex.compile(
    r"(?:19|20)\d\d([-./])[01]\d\1[0-3]\d(?: +[0-2]?\d)?"
    r"|[0-3]?\d([-./])[0-3]?\d\2(?:19|20)\d\d(?: +[0-2]?\d)?"
    r"|(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:/\d\d?)?"
    r"|\d{3}-\d{2}-\d{4}"
    r"|\d{5}-\d{4}|(?:\+ ?)?\d+\.\d+"
)
_EXTENSION_AHEAD = regex.compile(r"[ \u00A0\t]{0,3}[;,:.#~xXeEiIaAдｘｉ＃～]")
_NAME_BEFORE = regex.compile(r"\p{L}[-_]$")
_DIGITS = regex.compile(r"\d+")
_UNCERTAIN = regex.compile(r"[+\uFF0B\p{L}]")

EXTENSION = 48
"""Code points after the last digit that may hold an extension (`ext. 123`)."""


_NORTH_AMERICAN = (
    r"(?<![\w.+-])(?:(?:\+?1|001)[-. ]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])\d{3}[-. ]\d{4}"
    r"(?:(?: ?x| ext\.? ?)\d{1,5})?(?![\w-])(?!\.\d)"
)
_INTERNATIONAL = (
    r"(?<![\w+])\+[1-9]\d{0,2}[-. ]?(?:\(\d{1,4}\)[-. ]?)?\d{2,4}(?:[-. ]?\d{2,4}){2,4}"
    r"(?:x\d{1,5})?(?![\w-])(?!\.\d)"
)
SHAPES = (_NORTH_AMERICAN, _INTERNATIONAL)
"""Writings that say by themselves that a number is a phone number. Numbers in them need not be
assigned: a mistyped, new or made-up number is somebody's number to whoever wrote it down."""


class PhoneProbe:
    """Numbers of some regions, as a recognizer of Presidio's defines them.

    `accept` is asked about each number that was found (a `phonenumbers.PhoneNumber`). `worth`
    tells whether a candidate would be reported without a context word; one that would not is
    looked at only where there is one.
    """

    reach = 96

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
        self.expressions = (Expression(_FLAT_SHAPE, regex.IGNORECASE, _BEFORE),)
        self._regions = tuple(regions)
        self._leniency = leniency
        self._confidence = confidence
        self._accept = accept
        self._worth = worth
        for region in regions:
            _plan(region)  # loads the region's data now, not with the first text

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Numbers that start in `text[start:end]`."""
        for run in matches(_RUN, text, start, end, reach=self.reach):
            candidate = run[0]
            count = sum(map(str.isdecimal, candidate))
            if count < MIN_DIGITS:
                continue
            if not self._worth(candidate) and not around.speaks(
                self.vocabulary, run.start(), run.end()
            ):
                continue
            if _OTHER.fullmatch(candidate) or (count >= 12 and is_card(candidate)):
                continue
            regions = self._possible(candidate)
            if not regions:
                continue
            # The matcher looks at the character before a candidate.
            ahead = EXTENSION if _EXTENSION_AHEAD.match(text, run.end()) else 4
            left, right = max(0, run.start() - 1), min(len(text), run.end() + ahead)
            window = text[left:right]
            first, last = run.start() - left, run.end() - left
            spans: set[tuple[int, int]] = set()
            for region in regions:
                for match in _Matcher(window, region, leniency=self._leniency):
                    if match.start >= last:
                        break  # the next run's
                    if self._accept is None or self._accept(match.number):
                        spans.add((match.start, match.end))
                if any(begin <= first and stop >= last for begin, stop in spans):
                    break
            named = _NAME_BEFORE.search(text, max(0, run.start() - 2), run.start())
            for begin, stop in sorted(spans):
                if named and begin == first:
                    continue  # the version in `name-4.1-2025-04-14`
                if sum(map(str.isdecimal, window[begin:stop])) >= MIN_DIGITS:
                    yield Raw(left + begin, left + stop, self._confidence, self.entity, self)

    def _possible(self, candidate: str) -> list[str]:
        """The regions that could take the candidate, or what the matcher finds within it."""
        if _UNCERTAIN.search(candidate) is not None:
            return list(self._regions)
        pieces = {"".join(_DIGITS.findall(candidate))}
        for inner in _INNER:
            found = inner.search(candidate)
            if found is None:
                continue
            pieces.add("".join(_DIGITS.findall(candidate[: found.start()])))
            while found is not None:
                pieces.add("".join(_DIGITS.findall(found[1])))
                found = inner.search(candidate, found.start() + 1)
        numbers = [_ascii(piece) for piece in pieces if len(piece) >= MIN_DIGITS]
        return [
            region
            for region in self._regions
            if any(_plan(region).match(number) for number in numbers)
        ]


class _Matcher(PhoneNumberMatcher):
    """The library's matcher, without parsing what its region's numbering plan cannot hold."""

    def _parse_and_verify(self, candidate: str, offset: int) -> Any:
        # A plus sign calls any country; a letter sets off an extension or a carrier code.
        if _UNCERTAIN.search(candidate) is None:
            digits = "".join(_DIGITS.findall(candidate))
            if len(digits) < MIN_DIGITS:
                return None
            if not _plan(str(self.preferred_region)).match(_ascii(digits)):
                return None
        return super()._parse_and_verify(candidate, offset)


def _ascii(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)


@functools.cache
def _plan(region: str) -> regex.Pattern[str]:
    """A pattern that matches every run of digits that `region` can take for a number.

    These are: an international prefix and whatever follows; or a country code, then a national
    prefix, each if present, and then digits of one of the region's ranges.
    """
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None:
        raise ValueError(f"`{region}` is no region that `phonenumbers` knows")
    kinds = (
        "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
        "voip", "pager", "uan", "voicemail",
    )  # fmt: skip
    # A number of any region with the same country code is a number: +1 is 25 countries.
    code = metadata.country_code or 0
    neighbours = [
        PhoneMetadata.metadata_for_region(name, None) for name in COUNTRY_CODE_TO_REGION_CODE[code]
    ]
    ranges = {
        description.national_number_pattern
        for neighbour in neighbours
        for kind in kinds
        if (description := getattr(neighbour, kind, None)) is not None
        and description.national_number_pattern
    }
    options = "|".join(f"(?:{pattern})" for pattern in sorted(ranges))
    prefix = metadata.national_prefix_for_parsing or ""
    if metadata.national_prefix_transform_rule is not None:
        prefix = r"\d{1,7}?"  # it captures parts of the number; any digits are more than enough
    trunk = f"(?:{prefix}){{0,2}}" if prefix else ""  # taken off with the country code, and after
    abroad = metadata.international_prefix or "00"
    return regex.compile(rf"(?:{abroad})\d|(?:{code})?{trunk}(?:{options})$")
