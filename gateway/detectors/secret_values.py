"""Which words of a text tell of secrets, and which values in it may be some? Law: found by form alone,
in time that grows with the text; whether a value is one is for `secret_judge`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.detectors import secret_checks
from gateway.documents import Strict, load, read

REACH = 140
"""Code points before and after a value in which a word may stand that is about it."""

_WORDS = Path(__file__).with_name("secret_words.yaml")

# --- words that tell of secrets ------------------------------------------------------------------

KINDS = {
    "phrase": r"passphras\w{1,3}|passfras\w{1,2}|phrases?",
    "pin": r"pins?|pin(?:code|kod|nummer)\w{0,2}|puk|passcodes?|combination|türcode|torcode|zugangscode|alarmcode|deurcode|dørkode|portkod\w{0,2}"
    r"|ovikoodi|kapukód",
    "key": r"secrets?|tokens?|schlüssel|keys?|clé|chiave|klucz|nyckel|sleutel|chave|apikeys?",
    "password": r"pass(?:words?|wor[dt]\w{1,2}|wort|wd)|pass|passes|passe|passord\w{0,3}|paswoord|pw|pws|pwd|pwds|psk|pwort|kennwort\w{0,2}|kennwörter\w?"
    r"|mdp|contraseñas?|contrasenas?|senhas?|parol[aăeyiä]\w{0,4}|wachtwoord\w{0,2}|ww|has[łl][oaeu]\w{0,2}|hes[l][oaeu]\w{0,2}"
    r"|lösen(?:ord\w{0,4})?|losenord\w{0,4}|adgangskode\w{0,2}|kodeord\w{0,2}|salasan\w{1,4}|jelsz[óoa]\w{0,3}|şifre\w{0,4}|sifre\w{0,4}|claves?",
    "login": r"log(?:in|on)s?|credentials?|creds|zugangsdaten|zugang|anmeld\w{1,3}|connecte[rz]?|identifiants?|credencia\w{2,4}|credenzial\w"
    r"|acced[ia]|accesso|acesso|inloggen|zaloguj|logga|logger|přihlas\w{0,2}|decrypt\w{0,3}|unzip|protected|encrypted|entsperr\w{1,2}"
    r"|entpack\w{1,3}|verschlüsselt\w{0,2}|chiffré|descifrar|protett[oa]|wifi|wlan|hotspot",
    "code": r"codes?|código|codice|kod(?:en)?|kód|kode[nr]?|kodu|koodi",
}
"""What tells of a secret, by kind: words as they stand. A `login` or a `code` says little by itself."""

_SCRIPTS = {
    "password": r"парол\w{1,3}|лозинка|κωδικ\w{1,3}|パスワード\w*|密码\w*|密碼\w*|口令\w*|비밀번호\w*|암호\w*",
    "login": r"вайфа\w{1,2}|логин\w{0,3}",
    "pin": r"пин\w{0,4}",
    "code": r"код\w{0,2}",
}
"""The same in other scripts, of which the prefilter knows words that it is told beforehand."""
SPELLED = (
    "пароль", "пароля", "паролем", "паролю", "паролi", "пароли", "лозинка", "κωδικός", "κωδικό", "パスワード", "密码", "密碼", "口令",
    "비밀번호", "암호", "вайфай", "вайфая", "логин", "пин", "код", "кода", "коду",
)  # fmt: skip

_ROWS = {
    "phrase": r"pass[ -]phrases?|(?:seed|recovery|secret|backup) phrase|phrase secrète"
    r"|frase (?:de (?:contraseña|paso|recuperación)|di accesso|segreta|secreta)",
    "pin": r"pin[ -](?:code|kod)|(?:access|entry|entrance|door|gate|alarm|security|master|unlock|safe|lock|lockbox|garage|keypad|service)"
    r"[ -](?:codes?|combination)",
    "key": r"(?:api|access|sign(?:ing)?|secret|private|encryption|shared|auth|licen[cs]e|webhook|client)[ -](?:key|token|secret)s?",
    "password": r"pass[ -](?:word|wort)|mots? de passe|palavras?[ -]passe|pre-?shared key|shared secret|secret word",
    "login": r"log(?:ged)?[ -](?:me |us )?(?:in|on)(?:to)?|sign(?:ed)?[ -]in|wi-fi|guest network",
}
"""The same, of several words."""

_ROW_KIND = re.compile(
    "|".join(f"(?P<{kind}>{rows})" for kind, rows in _ROWS.items()), re.IGNORECASE
)
_BEGINS_ROW = frozenset(
    """
    pass seed recovery secret backup frase pin access entry entrance door gate alarm security master unlock safe lock lockbox garage
    keypad service api sign signing private encryption shared auth license licence webhook client mot mots palavra palavras pre log logged
    signed wi guest
    """.split()
)
_COMPOUNDS = (("passwort", "password"), ("kennwort", "password"), ("schlüssel", "key"))
"""What German joins to other words, as the last of them."""


_COMPOUND = 10
"""Letters that such a word has at least."""


def _alternatives(pattern: str) -> list[str]:
    """The alternatives of a pattern, those within brackets left together."""
    found, depth = [""], 0
    for character in pattern:
        depth += (character == "(") - (character == ")")
        if character == "|" and not depth:
            found.append("")
        else:
            found[-1] += character
    return [each for each in found if each]


def _by_start() -> Mapping[str, re.Pattern[str]]:
    """What tells the kind of a word, by the two letters that it begins with."""
    sorts: dict[str, dict[str, list[str]]] = {}
    for table in (KINDS, _SCRIPTS):
        for kind, words in table.items():
            for each in _alternatives(words):
                sorts.setdefault(each[:2], {}).setdefault(kind, []).append(each)
    for first in _BEGINS_ROW:
        sorts.setdefault(first[:2], {})
    return {
        start: re.compile(
            "|".join(f"(?P<{kind}>{'|'.join(words)})" for kind, words in kinds.items())
        )
        for start, kinds in sorts.items()
    }


_BY_START = _by_start()


def _kind(folded: str) -> str:
    """Of which kind a word in small letters is, if of any."""
    known = _BY_START.get(folded[:2])
    found = known.fullmatch(folded) if known is not None else None
    if found is not None:
        return found.lastgroup or ""
    if len(folded) >= _COMPOUND:
        for end, kind in _COMPOUNDS:
            if end in folded:
                return kind
    return ""


def written() -> str:
    """The expression of all words for secrets in Latin letters."""
    tables = (KINDS, _ROWS)
    words = [each for table in tables for some in table.values() for each in _alternatives(some)]
    ends = [end for end, _ in _COMPOUNDS]
    return "|".join([rf"\b(?:{'|'.join(words)})\b", *ends])


STRONG = frozenset({"phrase", "pin", "key", "password"})
"""Kinds that say by themselves what a value beside them is."""


class Cue(NamedTuple):
    """A word for a secret in the text."""

    start: int
    end: int
    kind: str


def cues_in(text: str, start: int, end: int) -> list[Cue]:
    """The words for secrets in `text[start:end]`, by place."""
    part = text[start:end]
    folded = part.lower()
    if len(folded) != len(part):  # a letter that has no small form of its own length
        folded = part
    kinds = {
        each: _kind(each)
        for each in set((_ASCII if folded.isascii() else _PLAIN).findall(folded))
        if each[:2] in _BY_START or len(each) >= _COMPOUND
    }
    told = [each for each, kind in kinds.items() if kind or each in _BEGINS_ROW]
    if not told:
        return []
    found: list[Cue] = []
    reached = 0
    for first, each in sorted(_places(folded, told)):
        last = first + len(each)
        if first < reached:
            continue
        kind = kinds[each]
        if each in _BEGINS_ROW:
            row = _ROW_KIND.match(folded, first)
            if row is not None and not folded[row.end() : row.end() + 1].isalnum():
                last, kind = row.end(), row.lastgroup or ""
        if kind and not (each == "pass" and _is_statement(part, first, last)):
            reached = last
            found.append(
                Cue(start + first, start + last, "named" if _names(part, first, last) else kind)
            )
    return found


def _places(text: str, words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where the words stand as a whole."""
    for each in words:
        at = text.find(each)
        while at >= 0:
            end = at + len(each)
            if not text[at - 1 : at].isalpha() and not text[end : end + 1].isalpha():
                yield at, each
            at = text.find(each, end)


def _names(text: str, first: int, last: int) -> bool:
    """A part of an identifier or of a path: what it names is a place, not a value."""
    before, after = text[first - 1 : first], text[last : last + 1]
    return (
        before in _IDENTIFIES
        or after in _IDENTIFIES
        or (after == "." and text[last + 1 : last + 2].isalnum())
    )


def _is_statement(text: str, first: int, last: int) -> bool:
    """`pass` of Python, on a line of its own."""
    return (
        text[last : last + 1] in {"", "\n"}
        and not text[text.rfind("\n", 0, first) + 1 : first].strip()
    )


_PLAIN, _ASCII = re.compile(r"[^\W\d_]+"), re.compile(r"[a-z]+")
_IDENTIFIES = frozenset("_$@/\\(&#1234567890")


# --- what words mean ------------------------------------------------------------------------------


class _Lists(Strict):
    lists: dict[str, str]


@functools.cache
def meanings() -> Mapping[str, tuple[str, ...]]:
    """The lists that a word stands in."""
    found: dict[str, list[str]] = {}
    for name, words in load(read(_WORDS), _Lists, source=_WORDS.name).lists.items():
        for each in words.split():
            found.setdefault(each, []).append(name)
    return {each: tuple(dict.fromkeys(names)) for each, names in found.items()}


# --- values --------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[^\s\"'`´“”„«»‘’()<>\[\]{},;|]{4,}")
_LONGEST_VALUE = 80

_LEAD = "*_:=–—-…>"
_TAIL = ".:…*"
_PREFIX = re.compile(r"[^\W\d_]{1,20}[:=]|[A-Za-z][\w.@-]{1,30}[/+](?=[^/+]{5,}$)")
"""What may be written to a value without a space: its name, or who logs in with it."""

_NEVER = re.compile(
    r"""(?x)
    _*[^\W\d_]+(?:[-_.:/’+&][^\W\d_]+)*_*[?!]*         # words only
    | [^\w]+ | \d{1,3}(?:[.,]\d+)*%? | \d+[.,:/]\d[\d.,:/]*\S{0,3}   # signs; decimals, times, dates, versions
    | \d{1,4}-\d{1,2}-\d{1,4}(?:T.*)? | v?\d+(?:\.[\dx]+)+\S*        # dates, versions
    | [~+<>≈±]?\d+(?:-\d+)?[-–]?[a-zA-Z%€$£°µ]{1,3}[.!?]? | \d+[-–][a-z]{2,}\w*  # numbers with units; 12-character
    | (?:https?|ftp|file|s3|git|ssh|ldaps?|jdbc|smb):.* | .*:// .* | www\..*
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+ | @.* | \#\w{1,12} | \#[a-z][\w./-]* | %[-+.\d]*[a-z]+
    | [a-z][a-z_.-]+={1,2}\S* | [A-Z_]+=\S* | [A-Za-z]\w*_\w*=.* | [A-Za-z]+=\d.* | .*--.*                  # settings, dashes
    | [~.]{0,2}[/\\].* | [A-Za-z]:[\\/].* | .*[/\\].*[/\\].*
    | [\w-]+(?:[./][\w-]+)*\.(?:[a-z]{2,4}\d?|p12|7z|html|json|yaml|toml|conf|java|jsonl|class|xlsx|docx|pptx|local|intern|internal|corp|example|invalid|test)(?::\d+)?
    | -{1,2}[A-Za-z][\w-]*(?:=.*)? | \$\{?\w+\}?.* | %\w+% | [A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+
    | [A-Z]{2,10}-?\d{1,8}(?:[-.]\d{1,4})? | [a-z]{1,3}\d{1,3}
    | 0x[0-9a-fA-F]+ | [0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7} | (?:[0-9a-fA-F]{2}[:-]){5,}[0-9a-fA-F]{2}
    | \d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)? | &\w+;.* | \+?\d[\d./:-]+
    | \d+(?:st|nd|rd|th|e|er|ème|º|ª)
    | .*(?:\\[&.-]|[\x00-\x1f]).* | \.(?:[A-Z]{2,}|[a-z]{2,16}) | .*~\d(?:/.*)?  # of manuals, terminals; endings
    | (?i:bug|bgo|bz|pkcs|issue|pr|gh|lp|closes)\#\d+ | [a-z][a-z+]*/\d{2,6}  # reports, standards
    | [\w+-]+/[\w.+-]+\.[a-z]{1,4} | \d+:\d[\w.+~-]* | .*\+(?:dfsg|deb|b)\d.*  # files, versions of packages
    | \d{1,2}-[A-Z][a-z]{2}-(?:\d\d|\d{4}) | [A-Z]\w+=[a-z]+ | ![a-z]+ | [a-z]+@[a-z]+
    | [a-z0-9]+(?:_[a-z0-9]+)+\* | [0-9A-F]{40} | rG[0-9a-f]{6,14}          # functions, fingerprints, commits
    """
)
"""What is never taken for a secret: words, numbers with a unit, dates, addresses, files, references."""

_LONG = re.compile(
    r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    r"|(?P<digest>[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{128})"
)
_SYMBOL = re.compile(r"[!#$&*?@^~%+=](?=.)|[!#$*?]$")
_FORM = re.compile(
    r"""(?x)
    (?P<model>[A-Z]{1,4}-?\d{2,5}[A-Za-z+]{0,4}(?:-[A-Z0-9]{1,2})?)
    | (?P<hex>(?=.*\d)(?:[0-9a-f]{7,15}))
    | (?P<numbered>[A-ZÄÖÜ][a-zäöüéß]{2,14}\d{2,8})
    | (?P<numbered1>[A-Z][a-z]{2,14}\d)
    | (?P<small>[a-zäöüé]{3,24}\d{2,8})
    | (?P<small1>[a-z]{3,24}\d)
    | (?P<shout>[A-Z]{3,16}\d{1,6})
    | (?P<snake>[A-Za-z]+\d*(?:_[A-Za-z0-9]+)+)
    | (?P<dotted>[A-Za-z]+\d*(?:\.[A-Za-z]+\d*)+)
    | (?P<dashed>[A-Za-z]+\d*(?:-[A-Za-z0-9]+)+)
    | (?P<slash>[^/]+/.*)
    | (?P<colon>[^:]+:.*)
    | (?P<camel>[A-Za-z]?[a-z]+(?:[A-Z][a-z]+)+\d{0,4})
    """
)
"""Names have these forms more than passwords do."""

_TECHNICAL = re.compile(
    r"(?i)(?:\d?pass\w{0,5}|kennwort|o?auth|base|sha|md|utf|hmac|aes|rsa|tls|ssl|wpa|saml|ipv|http|pbkdf|bcrypt|scrypt|argon|rfc|iso|windows|win|office|python|java"
    r"|iphone|ipad|galaxy|gen|web|php|log4|k8s|i18n|x509|x86|mp|h26|es|vue|angular|mod|int|uint|float|str)[-_]?\d.*|1password.*"
)


_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


def _shape(value: str) -> str:
    """What the value is made of, in a word; empty for what is never a secret."""
    if value.isdecimal():
        if _YEAR.fullmatch(value):
            return "year"
        if _DAY.fullmatch(value) or (len(value) > 4 and not value.strip("01")):
            return ""  # nor what counts in twos
        return f"pin{len(value)}" if 4 <= len(value) <= 8 else ""
    if _NEVER.fullmatch(value):
        if secret_checks.is_phrase(value):
            return "row" if value.count("-") or value.count(".") > 2 else ""
        return _of_letters(value) if value.isalpha() and value.isascii() else ""
    if _TECHNICAL.fullmatch(value):
        return ""
    size = len(value)
    if size >= 32 and (long := _LONG.fullmatch(value)):
        return long.lastgroup or ""
    if size >= 16 and secret_checks.is_random(value):
        return "drawn"
    digits = any(map(str.isdigit, value))
    letters = any(map(str.isalpha, value))
    if not letters:
        return "signs" if size >= 6 else ""
    if _SYMBOL.search(value):
        return "strong" if digits else "signed"
    if secret_checks.is_paired(value):
        return "paired"
    form = _FORM.fullmatch(value)
    if form is not None:
        return form.lastgroup or ""
    if not digits:
        return "mixed" if value.isascii() else ""
    turns = len(_TURNS.findall(value))
    upper, lower = any(map(str.isupper, value)), any(map(str.islower, value))
    if upper and lower:
        if turns < 2:
            return "mixed"
        runs = _RUNS.findall(value)
        return "tossed" if sum(map(len, runs)) < len(runs) * _LONG_RUN else "camel"
    return "turning" if turns >= 3 else "coded"


_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_LONG_RUN = 2.7
"""Characters of a run of letters of one case, or of digits: names have longer ones than drawn text."""
_TURNS = re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)")


def _of_letters(value: str) -> str:
    """What letters alone are made of: `humps` are words joined, each with a capital."""
    if len(value) < _LETTERS or value.islower() or value.isupper() or value.istitle():
        return ""
    return "humps" if _HUMPS.fullmatch(value) else "words"


_LETTERS = 8
_HUMPS = re.compile(r"[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})+")


def _is_assigned(text: str, at: int) -> bool:
    """Does an assignment end at `at`? Rules know them."""
    return text[at - 1 : at] == "=" or _ASSIGNED.search(text, max(0, at - 4), at) is not None


class Value(NamedTuple):
    """What may be a secret, by its form."""

    start: int
    end: int
    shape: str


def values(
    text: str, start: int, end: int, known: Sequence[tuple[int, int]] = ()
) -> Iterator[Value]:
    """What begins in `text[start:end]` and may be a secret, apart from what is `known`, by place."""
    stop = min(len(text), end + _LONGEST_VALUE)
    passed = 0
    for match in _tokens(text, max(0, start - _LONGEST_VALUE), stop):
        written = match[0]
        if written.isalpha() and (written.islower() or written[1:].islower() or written.isupper()):
            continue  # a word
        first, last = match.span()
        while passed < len(known) and known[passed][1] <= first:
            passed += 1
        if last - first > _LONGEST_VALUE or (passed < len(known) and known[passed][0] < last):
            continue
        if written[0] == "-" and (written[1] == "-" or written[1].isalpha()):
            continue  # an option of a command
        if _MASKED.match(written) or _is_assigned(text, first):
            continue  # somebody took it out; or rules know it
        value = written.rstrip(_TAIL)
        last = first + len(value)
        value = value.lstrip(_LEAD)
        first = last - len(value)
        prefix = _PREFIX.match(value)
        if prefix is not None:
            rest = value[prefix.end() :].lstrip(_LEAD)
            if len(rest) >= 4:
                value, first = rest, last - len(rest)
        if value[-1:] == "?" and value[:-1].isalnum():
            value, last = value[:-1], last - 1
        if len(value) < 4 or not start <= first < end or text[last : last + 1] == "(":
            continue
        if _is_assigned(text, first):
            continue
        shape = _shape(value)
        if shape:
            yield Value(first, last, shape)
    around = text[max(0, start - REACH) : end + REACH]
    if "hrase" in around or "frase" in around:
        yield from _rows(text, start, stop)


def _tokens(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """What stands between spaces and quotes, but for lines that are code."""
    while start < end:
        cut = text.find("\n", start, end)
        stop = end if cut < 0 else cut
        line = text[start:stop]
        if code_signs(line) < _CODE + len(line) // 80:
            yield from _TOKEN.finditer(text, start, stop)
        start = stop + 1


def code_signs(text: str) -> int:
    """How many signs of code are in it."""
    return sum(map(text.count, _CODE_SIGNS))


_CODE_SIGNS = "{};<>\\_="
"""What stands in code, and hardly in what people tell each other; one or two may be in a value."""
_CODE = 3

_MASKED = re.compile(r"(?!\*+[^*]+\*+[.:!?…]*\Z).*[*#•]{4}")
"""Stars all around are no mask: Markdown writes in bold so, and a mask leaves one end, or both."""
_ASSIGNED = re.compile(r"[=:(\[{,]\s?[\"'`]$")
_RUN = re.compile(r"(?<![\w-])[a-zäöüß]{3,12}(?: [a-zäöüß]{3,12}){3,40}(?![\w-])")


def _rows(text: str, start: int, end: int) -> Iterator[Value]:
    """Words in a row that no sentence would have so: none of them has a meaning of its own."""
    known = meanings()
    for run in _RUN.finditer(text, start, end):
        first, last, count = run.start(), run.start(), 0
        at = run.start()
        for each in [*run[0].split(" "), ""]:
            plain = each and each not in known and each not in _LITTLE and not _kind(each)
            if plain:
                first, last, count = (first if count else at), at + len(each), count + 1
            else:
                if 4 <= count <= 12:
                    yield Value(first, last, "row")
                count = 0
            at += len(each) + 1


_LITTLE = frozenset(
    """
    the and for that this which who whom with from into they them their there then than have has had will would can could
    not but you your our his her its she him are was were all any one two also only just very more some such
    und der die das den dem des ein eine einen einer nicht auch nur noch wenn dass sie wir ihr man aus bei von vor
    les des une dans pour qui que sur pas est son ses mes nous vous los las del una para por con que
    """.split()
)
