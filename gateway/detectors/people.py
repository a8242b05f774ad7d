"""Is what the name model takes for a person one? Law: in running text the model is believed, and who
stands in a row with people is one. In tables, output of tools, source code and lists, what stands in a
list of names, follows a title, a greeting or the name of a field, or stands beside such a word, stays;
the rest has to be likely.

The model learned from running text: elsewhere it takes words for people that no list of names holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet

import regex

from gateway.detectors import name_words

LIKELY = 0.75
"""Least confidence of a word by itself that no list holds and nothing speaks for."""

_PROSE = regex.compile(r"(?<![^\s(\"'])[a-z]{2,}(?=[\s.,;:!?)\"']|$)")
_WORDS, _SHARE = 3, 0.5
"""So many words in small letters, and that share of what stands between spaces, make a line running
text."""

_REACH = 200
"""Code points of a line on either side that are looked at."""

SURE = 0.95
"""Confidence from which a word that the model takes for a place or an organisation is one, in a row
with people too, unless a list of names holds it."""

_FORENAMES = name_words.bits(("forename", "forename_us", "forename_any"))
_NAMES = _FORENAMES | name_words.bits(("surname", "surname_us", "surname_any"))
_COMMON = name_words.bits(("common", "very_common"))
_PLACES = name_words.bits(("city", "country", "region"))

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}'’]*")
_NEAR = 6
"""Code points between parts of one name that the model found apart, at most this less one."""

_FAR = 120
"""Code points around a user name in which its owner may stand."""

_BEFORE = 48
"""Code points before a name in which what speaks for it may stand."""

_SMALL = 4
"""Letters of the shortest forename by itself in small letters: shorter ones are words of a language
or of a machine."""

_SPOKEN_FOR = regex.compile(
    r"(?ri)(?<!\p{L})(?:mrs?|ms|miss|sir|madam|dra?|dott|dottssa|prof|ing|sig|sigra|sra?|srta|mme|mlle|monsieur|madame"
    r"|herrn?|frau|meneer|mevrouw|mevr|dhr|heer|señora?|senhora?|pan|pani"
    r"|signor|signora|dear|hi|thx|action|hello|hey|hej|hallo|hola|ol[áa]|ciao|bonjour|caro|cara|cher|ch[èe]re|liebe[rs]?|querid[oa]|estimad[oa]"
    r"|beste|geachte|thanks|thank you|regards|best|cheers|groet|grüße|cordialement|saluti|saludos|cumprimentos"
    r"|agent|officer|nurse|judge|teacher|client|patient|nominee|suspect|witness|contact|author|owner|assignee|reporter"
    r"|[fl]irst|last|given|family|middle|user|full|sur|fore|first_?name|last_?name|(?:\p{L}+[ _-]?)?names?|nom|pr[ée]nom"
    r"|nombre|apellidos?|cognome|nome|naam|achternaam|voornaam|apelido|sobrenome|nachname|vorname|sn|cn|n)"
    r"[\p{P}\p{S}\s]{1,24}(?-i:\p{Lu}[\p{L}\p{M}]+ )?$"
)
"""What stands before a name: a title, a greeting, the name of a field; or before its
forename."""

_WITHIN = regex.compile(r"\p{Lu}[\p{L}\p{M}]+ (?:d[aeio]s?|del|v[ao]n|de la) \p{Lu}$")
"""A small word within a name, to the first letter of the next."""

_CELL = frozenset("\t\n|;")
"""What a cell of a table begins with, where it begins without a space."""

_CHAT = regex.compile(r"(?r)(?<=\n|^)\[?[\d/., :-]{4,24}[\])]? $")
"""The time before who writes, in a chat."""

_BESIDE_BEFORE = regex.compile(
    r"(?r)(?<![\p{L}\p{M}])(\p{Lu}[\p{L}\p{M}]+)(?:[ ,;'\"\t>-]{1,5}| (?:and|und|et|y|e|en|&) )$"
)
_BESIDE_AFTER = regex.compile(
    r"(?:[ ,;'\"\t<-]{1,5}| (?:and|und|et|y|e|en|&) )(\p{Lu}[\p{L}\p{M}]+)"
)

_JOINED_BEFORE = regex.compile(r"(?r)(?<!\p{L})(\p{Ll}{3,})(?:[-._]|[,|;\t] ?)$")
_JOINED_AFTER = regex.compile(r"(?:[-._]|[,|;\t] ?)(\p{Ll}{3,})")
"""The other part of an address, a user name or a row (`anna-schmidt`)."""

_ACTS = regex.compile(
    r" (?:is|was|has|had|will|would|and|too|said|says|owes|ist|hat|wird|\p{Ll}{3,}ed)\b"
)
"""What stands after somebody who acts."""

_NAMESAKE = regex.compile(
    r"(?:['’]s)?[ -](?:laws?|theorem|lemma|constant|paradox|razor|principle|equations?|inequality|disease|syndrome"
    r"|lymphoma|palsy)\b"
    r"|[ -](?:effect|inequalities|distribution|process|chain|series|transform|matrix|coefficient|correlation"
    r"|algorithm|prior|noise|shading|splines?|elimination|sampling|filter|telescopes?|sensor|screwdriver|reagent"
    r"|filtration|extraction|funnel|flask|GPUs?|Linux)\b"
)
"""What is called after a person: after its name none is meant."""

_AND = regex.compile(r",? (?:and|or|&|und|oder|et|ou|y|e|en) ")
_COMMA = regex.compile(r", ")
_ONE = regex.compile(r"\p{Lu}[\p{L}\p{M}’']+")
_WHERE = regex.compile(r"(?r)\b(?i:at|from|in|near|via|aus|bei) $")
"""What stands before a place or an organisation."""

_MONTH = regex.compile(r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.?")
_DAY_BEFORE = regex.compile(r"(?r)\d[ /-]{1,3}$")
_DAY_AFTER = regex.compile(r"[ /-]{1,3}\d")


def row(
    text: str, named: Sequence[tuple[int, int, str, float]], lists: Callable[[str], int]
) -> Iterator[tuple[int, int, str, float]]:
    """`named` (start, end, entity, confidence), by place, where who stands in a row with people, by
    an "and" or between two commas, is a person as well, whatever the model takes it for.
    """
    for place, (start, end, entity, sure) in enumerate(named):
        if entity != "PERSON" and _ONE.fullmatch(text, start, end):
            gaps = [
                (last[1], first[0])
                for last, first in itertools.pairwise(named[max(0, place - 1) : place + 2])
                if "PERSON" in {last[2], first[2]}
            ]
            joined = any(_AND.fullmatch(text, *gap) for gap in gaps)
            listed = len(gaps) == 2 and all(_COMMA.fullmatch(text, *gap) for gap in gaps)
            if (joined or listed) and _may_be(text, start, end, sure, lists):
                yield start, end, "PERSON", sure
                continue
        yield start, end, entity, sure


def _may_be(text: str, start: int, end: int, sure: float, lists: Callable[[str], int]) -> bool:
    """Whether a word that the model takes for a place or an organisation may be a person."""
    known = lists(name_words.folded(text[start:end]))
    return (
        not known & (_PLACES | _COMMON)
        and (sure < SURE or bool(known & _NAMES))
        and not _WHERE.search(text, max(0, start - _BEFORE), start)
        and _running(text, start, end)
    )


def people(
    text: str,
    found: Sequence[tuple[int, int, float]],
    others: Collection[tuple[int, int]],
    lists: Callable[[str], int],
) -> Iterator[tuple[int, int, float]]:
    """What of `found`, by place, stays a person's name. `others` are names of another kind,
    `lists` tells those of a folded word.
    """
    doubtful = [
        (start, end, sure)
        for start, end, sure in found
        if not _listed(text, start, end, lists) and not _running(text, start, end)
    ]
    if not doubtful:
        yield from found
        return
    full = {
        word
        for start, end, _ in found
        if len(words := _WORD.findall(text, start, end)) > 1
        for word in words
    }
    begins = {start for start, _, _ in found} | {start for start, _ in others}
    ends = {end for _, end, _ in found} | {end for _, end in others}
    gone = set()
    for start, end, sure in doubtful:
        near = any(start - gap in ends or end + gap in begins for gap in range(1, _NEAR))
        if not _stays(text, start, end, sure, lists, near=near, full=full):
            gone.add(start)
    yield from (place for place in found if place[0] not in gone)


def _listed(text: str, start: int, end: int, lists: Callable[[str], int]) -> bool:
    """Whether a list holds it and nothing speaks against it: most names are done with here."""
    return (
        any(
            lists(name_words.folded(word)) & _NAMES
            for word in _WORD.findall(text, start, end)
            if not word.islower()
        )
        and not _NAMESAKE.match(text, end)
        and not _MONTH.fullmatch(text, start, end)
    )


def _running(text: str, start: int, end: int) -> bool:
    """Whether what stands in this place stands in a line of prose."""
    left, right = max(0, start - _REACH), end + _REACH
    line = text[left:start].rpartition("\n")[2] + text[start:right].partition("\n")[0]
    words = len(_PROSE.findall(line))
    return words >= _WORDS and words >= _SHARE * len(line.split())


def _stays(
    text: str,
    start: int,
    end: int,
    sure: float,
    lists: Callable[[str], int],
    *,
    near: bool,
    full: AbstractSet[str],
) -> bool:
    words = list(_WORD.finditer(text, start, end))
    if not words:
        return sure >= LIKELY
    before = text[max(0, start - _BEFORE) : start]
    if _SPOKEN_FOR.search(before):
        return True
    if _NAMESAKE.match(text, end):
        return False
    known = [lists(name_words.folded(word[0])) for word in words]
    named = any(each & _NAMES for each in known)
    if len(words) > 1:
        nothing = all(word[0].islower() for word in words) or all(each & _COMMON for each in known)
        return named or not nothing
    said = words[0][0]
    if said.islower():
        return _small(text, start, said, known[0], lists)
    if _MONTH.fullmatch(text, start, end) and (
        _DAY_BEFORE.search(before) or _DAY_AFTER.match(text, end)
    ):
        return False
    if named or said in full or (near and not said.isupper()) or _CHAT.search(before):
        return True
    if said.isupper():
        return any(
            not which & _COMMON and which & _NAMES for which in _beside(text, end, before, lists)
        )
    common = bool(known[0] & _COMMON)
    if (sure >= LIKELY and not known[0]) or (not common and _ACTS.match(text, end)):
        return True
    return any(
        not which & _COMMON and (which & _NAMES or not common)
        for which in _beside(text, end, before, lists)
    )


def _beside(text: str, end: int, before: str, lists: Callable[[str], int]) -> Iterator[int]:
    """The lists of the words with a capital that stand beside a word."""
    for word in (_BESIDE_BEFORE.search(before), _BESIDE_AFTER.match(text, end)):
        if word is not None:
            yield lists(name_words.folded(word[1]))


def _small(text: str, start: int, said: str, known: int, lists: Callable[[str], int]) -> bool:
    """True for a word in small letters that is a forename, or a user name made of a name."""
    end = start + len(said)
    if text[start - 1 : start] == "@" or _WITHIN.search(text, max(0, start - 24), end + 2):
        return True
    if len(said) >= _SMALL and known & _FORENAMES and not known & _COMMON:
        return True
    if known & _NAMES:
        for word in (
            _JOINED_BEFORE.search(text, max(0, start - 24), start),
            _JOINED_AFTER.match(text, end),
        ):
            if word is not None and lists(name_words.folded(word[1])) & _NAMES:
                return True
    rest = said[1:]
    listed = lists(rest)
    cell = start == 0 or text[start - 1] in _CELL
    if listed & _NAMES and (len(rest) > _SMALL or cell or (len(rest) > 2 and not listed & _COMMON)):
        return True
    nearby = "".join(name_words.letters(text[max(0, start - _FAR) : start + _FAR]))
    return len(rest) > 1 and (
        rest.capitalize() in nearby or rest in nearby.lower().replace(said, " ")
    )
