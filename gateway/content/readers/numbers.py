"""How does a sheet show a number? With the signs and zeros that the format of its cell puts in.

Law: every digit of the number stays, in its order; what is no whole number, and a format that rounds,
scales or says a time, is left as it is stored. ECMA-376, 18.8.30.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from xml.parsers import expat

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[(?P<bracket>[^\]]*)\]|(?P<skipped>[_*].)'
    r"|(?P<digit>[0#?])|(?P<end>;)|(?P<sign>[-+()/:$ ])|(?P<other>.)",
    re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<|>)(\d{1,15})")
_DIGITS = re.compile(r"[1-9]\d{0,17}")
_DATE = re.compile(r'(?i)(?=.*y)(?=.*[dm])(?:"[^"]*"|\\.|\[[^\]]*\]|[_*].|AM/PM|[-ymdhs/.,:;@ ])*')
_DATES = frozenset(
    {"14", "15", "17", "22", *map(str, range(27, 32)), "36", *map(str, range(50, 59))}
)
"""Formats that are known by number and are dates, those of East Asian languages included."""
_FIRST, _LAST = 61, 2_957_003
"""Days of dates; before March 1900 programs do not agree, and 9999 is the last year."""
_DAY_NONE, _DAY_NONE_1904 = date(1899, 12, 30), date(1904, 1, 1)
_SINCE_1904 = re.compile(rb"""<(?:\w+:)?workbookPr\b[^>]*?\sdate1904\s*=\s*["'](?:1|true|on)["']""")
_LEAST_ZEROS = 5
"""Zeros of a format that says how many digits there are: a postal code."""


@dataclass(frozen=True, slots=True)
class _Section:
    """Digits (`0`, `#`, `?`) and what stands between them, each a sign of its own.

    Used for numbers for which `compare` and `bound` hold.
    """

    signs: tuple[tuple[str, bool], ...]
    compare: str = ""
    bound: int = 0

    def fits(self, number: int) -> bool:
        """Is it the one for `number`?"""
        match self.compare:
            case "<=":
                return number <= self.bound
            case "<":
                return number < self.bound
            case ">=":
                return number >= self.bound
            case ">":
                return number > self.bound
        return True

    def fill(self, digits: str) -> str:
        """`digits` in their places, from the right."""
        left = len(digits)
        out: list[str] = []
        places = sum(is_digit for _, is_digit in self.signs)
        for sign, is_digit in reversed(self.signs):
            if not is_digit:
                out.append(sign)
                continue
            places -= 1
            first = left - 1 if places else 0
            if left > 0:
                out.append(digits[first:left])
                left = first
            elif sign == "0":
                out.append("0")
        return "".join(reversed(out)).strip()


type Format = Callable[[str], str]
"""Gives a stored number as it is shown."""


_USUAL = re.compile(
    r"\d{3}-\d\d-\d{4}|(?:\(\d{3}\) ?|\d{3}[-. ])?\d{3}[-. ]\d{4}|\d{5}(?:-\d{4})?|\d{4}-\d\d-\d\d"
    r"|\d{4}(?P<by>[- ])\d{4}(?P=by)\d{4}(?P=by)\d{4}|\d{4}(?P<of>[- ])\d{6}(?P=of)\d{5}"
)
"""How people write numbers: social security, telephones, postal codes, dates and cards."""


@functools.lru_cache(1 << 14)  # a column of dates has few
def read(stored: str, form: Format) -> str:
    """The number as it is shown; as it is stored as well, where a format of its own writing hides it.

    A format may put any words and digits between those of the number.
    """
    shown = form(stored)
    if shown == stored or _USUAL.fullmatch(shown):
        return shown
    return f"{shown} {stored}"


def _as_date(since: date, stored: str) -> str:
    """In the order of ISO 8601, whatever the format's own."""
    day = stored.partition(".")[0]
    if not _DIGITS.fullmatch(day) or not _FIRST <= int(day) <= _LAST:
        return stored
    return (since + timedelta(days=int(day))).isoformat()


def _in_sections(sections: Sequence[_Section], stored: str) -> str:
    if not _DIGITS.fullmatch(stored):
        return stored
    number = int(stored)
    fitting = (section.fill(stored) for section in sections if section.fits(number))
    return next(fitting, stored)


def formats(raw: bytes, workbook: bytes = b"") -> dict[str, Format]:
    """Styles of cells, by their number, that show other signs than are stored.

    `raw` is the part ``xl/styles.xml``; in one that cannot be read there are none. `workbook` is the
    part ``xl/workbook.xml``, which says when its days begin (ECMA-376, 18.2.28).
    """
    codes: dict[str, str] = {}
    styles: list[str] = []
    inside = False

    def start(qname: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        match qname.rpartition(":")[2]:
            case "numFmt":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            case "cellXfs":
                inside = True
            case "xf" if inside:
                styles.append(attributes.get("numFmtId", "0"))

    def end(qname: str) -> None:
        nonlocal inside
        inside = inside and qname.rpartition(":")[2] != "cellXfs"

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(raw, True)  # noqa: FBT003  # the signature of expat
    except expat.ExpatError:
        return {}
    return by_style(styles, codes, since_1904=_SINCE_1904.search(workbook) is not None)


def by_style(styles: list[str], codes: Mapping[str, str], *, since_1904: bool) -> dict[str, Format]:
    """The same for `styles` of cells that each name a format, by their place, and `codes` of formats."""
    since = _DAY_NONE_1904 if since_1904 else _DAY_NONE
    return dict(_by_style(styles, codes, functools.partial(_as_date, since)))


def _by_style(
    styles: list[str], codes: Mapping[str, str], as_date: Format
) -> Iterator[tuple[str, Format]]:
    known: dict[str, Format | None] = {}
    for number, name in enumerate(styles):
        if name not in known:
            is_date = name in _DATES and name not in codes
            known[name] = as_date if is_date else _of(codes.get(name, ""), as_date)
        found = known[name]
        if found is not None:
            yield str(number), found


def _of(code: str, as_date: Format) -> Format | None:
    """The format that `code` says; None for one that shows what is stored."""
    if _DATE.fullmatch(code):
        return as_date
    sections: list[_Section] = []
    signs: list[tuple[str, bool]] = []
    compare, bound = "", 0
    for token in _TOKEN.finditer(f"{code};"):
        match token.lastgroup:
            case "digit":
                signs.append((token[0], True))
            case "quoted" | "escaped" | "sign":
                said = token[token.lastgroup]
                signs.append((said, False))
            case "bracket":
                condition = _CONDITION.fullmatch(token["bracket"])
                if condition is not None:
                    compare, bound = condition[1], int(condition[2])
            case "end":
                sections.append(_Section(tuple(signs), compare, bound))
                signs, compare, bound = [], "", 0
            case "other":
                break  # it rounds, scales, or is no number
    # What comes after sections without a condition is for negative numbers and words.
    used = next((n for n, section in enumerate(sections, 1) if not section.compare), len(sections))
    sections = sections[:used]
    return functools.partial(_in_sections, tuple(sections)) if any(map(_adds, sections)) else None


def _adds(section: _Section) -> bool:
    """Does a section put signs between digits, or zeros before them?"""
    digits = [number for number, (_, is_digit) in enumerate(section.signs) if is_digit]
    if not digits:
        return False
    divided = digits[-1] - digits[0] + 1 > len(digits)
    return divided or sum(sign == "0" for sign, _ in section.signs) >= _LEAST_ZEROS
