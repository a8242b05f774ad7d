"""Do words near a match speak for it? Law: only words before the match count, and its label.

The rules are those of Presidio's `LemmaContextAwareEnhancer` with a blank language model, where a
token is its own lemma: the nearest five words before the match that are not stop words, compared
by substring, raise the confidence by 0.35 to at least 0.4. Four differences, each deliberate:
context words of up to three letters must be whole words (`us` is not in `status`); a context of
several words is looked for as a phrase (the original compares it with single words, so it never
matches); identifiers are split into their words (`customerSsn`, `card_no`); and a value is not its
own context.
"""

from __future__ import annotations

from collections.abc import Iterable

import regex

from gateway.detectors import prefilter

BOOST = 0.35
AT_LEAST = 0.4
WORDS = 5
REACH = 120
"""Code points before a match in which words are looked for."""

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


class Vocabulary:
    """The context words of one detector, compiled."""

    def __init__(self, words: Iterable[str]) -> None:
        options, wanted = set(), set()
        for word in words:
            tokens = words_of(word)
            joined = " ".join(tokens)
            if not tokens or joined == "us":  # the pronoun; no context of the country
                continue
            longest = max(tokens, key=len)
            wanted.add(prefilter.word(longest, whole=len(longest) <= 3))
            if len(tokens) > 1 or len(joined) <= 3:
                options.add(f" {regex.escape(joined)} ")
            else:
                options.add(regex.escape(joined))
        self._pattern = regex.compile("|".join(sorted(options))) if options else None
        self.wanted = frozenset(wanted)
        """Where none of these (`prefilter.word`) is in a text, nothing in it speaks."""

    def __bool__(self) -> bool:
        return self._pattern is not None

    def speaks(self, words: str) -> bool:
        """True when one of the context words is among `words` (see `before`)."""
        return self._pattern is not None and self._pattern.search(words) is not None


class Context:
    """The words around matches in one text, each place looked at once.

    `label` is the name of the field that holds the text; it speaks for every match in it.
    """

    def __init__(self, text: str, *, label: str, stop_words: frozenset[str]) -> None:
        self._text = text
        self._label = f" {' '.join(words_of(label))} " if label else ""
        self._stop_words = stop_words
        self._before: dict[int, str] = {}

    def speaks(self, vocabulary: Vocabulary, start: int) -> bool:
        """True when a word of `vocabulary` stands before code point `start`, or in the label."""
        if not vocabulary:
            return False
        words = self._before.get(start)
        if words is None:
            words = before(self._text, start, stop_words=self._stop_words)
            self._before[start] = words
        return vocabulary.speaks(words) or (bool(self._label) and vocabulary.speaks(self._label))


def raised(confidence: float) -> float:
    """The confidence of a match that context speaks for."""
    return min(1.0, max(AT_LEAST, confidence + BOOST))
