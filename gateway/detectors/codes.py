r"""Which runs of characters spell something else? Law: a run that is given back decodes as a whole,
and a text that has none costs nothing but the hints that the matcher looks for.

Codes that people and programs use now and then: numbers of characters, base85, uuencode, dumps of
bytes, Morse, rot13, text backwards, digits as words, `bob at example dot com`. What they make is
told by place only; `disguise` makes views of it.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator

from gateway.encodings.check_digits import luhn_fits

type Run = tuple[int, int, str]
"""`start:end` of the text stands for this."""

LONGEST = 60_000
"""Code points of a run that are decoded at most."""

# --- numbers of characters: 52 49 49, chr(52)+chr(49), String.fromCharCode(52,49) -------------------

_CODE = r"(?:3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])"
_CODES = re.compile(
    rf"(?<![\w.])(?:chr\(|char\(|)0?{_CODE}\)?(?:[ ,;+&.|/_-]{{1,3}}(?:chr\(|char\(|)0?{_CODE}\)?){{7,}}(?![\w(])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]+")


def decimal(text: str, start: int, end: int) -> Iterator[Run]:
    """Characters as their numbers in ASCII."""
    for match in _found(_CODES, text, start, end):
        codes = [int(number) for number in _NUMBER.findall(match[0])]
        yield match.start(), match.end(), "".join(map(chr, codes))


_BITS = re.compile(r"(?<![\w.])0[01]{7}(?:[ ,]{0,2}0[01]{7}){7,}(?![\w.])")
_EIGHT = re.compile("[01]{8}")


def binary(text: str, start: int, end: int) -> Iterator[Run]:
    """Characters of ASCII as their bits."""
    for match in _found(_BITS, text, start, end):
        plain = "".join(chr(int(bits, 2)) for bits in _EIGHT.findall(match[0]))
        if _is_text(plain):
            yield match.start(), match.end(), plain


# --- base85, uuencode, dumps ------------------------------------------------------------------------

_B85 = r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]"
# Four bytes of printable ASCII begin with `A` to `e` in base85, four of digits and dashes with `E`
# to `I`: 0x20202020 / 85**4 is 10.3, 0x7e7e7e7e / 85**4 is 40.7.
_B85_TEXT = rf"(?:[A-Za-e]{_B85}{{4}}){{4}}"
_B85_DIGITS = rf"(?:[E-I]{_B85}{{4}}){{2}}[E-I]{_B85}{{2}}"
_B85_RUN = re.compile(rf"{_B85}{{13,}}")
_B85_START = re.compile(rf"{_B85_TEXT}|{_B85_DIGITS}")
_A85_RUN = re.compile(r"<~([!-uz\s]{5,60000})~>")
_UU_RUN = re.compile(
    r"(?<![^\n])begin [0-7]{3} [^\n]{0,200}\n((?:[!-`][ -`]{1,84}\r?\n){1,1500})[` ]?\r?\n?(?:end)?"
)
_H2, _H4 = "[0-9a-fA-F]{2}", "[0-9a-fA-F]{4}"
_DUMP_BYTES = rf"(?:[ \t]{_H4}(?:[ \t]{_H4}){{0,7}}(?:[ \t]{_H2})?|[ \t]{{1,2}}{_H2}(?:[ \t]{{1,2}}{_H2}){{0,15}})"
_DUMP_LINE = re.compile(
    rf"^[ \t]{{0,8}}[0-9a-fA-F]{{4,8}}:?({_DUMP_BYTES})(?:[ \t]{{2,}}[^\n]{{0,40}}|[ \t]*)\r?(?:\n|\Z)",
    re.MULTILINE,
)


def base85(text: str, start: int, end: int) -> Iterator[Run]:
    """Base85 of text (RFC 1924's alphabet): such a run decodes to text by chance hardly ever."""
    for match in _found(_B85_RUN, text, start, end):
        run = match[0][:LONGEST]
        # A bracket or sign before the run is of the alphabet too.
        for first in (0, 1):
            if _B85_START.match(run, first):
                last, plain = _b85(run, first)
                if len(plain) >= _LEAST:
                    yield match.start() + first, match.start() + last, plain
                    break


def _b85(run: str, first: int) -> tuple[int, str]:
    """Where the text that begins at `first` ends, and what it is."""
    parts: list[str] = []
    while first < len(run):
        try:
            plain = base64.b85decode(run[first : first + 5]).decode("ascii")
        except ValueError:
            break
        if not plain or not _is_text(plain):
            break
        parts.append(plain)
        first = min(len(run), first + 5)
    return first, "".join(parts)


def ascii85(text: str, start: int, end: int) -> Iterator[Run]:
    """Ascii85 between `<~` and `~>`."""
    for match in _found(_A85_RUN, text, start, end):
        try:
            plain = base64.a85decode(match[1].encode("ascii")).decode("utf-8")
        except ValueError:
            continue
        yield match.start(), match.end(), plain


def uuencoded(text: str, start: int, end: int) -> Iterator[Run]:
    """The lines after `begin 644 name`."""
    for match in _found(_UU_RUN, text, start, end):
        data = b""
        for line in match[1].splitlines():
            try:
                data += binascii.a2b_uu(line)
            except ValueError:
                break
        yield match.start(1), match.end(1), data.decode("utf-8", "replace")


def dumped(text: str, start: int, end: int) -> Iterator[Run]:
    """What `xxd` and `hexdump -C` show: an offset, bytes, and perhaps the text beside them."""
    data, first, last = b"", -1, -1
    for line in _DUMP_LINE.finditer(text, start, min(len(text), end + LONGEST)):
        if line.start() != last:
            if first >= 0 and len(data) >= _LEAST:
                yield first, last, data.decode("utf-8", "replace")
            data, first = b"", line.start()
            if first >= end:
                return
        data += bytes.fromhex(line[1])
        last = line.end()
    if first >= 0 and len(data) >= _LEAST:
        yield first, last, data.decode("utf-8", "replace")


_LEAST = 8
"""Bytes that a dump has at least."""


# --- Morse, rot13, backwards ------------------------------------------------------------------------

_SIGNS = (
    "A.- B-... C-.-. D-.. E. F..-. G--. H.... I.. J.--- K-.- L.-.. M-- N-. O--- P.--. "
    "Q--.- R.-. S... T- U..- V...- W.-- X-..- Y-.-- Z--.. 0----- 1.---- 2..--- 3...-- "
    "4....- 5..... 6-.... 7--... 8---.. 9----. ..-.-.- @.--.-. --....- _..--.- /-..-. "
    "+.-.-."
)
_MORSE = {item[1:]: item[0] for item in _SIGNS.split()}
"""ITU-R M.1677-1, 1.1."""
_LEADERS = frozenset("EISH5TMO0")
_MORSE_RUN = re.compile(r"(?<![^\s'\"(])[.-]{1,6}(?:[ /|]{1,3}[.-]{1,6}){8,}(?![^\s'\"),;])")


def morse(text: str, start: int, end: int) -> Iterator[Run]:
    """Morse code of letters, digits and the signs of addresses."""
    for match in _found(_MORSE_RUN, text, start, end):
        signs = [_MORSE.get(code) for code in re.split(r"[ /|]+", match[0])]
        # Dots alone, or dashes alone, are leaders and rules.
        if None not in signs and not set(signs) <= _LEADERS:
            yield match.start(), match.end(), "".join(filter(None, signs))


_PREFIXES = (
    "AKIA", "ASIA", "AIza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "sk-ant-", "sk-proj-", "sk_live_", "rk_live_", "xoxb-", "xoxp-", "npm_", "pypi-", "dop_v1_",
    "shpat_", "SG.", "eyJhbGciOi", "hvs.",
)  # fmt: skip
"""How tokens of the largest vendors begin; what is hidden by turning is looked for by these."""
PREFIXES = "|".join(map(re.escape, _PREFIXES))
HEADS = "|".join(sorted({re.escape(prefix[:4]) for prefix in _PREFIXES if len(prefix) >= 4}))
"""Their first four characters."""
_BACK_SECRET = "|".join(re.escape(prefix[::-1]) for prefix in _PREFIXES)
_BACK_MAIL = (
    r"(?:moc|gro|ten|ude|vog|ku\.(?:oc|ca)|ed|rf|ti|se|ln|ue|oi)\.[a-zA-Z0-9.-]{2,60}@[\w.+-]{2,60}"
)
_BACK_WORDS = re.compile(
    rf"(?<![\w.@-])(?:[\w./+=-]{{10,200}}(?:{_BACK_SECRET})(?![\w-])|{_BACK_MAIL}(?![\w.@-]))"
)
_BACK_SIGNS = ("@", *(prefix[::-1] for prefix in _PREFIXES))
_BACK_NUMBERS = re.compile(
    r"(?<![\w.@-])(?:[0-9]{4}-[0-9]{2}-[0-9]{3}(?![\w-])"
    r"|[0-9]{13,19}(?![\w-]|\.[0-9])|[0-9]{1,7}(?:[ -][0-9]{4}){3}(?![\w-]|\.[0-9]))"
)
_LONG = 11
"""A reversed number up to so long is no card, but a US social security number."""
_TOGETHER = str.maketrans("", "", " -")
_TURNED_SECRET = "|".join(
    re.escape(codecs.encode(prefix, "rot13")) for prefix in _PREFIXES if prefix != "SG."
)
_TURNED = re.compile(
    rf"(?<![\w.@-])(?:(?:{_TURNED_SECRET})[\w./+=-]{{10,200}}"
    r"|[\w.+-]{2,60}@[a-zA-Z0-9.-]{2,60}\.(?:pbz|bet|arg|rqh|tbi|pb\.hx|qr|oe|vb|pu|ay|rh|nh)(?![\w@-]))"
)


def backwards(text: str, start: int, end: int) -> Iterator[Run]:
    """Numbers, addresses and tokens written from right to left.

    A number as long as a card's has to be one, by its check digit: it is not looked at otherwise.
    """
    found = [*_found(_BACK_NUMBERS, text, start, end)]
    near = text[max(0, start) : end + _NEAR]
    if any(sign in near for sign in _BACK_SIGNS):
        found = [*_found(_BACK_WORDS, text, start, end), *found]
    reached = 0
    for match in sorted(found, key=lambda each: each.start()):
        if match.start() < reached:
            continue
        reached, plain = match.end(), match[0][::-1]
        groups = plain.translate(_TOGETHER)
        if len(plain) <= _LONG or not groups.isdecimal() or luhn_fits([*map(int, groups)]):
            yield match.start(), reached, plain


def turned(text: str, start: int, end: int) -> Iterator[Run]:
    """Addresses and tokens in rot13."""
    for match in _found(_TURNED, text, start, end):
        yield match.start(), match.end(), codecs.encode(match[0], "rot13")


# --- words ------------------------------------------------------------------------------------------

_DIGITS = (
    "zero one two three four five six seven eight nine",
    "null eins zwei drei vier f\u00fcnf sechs sieben acht neun",
    "z\u00e9ro un deux trois quatre cinq six sept huit neuf",
    "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "zero uno due tre quattro cinque sei sette otto nove",
    "zero um dois tr\u00eas quatro cinco seis sete oito nove",
    "nul een twee drie vier vijf zes zeven acht negen",
)
_VALUES = {
    word: str(value) for line in _DIGITS for value, word in enumerate(line.split())
} | {"oh": "0", "fuenf": "5", "tres": "3", "ein": "1", "zwo": "2"}  # fmt: skip
_NUMERALS = "|".join(sorted(_VALUES, key=len, reverse=True))
_TIMES = r"(?:double|triple)\s{1,2}"
_SPELT = re.compile(
    rf"\b(?:{_TIMES})?(?:{_NUMERALS})"
    rf"(?:[\s,.\-\u2013/]{{1,4}}(?:dash |minus |hyphen )?(?:{_TIMES})?(?:{_NUMERALS})){{6,40}}\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?:(double|triple)\s+)?([^\W\d_]+)", re.IGNORECASE)
_MANY = {"": 1, "double": 2, "triple": 3}
_AT = (
    r"(?: ?[\[({<] ?(?:at|AT|\u00e4t|arroba|arobase|@) ?[\])}>] ?"
    r"| (?:at sign|at|AT|arroba|arobase|chiocciola|apenstaartje) )"
)
_DOT = (
    r"(?: ?[\[({<] ?(?:dot|DOT|punkt|point|punto|ponto|punt|\.) ?[\])}>] ?"
    r"| (?:dot|DOT|punkt|point|punto|ponto|punt|period|\.) )"
)
_ADDRESS = re.compile(
    rf"(?<![\w.@+-])[\w+-]{{1,40}}(?:(?:\.|{_DOT})[\w+-]{{1,40}}){{0,4}}{_AT}[\w-]{{1,40}}"
    rf"(?:(?:\.|{_DOT})[\w-]{{2,24}}){{1,4}}(?![\w@-])"
)
_SAID_AT, _SAID_DOT = re.compile(_AT), re.compile(_DOT)


def words(text: str, start: int, end: int) -> Iterator[Run]:
    """Digits as words, in the languages of Western Europe."""
    for match in _found(_SPELT, text, start, end):
        digits = [
            _VALUES.get(word.lower(), "") * _MANY[times.lower()]
            for times, word in _WORD.findall(match[0])
        ]
        yield match.start(), match.end(), "".join(digits)


def addresses(text: str, start: int, end: int) -> Iterator[Run]:
    """`bob at example dot com`, `bob [at] example [dot] com`."""
    for match in _found(_ADDRESS, text, start, end):
        said = match[0]
        at = _SAID_AT.search(said)
        # "Look at example.com" is none: there must be a bracket, or a dot that is said.
        if at is None or not ("dot" in said.lower() or at[0].strip().lower() != "at"):
            continue
        yield match.start(), match.end(), _SAID_DOT.sub(".", _SAID_AT.sub("@", said, count=1))


# --- addresses that go on in the next line or cell, letters for digits ------------------------------

BREAK = r"(?:['\x22]?[ \t]*[+\\=]?[ \t]*\r?\n[ \t>|#*]{0,12}['\x22]?|['\x22][ \t]*\+[ \t]*['\x22])"
"""The end of a line within a value: quoted in a mail or in a comment, continued in a program."""

CELL = r"['\x22]?[ \t]{0,8}[|;,\t][ \t]{0,8}['\x22]?"
"""What stands between two cells of a row."""

_ENDING = r"[A-Za-z0-9-]{1,40}(?:\.[A-Za-z0-9-]{1,40}){0,3}\.[A-Za-z]{2,12}(?![\w@-])"
_FOLDED = re.compile(
    rf"(?<![\w.@+-])[\w.+-]{{2,64}}@(?P<gap>{BREAK}|[ \t]{{0,8}}\|[ \t]{{0,8}}){_ENDING}"
)


def folded(text: str, start: int, end: int) -> Iterator[Run]:
    """An address whose line or cell ends in its `@`."""
    for match in _found(_FOLDED, text, start, end):
        first, last = match.span("gap")
        yield match.start(), match.end(), text[match.start() : first] + text[last : match.end()]


_LIKE_DIGITS = str.maketrans("lIOoSsBZ", "11005582")
_LEET = "[0-9lIOoSsBZ]"
_LEET_RUN = re.compile(
    rf"(?<![\w.-])(?:{_LEET}{{4}}(?P<by>[ -]?){_LEET}{{4}}(?P=by){_LEET}{{4}}(?P=by){_LEET}{{1,7}}"
    rf"|{_LEET}{{3}}-{_LEET}{{2}}-{_LEET}{{4}})(?![\w-])"
)


def leet(text: str, start: int, end: int) -> Iterator[Run]:
    """Numbers with letters in the place of some digits."""
    for match in _found(_LEET_RUN, text, start, end):
        plain = match[0].translate(_LIKE_DIGITS)
        left = sum(map(str.isdecimal, match[0]))
        if plain != match[0] and left >= (1 if len(match[0]) > _SHORT else _DIGITS_LEFT):
            yield match.start(), match.end(), plain


_SHORT, _DIGITS_LEFT = 11, 3
"""Of a number up to so long, so many digits stay as they are."""


def _found(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Matches that begin in `start:end`."""
    at, limit = max(0, start), min(len(text), end + LONGEST)
    # A search would go on through all that follows: most of what is found is short.
    near = limit if pattern in _OPEN else min(limit, end + _NEAR)
    while at < end:
        found = pattern.search(text, at, near)
        if found is not None and found.end() > near - _EDGE:
            found = pattern.search(text, at, limit)  # it may go on
        if found is None or found.start() >= end:
            return
        yield found
        at = max(found.end(), at + 1)


_NEAR, _EDGE = 500, 8
_OPEN = frozenset({_A85_RUN, _UU_RUN})
"""Runs that need their end to be found."""


def _is_text(plain: str) -> bool:
    return plain.isascii() and all(c.isprintable() or c in "\t\r\n" for c in plain)


type Finder = Callable[[str, int, int], Iterator[Run]]

PLAIN: dict[str, Finder] = {"ascii85": ascii85, "uuencode": uuencoded, "dump": dumped}
"""Codes that are sure to be meant: everything in them counts."""

GUESSED: dict[str, Finder] = {
    "codes": decimal, "binary": binary, "base85": base85, "morse": morse, "backwards": backwards, "rot13": turned,
    "words": words, "spoken": addresses, "folded": folded, "leet": leet,
}  # fmt: skip
"""Codes that other text may look like: what is found must prove itself."""

_FLAT_NUMERALS = re.sub(r"[^\x00-\x7f]", ".", _NUMERALS)
HINTS: tuple[tuple[str, str, bool], ...] = (
    ("codes", rf"(?:{_CODE}[ ,;+&.|/_-]{{1,3}}){{7}}{_CODE}", False),
    ("codes", rf"(?:(?:chr|char)\(0?{_CODE}\)[ ,;+&.|/_-]{{1,3}}){{3}}", True),
    ("binary", r"(?:0(?:1[01]|01)[01]{5}[ ,]{0,2}){8}", False),
    ("base85", rf"(?:^|[\s\"':,/.\\]|[^A-Za-e][(=<{{])(?:{_B85_TEXT}|{_B85_DIGITS})", False),
    ("ascii85", r"<~[!-uz]{5}", False),
    ("uuencode", r"begin [0-7]{3} ", False),
    ("dump", r"[0-9a-f]{4}:? {1,2}(?:[0-9a-f]{4} ){4}", True),
    ("dump", r"[0-9a-f]{4}:? {1,2}(?:[0-9a-f]{2} ){8}", True),
    ("morse", r"[.-]{1,6}(?:[ /|]{1,3}[.-]{1,6}){8}", False),
    ("backwards", rf"(?:{_BACK_SECRET})", False),
    ("backwards", r"(?:moc|gro|ten|ude|vog|ku\.(?:oc|ca)|ed|rf|ti|se|ln|ue|oi)\.[a-zA-Z0-9.-]{2,60}@", False),
    ("backwards", r"[^0-9-][0-9]{4}-[0-9]{2}-[0-9]{3}[^0-9-]", False),
    ("backwards", r"[0-9]{13}|[0-9]{4}(?:[ -][0-9]{4}){2}", False),
    ("rot13", rf"(?:{_TURNED_SECRET})[A-Za-z0-9_+/-]{{10}}", False),
    ("rot13", r"@[a-zA-Z0-9.-]{2,60}\.(?:pbz|bet|arg|rqh|tbi|pb\.hx|qr|oe|vb|pu|ay|rh|nh)", False),
    ("words", rf"(?:{_FLAT_NUMERALS})(?:[^A-Za-z]{{1,4}}(?:(?:double|triple) )?(?:{_FLAT_NUMERALS})){{3}}", True),
    ("folded", rf"[A-Za-z0-9]@(?:{BREAK}|[ \t]{{0,8}}\|)", False),
    ("leet", r"(?:[0-9][lIOoSsBZ]|[lIOoSsBZ][0-9]|[0-9]{4}[ -][lIOoSsBZ]{4})(?:[ -]?[0-9lIOoSsBZ]){6}", False),
    ("leet", r"(?:[0-9lIOoSsBZ][ -]?){7}(?:[0-9][lIOoSsBZ]|[lIOoSsBZ][0-9])", False),
    ("spoken", r"[a-z0-9] ?[\[({<] ?(?:[a?]t|arroba|arobase|@) ?[\])}>] ?[a-z0-9]", True),
    ("spoken", r"[a-z0-9] (?:at sign|arroba|arobase|chiocciola|apenstaartje) [a-z0-9]", True),
    ("spoken", r"[a-z0-9] at [a-z0-9-]{1,40}(?: dot | ?[\[({<] ?dot)", True),
)  # fmt: skip
"""Kind, what cannot be absent where there is one, whether in any case."""
