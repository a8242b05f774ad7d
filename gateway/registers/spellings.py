"""In which spellings may the value of a cell be met? Told by the kind of its column.

Law: the first form is the value's own, by which it is counted; a cell that is not of its column's
kind is taken as it stands, and told.

| kind | spellings |
|---|---|
| `text` | as it stands |
| `name` | and with the last word, or what stands after a comma, first |
| `date` | day, month and year in every order and with the month's name, see `_months` |
| `phone` | international with `+` or `00`, national, without its zero |
| `number` | with separators of thousands or without, with `,` or `.`, with zeros behind it or without |
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator, Sequence
from typing import Literal

import phonenumbers

from gateway.registers.words import form_of, words_of

type Kind = Literal["text", "name", "date", "phone", "number"]
type Order = Literal["dmy", "mdy"]

# Months in the languages that the gateway tells apart, without accents.
_months = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar marz april mai juni juli august september oktober november dezember",
    "fr": "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre"
    " dicembre",
    "pt": "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
_OF = {"es": "de", "pt": "de"}

_ISO = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[T ]\d{2}:\d{2}.*)?")
_PARTS = re.compile(r"(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{4})")
_NUMBER = re.compile(r"([-+]?)(\d{1,3}(?:([.,' \u00a0\u202f])\d{3})(?:\3\d{3})*|\d+)(?:[.,](\d+))?")


def forms(value: str, kind: Kind, *, order: Order = "dmy", region: str | None = None) -> list[str]:
    """The forms of a cell, its own first; empty when it has no letter or digit."""
    return [form_of(words) for words in spellings(value, kind, order=order, region=region)]


def is_a(value: str, kind: Kind, *, order: Order = "dmy", region: str | None = None) -> bool:
    """Whether a cell is of the kind of its column."""
    match kind:
        case "date":
            return _date(value, order) is not None
        case "phone":
            return _phone(value, region) is not None
        case "number":
            return _NUMBER.fullmatch(value.strip()) is not None
        case "text" | "name":
            return True


def spellings(
    value: str, kind: Kind, *, order: Order = "dmy", region: str | None = None
) -> list[list[str]]:
    """The spellings of a cell as words, its own first."""
    own = words_of(value)
    if not own:
        return []
    more: Iterator[Sequence[str]] = iter(())
    match kind:
        case "text":
            return [own]
        case "name":
            more = _names(value, own)
        case "date":
            date = _date(value, order)
            if date is not None:
                return _unique([date.strftime("%Y%m%d")], _dates(date))
        case "phone":
            number = _phone(value, region)
            if number is not None:
                own, *rest = _phones(number)
                more = iter(rest)
        case "number":
            more = _numbers(value)
    return _unique(own, more)


def _unique(own: list[str], more: Iterator[Sequence[str]]) -> list[list[str]]:
    found = dict.fromkeys((tuple(own), *map(tuple, more)))
    return [list(one) for one in found]


def _names(value: str, own: Sequence[str]) -> Iterator[Sequence[str]]:
    head, comma, tail = value.partition(",")
    if comma:
        last, first = words_of(head), words_of(tail)
        yield [*first, *last]
    elif len(own) > 1:
        yield [own[-1], *own[:-1]]


def _date(value: str, order: Order) -> dt.date | None:
    text = value.strip()
    try:
        if (found := _ISO.fullmatch(text)) is not None:
            return dt.date(int(found[1]), int(found[2]), int(found[3]))
        if (found := _PARTS.fullmatch(text)) is not None:
            first, second, year = int(found[1]), int(found[2]), int(found[3])
            # Only what stands between slashes may have the month first.
            month_first = (order == "mdy" and "." not in text and first <= 12) or second > 12
            day, month = (second, first) if month_first else (first, second)
            return dt.date(year, month, day)
    except ValueError:
        pass
    return None


@functools.lru_cache(maxsize=100_000)
def _date_words(date: dt.date) -> tuple[tuple[str, ...], ...]:
    day, month, year = date.day, date.month, f"{date.year:04}"
    found: list[tuple[str, ...]] = [
        (year, f"{month:02}", f"{day:02}"),
        (f"{day:02}", f"{month:02}", year),
        (f"{month:02}", f"{day:02}", year),
        (f"{day}", f"{month}", year),
        (f"{month}", f"{day}", year),
        (year, f"{month:02}", f"{day:02}t00"),  # as programs write a date that has no time
    ]
    for language, names in _months.items():
        name = names.split()[month - 1]
        for number in dict.fromkeys((f"{day}", f"{day:02}")):
            found.append((number, name, year))
            if language == "en":
                short = name[:3]
                found += [(name, number, year), (number, short, year), (short, number, year)]
            if language in _OF:
                found.append((number, _OF[language], name, _OF[language], year))
    suffix = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    english = _months["en"].split()[month - 1]
    found += [(f"{day}{suffix}", english, year), (english, f"{day}{suffix}", year)]
    return tuple(found)


def _dates(date: dt.date) -> Iterator[Sequence[str]]:
    return iter(_date_words(date))


def _phone(value: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    text = value.strip()
    if text.startswith("00"):
        text = f"+{text[2:]}"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _phones(number: phonenumbers.PhoneNumber) -> Iterator[list[str]]:
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    yield [f"{code}{national}"]
    yield [f"00{code}{national}"]
    yield [national]
    shape = phonenumbers.PhoneNumberFormat.NATIONAL
    yield ["".join(re.findall(r"\d", phonenumbers.format_number(number, shape)))]
    # `+44 (0)20 …`
    yield [f"{code}0{national}"]


def _numbers(value: str) -> Iterator[Sequence[str]]:
    found = _NUMBER.fullmatch(value.strip())
    if found is None:
        return
    whole, part = re.sub(r"\D", "", found[2]), (found[4] or "").rstrip("0")
    yield [whole + part]
    if len(part) < 2:
        yield [whole + part.ljust(2, "0")]
