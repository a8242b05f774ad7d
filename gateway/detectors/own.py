"""Where do a company's own words and patterns stand in a text? See `custom` for how they are written.

Law: what is found here is what `custom.problems` proved: the same code runs for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import regex

from gateway.detectors import prefilter
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.custom import LONGEST, Custom, Near
from gateway.detectors.keywords import Keywords
from gateway.detectors.prefilter import Expression, located
from gateway.detectors.probes import Raw, matches
from gateway.model import Match

_ANYWHERE = Expression(r".", regex.DOTALL)
"""For patterns that the flat text cannot answer for: they run in every block."""

_NOT_FLAT = regex.compile(r"[^\x00-\x7f]|\\[xuUNpPX0-9]")
"""Characters that the flat text has other ones for, and classes that it does not know."""


class OwnProbe:
    """One pattern of one detector."""

    def __init__(self, custom: Custom, pattern: str) -> None:
        self.name = custom.name
        self.entity = custom.entity
        self.vocabulary = Vocabulary(())
        shape = _ANYWHERE if _NOT_FLAT.search(pattern) else located(pattern)
        self.expressions = (replace(shape, own=True),)
        self.strongest = custom.confidence
        self._pattern = regex.compile(pattern)
        self._group: str | int = "value" if "value" in self._pattern.groupindex else 0
        self._near = Near(custom.near)

    def find(self, text: str, start: int, end: int, _around: Context, /) -> Iterator[Raw]:
        """Matches that start in `text[start:end]`."""
        for match in matches(self._pattern, text, start, end, reach=LONGEST):
            first, last = match.span(self._group)
            if 0 <= first < last <= first + LONGEST and self._near.speaks(text, *match.span()):
                yield Raw(first, last, self.strongest, self.entity, self)


class Own:
    """All detectors of a company, and their words as one structure."""

    def __init__(self, customs: Sequence[Custom]) -> None:
        self.probes = tuple(OwnProbe(custom, one) for custom in customs for one in custom.regex)
        listed = [custom for custom in customs if custom.keywords]
        self._listed = tuple((custom, Near(custom.near)) for custom in listed)
        self._keywords = Keywords([(custom.keywords, custom.match_case) for custom in listed])
        self.entities = frozenset(custom.entity for custom in customs)
        self._filter: prefilter.Prefilter | None = None

    def keywords(self, text: str) -> Iterator[Match]:
        """Every word of the company's lists in `text`."""
        for number, start, end in self._keywords.find(text):
            custom, near = self._listed[number]
            if near.speaks(text, start, end):
                yield Match(custom.entity, start, end, custom.confidence, custom.name)

    def all(self, text: str) -> Iterator[tuple[int, int]]:
        """Where anything is found in a short text by itself, patterns as the engine runs them."""
        for match in self.keywords(text):
            yield match.start, match.end
        if not self.probes:
            return
        if self._filter is None:
            expressions = [probe.expressions[0] for probe in self.probes]
            self._filter = prefilter.Prefilter.build(expressions, key=b"", cache_dir=None)
        around = Context(text, label="", stop_words=frozenset())
        windows = self._filter.candidates(text)
        for number, places in windows.items():
            for start, end in places:
                for raw in self.probes[number].find(text, start, end, around):
                    yield raw.start, raw.end
