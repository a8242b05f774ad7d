"""Is a value near a word for a secret the secret? Law: a value is judged by its form and by at most `REACH`
code points beside it, so time grows with the text; none is judged without such a word near.

Rules find secrets in wordings that somebody thought of. Here a small model weighs what can be seen
of any value: what it is made of, where the word stands (`Passwort`, `mdp`, `PIN`), what stands
between, and what the words beside it mean (`secret_words.yaml`). It was trained by `training/secrets`;
its weights are `models/secrets.json`.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.detectors import secret_checks
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import Expression, word
from gateway.detectors.probes import Raw
from gateway.documents import Strict, load, read

NAME = "secret:judged"
"""The detector, as findings name it."""

REACH = 140
"""Code points before and after a value in which a word may stand that is about it."""

MOST = 200
"""Values that are judged in one window, which has up to 8 KB: a list of more is one for the rules."""

MODEL = Path(__file__).parent / "models" / "secrets.json"
_WORDS = Path(__file__).with_name("secret_words.yaml")

# --- words that tell of secrets ------------------------------------------------------------------

_KINDS = {
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
_SPELLED = (
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

_ROW_KIND = re.compile("|".join(f"(?P<{kind}>{rows})" for kind, rows in _ROWS.items()), re.IGNORECASE)
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
    for table in (_KINDS, _SCRIPTS):
        for kind, words in table.items():
            for each in _alternatives(words):
                sorts.setdefault(each[:2], {}).setdefault(kind, []).append(each)
    for first in _BEGINS_ROW:
        sorts.setdefault(first[:2], {})
    return {
        start: re.compile("|".join(f"(?P<{kind}>{'|'.join(words)})" for kind, words in kinds.items()))
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


_STRONG = frozenset({"phrase", "pin", "key", "password"})
_OPENED = ("opens",)

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
    | [\w-]+(?:[./][\w-]+)*\.(?:[a-z]{2,4}\d?|p12|html|json|yaml|toml|conf|java|jsonl|class|xlsx|docx|pptx|local|intern|internal|corp|example|invalid|test)(?::\d+)?
    | -{1,2}[A-Za-z][\w-]*(?:=.*)? | \$\{?\w+\}?.* | %\w+% | [A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+
    | [A-Z]{2,10}-?\d{1,8}(?:[-.]\d{1,4})? | [a-z]{1,3}\d{1,3}
    | 0x[0-9a-fA-F]+ | [0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7} | (?:[0-9a-fA-F]{2}[:-]){5,}[0-9a-fA-F]{2}
    | \d{1,3}(?:\.\d{1,3}){3}(?:[:/]\d+)? | &\w+;.* | \+?\d[\d-]{8,}
    | \d+(?:st|nd|rd|th|e|er|ème|º|ª)
    """
)
"""What is never taken for a secret: words, numbers with a unit, dates, addresses, files, references."""

_PIN = re.compile(r"\d{4,8}")
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
    r"(?i)(?:pass\w{0,5}|kennwort|o?auth|base|sha|md|utf|hmac|aes|rsa|tls|ssl|wpa|saml|ipv|http|pbkdf|bcrypt|scrypt|argon|rfc|iso|windows|win|office|python|java"
    r"|iphone|ipad|galaxy|gen|web|php|log4|k8s|i18n|x509|x86|mp|h26|es|vue|angular|mod|int|uint|float|str)[-_]?\d.*"
)


def _shape(value: str) -> str:
    """What the value is made of, in a word; empty for what is never a secret."""
    if value.isdecimal():
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


_SURE_FORMS = frozenset({"strong", "tossed", "paired", "drawn", "signs"})
_SOFT_FORMS = frozenset({"camel", "numbered", "small", "signed", "turning", "mixed", "words", "row"})


def group(shape: str) -> str:
    if shape.startswith("pin"):
        return "pin"
    if shape in _SURE_FORMS:
        return "sure"
    return "soft" if shape in _SOFT_FORMS else "doubtful"


class Cue(NamedTuple):
    """A word for a secret in the text."""

    start: int
    end: int
    kind: str


class Value(NamedTuple):
    """What may be a secret, by its form."""

    start: int
    end: int
    shape: str


def values(
    text: str, start: int, end: int, known: Sequence[tuple[int, int]] = ()
) -> Iterator[Value]:
    """What begins in `text[start:end]` and may be a secret, apart from what is `known`."""
    stop = min(len(text), end + 80)
    for match in _TOKEN.finditer(text, max(0, start - 80), stop):
        written = match[0]
        if written.isalpha() and (written.islower() or written[1:].islower() or written.isupper()):
            continue  # a word
        first, last = match.span()
        if last - first > _LONGEST_VALUE or any(a < last and first < b for a, b in known):
            continue
        if written[0] == "-" and (written[1] == "-" or written[1].isalpha()):
            continue  # an option of a command
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
        if text[first - 1 : first] == "=" or _ASSIGNED.search(text, max(0, first - 4), first):
            continue  # rules know assignments
        shape = _shape(value)
        if shape:
            yield Value(first, last, shape)
    around = text[max(0, start - REACH) : end + REACH]
    if "hrase" in around or "frase" in around:
        yield from _rows(text, start, stop)


_ASSIGNED = re.compile(r"[=:(\[{,]\s?[\"'`]$")
_RUN = re.compile(r"(?<![\w-])[a-zäöüß]{3,12}(?: [a-zäöüß]{3,12}){3,40}(?![\w-])")


def _rows(text: str, start: int, end: int) -> Iterator[Value]:
    """Words in a row that no sentence would have so: none of them has a meaning of its own."""
    meanings = _meanings()
    for run in _RUN.finditer(text, start, end):
        first, last, count = run.start(), run.start(), 0
        at = run.start()
        for each in [*run[0].split(" "), ""]:
            plain = each and each not in meanings and each not in _LITTLE and not _kind(each)
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


# --- what can be seen ----------------------------------------------------------------------------

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NAME = 48
"""Code points that a speaker's name and the time take at most."""
_SPEAKER = re.compile(
    r"(?:[\[(]?\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp][Mm])?[\])]?\s*)?(?:\[[^\]\n]{1,20}\]\s*)?<?[\w.@ -]{1,24}>?\s{0,2}:?\s*(?:\d\d:\d\d)?\s*"
)
_CALL = re.compile(r"\w\(|\w\.\w+\.\w")
_STATEMENT = re.compile(r"\s*(?:const|let|var|def|return|import|from|class|export|public|private|else|elif|try|@\w+)\b")


def _code_in(line: str) -> int:
    """How much of a line, or of a part of one, only code has."""
    signs = sum(map(line.count, _CODE_SIGNS)) + line.count(" = ")
    if "(" in line or "." in line:
        signs += len(_CALL.findall(line))
    return signs + (_STATEMENT.match(line) is not None)


_CODE_SIGNS = "{};<>\\_"
_LOG = re.compile(r"\d\d:\d\d:\d\d|\b(?:INFO|WARN|ERROR|DEBUG|TRACE)\b|^\s*[|+]")


@functools.cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    """The lists that a word stands in."""
    found: dict[str, list[str]] = {}
    for name, words in load(read(_WORDS), _Lists, source=_WORDS.name).lists.items():
        for each in words.split():
            found.setdefault(each, []).append(name)
    return {each: tuple(dict.fromkeys(names)) for each, names in found.items()}


class _Lists(Strict):
    lists: dict[str, str]


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
            found.append(Cue(start + first, start + last, "named" if _names(part, first, last) else kind))
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
    return before in _IDENTIFIES or after in _IDENTIFIES or (after == "." and text[last + 1 : last + 2].isalnum())


def _is_statement(text: str, first: int, last: int) -> bool:
    """`pass` of Python, on a line of its own."""
    return text[last : last + 1] in {"", "\n"} and not text[text.rfind("\n", 0, first) + 1 : first].strip()


_PLAIN, _ASCII = re.compile(r"[^\W\d_]+"), re.compile(r"[a-z]+")
_IDENTIFIES = frozenset("_$@/\\(&#1234567890")


def _steps(text: str, first: int, last: int) -> tuple[int, int, int]:
    """Words, ends of sentences and ends of lines between two places."""
    between = text[first:last]
    breaks = sum(map(between.count, (". ", "? ", "! ", ".\n", "?\n", "!\n")))
    return sum(each[-1].isalpha() or each[0].isalpha() for each in between.split()), breaks, between.count("\n")


def _far(words: int, breaks: int, lines: int) -> str:
    near = "0" if words == 0 else "1" if words < 3 else "3" if words < 6 else "6" if words < 12 else "far"
    return f"{near}{'.' * min(breaks, 1)}{'/' * min(lines, 2)}"


def seen(text: str, value: Value, cues: Sequence[Cue]) -> list[str]:
    """Everything that the model may weigh of a value, by name; empty where it cannot be a secret.

    `cues` are the words for secrets around, by place.
    """
    start, end, shape = value
    at = bisect.bisect_left(cues, (start,))
    before = next((c for c in reversed(cues[:at]) if c.end <= start and c.kind in _STRONG), None)
    after = next((c for c in cues[at:] if c.start >= end and c.kind in _STRONG), None)
    around = {c.kind for c in cues if c.end <= start or c.start >= end}
    of = group(shape)
    if before is None and after is None:
        if of == "pin":
            if "code" not in around:
                return []
        elif "login" not in around or of == "doubtful":
            return []
    line = text.rfind("\n", max(0, start - REACH), start) + 1
    line = max(line, start - REACH)
    stop = text.find("\n", end, end + REACH)
    stop = min(len(text), end + REACH) if stop < 0 else stop
    left, right = text[line:start], text[end:stop]
    code = _code_in(left) + _code_in(right)
    if code > 1:
        return []  # rules know code
    meanings = _meanings()
    size = end - start
    found = ["bias", f"shape={shape}", f"size={of}:{min(size // 3, 8)}"]
    # Where the words for secrets are.
    places, near = [], []
    for name, cue in (("before", before), ("after", after)):
        if cue is None:
            places.append(f"{name}=none")
            continue
        gap = (cue.end, start) if name == "before" else (end, cue.start)
        steps = _steps(text, *gap)
        far = _far(*steps)
        places.append(f"{name}={cue.kind}:{far}")
        found.append(f"{name}:{far}")
        found.append(f"{name}:{cue.kind}")
        if not steps[0]:
            near.append(name)
        if name == "before" and steps[2]:
            asked = "?" in text[cue.end : cue.end + 60].split("\n", 1)[0]
            found.append("asked" if asked else "over")
    found += places
    found += [f"{of}&{place}" for place in places]
    found += [f"has={kind}" for kind in around]
    # What stands directly beside it.
    sign = left.rstrip(" \t")[-1:]
    sign = sign if sign in _SIGNS else "a" if sign.isalnum() else "" if not sign else "?"
    spaced = left[-1:] in {" ", "\t", ""}
    found.append(f"sign={sign}{'_' if spaced else ''}")
    closing = right.lstrip(" \t")[:1]
    found.append(f"then={closing if closing in _SIGNS else 'a' if closing.isalnum() else '$' if not closing else '?'}")
    if of == "doubtful":
        found.append(f"doubtful&sign={sign}")
    # What the words around mean.
    words = _WORD.findall(left.lower())[-6:][::-1]
    later = _WORD.findall(right[:60].lower())[:4]
    direct = sign == "a" or (sign in ":#=-\"'`(" and spaced is False) or sign in "\"'`(:="
    for place, each in enumerate(words):
        where = "1" if place == 0 and direct else "2" if place < 3 else "4"
        for meaning in meanings.get(each, ("word",) if place == 0 else ()):
            found.append(f"<{where}{meaning}")
            if place == 0:
                found.append(f"{of}&<{where}{meaning}")
    for place, each in enumerate(later):
        where = "1" if place == 0 else "2"
        for meaning in meanings.get(each, ("word",) if place == 0 else ()):
            found.append(f">{where}{meaning}")
            if place == 0:
                found.append(f"{of}&>{where}{meaning}")
    if "before" in near:
        found.append("<1cue")
    # The line.
    alone = not left.strip(" \t>*-•\"'`") and not right.strip(" \t.!\"'`")
    if alone:
        found.append("alone")
    elif not left.strip(" \t>*-•\"'`"):
        found.append("first")
    elif ":" in left and len(left) < _NAME and _SPEAKER.fullmatch(left):
        found.append("said" if right.strip(" \t.!\"'`") else "said-alone")
    if alone or "said-alone" in found:
        found.append(f"{of}&alone")
    if code:
        found += ["code", f"{of}&code"]
    if _LOG.search(left):
        found.append("log")
    sentence = set(_WORD.findall(text[max(0, start - 90) : start].lower())) | set(later)
    if not sentence.isdisjoint(_DIGESTS) and _HEX.fullmatch(text, start, end):
        return []
    for meaning in {m for each in sentence for m in meanings.get(each, ()) if m in _OVERALL}:
        found.append(f"~{meaning}")
        if meaning == "opens" and of == "pin":
            found.append("pin~opens")
    if text.find(text[start:end], max(0, start - REACH), start) >= 0:
        found.append("again")
    return list(dict.fromkeys(found))


_DIGESTS = frozenset("sha md hash checksum digest fingerprint commit commits revision prüfsumme empreinte".split())
_HEX = re.compile(r"[0-9a-fA-F:]{7,}")
_OVERALL = frozenset({"rule", "lacking", "opens", "asked", "set", "use", "other", "user"})
_SIGNS = frozenset(":=-–—>/(\"'`,.+#„“«|?*&")


# --- the model -----------------------------------------------------------------------------------


class Judge:
    """What was learned: a weight for each thing that can be seen, and how sure is sure enough."""

    def __init__(self, weights: Mapping[str, float], least: Mapping[str, float]) -> None:
        self._weights = weights
        self._least = least

    @classmethod
    def load(cls, path: Path = MODEL) -> Judge:
        """The model that ships, or the one at `path`."""
        model = load(path.read_text(encoding="utf-8"), _Model, source=path.name)
        return cls(model.weights, model.least)

    def chance(self, found: Sequence[str]) -> float:
        """How likely a value is a secret of which this is `seen`, 0 to 1."""
        weights = self._weights
        return 1 / (1 + math.exp(-sum(weights.get(each, 0.0) for each in found)))

    def confidence(self, chance: float, shape: str) -> float:
        """What a finding is worth: 0 below what is sure enough for such a value."""
        least = self._least[group(shape)]
        if chance < least:
            return 0.0
        return LEAST + (MOST_SURE - LEAST) * (chance - least) / (1 - least)


LEAST, MOST_SURE = 0.55, 0.8
"""A word nearby is no proof: findings are worth about what those of the rules for sentences are."""


class _Model(Strict):
    weights: dict[str, float]
    least: dict[str, float]


def _expressions() -> tuple[Expression, ...]:
    """What the prefilter looks for: words for secrets. Those of other scripts it knows one by one."""
    words = [each for table in (_KINDS, _ROWS) for words in table.values() for each in _alternatives(words)]
    ends = [end for end, _ in _COMPOUNDS]
    written = "|".join([rf"\b(?:{'|'.join(words)})\b", *ends])
    spelled = frozenset(map(word, _SPELLED))
    return (
        Expression(written, re.IGNORECASE, REACH + _LONGEST, REACH),
        Expression("|".join(_SPELLED), 0, REACH + _LONGEST, REACH, words=spelled),
    )


_LONGEST = 40
"""Code points of the longest word for a secret."""


def about(cues: Sequence[Cue], value: Value) -> tuple[str, Sequence[Cue]]:
    """What a value would be, a password or a key, and the words near it; empty when none is about it.

    `cues` are by place. The nearest word of those that say something tells. A key is drawn, and no word.
    """
    first = bisect.bisect_left(cues, (value.start - REACH,))
    last = bisect.bisect_right(cues, (value.end + REACH,))
    near = cues[first:last]
    told = [cue for cue in near if cue.kind in _STRONG] or near
    if not told:
        return "", near
    nearest = min(told, key=lambda cue: max(cue.start - value.end, value.start - cue.end))
    if nearest.kind != "key":
        return "PASSWORD", near
    if value.shape in _KEYS or any(cue.kind in _PASSWORDS for cue in near):
        return "GENERIC_SECRET", near
    return "", near


_KEYS = frozenset({"drawn", "digest", "uuid", "tossed"})
_PASSWORDS = frozenset({"password", "phrase", "login"})


class JudgeProbe:
    """The judge, asked about values near words for secrets."""

    name = NAME
    entity = "PASSWORD"
    strongest = MOST_SURE
    vocabulary = Vocabulary(())

    def __init__(self, judge: Judge, disabled: frozenset[str] = frozenset()) -> None:
        self.expressions = _expressions()
        self._judge = judge
        self._disabled = disabled

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Secrets that start in `text[start:end]`, without those that rules have found."""
        if end - start < _SHORT and _is_code(text[start:end]):
            return
        cues = cues_in(text, max(0, start - REACH), min(len(text), end + REACH))
        if not any(cue.kind in _TELLING for cue in cues):
            return
        known = [each for each in around.secrets if each[0] < end and start < each[1]]
        for value in itertools.islice(values(text, start, end, known), MOST):
            entity, near = about(cues, value)
            if not entity or entity in self._disabled:
                continue
            told = seen(text, value, near)
            sure = self._judge.confidence(self._judge.chance(told), value.shape) if told else 0.0
            if sure and not is_placeholder(text, value):
                yield Raw(value.start, value.end, round(sure, 2), entity, self)


_TELLING = frozenset(_KINDS)
_SHORT = 700
"""Code points of a window around one word, or a few."""


def _is_code(text: str) -> bool:
    """So many signs that prose has not: rules know code."""
    return sum(map(text.count, "{};=_<>")) * 25 > len(text)


def is_placeholder(text: str, value: Value) -> bool:
    """A value that waits for a secret, or that everybody would write as an example."""
    written = text[value.start : value.end]
    if value.shape.startswith("pin"):
        return len(set(written)) == 1 or written in "123456789"
    return secret_checks.is_placeholder(written)


def probes(disabled: frozenset[str]) -> list[JudgeProbe]:
    """The judge, where what it finds is not `disabled`."""
    return [] if "PASSWORD" in disabled else [JudgeProbe(Judge.load(), disabled)]
