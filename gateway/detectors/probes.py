"""What is one pattern with everything that confirms it? Law: a probe finds the same in a window
of the text as in the whole text, as long as the window holds the match.

A probe is asked only about windows that the prefilter names. What it returns is raw: before
context, caps and the resolution of overlaps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import regex

from gateway.detectors.context import Vocabulary
from gateway.detectors.prefilter import Expression
from gateway.detectors.secret_rules import Matcher

TIMEOUT = 2.0
"""Seconds that one pattern may take in one window of a few KB. Patterns take microseconds; what
reaches this is stuck."""

GROWTH = 20_000
"""Code points to which a window grows at most when a match reaches its end."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A confirmed match, before context."""

    start: int
    end: int
    confidence: float
    entity: str
    probe: Probe


class Probe(Protocol):
    """A detector's pattern: `name` goes into reports, `expressions` into the prefilter."""

    @property
    def name(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def expressions(self) -> tuple[Expression, ...]: ...
    @property
    def reach(self) -> int: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    def find(self, text: str, start: int, end: int) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`. Raises `TimeoutError` when a pattern is stuck."""
        ...


def matches(
    pattern: regex.Pattern[str], text: str, start: int, end: int, *, reach: int
) -> list[regex.Match[str]]:
    """Matches of `pattern` that start in `text[start:end]`, each as long as in the whole text."""
    size = len(text)
    stop = min(size, end + reach)
    while True:
        found = []
        for match in pattern.finditer(text, start, stop, timeout=TIMEOUT):
            if match.start() >= end:
                break
            if match.end() == stop and stop < size and stop - end < GROWTH:
                break  # the window may have cut it short
            found.append(match)
        else:
            return found
        if match.start() >= end:
            return found
        stop = min(size, stop + 4 * (stop - start))


class PatternProbe:
    """One pattern of a recognizer with the recognizer's own checks.

    `validate` and `invalidate` are the recognizer's; a check that raises on odd input neither
    confirms nor rejects, so the match stays.
    """

    reach = 128

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
    ) -> None:
        self.name = name
        self.entity = entity
        self.expressions = (expression,)
        self.vocabulary = vocabulary
        self._confidence = confidence
        self._validate = validate
        self._invalidate = invalidate
        self._pattern = regex.compile(expression.pattern, expression.flags)

    def find(self, text: str, start: int, end: int) -> Iterator[Raw]:
        for match in matches(self._pattern, text, start, end, reach=self.reach):
            first, last = match.span()
            if first == last:
                continue
            confidence = self._confidence
            if self._validate is not None:
                valid = _ask(self._validate, match[0])
                if valid is not None:
                    confidence = 1.0 if valid else 0.0
            if confidence and self._invalidate is not None and _ask(self._invalidate, match[0]):
                confidence = 0.0
            if confidence:
                yield Raw(first, last, confidence, self.entity, self)


class SecretProbe:
    """One secret rule."""

    def __init__(self, matcher: Matcher) -> None:
        rule = matcher.rule
        self.name = f"secret:{rule.id}"
        self.entity = rule.entity
        self.expressions = (Expression(rule.regex),)
        self.reach = rule.reach
        self.vocabulary = Vocabulary(())
        self._matcher = matcher

    def find(self, text: str, start: int, end: int) -> Iterator[Raw]:
        matcher = self._matcher
        for match in matches(matcher.pattern, text, start, end, reach=self.reach):
            span = matcher.span(match, text)
            if span is not None:
                yield Raw(*span, matcher.rule.confidence, self.entity, self)


def _ask(check: Callable[[str], bool | None], value: str) -> bool | None:
    try:
        answer = check(value)
    except Exception:  # noqa: BLE001  # a third party's check on untrusted text; see PatternProbe
        return None
    return None if answer is None else bool(answer)
