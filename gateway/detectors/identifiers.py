"""How are the rules of `identifiers/*.yaml` run? Law: a text without a rule's words costs nothing,
however many numbers it holds.

A rule that stands `alone` is found by its shape: structure and check digits prove it. All others
are *gated*: bare digits are everywhere, so they count only where one of the rule's words tells of
them, and the prefilter does not look for them in a text without such a word.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import regex

from gateway.detectors import catalogue, context, identifier_rules
from gateway.detectors.checksums import CHECKS
from gateway.detectors.context import REACH_AFTER, SLACK, Context, Vocabulary, words_of
from gateway.detectors.identifier_rules import Rule
from gateway.detectors.prefilter import Expression, located
from gateway.detectors.probes import Probe, Raw, matches
from gateway.detectors.seeds import SeedProbe
from gateway.detectors.settings import Settings


def probes(settings: Settings) -> list[Probe]:
    """The probes of all rules that `settings` wants, in a stable order, and seeds of wallets."""
    found: list[Probe] = [
        IdentifierProbe(rule)
        for rule in identifier_rules.load_rules()
        if settings.wants_country(rule.country) and rule.entity not in settings.disabled
    ]
    if SeedProbe.entity not in settings.disabled:
        found.append(SeedProbe())
    return found


COLUMN = 40
"""Blanks between a label and its value in a form that is aligned."""


class Gate:
    """Do the words of a gated rule speak for a place?"""

    def __init__(self, rule: Rule) -> None:
        self.vocabulary = Vocabulary(rule.context)
        self._within = rule.within
        self._tokens = [words for word in rule.context if (words := words_of(word))]
        self._longest = 4 * max(len(" ".join(words)) for words in self._tokens) + 8

    @functools.cached_property
    def _ends(self) -> tuple[regex.Pattern[str], ...]:
        """Contexts, backwards from where they end: such as words may begin with, such as stand
        alone, and these as a part of an identifier.
        """
        alone = [_spelt(words) for words in self._tokens if context.whole(words)]
        begin = [_spelt(words) for words in self._tokens if not context.whole(words)]
        foreign = [words for words in begin if words[0] >= "\u2e80"]  # no spaces between words
        begin = [words for words in begin if words[0] < "\u2e80"]
        part = rf"(?<=\p{{Ll}})(?:{'|'.join(map(_capital, alone))})" if alone else "(?!)"
        # From its beginning: `stubborn` tells of no birth, `dateOfBirth` does.
        first = rf"(?:(?<!\p{{L}})|(?<=\p{{Ll}})(?=\p{{Lu}}))(?i:{'|'.join(begin)})"
        options = [first] * bool(begin) + [f"(?i:{'|'.join(foreign)})"] * bool(foreign)
        return (
            regex.compile(f"(?r)(?:{'|'.join(options)})" if options else "(?!)"),
            regex.compile(rf"(?r)(?<!\p{{L}})(?i:{'|'.join(alone)})" if alone else "(?!)"),
            regex.compile(f"(?r){part}"),
        )

    def speaks(self, text: str, start: int, end: int, around: Context) -> bool:
        """True when a word of the rule tells of `start:end`."""
        if self._within is None:
            return around.speaks(self.vocabulary, start, end)
        # The blanks that align a form are no distance.
        left = max(0, start - COLUMN)
        first = max(0, left + len(text[left:start].rstrip(" \t")) - self._within)
        # INVARIANT: where a context ends, the prefilter saw a word end, or one character later.
        for place in around.ends(self.vocabulary, first, start + 1):
            for last in (place, place - 1):
                if first <= last <= start and self._speaks_at(text, last, start):
                    return True
        return around.titled(self.vocabulary, start)

    def _speaks_at(self, text: str, last: int, start: int) -> bool:
        """Does a context end at `last`?"""
        begins, alone, part = self._ends
        left, after = max(0, last - self._longest), text[last : min(last + 1, start)]
        return (
            begins.match(text, left, last) is not None
            or (not after.isalpha() and alone.match(text, left, last) is not None)
            or (not after.islower() and part.match(text, left, last) is not None)
        )


def _spelt(words: list[str]) -> str:
    return r"[\W_]{0,3}".join(map(regex.escape, words))


def _capital(spelt: str) -> str:
    """Beginning with a capital, the rest in any case."""
    if spelt[0] == "\\":
        return f"(?i:{spelt})"
    return f"{regex.escape(spelt[0].upper())}(?i:{spelt[1:]})"


class IdentifierProbe:
    """One rule, ready to run."""

    def __init__(self, rule: Rule) -> None:
        self.name = f"id:{rule.id}"
        self.entity = rule.entity
        self.reach = rule.reach
        self.strongest = rule.confidence
        known = catalogue.entities()[rule.entity]
        self.vocabulary = Vocabulary((*rule.context, *known.context))
        shape = Expression(rule.head, before=rule.reach) if rule.head else located(rule.regex)
        self._gate = None if rule.alone else Gate(rule)
        if self._gate is not None:
            # INVARIANT: without one of these words in the text or over it, the gate is shut.
            shape = replace(shape, words=self._gate.vocabulary.wanted)
        self.expressions = (shape,)
        self._rule = rule
        self._check = CHECKS[rule.check] if rule.check else None

    @functools.cached_property
    def _pattern(self) -> regex.Pattern[str]:
        return regex.compile(self._rule.regex)

    @functools.cached_property
    def _exclude(self) -> tuple[regex.Pattern[str], ...]:
        return tuple(regex.compile(pattern) for pattern in self._rule.exclude)

    def find(self, text: str, start: int, end: int, around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`."""
        rule, gate = self._rule, self._gate
        if gate is not None and not around.near(gate.vocabulary, 0, end + REACH_AFTER + SLACK):
            return
        for match in matches(self._pattern, text, start, end, reach=self.reach):
            first, last = rule.value(match)
            value = text[first:last]
            if self._check is not None and not self._check(value):
                continue
            if gate is not None and not gate.speaks(text, match.start(), match.end(), around):
                continue
            if any(pattern.fullmatch(value) for pattern in self._exclude):
                continue
            yield Raw(first, last, rule.confidence, self.entity, self, settled=gate is not None)
