"""Do words near a match speak for it? Law: a word speaks for the value that it belongs to, not for
the next one.

The rules for words before a match are those of Presidio's `LemmaContextAwareEnhancer` with a blank
language model, where a token is its own lemma: the nearest five words before the match that are not
stop words, compared by substring, raise the confidence by 0.35 to at least 0.4. The differences,
each deliberate: context words of up to three letters must be whole words (`us` is not in `status`), and
so must some that common words are made of (`ring` is in `string`); a context of several words is looked for as a phrase (the original compares it with single words, so
it never matches); identifiers are split into their words (`customerSsn`, `card_no`); a value is not
its own context; and words after a match speak too, in the same clause, where no other value follows
(`457-55-5462 is my SSN`), as do headings (`layout`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import regex

from gateway.detectors import prefilter
from gateway.detectors.layout import Layout

BOOST = 0.35
AT_LEAST = 0.4
WORDS = 5
REACH = 120
"""Code points before a match in which words are looked for."""

WORDS_AFTER = 4
REACH_AFTER = 70
"""The same for words after it: fewer, since most of them belong to what follows."""

SLACK = 40
"""Code points by which a joint before words after a value, and the end of a word as the prefilter
sees it, may move them."""

_TOKEN = regex.compile(
    r"\p{Lu}{2,}s(?!\p{L})|\p{Lu}+(?!\p{Ll})|\p{Lu}?[^\W\d_\p{Lu}]+|\d+|\p{Lu}", regex.V1
)

# Stop words that would otherwise hide context words that matter here.
_TELLING = frozenset({"call", "name"})


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, identifiers split into their parts."""
    return [token.lower() for token in _TOKEN.findall(text)]


def before(text: str, start: int, *, stop_words: frozenset[str]) -> str:
    """The words before `start` that count, lower case, as ` word word `."""
    tokens = words_of(text[max(0, start - REACH) : start])
    taken, left = [], WORDS
    for token in reversed(tokens):
        if token not in stop_words or token in _TELLING:
            if not left:
                break
            left -= 1
        taken.append(token)
    return f" {' '.join(reversed(taken))} "


NUMBER = regex.compile(r"\d(?:\D{0,3}\d){3}")
"""What words after a value and headings may speak for."""

# What may stand between a value and the words that tell of it.
_JOINT = regex.compile(
    r"""['"`*_)\]]*(?:[;,]?[ \t]{1,8}(?:\#|//)[ ]?|[ ]?(?:<?[-\u2013\u2014]{1,2}>?|<?=>?|:|\u2192)[ ]?|[ ](?![ ]))?"""
    r"""(?:,[ ](?=(?:my|his|her|our|their|your|which|that|the|a|an|mein|meine|ma|mi)\b))?"""
)
_CLAUSE_END = regex.compile(r"[\r\n\t,;|<>{}\[\]\\]|[.!?](?:\s|$)|[ ]{2}|\)|(?<=\w)[\"'`]?[:=]")
_OTHER_VALUE = regex.compile(r"\d{3}|@|\d[ .-]?\d[ .-]?\d")
_GOES_ON = regex.compile(r"\w|[.(]\w")
_COPULA = regex.compile(
    r"(?i)[ ]?(?:is|was|are|were|being|ist|war|est|es|era|\u00e8|\u00e9|são|zijn|is)\b"
)
_QUANTITY = regex.compile(r"[ ](?!\p{Lu}{2})\p{L}{3,}s\b")


def after(text: str, start: int, end: int, *, stop_words: frozenset[str]) -> str:
    """The words after `start:end` that tell of it, lower case, as ` word word `."""
    if _GOES_ON.match(text, end):
        return ""
    at = _JOINT.match(text, end, end + 20)
    begin = at.end() if at else end
    limit = min(len(text), begin + REACH_AFTER)
    said = _COPULA.match(text, begin, limit)
    closing = None
    if text.startswith("(", begin) or text.startswith(" (", begin):
        begin = text.index("(", begin) + 1
        closing = text.find(")", begin, limit)
        if closing < 0:
            return ""
    stop = _CLAUSE_END.search(text, begin, limit)
    last = stop.start() if stop else limit
    labels = stop is not None and stop[0][-1] in ":=" and not said
    if labels or _OTHER_VALUE.search(text, begin, last):
        # The words name what comes next.
        return ""
    bare = not said and closing is None and text[start:begin].rstrip().isdecimal()
    if bare and _QUANTITY.match(text, end, limit):
        return ""  # so many of them
    if not stop and limit < len(text):
        while last > begin and text[last - 1].isalnum():
            last -= 1
    taken, left = [], WORDS_AFTER
    for token in words_of(text[begin:last]):
        if token not in stop_words or token in _TELLING:
            if not left:
                break
            left -= 1
        taken.append(token)
    return f" {' '.join(taken)} "


def headings(layout: Layout, at: int) -> str:
    """The words of all headings over the place `at`, as ` word word `, or nothing."""
    found = layout.headings(at)
    return " ".join(f" {' '.join(words_of(heading))} " for heading in found)


_ALONE = frozenset("call cell dial guid hetu insta itin nric plate reach ring tnin".split())
"""Longer words that stand within common ones: `string`, `template`, `automatically`, `foreach`,
`instance`, `guide`."""


def whole(tokens: list[str], alone: frozenset[str] = _ALONE) -> bool:
    """True for a context that must stand as written: a phrase, a word of up to three letters, or one
    that other words are made of.

    Chinese and Japanese have no spaces between words, and Korean glues its endings on.
    """
    first = tokens[0]
    return len(tokens) > 1 or first in alone or (len(first) <= 3 and first[0] < "\u2e80")


class Vocabulary:
    """The context words of one detector, compiled.

    Those that are also `alone` must be whole, beside the words that must be so anywhere.
    """

    def __init__(self, words: Iterable[str], *, alone: frozenset[str] = frozenset()) -> None:
        alone |= _ALONE
        options, wanted = set(), set()
        for word in words:
            tokens = words_of(word)
            joined = " ".join(tokens)
            if not tokens or joined == "us":  # the pronoun; no context of the country
                continue
            if whole(tokens, alone):
                wanted.add(prefilter.phrase(tokens))
                options.add(f" {regex.escape(joined)} ")
            else:
                wanted.add(prefilter.word(joined))
                options.add(regex.escape(joined))
        self._options = "|".join(sorted(options))
        self.wanted = frozenset(wanted)
        """Where none of these (words of `prefilter`) is in a text, nothing in it speaks."""

    @functools.cached_property
    def _pattern(self) -> regex.Pattern[str]:
        return regex.compile(self._options)

    def __bool__(self) -> bool:
        return bool(self._options)

    def speaks(self, words: str) -> bool:
        """True when one of the context words is among `words` (see `before`)."""
        return bool(self._options) and self._pattern.search(words) is not None


class Context:
    """The words around matches in one text, each place looked at once.

    `label` is the name of the field that holds the text; it speaks for every match in it.
    `layout` is that of the whole text, of which this one begins at `offset`; `beyond` holds all
    words that may speak and are not in the text.
    """

    def __init__(
        self,
        text: str,
        *,
        label: str,
        stop_words: frozenset[str],
        layout: Layout | None = None,
        offset: int = 0,
        beyond: str = "",
    ) -> None:
        self._text = text
        self._label = f" {' '.join(words_of(label))} " if label else ""
        self._stop_words = stop_words
        self._layout = layout
        self._offset = offset
        self.beyond = beyond
        self.shared: dict[tuple[int, int, bool], list[tuple[int, int, str, bool, int]]] = {}
        """Runs of digits by window, looked for once for all that want them (see `phones`)."""
        self.secrets: list[tuple[int, int]] = []
        """Where rules have found secrets: what they know, the judge need not look at."""
        self._spoken: prefilter.Spoken | None = None
        """Where words stand in the text that vocabularies want; None when nobody looked."""
        self._said: dict[Vocabulary, bool] = {}
        """Is there any word of a vocabulary?"""
        self._before: dict[int, str] = {}
        self._after: dict[tuple[int, int], str] = {}
        self._over: dict[int, str] = {}
        self._heads: dict[Vocabulary, int | None] = {}
        """The first place of a vocabulary's words that may be in a heading."""

    def hear(self, spoken: prefilter.Spoken) -> None:
        """From now on it is known where words stand."""
        self._spoken = spoken
        self._said.clear()

    def speaks(self, vocabulary: Vocabulary, start: int, end: int) -> bool:
        """True when a word of `vocabulary` tells of `start:end`, beside it or in the label."""
        said = self._said.get(vocabulary)
        if said is None:
            said = bool(vocabulary) and self.near(vocabulary, 0, len(self._text))
            self._said[vocabulary] = said
        if not said:
            return False
        near = self.near(vocabulary, start - REACH, end + REACH_AFTER + SLACK)
        if near:
            words = self._before.get(start)
            if words is None:
                words = before(self._text, start, stop_words=self._stop_words)
                self._before[start] = words
            if vocabulary.speaks(words):
                return True
        if self._labelled(vocabulary):
            return True
        if not NUMBER.search(self._text, start, end):
            return False  # names and addresses tell what they are
        if not near:
            return self.titled(vocabulary, start)
        words = self._after.get((start, end))
        if words is None:
            words = after(self._text, start, end, stop_words=self._stop_words)
            self._after[start, end] = words
        return vocabulary.speaks(words) or self.titled(vocabulary, start)

    def near(self, vocabulary: Vocabulary, first: int, last: int) -> bool:
        """False where no word of `vocabulary` ends in `first:last` of the text."""
        return self._spoken is None or self._spoken.near(vocabulary.wanted, first, last)

    def ends(self, vocabulary: Vocabulary, first: int, last: int) -> Sequence[int]:
        """Where words of `vocabulary` can end in `first:last` of the text: one of these places, or
        one before it.
        """
        known = None if self._spoken is None else self._spoken.ends(vocabulary.wanted, first, last)
        return range(first, last + 1) if known is None else known

    def may_title(self, vocabulary: Vocabulary, end: int) -> bool:
        """False when no word of `vocabulary` can be in the label, or in a heading over what begins
        before `end`.
        """
        return self._labelled(vocabulary) or self._may_head(vocabulary, end)

    def _labelled(self, vocabulary: Vocabulary) -> bool:
        return bool(self._label) and vocabulary.speaks(self._label)

    def _may_head(self, vocabulary: Vocabulary, end: int) -> bool:
        if self._layout is None or not self.near(vocabulary, 0, end + SLACK):
            return False  # what stands over a value stands before it
        if vocabulary not in self._heads:
            self._heads[vocabulary] = self._first_heading(vocabulary, self._layout)
        first = self._heads[vocabulary]
        return first is not None and first <= end + SLACK

    def titled(self, vocabulary: Vocabulary, start: int) -> bool:
        """True when a word of `vocabulary` is in the label, or in a heading over `start`."""
        if self._labelled(vocabulary):
            return True
        if self._layout is None or not self._may_head(vocabulary, start):
            return False
        words = self._over.get(start)
        if words is None:
            words = self._over[start] = headings(self._layout, self._offset + start)
        return bool(words) and vocabulary.speaks(words)

    def _first_heading(self, vocabulary: Vocabulary, layout: Layout) -> int | None:
        """Where the first word of `vocabulary` ends that may be in a heading: headings are dear to look
        for, and most words stand where none can be. None where there is no such word.
        """
        spoken = self._spoken
        if spoken is None or spoken.always(vocabulary.wanted):
            return 0
        places = spoken.ends(vocabulary.wanted, 0, len(self._text)) or ()
        if len(places) > _PLACES:
            return 0
        return next((at for at in places if layout.may_head(self._offset + at)), None)


_PLACES = 64
"""Words of a vocabulary of which each is looked at."""


def raised(confidence: float) -> float:
    """The confidence of a match that context speaks for."""
    return min(1.0, max(AT_LEAST, confidence + BOOST))
