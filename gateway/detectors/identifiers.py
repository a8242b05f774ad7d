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


class Gate:
    """Do the words of a gated rule speak for a place?"""

    def __init__(self, rule: Rule) -> None:
        self.vocabulary = Vocabulary(rule.context)
        self._within = rule.within
        tokens = [words for word in rule.context if (words := words_of(word))]
        self._longest = 4 * max(len(" ".join(words)) for words in tokens) + 8
        self._tokens = tokens

    @functools.cached_property
    def _ends(self) -> regex.Pattern[str]:
        """A context at most `within` before the end of what is searched."""
        words = "|".join(map(_exact, self._tokens))
        return regex.compile(f"(?s:(?:{words}).{{0,{self._within or 0}}})\\Z")

    @functools.cached_property
    def _maybe(self) -> regex.Pattern[str]:
        """The letters of a context."""
        return regex.compile("|".join(sorted({regex.escape("".join(t)) for t in self._tokens})))

    def speaks(self, text: str, start: int, end: int, around: Context) -> bool:
        """True when a word of the rule tells of `start:end`."""
        if self._within is None:
            return around.speaks(self.vocabulary, start, end)
        first = max(0, start - self._within - self._longest)
        # INVARIANT: where `_ends` matches, a word ends that the prefilter saw, and the letters of
        # the context stand there without a gap.
        near = (
            around.near(self.vocabulary, first, start + SLACK)
            and self._maybe.search(around.letters(start)) is not None
            and self._ends.search(text, first, start) is not None
        )
        return near or around.titled(self.vocabulary, start)


def _exact(words: list[str]) -> str:
    """Words as `Vocabulary` takes them, in running text or within an identifier."""
    plain = r"[\W_]{0,3}".join(map(regex.escape, words))
    if words[0][0] >= "\u2e80":
        return plain  # no spaces between words
    if not context.whole(words):
        # From its beginning: `stubborn` tells of no birth, `dateOfBirth` does.
        return rf"(?:(?<!\p{{L}})|(?<=\p{{Ll}})(?=\p{{Lu}}))(?i:{plain})"
    first, rest = regex.escape(words[0][0].upper()), plain[len(regex.escape(words[0][0])) :]
    return (
        rf"(?<!\p{{L}})(?i:{plain})(?!\p{{L}})"
        rf"|(?<=\p{{Ll}}){first}(?i:{rest})(?!\p{{Ll}})"
    )


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
