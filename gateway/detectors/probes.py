"""What is one pattern with everything that confirms it? Law: a probe finds the same in a window
of the text as in the whole text, as long as the window holds the match.

A probe is asked only about windows that the prefilter names. What it returns is raw: before
context, caps and the resolution of overlaps.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

import regex

from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.prefilter import EVERYWHERE, Expression, bounded, located, width, word
from gateway.detectors.secret_rules import Matcher

TIMEOUT = 2.0
"""Seconds that one pattern may take in one window of a few KB. Patterns take microseconds; what
reaches this is stuck."""

GROWTH = 20_000
"""Code points to which a window grows at most when a match reaches its end."""


class Raw(NamedTuple):
    """A confirmed match, before context; `settled` when its probe has asked the context itself."""

    start: int
    end: int
    confidence: float
    entity: str
    probe: Probe
    settled: bool = False


class Probe(Protocol):
    """A detector's pattern, or one that stands for several."""

    @property
    def name(self) -> str:
        """The detector, as findings and failures name it."""
        ...

    @property
    def entity(self) -> str:
        """What it reports."""
        ...

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """What the prefilter looks for."""
        ...

    @property
    def strongest(self) -> float:
        """The most that a raw match can be worth."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """Its context words."""
        ...

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`. Raises `TimeoutError` when a pattern is stuck."""
        ...


@functools.lru_cache(maxsize=16_384)
def _limits(pattern: regex.Pattern[str], within: int) -> dict[str, float]:
    """How long the pattern may take in so many code points. A clock costs more than most patterns
    do, and those that cannot get stuck need none.
    """
    quick = bounded(pattern.pattern, pattern.flags, within=within)
    return {} if quick else {"timeout": TIMEOUT}


def matches(
    pattern: regex.Pattern[str], text: str, start: int, end: int, *, reach: int
) -> list[regex.Match[str]]:
    """Matches of `pattern` that start in `text[start:end]`, each as long as in the whole text."""
    size = len(text)
    stop = min(size, end + reach)
    if stop - start <= LITTLE:
        # Most windows hold one match, or none.
        limits = _limits(pattern, LITTLE)
        match = pattern.search(text, start, stop, **limits)
        if match is None or match.start() >= end:
            return []
        if match.end() >= end and (match.end() < stop or stop == size):
            return [match]
    else:
        limits = _limits(pattern, EVERYWHERE)
    while True:
        found = []
        for match in pattern.finditer(text, start, stop, **limits):
            if match.start() >= end:
                break
            if match.end() == stop and stop < size and stop - end < GROWTH:
                break  # the window may have cut it short
            found.append(match)
            if match.end() >= end:
                return found  # the next one starts after the window
        else:
            return found
        if match.start() >= end:
            return found
        stop = min(size, stop + 4 * (stop - start))
        limits = _limits(pattern, EVERYWHERE)


LITTLE = 512
"""In so few code points a pattern cannot get stuck at one that is repeated without a bound."""


class PatternProbe:
    """One pattern of a recognizer with the recognizer's own checks.

    `validate` and `invalidate` are the recognizer's; a check that raises on odd input neither
    confirms nor rejects, so the match stays. `shape` is what the prefilter looks for, where that
    is not the pattern itself; it must match wherever the pattern does.
    """

    def __init__(
        self,
        *,
        name: str,
        entity: str,
        expression: Expression,
        confidence: float,
        vocabulary: Vocabulary,
        validate: Callable[[str], bool | None] | None = None,
        invalidate: Callable[[str], bool | None] | None = None,
        shape: Expression | None = None,
    ) -> None:
        self.name = name
        self.entity = entity
        self.reach = 128
        self.expressions = (
            shape
            or _with_label(expression.pattern, expression.flags)
            or located(expression.pattern, expression.flags),
        )
        self.strongest = confidence if validate is None else 1.0
        self.vocabulary = vocabulary
        if shape is not None:
            self.reach = _LONGEST_NAME  # only a part of the match is known to be in the window
        elif self.expressions[0].before is not None:
            # A located match ends within its window; what is left to see is a look-ahead.
            self.reach = 32
        self._confidence = confidence
        self._validate = validate
        self._invalidate = invalidate
        self._expression = expression

    @functools.cached_property
    def _pattern(self) -> regex.Pattern[str]:
        # Compiled when it is first needed: most never are, and a start would wait for all.
        return regex.compile(self._expression.pattern, self._expression.flags)

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`."""
        for match in matches(self._pattern, text, start, end, reach=self.reach):
            raw = self._confirm(match)
            if raw is not None:
                yield raw

    def _confirm(self, match: regex.Match[str]) -> Raw | None:
        """The match as the recognizer's checks see it; None when they reject it."""
        first, last = match.span()
        if first == last:
            return None
        confidence = self._confidence
        if self._validate is not None:
            valid = _ask(self._validate, match[0])
            if valid is not None:
                confidence = 1.0 if valid else 0.0
        if confidence and self._invalidate is not None and _ask(self._invalidate, match[0]):
            confidence = 0.0
        return Raw(first, last, confidence, self.entity, self) if confidence else None


class EmailProbe(PatternProbe):
    """E-mail addresses: the pattern runs only around an `@`, over the characters it can take.

    Elsewhere the pattern tries every word of the text as the beginning of an address.
    """

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Addresses that start in `text[start:end]`."""
        stop, at = min(len(text), end + self.reach), start
        while (sign := text.find("@", at, stop)) >= 0:
            head = _LOCAL_PART.match(text, max(start, at), sign)
            tail = _DOMAIN.match(text, sign + 1, sign + 1 + GROWTH)
            first = head.start() if head else sign
            last = tail.end() if tail else sign + 1
            at = sign + 1
            if first >= end:
                return
            for match in self._pattern.finditer(text, first, last, timeout=TIMEOUT):
                at = max(at, match.end())
                raw = self._confirm(match)
                if raw is not None and raw.start < end:
                    yield raw


_LOCAL_PART = regex.compile(r"(?r)[!#$%&'*+\-/=?^_`{|}~.\w]*")
_DOMAIN = regex.compile(r"[\w.\-]*")


class IpProbe(PatternProbe):
    """Internet addresses, apart from what only looks like one.

    Half as sure: slices of lists (`[::3]`, `[1::2]`), parts of longer dotted numbers (object
    identifiers, versions), what follows a word for a version or a chapter (`version 10.4.2.1`),
    and addresses of the machine itself (loopback, unspecified), which tell nothing of anybody's
    network.
    """

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Addresses that start in `text[start:end]`."""
        for match in matches(self._pattern, text, start, end, reach=self.reach):
            first, last = match.span()
            value = text[first:last]
            plain = _FOUR.fullmatch(value) is not None
            # Four plain numbers in the pattern are an address; for others the recognizer knows.
            raw = (
                Raw(first, last, self._confidence, self.entity, self)
                if plain
                else self._confirm(match)
            )
            if raw is None:
                continue
            if self._tells(text, first, last, plain=plain):
                yield raw
            else:
                yield raw._replace(confidence=raw.confidence / 2)

    @staticmethod
    def _tells(text: str, first: int, last: int, *, plain: bool) -> bool:
        if text[first - 1 : first] == "." and text[first - 2 : first - 1].isdecimal():
            return False
        if text[last : last + 1] == "." and text[last + 1 : last + 2].isdecimal():
            return False
        before = text[max(0, first - 24) : first].rstrip(_BLANKS)[-1:]
        # What `_VERSION_BEFORE` matches ends in one of these.
        perhaps = before.isalpha() or before in _ENDS_VERSION or not before.isascii()
        if perhaps and before and _VERSION_BEFORE.match(text, max(0, first - 24), first):
            return False
        value = text[first:last]
        if plain:
            # RFC 1112, 4: no address begins with 255. It is a mask.
            return not value.startswith(("127.", "255.")) and value != _UNSPECIFIED
        if _SLICE.fullmatch(value):
            return False
        if value.isascii() and not _OF_ITSELF.match(value):
            return True
        try:
            address = ipaddress.ip_interface(value).ip
        except ValueError:
            return True
        return not (address.is_loopback or address.is_unspecified)


_BLANKS = string.whitespace + "\x1c\x1d\x1e\x1f\"'"
_ENDS_VERSION = frozenset(".:=@")
_UNSPECIFIED = "0.0.0.0"  # noqa: S104  # it is looked for, nobody listens there
_FOUR = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
# How addresses of the machine itself can begin; the rest need not be taken apart.
_OF_ITSELF = regex.compile(r"127\.|0+\.|[0:]*(?:1|0|:|ffff:.*)(?:[%/].*)?$", regex.IGNORECASE)
_SLICE = regex.compile(r"\d{0,3}::\d{0,3}")
_VERSION_BEFORE = regex.compile(
    r"(?ri)(?:\b(?:versions?|ver|release|firmware|software|build|kernel|driver|chapter|section|clause"
    r"|kapitel|abschnitt|chapitre|oid)[.:=]?[\s\"']{0,3}(?:is |now |to |is now |number |no\. )?"
    r"|\b(?:upgrad|updat|bump)\w{1,4} [\w.+-]{1,12} to v?"
    r"|\bfrom [\"'`]?v?\d{1,4}(?:\.\d{1,5}){1,3}[\"'`]? to [\"'`]?"
    r"|(?:[=~><!]=|\bv|@)[\s\"']?)"
)


class UrlProbe(PatternProbe):
    """Web addresses without a scheme: the pattern runs only where a known ending follows a dot.

    Most dotted names are no addresses: `self.info`, `main.py`, `threading.Thread` (it holds
    `.th`). A name whose ending goes on as a word is none. One that `-` or `(` follows, or that ends
    in other than the common endings without beginning with `www.`, is half as sure; context can
    still raise it. Those are the business of a probe of their own (`doubtful`), which most texts
    need not ask.
    """

    _TELLING = (
        "com|org|net|edu|gov|mil|biz|io|co|eu|us|ca|br|mx|uk|ie|de|fr|nl|ch|se|dk|pl|cz|pt|ro|hu|gr"
        "|ru|ua|tr|il|za|cn|jp|kr|tw|hk|au|nz"
    )
    _TELLS = regex.compile(rf"(?i)\.(?:{_TELLING})(?![a-z0-9_(-])|(?<=www)\.")
    _NAME_TELLS = regex.compile(rf"(?i)www\..*|.*\.(?:{_TELLING})", regex.DOTALL)

    def __init__(self, *, doubtful: bool, **arguments: Any) -> None:
        endings = regex.findall(r"\(\?:([a-z0-9-]{2,30})\)", arguments["expression"].pattern)
        if doubtful:
            shape = rf"[.](?:{'|'.join(endings)})"
        else:
            shape = rf"www[.]|[.](?:{self._TELLING})(?:[^a-z0-9(-]|$)"
        arguments["shape"] = Expression(shape, regex.IGNORECASE, _LONGEST_NAME)
        super().__init__(**arguments)
        self._doubtful = doubtful
        if doubtful:
            self.strongest = self._confidence / 2
        self._endings = frozenset(endings)
        self._lengths = sorted({len(ending) for ending in endings})

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Addresses that start in `text[start:end]`."""
        stop, at = min(len(text), end + _LONGEST_NAME), start
        passed = max(0, start - _LONGEST_NAME)
        while (dot := self._dot(text, at, stop)) >= 0:
            first = self._first(text, passed, dot)
            at = dot + 1
            if first >= end:
                return
            found = self._pattern.match(text, first, timeout=TIMEOUT)
            if found is None:
                continue
            at = passed = max(at, found.end())
            sure = self._sure(text, found)
            if first >= start and sure and (sure < self._confidence) is self._doubtful:
                yield Raw(first, found.end(), sure, self.entity, self)

    def _dot(self, text: str, at: int, stop: int) -> int:
        """The next dot in `text[at:stop]` that an ending follows, -1 when there is none."""
        if not self._doubtful:
            tells = self._TELLS.search(text, at, stop)
            return tells.start() if tells else -1
        while (dot := text.find(".", at, stop)) >= 0:
            at = dot + 1
            after = text[at : at + self._lengths[-1]].lower()
            if any(after[:length] in self._endings for length in self._lengths):
                break
        return dot

    def _first(self, text: str, at: int, dot: int) -> int:
        """Where the address with an ending at `dot` begins, that of another if it is part of one."""
        head = _NAME.match(text, at, dot)
        first: int = head.start() if head else dot
        if first > at and text[first - 1] not in _NO_PATH:
            # In the path of an address whose own ending does not tell?
            token = _TOKEN.match(text, at, first)
            begin = token.start() if token else first
            owner = self._pattern.search(text, begin, first, timeout=TIMEOUT)
            if owner is not None and owner.end() == first:
                return int(owner.start())
        return first

    def _sure(self, text: str, found: regex.Match[str]) -> float:
        address, after = found[0], text[found.end() : found.end() + 1]
        name, slash, _ = address.partition("/")
        if not slash and (after.isalnum() or after == "_"):
            return 0.0
        goes_on = not slash and after in {"-", "("}
        doubtful = self._NAME_TELLS.fullmatch(name) is None
        return self._confidence / 2 if goes_on or doubtful else self._confidence


_LONGEST_NAME = 300
"""Code points from the beginning of a name to what follows its ending, and some more."""

_NAME = regex.compile(r"(?ri)[a-z0-9.\-]*")
_TOKEN = regex.compile(r"(?r)[^\s()<>\"']*")
_NO_PATH = frozenset(" \t\r\n()<>\"'")


_TITLES_ALONE = frozenset({"pass", "secret"})
"""`Passed`, `Passport` and `Secretary` are columns of something else."""

_CELLS = 64
"""Code points from one cell to the next, mostly."""

_AFTER = 32
"""Code points that a pattern may look ahead beyond its match."""


class SecretProbe:
    """One secret rule."""

    def __init__(self, matcher: Matcher) -> None:
        rule = matcher.rule
        self.name = f"secret:{rule.id}"
        self.entity = rule.entity
        starts = rule.starts()
        begins = located(starts or rule.pattern())
        self._titles = Vocabulary(rule.titles, alone=_TITLES_ALONE)
        words = frozenset(map(word, rule.near)) | self._titles.wanted
        # The cells of a table are looked through together.
        after = _CELLS if rule.titles and begins.before is not None else begins.after
        self.expressions = (replace(begins, words=words, after=after),)
        # A located match ends within its window unless only its beginning is looked for.
        longest = width(rule.pattern())
        self.reach = rule.reach if longest is None else min(rule.reach, longest + _AFTER)
        if begins.before is not None and not starts:
            self.reach = _AFTER
        self.strongest = rule.confidence
        self.vocabulary = Vocabulary(())
        self._matcher = matcher

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`."""
        if self._titles and not around.may_title(self._titles, end):
            return
        matcher = self._matcher
        for match in matches(matcher.pattern, text, start, end, reach=self.reach):
            span = matcher.span(match, text)
            if span is None or (self._titles and not around.titled(self._titles, span[0])):
                continue
            around.secrets.append(span)
            yield Raw(span[0], span[1], matcher.rule.confidence, self.entity, self)


def _with_label(pattern: str, flags: int) -> Expression | None:
    """A pattern that begins with a look-behind, with what it looks for as part of the match.

    The prefilter cannot look behind, and without the label any number would do. None for others.
    """
    if not pattern.startswith("(?<="):
        return None
    depth, at = 0, 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                labelled = f"(?:{pattern[4:at]}){pattern[at + 1 :]}"
                return Expression(labelled, flags, located(pattern[at + 1 :], flags).before)
        at += 1
    return None


def _ask(check: Callable[[str], bool | None], value: str) -> bool | None:
    try:
        answer = check(value)
    except Exception:  # noqa: BLE001  # a third party's check on untrusted text; see PatternProbe
        return None
    return None if answer is None else bool(answer)
