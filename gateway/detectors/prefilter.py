r"""Which patterns can match where? Answered for all patterns in one pass over the text.

Law: the answer is a superset. A pattern that is not named for a window has no match that starts
there; a pattern that the multi-pattern matcher cannot take is named for the whole text.

How it stays a superset on any text: the matcher (Hyperscan) runs over a *flat* copy of the text,
one ASCII character per code point, in which each character stands for its class: decimal digits
of any script become the ASCII digit, word characters `_`, white space a space, the rest U+0001.
`\d`, `\w`, `\s` and `\b` therefore hold in the copy where they hold in the text, and offsets are
the same. Look-arounds and back-references are relaxed by Hyperscan's prefilter mode, which only
ever adds answers.

How it stays quick with hundreds of patterns: most of them want something that most texts lack.
Patterns that count only beside a word (`Expression.words`) are looked for only in a text that holds
one of their words; patterns that need several digits, only around digits.
"""

from __future__ import annotations

import bisect
import functools
import math
import re
import string
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]  # what a pattern consists of
from typing import Any

import hyperscan
import regex

from gateway.detectors.databases import Database, Form, database, tidy
from gateway.detectors.scripts import PerCharacter, ScriptWords

GROUP = 1_600
"""Weight of the expressions in a database: scan time falls with fewer databases, compile time grows
faster than the number of expressions. Expressions that want the same words have a database of their
own: few of those are scanned at all."""

HEAVY = 4
"""What an expression weighs that has a long repeat; others, which compile fast, weigh one."""

_LONG = re.compile(r"(?<!\\)[*+]|\{\d\d|\{\d+,")

BUFFER = 16_384
"""Code points that are scanned at once."""

BLOCK = 1024
"""Block size in code points for patterns that are not located: larger ones cost fewer calls,
smaller ones leave less text to the patterns."""

LOOKAHEAD = 64
"""Code points beyond a block that are scanned with it, for matches that cross white space."""

BEHIND = 256
"""Code points before the wanted ones that are scanned with them: labels of what begins there."""

DIGITS, GAP = 4, 24
"""Patterns whose matches hold so many digits, and no more than so many other characters, are looked
for around digits only."""

EDGE = 64
"""Code points around digits in which such a match lies."""

# Searched is a copy in which all digits are `0`, and all else is a space: a class takes longer than one
# character does.
_DIGITS = re.compile(rb"0(?: {0,%d}+0){%d,}+" % (GAP, DIGITS - 1))
_ONLY_DIGITS = bytes(ord("0" if chr(code) in string.digits else " ") for code in range(256))


@dataclass(frozen=True, slots=True)
class Expression:
    """A pattern in the syntax of the `regex` module, with its `regex` flags.

    `before` and `after` say how far before and after the end of what this pattern finds the wanted
    match may begin, in code points. Without `before` that is not known, and all of a block in
    which the pattern matches is named. With `words` (see `word`), matches count only in a text
    that holds one of them, or everywhere if they stand `alone`. Matches that `prove` themselves can
    be asked for apart from the others. A company's `own` are compiled apart from what ships.
    """

    pattern: str
    flags: int = 0
    before: int | None = None
    after: int = 0
    words: frozenset[str] = frozenset()
    alone: bool = False
    proves: bool = False
    own: bool = False


NARROW = 600
"""Patterns with matches up to this many code points are located, longer ones named by block."""

WINDOW = 8_192
"""Windows of one pattern are joined up to this many code points: a bound on what it sees."""

_OPEN_END = re.compile(r"(?<!\\)\{([1-9]\d*),\d*\}(\)*)$")


_NO_WORD_AFTER = re.compile(r"\(\?!\[\\w[^\]]*\](?:\|[^()]*)?\)$")
_NO_DIGIT_AFTER = re.compile(r"\(\?!(?:\[[^\]\\\d]*\]\?)?\\d\)(?:\(\?![^()]*\))*$")
"""That no digit follows, with or without something between, and what else may not follow: the matcher
does not look ahead, and would tell of each part of a number."""

_WORD_CLASSES = frozenset({_constants.CATEGORY_DIGIT, _constants.CATEGORY_WORD})


def _ends_in_word(tree: Any) -> bool:
    """True where each match ends in a letter, a digit or `_`; False also where that is not clear."""
    for kind, value in reversed(list(tree or ())):
        match kind:
            case _constants.LITERAL:
                return chr(value).isalnum()
            case _constants.IN:
                return all(
                    (what is _constants.CATEGORY and which in _WORD_CLASSES)
                    or (what is _constants.LITERAL and chr(which).isalnum())
                    or (
                        what is _constants.RANGE
                        and chr(which[0]).isalnum()
                        and chr(which[1]).isalnum()
                        and which[1] - which[0] < 26
                    )
                    for what, which in value
                )
            case _constants.MAX_REPEAT | _constants.MIN_REPEAT:
                if not _ends_in_word(value[2]):
                    return False
                if value[0] > 0:
                    return True
                # Left out, it leaves what stands before it.
            case _constants.SUBPATTERN:
                return _ends_in_word(value[3])
            case _constants.BRANCH:
                return all(map(_ends_in_word, value[1]))
            case _:
                return False
    return False


@functools.lru_cache(maxsize=8_192)
def located(pattern: str, flags: int = 0) -> Expression:
    """An expression that knows how long its matches can be, if they are not too long.

    Where a match begins is all that is asked, so a repeat at the end counts the least times.
    """
    if "(?i)" in pattern:
        pattern, flags = pattern.replace("(?i)", ""), flags | regex.IGNORECASE
    pattern = _OPEN_END.sub(r"{\1}\2", pattern)
    closed = _NO_WORD_AFTER.search(pattern)
    if closed is not None and _ends_in_word(_tree(pattern[: closed.start()], flags)):
        # The matcher does not look ahead, but it knows where words end: one answer for a number
        # instead of one for each of its digits.
        pattern = pattern[: closed.start()] + r"\b"
    else:
        pattern = _NO_DIGIT_AFTER.sub(r"(?:[^0-9]|$)", pattern)
    longest = width(pattern, flags)
    known = longest is not None and longest <= NARROW
    return Expression(pattern, flags, longest if known else None)


def _tree(pattern: str, flags: int) -> Any:
    """The pattern as the `re` module parses it; None for what only the `regex` module knows."""
    known = re.RegexFlag(flags) & (re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE)
    try:
        return _parser.parse(_LETTER.sub(r"\\w", pattern), known)
    except (re.error, OverflowError, RecursionError):
        return None


def width(pattern: str, flags: int = 0) -> int | None:
    """Code points of the longest match; None where that is not known."""
    tree = _tree(pattern, flags)
    return None if tree is None else int(tree.getwidth()[1])


def _least_digits(tree: Iterable[Any]) -> int:
    """So many digits at least are in every match."""
    return sum(_digits_of(*item) for item in tree)


def _digits_of(kind: Any, value: Any) -> int:
    match kind:
        case _constants.LITERAL:
            return int(chr(value).isdecimal())
        case _constants.IN:
            return int(all(_is_digit(*member) for member in value))
        case _constants.BRANCH:
            return min(map(_least_digits, value[1]))
        case _constants.SUBPATTERN:
            return _least_digits(value[3])
        case _constants.MAX_REPEAT | _constants.MIN_REPEAT | _constants.POSSESSIVE_REPEAT:
            return int(value[0]) * _least_digits(value[2])
        case _:
            return 0  # less is always right


def _most_others(tree: Iterable[Any]) -> int:
    """So many characters that may be no digits at most are in a match."""
    return sum(_others_of(*item) for item in tree)


def _others_of(kind: Any, value: Any) -> int:
    match kind:
        case _constants.IN | _constants.LITERAL:
            return 1 - _digits_of(kind, value)
        case _constants.BRANCH:
            return max(map(_most_others, value[1]))
        case _constants.SUBPATTERN:
            return _most_others(value[3])
        case _constants.MAX_REPEAT | _constants.MIN_REPEAT | _constants.POSSESSIVE_REPEAT:
            return int(value[1]) * _most_others(value[2])
        case _constants.AT | _constants.ASSERT | _constants.ASSERT_NOT:
            return 0
        case _constants.ANY | _constants.NOT_LITERAL | _constants.CATEGORY:
            return 1
        case _:
            return EVERYWHERE  # more is always right


EVERYWHERE = 1 << 32
"""More code points than any text has."""


def bounded(pattern: str, flags: int = 0, *, within: int = EVERYWHERE) -> bool:
    """True for a pattern that cannot get stuck: few enough are the ways to match it in so many code
    points.

    A matcher that goes back tries, from one place, at most each choice of counts and branches.
    """
    if "(?i)" in pattern:
        pattern, flags = pattern.replace("(?i)", ""), flags | regex.IGNORECASE
    tree = _tree(pattern, flags)
    return tree is not None and _ways(tree, within) <= FEW


FEW = 20_000
"""Ways to match at one place that take milliseconds at most."""


def _ways(tree: Iterable[Any], within: int) -> float:
    return math.prod(_ways_of(kind, value, within) for kind, value in tree)


def _ways_of(kind: Any, value: Any, within: int) -> float:
    match kind:
        case _constants.BRANCH:
            return sum(_ways(branch, within) for branch in value[1])
        case _constants.SUBPATTERN:
            return _ways(value[3], within)
        case _constants.ASSERT | _constants.ASSERT_NOT:
            return 1 + _ways(value[1], within)
        case _constants.MAX_REPEAT | _constants.MIN_REPEAT | _constants.POSSESSIVE_REPEAT:
            least, most, inner = int(value[0]), int(value[1]), _ways(value[2], within)
            if inner == 1:
                return max(1, min(most, within) - least + 1)
            if most > NARROW or inner**most > FEW:
                return math.inf
            return sum(inner**count for count in range(least, most + 1))
        case _constants.LITERAL | _constants.NOT_LITERAL | _constants.IN | _constants.ANY:
            return 1
        case _constants.AT | _constants.CATEGORY | _constants.GROUPREF:
            return 1
        case _:
            return math.inf


def _is_digit(kind: Any, value: Any) -> bool:
    match kind:
        case _constants.CATEGORY:
            return bool(value == _constants.CATEGORY_DIGIT)
        case _constants.LITERAL:
            return chr(value).isdecimal()
        case _constants.RANGE:
            return all(chr(code).isdecimal() for code in range(value[0], value[1] + 1))
        case _:
            return False


_FOREIGN_WORD, _SCRIPT_WORD = "(?#foreign)", "(?#script)"
"""Begin words that a text of ASCII characters alone cannot hold. In the flat text each foreign letter
is a `_`, as those of identifiers are: words of such letters alone are looked for in the text itself."""


def word(text: str, *, whole: bool = False) -> str:
    """A word of `Expression.words`, in any case; a `whole` one does not stand within another.

    Identifiers consist of words: `card_no` and `userId` hold `no` and `id`.
    """
    return phrase([text]) if whole else _marked([text], f"(?i:{re.escape(_flat_word(text))})")


def phrase(words: Sequence[str]) -> str:
    """A word of `Expression.words` that is several words, with no letter or digit between them.

    They are whole: the first does not go on before, the last not after them.
    """
    flat = [_flat_word(each) for each in words]
    joined = "[^A-Za-z0-9]*".join(re.escape(each) for each in flat)
    first, last = flat[0], flat[-1]
    if first.isalpha():
        rest = joined[len(first) :]
        begins = f"(?:(?:^|[^A-Za-z])(?i:{first})|{first.title()}|{first.upper()})"
        joined = f"{begins}(?i:{rest})" if rest else begins
    else:
        joined = f"(?i:{joined})"
    return _marked(words, f"{joined}(?:[^a-z]|s|$)" if last.isalpha() else joined)


def _flat_word(text: str) -> str:
    return flatten(text.lower()).decode("ascii")


def _marked(words: Sequence[str], pattern: str) -> str:
    if all(map(str.isascii, words)):
        return pattern
    if not any(_ASCII_LETTER.search(_flat_word(each)) for each in words):
        return _SCRIPT_WORD + " ".join(each.lower() for each in words)
    return _FOREIGN_WORD + pattern


_ASCII_LETTER = re.compile(r"[A-Za-z0-9]")


type Block = tuple[int, int]
"""Code points `start:end` of the text."""


def blocks(flat: bytes, start: int = 0, end: int | None = None) -> list[Block]:
    """Cut `flat[start:end]` into blocks of at most `BLOCK`, at white space where there is any."""
    stop = len(flat) if end is None else end
    cuts: list[Block] = []
    while start < stop:
        cut = start + BLOCK
        if cut >= stop:
            cuts.append((start, stop))
            break
        near = start + BLOCK // 2
        at = flat.rfind(b"\n", near, cut)
        if at < 0:
            at = flat.rfind(b" ", near, cut)
        cut = at + 1 if at >= 0 else cut
        cuts.append((start, cut))
        start = cut
    return cuts


# The four characters outside ASCII that match an ASCII letter when case is ignored (`regex`
# module, simple case folding); everything else maps by its class.
_FOLDED = {"\u0130": "i", "\u0131": "i", "\u017f": "s", "\u212a": "k"}
_WORD, _SPACE = regex.compile(r"\w"), regex.compile(r"\s")
_LETTER = re.compile(r"\\p\{L[lu]?\}")


def _class_of(character: str) -> str:
    if character in _FOLDED:
        return _FOLDED[character]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if _WORD.match(character):
        return "_"
    return " " if _SPACE.match(character) else "\x01"


class _Classes(PerCharacter):
    def of(self, character: str) -> str:
        return character if character.isascii() else _class_of(character)


_CLASSES = _Classes()


def flatten(text: str) -> bytes:
    """The flat copy of `text`: one ASCII byte per code point."""
    return (text if text.isascii() else text.translate(_CLASSES)).encode("ascii")


class Spoken:
    """Where the words stand that patterns wait for (`Expression.words`): ends in code points.

    A word in the label speaks everywhere, and so may one that was not `sought`.
    """

    def __init__(
        self,
        sought: frozenset[str],
        places: Mapping[str, Sequence[int]],
        beyond: frozenset[str],
    ) -> None:
        self._sought = sought
        self._places = places
        self._beyond = beyond
        self._of: dict[frozenset[str], list[int]] = {}
        self._always: dict[frozenset[str], bool] = {}

    def near(self, words: frozenset[str], first: int, last: int) -> bool:
        """Can one of `words` end in `first:last`, or in the label?"""
        if self.always(words):
            return True
        places = self._ends(words)
        position = bisect.bisect_left(places, first)
        return position < len(places) and places[position] <= last

    def always(self, words: frozenset[str]) -> bool:
        """Is one of `words` in the label, or were they not sought?"""
        known = self._always.get(words)
        if known is None:
            known = not words.isdisjoint(self._beyond) or not words <= self._sought
            self._always[words] = known
        return known

    def ends(self, words: frozenset[str], first: int, last: int) -> list[int] | None:
        """Where in `first:last` one of `words` ends; None for words that were not sought."""
        if not words <= self._sought:
            return None
        places = self._ends(words)
        return places[bisect.bisect_left(places, first) : bisect.bisect_right(places, last)]

    def _ends(self, words: frozenset[str]) -> list[int]:
        places = self._of.get(words)
        if places is None:
            found = self._places
            places = self._of[words] = sorted(
                at for word in words.intersection(found) for at in found[word]
            )
        return places


class _Tier(Enum):
    """What a database runs over."""

    ALL = 0
    DIGITS = 1
    BLOCKS = 2


@dataclass(frozen=True, slots=True)
class _Group:
    """Expressions of one database, by number; `topics` are those of each of them, if any.

    Of expressions that are the same, the first stands for all (see `_twins`).
    """

    tier: _Tier
    numbers: tuple[int, ...]
    topics: frozenset[int]
    proves: bool


class Prefilter:
    """All patterns as a few databases, and the numbers of those that run unfiltered."""

    def __init__(
        self,
        groups: Sequence[tuple[_Group, Any]],
        topics: tuple[tuple[tuple[int, ...], Any], tuple[tuple[int, ...], Any]],
        scripts: ScriptWords,
        unfiltered: Sequence[int],
        expressions: Sequence[Expression],
    ) -> None:
        """`topics` are words, by number, and what looks for them: of ASCII letters, and others with
        letters of ASCII in them; `scripts` those without.
        """
        self._databases = tuple(groups)
        self._topics = topics
        self._scripts = scripts
        self.unfiltered = tuple(unfiltered)
        self._reaches = tuple((item.before or 0, item.after) for item in expressions)
        numbers = _topics(expressions)
        self._said = _said(expressions)
        self._sought = frozenset(self._said)
        self._topics_with = tuple(
            frozenset(number for words, number in numbers.items() if word in words)
            for word in self._said
        )
        self._topic_of = tuple(
            None if expression.alone else numbers.get(expression.words)
            for expression in expressions
        )
        self._twins = _twins(expressions)
        always: list[int] = []
        asked: dict[int, list[int]] = {number: [] for number in numbers.values()}
        for place, (group, _) in enumerate(self._databases):
            if not group.topics:
                always.append(place)
            for topic in group.topics:
                asked[topic].append(place)
        self._always = frozenset(always)
        self._asked = {topic: frozenset(places) for topic, places in asked.items()}
        self._lock = threading.Lock()  # a database has one scratch space

    @classmethod
    def build(
        cls, expressions: Sequence[Expression], *, key: bytes, cache_dir: Path | None
    ) -> Prefilter:
        """Compile `expressions`, or load what was compiled before (see `databases`)."""

        def made(forms: Sequence[Form]) -> Database:
            return database(forms, key=key, cache_dir=cache_dir)

        found: list[tuple[_Group, Any]] = []
        unfiltered: list[int] = []
        for group in _groups(expressions):
            matcher, rejected = made([_hyperscan_form(expressions[i]) for i in group.numbers])
            unfiltered.extend(group.numbers[place] for place in rejected)
            if matcher is not None:
                found.append((group, matcher))
        said = list(enumerate(_said(expressions)))
        scripts = ScriptWords(
            [
                (number, word.removeprefix(_SCRIPT_WORD).split(" "))
                for number, word in said
                if word.startswith(_SCRIPT_WORD)
            ],
            made,
        )
        said = [each for each in said if not each[1].startswith(_SCRIPT_WORD)]
        topics = []
        for which in (False, True):
            words = [(n, word) for n, word in said if word.startswith(_FOREIGN_WORD) is which]
            matcher, rejected = made([(word.encode("ascii"), 0) for _, word in words])
            if rejected:
                raise ValueError("words that the matcher does not take")
            topics.append((tuple(number for number, _ in words), matcher))
        if cache_dir is not None:
            tidy(cache_dir)
        return cls(found, (topics[0], topics[1]), scripts, sorted(unfiltered), expressions)

    def candidates(
        self, text: str, start: int = 0, end: int | None = None, *, label: str = ""
    ) -> dict[int, list[Block]]:
        """For each pattern that can match, the windows in which its matches begin, ascending.

        Asked are matches that begin in `text[start:end]`. `label` may hold words that patterns
        want, beside the text.
        """
        return self.look(text, start, end, label=label)[0]

    def look(
        self,
        text: str,
        start: int = 0,
        end: int | None = None,
        *,
        label: str = "",
        proving: bool = False,
    ) -> tuple[dict[int, list[Block]], Spoken]:
        """The `candidates` (with `proving` those that prove themselves, others where that is free),
        and where the expressions' `words` are.
        """
        flat = flatten(text)
        stop = len(flat) if end is None else end
        if start >= stop:
            return {}, Spoken(frozenset(), {}, frozenset())
        result = {number: _split(start, stop) for number in self.unfiltered}
        found: list[tuple[int, int]] = []
        first = 0
        numbers: tuple[int, ...] = ()

        def hit(place: int, _begin: int, at: int, _flags: int, _context: object) -> None:
            found.append((numbers[place], first + at))

        with self._lock:
            places = self._spoken(text, flat)
            beyond = self._spoken(label, flatten(label)) if label else {}
            spoken: frozenset[int] = frozenset().union(
                *map(self._topics_with.__getitem__, (places.keys() | beyond.keys()))
            )
            everything = _buffers(flat, start, stop)
            around: list[Block] | None = None
            for place in sorted(self._always.union(*map(self._asked.__getitem__, spoken))):
                group, matcher = self._databases[place]
                if proving and not group.proves:
                    continue
                numbers = group.numbers
                if group.tier is _Tier.BLOCKS:
                    self._blocks(numbers, matcher, flat, (start, stop), result)
                    continue
                if group.tier is _Tier.DIGITS and around is None:
                    around = _around_digits(flat, start, stop)
                for first, last in (around or ()) if group.tier is _Tier.DIGITS else everything:
                    matcher.scan(flat[first:last], match_event_handler=hit)
        reaches = self._reaches
        for number, at in found:
            before, after = reaches[number]
            left, right = max(start, at - before), min(stop, at + after)
            if left >= right:
                continue  # begins before or after what is asked
            windows = result.get(number)
            if windows is None:
                result[number] = [(left, right)]
                continue
            begin, reached = windows[-1]
            if left <= reached and right - begin <= WINDOW:
                if right > reached:
                    windows[-1] = (begin, right)
            else:
                windows.append((left, right))
        topic_of = self._topic_of
        result = {
            number: windows
            for first, windows in result.items()
            for number in self._twins[first]
            if (topic := topic_of[number]) is None or topic in spoken
        }
        said = self._said
        where = Spoken(
            self._sought,
            {said[number]: ends for number, ends in places.items()},
            frozenset(map(said.__getitem__, beyond)),
        )
        return result, where

    def _spoken(self, text: str, flat: bytes) -> dict[int, list[int]]:
        """Where the words that patterns wait for end in `text`, by their numbers."""
        foreign = not text.isascii()
        spoken = self._scripts.find(text) if foreign else {}
        numbers: tuple[int, ...] = ()

        def hit(place: int, _begin: int, at: int, _flags: int, _context: object) -> None:
            number = numbers[place]
            ends = spoken.get(number)
            if ends is None:
                spoken[number] = [at]
            else:
                ends.append(at)

        for numbers, words in self._topics if foreign else self._topics[:1]:  # noqa: B007  # for `hit`
            if words is not None:
                words.scan(flat, match_event_handler=hit)
        return spoken

    @staticmethod
    def _blocks(
        numbers: Sequence[int],
        matcher: Any,
        flat: bytes,
        asked: Block,
        result: dict[int, list[Block]],
    ) -> None:
        """Adds the blocks of `asked` in which patterns match that are not located."""
        found: set[int] = set()
        size = len(flat)

        def hit(place: int, _begin: int, _end: int, _flags: int, _context: object) -> None:
            found.add(numbers[place])

        for start, end in blocks(flat, *asked):
            stop = end
            if stop < size:
                # A cut inside a token gets a whole block of look-ahead: the token goes on.
                stop += LOOKAHEAD if flat[end - 1] in b" \n" else BLOCK
            matcher.scan(flat[start:stop], match_event_handler=hit)
            for number in found:
                windows = result.setdefault(number, [])
                if windows and start == windows[-1][1] and end - windows[-1][0] <= WINDOW:
                    windows[-1] = (windows[-1][0], end)
                else:
                    windows.append((start, end))
            found.clear()


def _buffers(flat: bytes, start: int, stop: int) -> list[Block]:
    """What is scanned for matches that begin in `start:stop`, in overlapping buffers."""
    size = len(flat)
    return [
        (max(0, first - BEHIND), min(size, first + BUFFER + NARROW, stop + NARROW))
        for first in range(start, stop, BUFFER)
    ]


def _around_digits(flat: bytes, start: int, stop: int) -> list[Block]:
    """The neighbourhoods of digits, those that touch as one."""
    size = len(flat)
    joined: list[Block] = []
    begin = max(0, start - EDGE)
    digits = flat[begin : min(size, stop + EDGE)].translate(_ONLY_DIGITS)
    for found in _DIGITS.finditer(digits):
        left = max(0, begin + found.start() - EDGE)
        right = min(size, begin + found.end() + EDGE)
        if joined and left <= joined[-1][1]:
            joined[-1] = (joined[-1][0], right)
        else:
            joined.append((left, right))
    return joined


def _split(start: int, stop: int) -> list[Block]:
    return [(first, min(stop, first + WINDOW)) for first in range(start, stop, WINDOW)]


def _topics(expressions: Iterable[Expression]) -> dict[frozenset[str], int]:
    """A number for each set of words that some expression wants."""
    wanted = {expression.words for expression in expressions if expression.words}
    return {words: number for number, words in enumerate(sorted(wanted, key=sorted))}


def _said(expressions: Iterable[Expression]) -> tuple[str, ...]:
    """All words that some expression wants."""
    return tuple(sorted(frozenset().union(*(expression.words for expression in expressions))))


def _twins(expressions: Sequence[Expression]) -> dict[int, list[int]]:
    """The numbers of expressions that find the same, by the first of them."""
    firsts: dict[object, int] = {}
    twins: dict[int, list[int]] = {}
    for number, expression in enumerate(expressions):
        same = (_hyperscan_form(expression), expression.before, expression.after, expression.own)
        twins.setdefault(firsts.setdefault(same, number), []).append(number)
    return twins


@functools.lru_cache(maxsize=4_096)
def _tier(expression: Expression) -> _Tier:
    if expression.before is None:
        return _Tier.BLOCKS
    tree = _tree(expression.pattern, expression.flags)
    if tree is None:
        return _Tier.ALL
    near = _least_digits(tree) >= DIGITS and _most_others(tree) <= GAP and tree.getwidth()[1] < EDGE
    return _Tier.DIGITS if near else _Tier.ALL


def study(expressions: Sequence[Expression]) -> None:
    """Find out ahead what `Prefilter.build` wants to know of each of them."""
    _groups(expressions)


def _groups(expressions: Sequence[Expression]) -> list[_Group]:
    """Expressions that run over the same part of a text, and want the same words, together."""
    topics = _topics(expressions)
    sorts: dict[tuple[_Tier, frozenset[int], bool, bool], list[int]] = {}
    for first, same in _twins(expressions).items():
        twins = [expressions[number] for number in same]
        asked = all(twin.words and not twin.alone for twin in twins)
        wanted = frozenset(topics[twin.words] for twin in twins if asked)
        tier = _tier(twins[0])
        # A pass over all of a text costs hardly more with those that do not prove themselves.
        proves = any(twin.proves for twin in twins) or (tier is not _Tier.DIGITS and not asked)
        sorts.setdefault((tier, wanted, proves, twins[0].own), []).append(first)
    return [
        _Group(tier, numbers, wanted, proves)
        for (tier, wanted, proves, _), together in sorted(sorts.items(), key=lambda item: item[1])
        for numbers in _parts(together, expressions)
    ]


def _parts(numbers: Sequence[int], expressions: Sequence[Expression]) -> Iterator[tuple[int, ...]]:
    """`numbers` in as many parts as there must be databases."""
    part: list[int] = []
    weight = 0
    for number in numbers:
        if weight >= GROUP:
            yield tuple(part)
            part, weight = [], 0
        part.append(number)
        weight += HEAVY if _LONG.search(expressions[number].pattern) else 1
    yield tuple(part)


def _hyperscan_form(expression: Expression) -> tuple[bytes, int]:
    """The expression for the flat text, relaxed where the exact form costs compile time."""
    # A long bounded repeat costs a state per repetition; without its bound it costs one.
    pattern = re.sub(r"(\[[^\]]+\])\{1,\d{3,}\}", r"\1+", expression.pattern)
    pattern = _NOTHING_BEFORE.sub(_something_else, pattern)
    pattern = _flat_letters(pattern.translate(_CLASSES))
    if not expression.words:
        pattern = _headless(pattern)
    flags = hyperscan.HS_FLAG_PREFILTER
    if expression.before is None:
        flags |= hyperscan.HS_FLAG_SINGLEMATCH
    if expression.flags & regex.IGNORECASE:
        flags |= hyperscan.HS_FLAG_CASELESS
    if expression.flags & regex.DOTALL:
        flags |= hyperscan.HS_FLAG_DOTALL
    if expression.flags & regex.MULTILINE:
        flags |= hyperscan.HS_FLAG_MULTILINE
    return pattern.encode("ascii"), flags


_NOTHING_BEFORE = re.compile(r"\A\(\?<!(?:\[(\\[wd][.,:*#/+@~]*-?)\]|(\\[wd]))\)")
"""What may not stand before a match: of these characters each is in the flat text what it is in the
text. The matcher does not look behind, and would try a number from each of its digits on.
"""


def _something_else(behind: re.Match[str]) -> str:
    """The beginning, or one other character: where a match ends stays the same."""
    return f"(?:^|[^{behind[1] or behind[2]}])"


_HEAD = re.compile(
    r"(?:\(\?:\^\|\[\^(?:[^\]\\]|\\.)+\]\)|\\b|\(\?<[!=](?:[^()\\]|\\.)*\))*"
    r"(?P<class>\[(?:[^\]\\]|\\.)+\]|\\[wdsS])(?:\{(?P<least>\d+),\d*\}|(?P<sign>[*+?]))[?+]?(?!\||$)"
)


def _headless(pattern: str) -> str:
    """The pattern with the least of what repeats at its beginning: where matches end stays the same,
    and the matcher looks for what follows instead of beginning with each word of a text.
    """
    head = _HEAD.match(pattern)
    if head is None:
        return pattern
    least = int(head["least"]) if head["least"] else int(head["sign"] == "+")
    return f"{head['class']}{{{least}}}" * bool(least) + pattern[head.end() :]


# In the flat text a foreign letter is `_`; the dotted capital I and the sign for kelvin are small.
_FLAT_LETTERS = {"L": "A-Za-z_", "Lu": "A-Z_ik", "Ll": "a-z_"}
_SURE_LETTERS = {"L": "A-Za-z", "Lu": "A-Z", "Ll": ""}
"""What is not in a negated class must be sure to be no such letter."""

_PIECE = re.compile(r"\\p\{(L[lu]?)\}|\\.|\[\^?\]?|\]|[^\\\[\]]+", re.DOTALL)


def _flat_letters(pattern: str) -> str:
    """The pattern with classes of letters as they are in the flat text."""
    result = []
    inside = negated = False
    for piece in _PIECE.finditer(pattern):
        kind = piece[1]
        if kind:
            letters = (_SURE_LETTERS if negated else _FLAT_LETTERS)[kind]
            result.append(letters if inside else f"[{letters}]")
            continue
        if not inside and piece[0][0] == "[":
            inside, negated = True, piece[0].startswith("[^")
        elif inside and piece[0] == "]":
            inside = negated = False
        result.append(piece[0])
    return "".join(result)
