"""Which runs of digits are phone numbers? Law: what `phonenumbers` finds, and nothing else, found
without asking it about every run of digits for every region.

Presidio's recognizer walks the text once per region. Here the text is walked once, by the shape of
a candidate; a candidate that a region's numbering plan cannot hold is not offered to that region;
and the first region that takes a whole candidate ends the search, because all regions give the
same confidence and a shorter match inside a longer one is dropped anyway. Numbers of fewer than
seven digits (German local numbers) are left out: any number in any text is one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import phonenumbers
import regex
from phonenumbers import PhoneMetadata

from gateway.detectors.context import Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.probes import Raw, matches

MIN_DIGITS = 7

# Separators as in phonenumbers' own candidate pattern: at most four of them between digits.
_BETWEEN = r"[-x\u2010-\u2015\u2212\u30FC\uFF0D-\uFF0F \u00A0\u00AD\u200B\u2060\u3000()\uFF08\uFF09\uFF3B\uFF3D.\[\]/~\u2053\u223C]"
_SHAPE = rf"\d(?:{_BETWEEN}{{0,4}}\d){{{MIN_DIGITS - 1}}}"
# In the flat text every separator outside ASCII is a space, `_` or U+0001.
_FLAT_SHAPE = rf"\d(?:[-x ()./\[\]~_\x01]{{0,4}}\d){{{MIN_DIGITS - 1}}}"
_RUN = regex.compile(
    rf"(?:[(\[\uFF08\uFF3B+\uFF0B]{_BETWEEN}{{0,4}}){{0,2}}\d(?:{_BETWEEN}{{0,4}}\d){{{MIN_DIGITS - 1},}}"
    r"(?:[^\d\n]{0,20}\d{1,20})?"  # room for an extension
)
_PIECES = regex.compile(r"/+|(?=\()|\s-\s*|-\s+|[\u2012-\u2015\uFF0D]\s*|\.+\s*|\s+")
_DIGITS = regex.compile(r"\d")


class PhoneProbe:
    """Numbers of some regions, as a recognizer of Presidio's defines them.

    `accept` is asked about each number that was found (a `phonenumbers.PhoneNumber`).
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
    ) -> None:
        self.name = name
        self.entity = entity
        self.vocabulary = vocabulary
        self.expressions = (Expression(_FLAT_SHAPE, regex.IGNORECASE),)
        self._regions = tuple(regions)
        self._leniency = leniency
        self._confidence = confidence
        self._accept = accept

    def find(self, text: str, start: int, end: int) -> Iterator[Raw]:
        for run in matches(_RUN, text, start, end, reach=self.reach):
            # The matcher looks at one character before and a few after the candidate.
            left, right = max(0, run.start() - 1), min(len(text), run.end() + 4)
            window = text[left:right]
            spans: set[tuple[int, int]] = set()
            whole = (run.start() - left, run.end() - left)
            for region in self._regions:
                if not _possible(run[0], region):
                    continue
                for match in phonenumbers.PhoneNumberMatcher(
                    window, region, leniency=self._leniency
                ):
                    if self._accept is None or self._accept(match.number):
                        spans.add((match.start, match.end))
                if whole in spans:
                    break
            for first, last in sorted(spans):
                digits = sum(map(str.isdecimal, window[first:last]))
                if digits >= MIN_DIGITS:
                    yield Raw(left + first, left + last, self._confidence, self.entity, self)


def _possible(candidate: str, region: str) -> bool:
    """False only when neither the candidate nor a piece of it can be a number of `region`.

    The matcher tries the whole candidate, then pieces between separators of one kind. With a plus
    sign any region's number may follow, so all are possible.
    """
    if "+" in candidate or "\uff0b" in candidate:
        return True
    plan = _plan(region)
    whole = "".join(_DIGITS.findall(candidate))
    if plan(whole):
        return True
    pieces = [piece for piece in _PIECES.split(candidate) if piece]
    if len(pieces) < 2:
        return False
    digits = ["".join(_DIGITS.findall(piece)) for piece in pieces]
    # Any run of neighbouring pieces: a superset of what the matcher tries.
    for first in range(len(digits)):
        joined = ""
        for piece in digits[first : first + 8]:
            joined += piece
            if len(joined) >= MIN_DIGITS and plan(joined):
                return True
    return False


@functools.cache
def _plan(region: str) -> Callable[[str], bool]:
    """A test that is true for every run of digits that `region` could take as a number.

    True when the digits, without up to `spare` leading ones (country code, international or
    national prefix, carrier code) and without trailing ones (an extension), are in one of the
    region's number ranges; or when they begin like an international call.
    """
    metadata = PhoneMetadata.metadata_for_region(region, None)
    kinds = (
        "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number",
        "voip", "pager", "uan", "voicemail",
    )  # fmt: skip
    ranges = {
        description.national_number_pattern
        for kind in kinds
        if (description := getattr(metadata, kind, None)) is not None
        and description.national_number_pattern
    }
    options = "|".join(f"(?:{pattern})" for pattern in sorted(ranges))
    national = regex.compile(rf"\d{{0,7}}?(?:{options})\d{{0,20}}")
    abroad = regex.compile(rf"(?:{metadata.international_prefix or '00'}|00|011)\d")
    transform = metadata.national_prefix_transform_rule is not None

    def possible(digits: str) -> bool:
        digits = "".join(str(int(digit)) for digit in digits)
        return transform or bool(abroad.match(digits) or national.fullmatch(digits))

    return possible
