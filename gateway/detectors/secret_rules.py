"""What does a password, key or token look like? The rules in `rules/*.yaml`, read and checked.

Law: a rule that cannot be proved does not load. Each rule stands with texts that it finds (`hits`)
and texts that it leaves alone (`misses`); both are templates, so that no file of ours holds
anything in the shape of a live secret.
"""

from __future__ import annotations

import base64
import functools
import random
import re
import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import regex
from pydantic import Field, ValidationInfo, field_validator, model_validator

from gateway.detectors import rule_files, secret_checks
from gateway.model import Severity

FOLDER = Path(__file__).with_name("rules")

NEAR_BEFORE, NEAR_AFTER = 120, 40
"""Code points around a match in which a word of `near` must stand."""

TOLD = 0.95
"""Rules at least so sure know a value by its form, not by the words around it."""

MARK = 3
"""A form that begins with so many characters of its own is looked for by these."""

# --- templates -----------------------------------------------------------------------------------

ALPHABETS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "digit": (string.digits, "[0-9]"),
        "upper": (string.ascii_uppercase, "[A-Z]"),
        "lower": (string.ascii_lowercase, "[a-z]"),
        "alpha": (string.ascii_letters, "[A-Za-z]"),
        "alnum": (string.ascii_letters + string.digits, "[A-Za-z0-9]"),
        "loweralnum": (string.ascii_lowercase + string.digits, "[a-z0-9]"),
        "upperalnum": (string.ascii_uppercase + string.digits, "[A-Z0-9]"),
        "hex": ("0123456789abcdef", "[0-9a-f]"),
        "upperhex": ("0123456789ABCDEF", "[0-9A-F]"),
        "anyhex": ("0123456789abcdef", "[0-9a-fA-F]"),
        "x": ("x", "x"),
        "base32": (string.ascii_uppercase + "234567", "[A-Z2-7]"),
        "base58": (
            "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
            "[1-9A-HJ-NP-Za-km-z]",
        ),
        "bech32": ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", "[02-9AC-HJ-NP-Z]"),
        "base64": (string.ascii_letters + string.digits + "+/", "[A-Za-z0-9+/]"),
        "urlsafe": (string.ascii_letters + string.digits + "-_", r"[\w-]"),
        "word": (string.ascii_letters + string.digits + "_", r"\w"),
        "symbol": (string.ascii_letters + string.digits + "!#%*^~", r"[\w!#%*^~]"),
    }
)
"""Name of an alphabet to its characters, and to the class that matches them."""

_BLANK = re.compile(r"<<(\w+):([^>]*)>>")
_LENGTH = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
_UUID = "<<hex:8>>-<<hex:4>>-<<hex:4>>-<<hex:4>>-<<hex:12>>"


def _blank(blank: re.Match[str]) -> tuple[str, int, int]:
    """Alphabet, least and greatest length of `<<hex:32>>` or `<<alnum:20-40>>`."""
    length = _LENGTH.fullmatch(blank[2])
    if blank[1] not in ALPHABETS or length is None:
        raise ValueError(f"unknown blank `{blank[0]}`; alphabets are {', '.join(ALPHABETS)}")
    return blank[1], int(length[1]), int(length[2] or length[1])


def expand(template: str, rng: random.Random) -> str:
    """Fill a template: `<<hex:32>>` is 32 random characters of an alphabet of `ALPHABETS`,
    `<<alnum:20-40>>` are 20 to 40, `<<base64json:{"a":1}>>` is JSON as unpadded URL-safe base64.
    The rest stands for itself.

    Raises `ValueError` for an unknown alphabet.
    """

    def fill(blank: re.Match[str]) -> str:
        if blank[1] == "base64json":
            return base64.urlsafe_b64encode(blank[2].encode()).decode().rstrip("=")
        name, least, most = _blank(blank)
        alphabet, length = ALPHABETS[name][0], rng.randint(least, most)
        # Every sample shows at least one character of each class that its alphabet has.
        classes = [
            group
            for group in (string.digits, string.ascii_uppercase, string.ascii_lowercase)
            if set(group) & set(alphabet)
        ]
        picked = [rng.choice([c for c in alphabet if c in group]) for group in classes[:length]]
        picked += [rng.choice(alphabet) for _ in range(length - len(picked))]
        rng.shuffle(picked)
        return "".join(picked)

    return _BLANK.sub(fill, template)


_NEIGHBOURS = {"urlsafe": r"\w-", "base64": r"\w+/", "symbol": r"\w!#%*^~"}
"""What a value of such an alphabet would go on in; others go on in word characters."""


def shape(template: str) -> str:
    """The expression of what `expand` makes of `template`, as a run of its own.

    Raises `ValueError` for an unknown alphabet.
    """
    parts, at, after = [], 0, r"\w"
    for blank in _BLANK.finditer(template):
        name, least, most = _blank(blank)
        parts.append(regex.escape(template[at : blank.start()]))
        members = ALPHABETS[name][1]
        parts.append(f"{members}{{{least}}}" if least == most else f"{members}{{{least},{most}}}")
        at = blank.end()
        after = _NEIGHBOURS.get(name, r"\w")
    if at < len(template):
        parts.append(regex.escape(template[at:]))
        after = r"\w" if template[-1].isalnum() else ""
    first = _BLANK.match(template)
    start = r"\b" if template[0].isalnum() else ""
    if first is not None:
        start = f"(?<![{_NEIGHBOURS[first[1]]}])" if first[1] in _NEIGHBOURS else r"\b"
    return start + "".join(parts) + (f"(?![{after}])" if after else "")


# --- rules ---------------------------------------------------------------------------------------

_GIVEN = (
    r"(?:"
    # A word that says what the value is, the rest of an identifier, and something that assigns.
    r"""[\w./\-\ \t\[\]"'`$(]{0,40}?"""
    r"(?:key|token|secret|pass|pwd|auth|cred|pat|dsn|jwt|licen[cs]e|salt|private|access|client"
    r"|account|signature|webhook|login|user|app|api|id|hash|code|sid)"
    r"""[\w.\-\]"'`\\)\ \t]{0,30}?"""
    r"(?:\s{0,3}(?:=>|:=|={1,3}|:{1,2}|,|\(|>|\bis\b)\s{0,3}|[\s-]{1,3})"
    # Or an identifier with the name, and a sign that assigns.
    r"""|[\w.\-]{0,30}[\\"'`\])]{0,3}\s{0,2}(?:=>|:=|=|:)\s{0,2}"""
    r")"
    r"""(?:(?:bearer|basic|token|value)\b[\s"':=]{1,6})?"""
    r"""[\\"'`<\[({]{0,3}"""
)
"""What stands between the name of a service and its key."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        # A sign or two as pictures are misread. English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Swedish, Danish and
        # Norwegian, Finnish, Czech, Hungarian, Romanian, Turkish.
        "password": r"pa5sw[o0]rd|secret word|pass(?:[_ -]?(?:w|vv)(?:[o0c]r)?d|wd|[_-]?phrase|[_-]?code|wort|ord)|\bp assword|pwd"
        r"|(?<![a-z])pw(?![a-z])|palavra[ _-]passe|parola(?:[ _]d.ordine|[ _]chiave)?|(?<![a-z])psk(?![a-z])"
        r"|pre-?shared[ _-]?key|shared[ _-]secret|kennwort|(?<![a-z])mdp(?![a-z])|mot[ _]de[ _]passe"
        r"|contrase[ñn]a|senha|salasana|wachtwoord|has[łl]o|heslo|l[öo]senord|adgangskode|jelsz[óo]"
        r"|[şs]ifre",
        # Last of all: `?=` of make, `||=` of Ruby, `??=` of JavaScript.
        # The stars are those of Markdown, before or behind the colon.
        "assigns": r"\*{0,2}\s{0,3}(?::{1,3}=|=>|={1,3}|:{1,3}|->|\?{1,2}=|\|\|=?)\*{0,2}\s{0,3}",
        # Not the secret, but something about it: `PASSWORD_POLICY`, `token_url`.
        "about": r"[_. -]?(?:policy|header|names?|ur[il]|endpoint|ttl|life|type|kind|backend|prefix|suffix|length"
        r"|count|file|path|dir|size|format|provider|algorithm|expir|timeout|version|store|manager|arn|ref\b)",
    }
)
"""Lists that the expressions of rules call by name: `(?&password)`."""


class Rule(rule_files.Identified):
    """One kind of secret.

    Either `regex` finds it (syntax of the `regex` module; group `value`, if there is one, is the
    secret), or `form` tells what it looks like, in templates. With `names` such a value counts
    only where an identifier, a setting or a sentence with one of these names gives it
    (`ACME_API_KEY=...`): for services whose keys have no mark of their own.

    `head` finds where a match begins: the prefilter sees no more than a line or two at once, so a
    rule whose shortest match is longer needs one, and a rule whose beginning is common is cheaper
    with one. `near` lists words, one of which must stand near the match. `entropy` is the least
    Shannon entropy of the value in bits per character. `check` names a check of the value
    (`secret_checks`). A value that looks like a placeholder is no secret unless `placeholders` is
    true; nor is one that matches one of the expressions `not` as a whole. With `titles` a value counts
    only under a heading that holds one of these words. `reach` is the longest
    match in code points. `groups` are those of the entity.

    `hits` and `misses` must be given unless `form` says what they are.
    """

    entity: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    title: str
    regex: str = ""
    form: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    head: str = ""
    near: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    entropy: Annotated[float, Field(ge=0, le=8)] = 0.0
    check: secret_checks.Name | None = None
    placeholders: bool = False
    exclude: Annotated[tuple[str, ...], Field(alias="not")] = ()
    confidence: Annotated[float, Field(gt=0, le=1)] = 0.95
    severity: Severity = Severity.CRITICAL
    groups: tuple[str, ...] = ("secret",)
    reach: Annotated[int, Field(ge=64, le=20_000)] = 512
    source: str = ""
    hits: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()

    @field_validator("severity", mode="before")
    @classmethod
    def _severity(cls, value: object) -> object:
        name = str(value).upper()
        return Severity[name] if name in Severity.__members__ else value

    @field_validator("form", "hits", "misses")
    @classmethod
    def _uuids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(template.replace("<<uuid>>", _UUID) for template in value)

    @field_validator("near", "titles", "names")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.lower() for word in value)

    @model_validator(mode="after")
    def _compiles(self, told: ValidationInfo) -> Rule:
        if told.context is rule_files.PROVED:
            return self
        if bool(self.regex) == bool(self.form):
            raise ValueError("give one of `regex` and `form`")
        if self.names and not self.form:
            raise ValueError("`names` needs `form`")
        for key in ("hits", "misses"):
            if not self.form and not getattr(self, key):
                raise ValueError(f"key `{key}` is missing: a rule is proved by what it finds")
        # What follows from a form is right by construction, and hundreds take seconds to compile.
        for pattern in (_spelled(self.regex), _spelled(self.head), *self.exclude):
            try:
                compiled = regex.compile(pattern)
            except regex.error as error:
                raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
            if self.regex and pattern == _spelled(self.regex) and compiled.search(""):
                raise ValueError("`regex` matches nothing at all, so it would match everywhere")
        for template in (*self.found(), *self.passed()):
            expand(template, random.Random(0))  # noqa: S311  # samples, no keys
        return self

    def pattern(self) -> str:
        """The expression that finds it."""
        if self.regex:
            return _spelled(self.regex)
        # The longest first: one form may begin as a shorter one does, which would leave the rest.
        value = "|".join(map(shape, sorted(self.form, key=_least, reverse=True)))
        if not self.names:
            return value if len(self.form) == 1 else f"(?:{value})"
        return f"(?i:{self._named()}{_GIVEN})(?P<value>{value})"

    def starts(self) -> str:
        """The expression of how a match begins, or the empty text where `pattern` says it."""
        if self.head or not self.form:
            return _spelled(self.head)
        if self.names:
            return f"(?i){self._named()}"
        beginnings = [_beginning(form) for form in self.form]
        return f"\\b(?:{'|'.join(beginnings)})" if all(beginnings) else ""

    def _named(self) -> str:
        names = (regex.sub(r"\\?[-_ .]", r"[-_ .]?", regex.escape(name)) for name in self.names)
        return f"(?:{'|'.join(names)})"

    def found(self) -> tuple[str, ...]:
        """Templates of texts in which the rule finds something."""
        hits = list(self.hits)
        for form in self.form:
            if self.names:
                for name in self.names:
                    snake = regex.sub(r"\W", "_", name).strip("_")
                    hits.append(f"{snake.upper()}_API_KEY={form}")
                    hits.append(f'"{snake}_secret_key": "{form}"')
            else:
                word = f"{self.near[0]} " if self.near else ""
                hits += [word + form, f'{word}export KEY="{form}"']
        return tuple(hits)

    def passed(self) -> tuple[str, ...]:
        """Templates of texts in which the rule finds nothing."""
        misses = list(self.misses)
        for form in self.form:
            if self.names:
                name = regex.sub(r"\W", "_", self.names[0]).strip("_").upper()
                misses += [f"checksum {form}", f"{name}_API_KEY=<your-key>"]
                misses.append(f'{name}_API_KEY = os.environ["{name}_API_KEY"]')
            else:
                misses.append(_BLANK.sub(_shortened, form))
                misses.append(_BLANK.sub(lambda b: f"<<x:{_blank(b)[1]}>>", form))
        return tuple(misses)


def _least(form: str) -> int:
    """Characters of the shortest value of `form`."""
    blanks = [_blank(found)[1] for found in _BLANK.finditer(form)]
    return len(_BLANK.sub("", form)) + sum(blanks)


def _beginning(form: str) -> str:
    """How a value of `form` begins, where it begins with a text of its own."""
    blank = _BLANK.search(form)
    own = form if blank is None else form[: blank.start()]
    if len(own) < MARK or not own[0].isalnum():
        return ""
    if blank is None or blank[1] not in ALPHABETS:
        return re.escape(own)
    name, least, _ = _blank(blank)
    return f"{regex.escape(own)}{ALPHABETS[name][1]}{{{min(least, MARK)}}}"


def _spelled(pattern: str) -> str:
    """`pattern` with the lists of `WORDS` in the place of their names."""
    return re.sub(r"\(\?&(\w+)\)", lambda name: f"(?:{WORDS[name[1]]})", pattern)


def _shortened(blank: re.Match[str]) -> str:
    name, least, _ = _blank(blank)
    return f"<<{name}:{least // 2}>>"


@functools.cache
def load_rules(folder: Path | None = None) -> tuple[Rule, ...]:
    """All rules of all files of `folder`, or of those that ship, sorted by id.

    `DocumentError` tells every problem of all files; of those that ship, tests ask for it.
    """
    return rule_files.read_rules(folder or FOLDER, Rule, proved=folder is None)


class Matcher:
    """One rule, ready to run."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._group: str | int = "value" if "(?P<value>" in rule.pattern() else 0
        self._exclude = tuple(regex.compile(pattern) for pattern in rule.exclude)
        self._check = secret_checks.CHECKS[rule.check] if rule.check else None
        # What has a service's form is that service's, even where it looks invented.
        told = bool(rule.form) or rule.confidence >= TOLD
        self._empty = secret_checks.is_blank if told else secret_checks.is_placeholder

    @functools.cached_property
    def pattern(self) -> regex.Pattern[str]:
        """Compiled when it is first wanted: most rules never meet a text that they are about."""
        return regex.compile(self.rule.pattern())

    def span(self, match: regex.Match[str], text: str) -> tuple[int, int] | None:
        """The secret within a match of `pattern` in `text`, or None when it is none."""
        start, end = match.span(self._group)
        if start < 0 or start == end:
            return None
        value = match[self._group]
        rule = self.rule
        if rule.near:
            around = text[max(0, match.start() - NEAR_BEFORE) : match.end() + NEAR_AFTER].lower()
            if not any(word in around for word in rule.near):
                return None
        if rule.entropy and secret_checks.entropy(value) < rule.entropy:
            return None
        if rule.names and not any(map(str.isdigit, value)):
            return None
        if not rule.placeholders and self._empty(value):
            return None
        if any(pattern.fullmatch(value) for pattern in self._exclude):
            return None
        if self._check is not None and not self._check(value):
            return None
        return start, end
