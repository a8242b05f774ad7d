"""What stands in for a value that a tool checks? Something of the same form that is nobody's.

Law: a stand-in passes the checks of its kind, lies in a range that is reserved and given to nobody,
and is found again by its form. Where the range has room, it proves with a key that it is ours;
where it has not (phones, IPv4, dates, cards), the range itself is the mark: what lies there is
never taken for somebody's value.

Sources: RFC 2606 (`.example`), RFC 2544 and RFC 3849 (addresses for tests and documentation),
RFC 9562 §5.8 (UUIDv8), the North American Numbering Plan (555-0100 to 555-0199 are fictitious),
ISO/IEC 7812 (numbers that begin with 9 are given by nobody internationally).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

type Proof = Callable[[str, int, int], int]
"""(family, identity, bits) to the bits that prove it."""

type Proves = Callable[[str, int, int, int], bool]
"""(family, identity, proof, bits): whether it is one of ours."""

_LETTERS: Final = "bcdfghjkmnpqrstvwxyz"
_WORD: Final = 18
_WORD_BITS: Final = 64
_WORD_PROOF: Final = 13
DOMAIN: Final = "token.example"
FOLDER: Final = "leakgate"


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of stand-in.

    `make(value, seed, proof)` spells one from a number; `pattern` finds them in a text that holds
    one of `hints`; `ours` tells how many characters of a match are one, none when it is not ours.
    Over `joins` a number of somebody's may go on: what has digits beyond them is part of it.
    """

    name: str
    hints: tuple[str, ...]
    make: Callable[[str, int, Proof], str] = field(repr=False)
    pattern: re.Pattern[str] = field(repr=False)
    ours: Callable[[str, Proves], int] = field(repr=False)
    joins: str = ""


def _spelled(number: int) -> str:
    out = []
    for _ in range(_WORD):
        number, digit = divmod(number, len(_LETTERS))
        out.append(_LETTERS[digit])
    return "".join(out)


def _read(word: str) -> int:
    number = 0
    for letter in reversed(word):
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    return number


def _word(family: str, seed: int, proof: Proof) -> str:
    identity = seed % (1 << _WORD_BITS)
    return _spelled(identity << _WORD_PROOF | proof(family, identity, _WORD_PROOF))


def _word_is_ours(family: str, word: str, proves: Proves) -> bool:
    number = _read(word)
    identity, given = number >> _WORD_PROOF, number % (1 << _WORD_PROOF)
    return proves(family, identity, given, _WORD_PROOF)


# --- with proof ----------------------------------------------------------------------------------

_EMAIL = re.compile(rf"(?<![\w.+-])[{_LETTERS}]{{{_WORD}}}@{re.escape(DOMAIN)}(?![\w-])")


def _email(_value: str, seed: int, proof: Proof) -> str:
    return f"{_word('email', seed, proof)}@{DOMAIN}"


def _email_is_ours(text: str, proves: Proves) -> int:
    return len(text) * _word_is_ours("email", text.partition("@")[0], proves)


_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}\Z")
_PATH = re.compile(
    rf"(?<![\w/.-])(?:[A-Z]:)?/{FOLDER}/[{_LETTERS}]{{{_WORD}}}(?:\.[A-Za-z][A-Za-z0-9]{{0,4}}\b)?"
)


def _path(value: str, seed: int, proof: Proof) -> str:
    drive = value[:2] if re.match(r"[A-Z]:[\\/]", value) else ""
    found = _EXTENSION.search(value)
    kind = found[0] if found else ""
    # The proof covers the extension: what follows on a path without one is not taken for it.
    return f"{drive}/{FOLDER}/{_word(f'path{kind}', seed, proof)}{kind}"


def _path_is_ours(text: str, proves: Proves) -> int:
    stem, dot, kind = text.partition(".")
    word = stem.rpartition("/")[2]
    if dot and _word_is_ours(f"path.{kind}", word, proves):
        return len(text)
    return len(stem) * _word_is_ours("path", word, proves)


_UUID = re.compile(
    r"(?<![\w-])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-8[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    r"(?![\w-])"
)
_UUID_PROOF: Final = 24


def _uuid(value: str, seed: int, proof: Proof) -> str:
    identity = seed % (1 << 98)
    number = identity << _UUID_PROOF | proof("uuid", identity, _UUID_PROOF)
    high, middle, low = number >> 74, number >> 62 & 0xFFF, number & (1 << 62) - 1
    text = f"{high:012x}8{middle:03x}{low | 1 << 63:016x}"
    text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return text.upper() if value.upper() == value and value.lower() != value else text


def _uuid_is_ours(text: str, proves: Proves) -> int:
    digits = text.replace("-", "")
    high, middle = int(digits[:12], 16), int(digits[13:16], 16)
    number = high << 74 | middle << 62 | int(digits[16:], 16) & (1 << 62) - 1
    identity, given = number >> _UUID_PROOF, number % (1 << _UUID_PROOF)
    return len(text) * proves("uuid", identity, given, _UUID_PROOF)


_V6 = re.compile(r"(?<![\w:.])2001:[dD][bB]8(?::[1-9a-fA-F][0-9a-fA-F]{3}){6}(?![\w:])")
_V6_PROOF: Final = 24
_GROUP: Final = 0xF000
"""Groups run from 1000 to ffff, so that no tool writes an address shorter."""


def _groups(number: int) -> str:
    out = []
    for _ in range(6):
        number, group = divmod(number, _GROUP)
        out.append(f"{group + 0x1000:04x}")
    return ":".join(out)


def _v6(_value: str, seed: int, proof: Proof) -> str:
    identity = seed % (1 << 70)
    return "2001:db8:" + _groups(identity << _V6_PROOF | proof("v6", identity, _V6_PROOF))


def _v6_is_ours(text: str, proves: Proves) -> int:
    number = 0
    for group in reversed(text.split(":")[2:]):
        number = number * _GROUP + int(group, 16) - 0x1000
    return len(text) * proves("v6", number >> _V6_PROOF, number % (1 << _V6_PROOF), _V6_PROOF)


# --- by range alone ------------------------------------------------------------------------------

_V4 = re.compile(
    r"(?<![\w.])198\.1[89]\.(?:25[0-5]|2[0-4]\d|1?\d?\d)\.(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w]|\.\d)"
)


def _v4(_value: str, seed: int, _proof: Proof) -> str:
    number = seed % (1 << 17)
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


_CARD = re.compile(r"(?<![\w])9999(?:[ -]?\d{4}){3}(?![\w])")


def _luhn(digits: str) -> int:
    """The check digit that goes after `digits` (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, char in enumerate(reversed(digits)):
        digit = int(char) * (2 if position % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return -total % 10


def _card(value: str, seed: int, _proof: Proof) -> str:
    digits = f"9999{seed % 10**11:011d}"
    digits += str(_luhn(digits))
    between = " " if " " in value else "-" if "-" in value else ""
    return between.join(digits[at : at + 4] for at in range(0, 16, 4))


def _card_is_ours(text: str, _proves: Proves) -> int:
    digits = "".join(filter(str.isdigit, text))
    return len(text) * (str(_luhn(digits[:-1])) == digits[-1])


_PHONE = re.compile(
    r"(?<![\w+])(?:\+1[ -]?)?(?:\([2-9]\d\d\)|[2-9]\d\d)[ -]?555[ -]?01\d\d(?![\w]|-\d)"
)
# Area codes in use (NANPA): software that knows them takes no others.
_AREAS: Final = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240"
    " 248 251 252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314"
    " 315 316 317 318 319 320 321 323 330 334 336 337 339 347 351 352 360 361 386 401 402 404 405 406 407"
    " 408 409 410 412 413 414 415 417 419 423 425 432 434 435 440 443 478 479 480 501 502 503 504 505 507"
    " 508 509 510 512 513 515 516 517 518 520 530 540 541 551 559 561 562 563 567 570 571 573 574 580 585"
    " 586 601 602 603 605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 630 631 636 641 646"
    " 650 651 660 661 662 678 682 701 702 703 704 706 707 708 712 713 714 715 716 717 718 719 720 724 727"
    " 731 732 734 740 754 757 760 763 765 770 772 773 774 775 781 785 786 801 802 803 804 805 806 808 810"
    " 812 813 814 815 816 817 818 828 830 831 832 843 845 847 850 856 857 858 859 860 863 864 865 870 901"
    " 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 931 936 937 940 941 949 952"
    " 954 956 970 971 972 973 978 979 980 985 989"
).split()


def _phone(value: str, seed: int, _proof: Proof) -> str:
    number, last = divmod(seed, 100)
    area, line = _AREAS[number % len(_AREAS)], f"01{last:02d}"
    plain = value.lstrip("+").isdigit()
    if value.startswith("+"):
        return f"+1{area}555{line}" if plain else f"+1 {area}-555-{line}"
    if plain:
        return f"{area}555{line}"
    return f"({area}) 555-{line}" if "(" in value else f"{area}-555-{line}"


_DATE = re.compile(
    r"(?<![\w])(?:29\d\d(?:-\d\d-|\.\d\d\.|/\d\d/)\d\d"
    r"|\d\d(?:-\d\d-|\.\d\d\.|/\d\d/)29\d\d)(?![\w])"
)
_DATE_FIRST = re.compile(r"(\d{4})([-./])(\d{1,2})\2(\d{1,2})")
_DATE_LAST = re.compile(r"(\d{1,2})([-./])(\d{1,2})\2(\d{4})")
_CENTURY: Final = dt.date(2900, 1, 1).toordinal()
_CENTURY_DAYS: Final = dt.date(2999, 12, 31).toordinal() - _CENTURY + 1


def _date(value: str, seed: int, _proof: Proof) -> str:
    day = dt.date.fromordinal(_CENTURY + seed % _CENTURY_DAYS)
    first = _DATE_FIRST.fullmatch(value)
    if first is not None:
        return f"{day.year}{first[2]}{day.month:02d}{first[2]}{day.day:02d}"
    last = _DATE_LAST.fullmatch(value)
    between = last[2] if last else "-"
    if between == "/":  # both ways of reading it are a date
        return f"{day.month:02d}/{min(day.day, 12):02d}/{day.year}"
    return f"{day.day:02d}{between}{day.month:02d}{between}{day.year}"


def _always(text: str, _proves: Proves) -> int:
    return len(text)


FAMILIES: Final = (
    Family("email", (DOMAIN,), _email, _EMAIL, _email_is_ours),
    Family("path", (f"/{FOLDER}/",), _path, _PATH, _path_is_ours),
    Family("uuid", ("-8",), _uuid, _UUID, _uuid_is_ours),
    Family("v6", ("2001:db8:", "2001:DB8:"), _v6, _V6, _v6_is_ours),
    Family("v4", ("198.18.", "198.19."), _v4, _V4, _always),
    Family("card", ("9999",), _card, _CARD, _card_is_ours, joins=" -"),
    Family("phone", ("555",), _phone, _PHONE, _always, joins=" -./()"),
    Family("date", ("29",), _date, _DATE, _always, joins="-./"),
)
_HINTS: Final = tuple(hint for one in FAMILIES for hint in one.hints)
_BY_NAME: Final = {family.name: family for family in FAMILIES}
_ANY_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ANY_PATH = re.compile(r"(?:[A-Z]:)?(?:[\\/][\w .()+@~-]{1,255}){2,64}")
_ADDRESS = re.compile(r"[0-9.]+\Z")
_ADDRESS_6 = re.compile(r"[0-9a-fA-F:]+\Z")


def family(value: str, entity: str) -> Family | None:
    """The family of stand-ins for a value; None when there is none and a token has to do."""
    name = ""
    if entity == "EMAIL_ADDRESS":
        name = "email"
    elif entity == "CREDIT_CARD":
        name = "card"
    elif entity.endswith("PHONE_NUMBER"):
        name = "phone"
    elif _ANY_UUID.fullmatch(value):
        name = "uuid"
    elif _ANY_PATH.fullmatch(value):
        name = "path"
    elif entity == "IP_ADDRESS":
        if _ADDRESS.match(value):
            name = "v4"
        elif _ADDRESS_6.match(value):
            name = "v6"
    elif entity in {"DATE_TIME", "DATE_OF_BIRTH"} and (
        _DATE_FIRST.fullmatch(value) or _DATE_LAST.fullmatch(value)
    ):
        name = "date"
    return _BY_NAME.get(name)


def _is_hinted(text: str) -> bool:
    for hint in _HINTS:  # noqa: SIM110  # most texts end here: `any` takes three times as long
        if hint in text:
            return True
    return False


def find(text: str, proves: Proves) -> Iterator[tuple[int, int]]:
    """Where stand-ins of ours are in `text`."""
    if not _is_hinted(text):
        return
    for one in FAMILIES:
        if not any(hint in text for hint in one.hints):
            continue
        for found in one.pattern.finditer(text):
            size = one.ours(found[0], proves)
            if size and not _goes_on(text, *found.span(), one.joins):
                yield found.start(), found.start() + size


_JOINED: Final = 2
"""Characters that may stand between two groups of one number, as in `+49 (212) 555-0123`."""


def _goes_on(text: str, start: int, end: int, joins: str) -> bool:
    """Whether the number at `start:end` is part of a longer one.

    INVARIANT: what is taken for a stand-in hides from detectors, so it must not be inside a value.
    """
    before = text[max(0, start - _JOINED - 1) : start].rstrip(joins)
    after = text[end : end + _JOINED + 1].lstrip(joins)
    return bool(joins) and (before[-1:].isdigit() or after[:1].isdigit())


def looks_like(text: str) -> bool:
    """Whether anything in `text` has the form of a stand-in."""
    return _is_hinted(text) and any(
        one.pattern.search(text) is not None
        for one in FAMILIES
        if any(hint in text for hint in one.hints)
    )
