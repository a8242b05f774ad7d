"""What does a password, key or token look like? The rules in `rules/*.yaml`, read and checked.

Law: a rule that cannot be proved does not load. Each rule stands with texts that it finds (`hits`)
and texts that it leaves alone (`misses`); both are templates, so that no file of ours holds
anything in the shape of a live secret.
"""

from __future__ import annotations

import base64
import binascii
import collections
import functools
import json
import math
import random
import re
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import regex
from pydantic import Field, field_validator, model_validator

from gateway.documents import DocumentError, Marks, Problem, Strict, load, read
from gateway.model import Severity

_FOLDER = Path(__file__).with_name("rules")

NEAR_BEFORE, NEAR_AFTER = 120, 40
"""Code points around a match in which a word of `near` must stand."""

ALPHABETS: Mapping[str, str] = MappingProxyType(
    {
        "digit": string.digits,
        "upper": string.ascii_uppercase,
        "lower": string.ascii_lowercase,
        "alpha": string.ascii_letters,
        "alnum": string.ascii_letters + string.digits,
        "loweralnum": string.ascii_lowercase + string.digits,
        "upperalnum": string.ascii_uppercase + string.digits,
        "hex": "0123456789abcdef",
        "upperhex": "0123456789ABCDEF",
        "x": "x",
        "base32": string.ascii_uppercase + "234567",
        "base58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        "bech32": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        "base64": string.ascii_letters + string.digits + "+/",
        "urlsafe": string.ascii_letters + string.digits + "-_",
        "symbol": string.ascii_letters + string.digits + "!#%*^~",
    }
)
_BLANK = re.compile(r"<<(\w+):([^>]*)>>")


def expand(template: str, rng: random.Random) -> str:
    """Fill a template: `<<hex:32>>` is 32 random characters of an alphabet of `ALPHABETS`,
    `<<base64json:{"a":1}>>` is JSON as unpadded URL-safe base64. The rest stands for itself.

    Raises `ValueError` for an unknown alphabet.
    """

    def fill(blank: re.Match[str]) -> str:
        kind, argument = blank[1], blank[2]
        if kind == "base64json":
            return base64.urlsafe_b64encode(argument.encode()).decode().rstrip("=")
        if kind not in ALPHABETS or not argument.isdecimal():
            raise ValueError(f"unknown blank `{blank[0]}`; alphabets are {', '.join(ALPHABETS)}")
        alphabet, length = ALPHABETS[kind], int(argument)
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


class Rule(Strict):
    """One kind of secret.

    `regex` finds it (syntax of the `regex` module; group `value`, if there is one, is the secret).
    `head` finds where a long match begins: the prefilter sees no more than a line or two at once,
    so a rule whose shortest match is longer needs one. `near` lists words, one of which must stand near the match. `entropy` is the least Shannon
    entropy of the value in bits per character. `check` names a check of the value. A value that
    looks like a placeholder is no secret unless `placeholders` is true; nor is one that matches
    one of the expressions `not` as a whole. `reach` is the longest match in code points.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    entity: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    title: str
    regex: str
    head: str = ""
    near: tuple[str, ...] = ()
    entropy: Annotated[float, Field(ge=0, le=8)] = 0.0
    check: Literal["jwt", "mixed", "basic"] | None = None
    placeholders: bool = False
    exclude: Annotated[tuple[str, ...], Field(alias="not")] = ()
    confidence: Annotated[float, Field(gt=0, le=1)] = 0.95
    severity: Severity = Severity.CRITICAL
    groups: tuple[str, ...] = ()
    reach: Annotated[int, Field(ge=64, le=20_000)] = 512
    source: str = ""
    hits: Annotated[tuple[str, ...], Field(min_length=1)]
    misses: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("severity", mode="before")
    @classmethod
    def _severity(cls, value: object) -> object:
        name = str(value).upper()
        return Severity[name] if name in Severity.__members__ else value

    @field_validator("near")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.lower() for word in value)

    @model_validator(mode="after")
    def _compiles(self) -> Rule:
        for pattern in (self.regex, self.head, *self.exclude):
            try:
                compiled = regex.compile(pattern)
            except regex.error as error:
                raise ValueError(f"`{pattern}` is no regular expression: {error}") from None
        compiled = regex.compile(self.regex)
        if compiled.search(""):
            raise ValueError("`regex` matches nothing at all, so it would match everywhere")
        for template in (*self.hits, *self.misses):
            expand(template, random.Random(0))  # noqa: S311  # samples, no keys
        return self


class _File(Strict):
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


@functools.cache
def load_rules(folder: Path = _FOLDER) -> tuple[Rule, ...]:
    """All rules of all files, sorted by id. `DocumentError` tells every problem of all files."""
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        text = read(path)
        try:
            file = load(text, _File, source=path.name)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        marks = Marks(text, path.name)
        for index, rule in enumerate(file.rules):
            if rule.id in rules:
                problems.append(
                    marks.problem(("rules", index, "id"), f"rule `{rule.id}` exists already")
                )
            rules[rule.id] = rule
    if problems:
        raise DocumentError(problems)
    return tuple(rules[name] for name in sorted(rules))


# --- what is no secret ---------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"""(?ix)
    change[-_.]?(?:me|it|this) | place[-_]?holder | example | sample | dummy | redacted | masked
    | \b(?:your|my|the|some|any|new|old)[-_ ]?(?:own|secret|token|key|api|app|pass|client|access)
    | (?:secret|token|key|pass(?:word)?)[-_]?(?:here|goes|value|name|field|placeholder)\b
    | insert[-_] | replace[-_]?(?:me|this|with) | fill[-_]?(?:me|in) | not[-_]?(?:a|real|set) | fake
    | x{4,} | \*{3,} | \.{3,} | \#{4,} | _{5,} | -{5,} | \?{3,} | •{3,} | …
    | ^<.*>$ | ^\[.*\]$ | ^\{.*\}$ | ^\(.*\)$ | ^%.*%$ | ^@\w+@$
    | \$\{ | \$\( | \{\{ | \}\} | <%|%> | ^\$[A-Za-z_] | %\(\w+\)s | ^%[sdr]$ | ^\{\w*\}$
    | 0{8,} | 1{8,} | 1234567890 | ^12345678$ | abcdefgh | qwertyui | deadbeef | lorem | foobar
    | ^(?:none|null|nil|undefined|true|false|void|empty|unset|todo|tbd|n/?a|test|testing|string
        |password|passwort|passwd|secret|token|default|optional|required|hidden|unknown)$
    """
)


def is_placeholder(value: str) -> bool:
    """True for a value that stands where a secret will stand: `changeme`, `<key>`, `${KEY}`."""
    return len(set(value)) <= 3 or _PLACEHOLDER.search(value) is not None


def entropy(value: str) -> float:
    """Shannon entropy in bits per character; 0 for the empty text."""
    size = len(value)
    if not size:
        return 0.0
    counts = collections.Counter(value).values()
    return -sum(count / size * math.log2(count / size) for count in counts)


def _is_jwt(value: str) -> bool:
    """RFC 7515, section 4.1.1: the header is a JSON object and must have `alg`."""
    head = value.split(".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and isinstance(header.get("alg"), str)


def _is_basic(value: str) -> bool:
    """RFC 7617, section 2: base64 of `user:password`, neither empty."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    user, colon, password = text.partition(":")
    return bool(user and colon and password) and not is_placeholder(password)


_CODE = re.compile(
    r"""(?x)
    [()\[\]{}<>;,\s]                          # calls, indices, types
    | ^(?:[a-z_]\w*\.)+\w+$                   # attribute.access.path
    | ^[A-Za-z]+(?:[-_.][A-Za-z]+)*$          # words only: a name or an identifier, no secret
    | ^_*[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$        # THE_NAME_OF_A_CONSTANT
    | ^\d{1,7}$ | ^\d+\.\d+ | ^v?\d+(?:\.\d+)+$ | ^\d{4}-\d\d-\d\d
    | ^(?:https?|file|s3|arn|vault|ssm|op)[:/] | ^~?\.{0,2}[/\\]\w | ^--?[a-z]+$
    | ^(?:self|this|os|process|env|config|settings|request|req|args|params|props|ctx)[.\[>-]
    """
)


def _is_mixed(value: str) -> bool:
    """A password or token rather than code or a word: letters with digits or symbols."""
    if _CODE.search(value):
        return False
    kinds = (
        any(c.islower() for c in value)
        + any(c.isupper() for c in value)
        + any(c.isdigit() for c in value)
        + any(not c.isalnum() for c in value)
    )
    return kinds >= 2 and not (value.isdecimal() and len(value) < 12)


_CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {"jwt": _is_jwt, "mixed": _is_mixed, "basic": _is_basic}
)


class Matcher:
    """One rule, ready to run."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pattern = regex.compile(rule.regex)
        self._group: str | int = "value" if "value" in self.pattern.groupindex else 0
        self._exclude = tuple(regex.compile(pattern) for pattern in rule.exclude)
        self._check = _CHECKS[rule.check] if rule.check else None

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
        if rule.entropy and entropy(value) < rule.entropy:
            return None
        if not rule.placeholders and is_placeholder(value):
            return None
        if any(pattern.fullmatch(value) for pattern in self._exclude):
            return None
        if self._check is not None and not self._check(value):
            return None
        return start, end
