"""Is what a model takes for a name in a German text a noun? Law: a forename, a word after a title, a
known place with no article before it and several capitalised words in a row stay names.

Every German noun has a capital, and a model that learned names from English takes many for names.
A word by itself stays one where a list of forenames holds it, or one of surnames and no article
stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from gateway.detectors import name_words

LANGUAGE = "de"

_FORENAMES = name_words.bits(("forename", "forename_us", "forename_any"))
_SURNAMES = name_words.bits(("surname", "surname_us", "surname_any"))
_PLACES = name_words.bits(("city", "country", "region"))

_WORD = re.compile(r"[^\W\d_][\w'’.-]*|\d[\w.-]*")
_SENTENCE = re.compile(r"(?<=[^\W\d_]{4})[.!?:]\s+|[\n;]+")
_BEFORE = re.compile(r"([^\W\d_]+\.?)[\s\"'„(]{1,3}$")

_LITTLE = frozenset(
    "der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner "
    "dieser diese dieses diesen diesem jeder jede jedes jeden jedem mein meine meinen meinem meiner "
    "dein deine deinen deinem sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer unser unsere "
    "unseren unserem unserer euer eure im am zum zur vom beim ins ans welche welcher welches welchen "
    "alle allen aller viele vielen manche einige beide mehrere wenig wenige weniger".split()
)
"""Articles and what stands in their place."""

_OPENING = _LITTLE | frozenset(
    "wie was wer wo wann warum wieso wenn weil dass als ob aber und oder auch nicht nur noch nach vor "
    "mit bei von zu aus an auf in über unter für gegen ohne durch um bis seit während wegen ich du er "
    "sie es wir man hier dort dann so bitte kannst kann können soll".split()
)
"""Words that begin a sentence with a capital and are no part of a name."""

_TITLES = frozenset(
    "herr herrn frau dr dr. prof prof. familie kollege kollegin kollegen kunde kundin kunden patient "
    "patientin patienten heißt heiße name namens bin onkel tante hallo liebe lieber grüße".split()
)
_NOUNS = frozenset(
    "mehl zucker butter salz milch brot sonne mond stern regen schnee wind matte haus hause reisen reise "
    "mai april august norden süden osten westen sommer winter herbst frühling tag tage abend morgen "
    "mittag nacht sohn tochter vater mutter bruder kind kinder mann frau maus hund katze vogel rosen "
    "rose blume baum wald berg tal see meer stein gold silber geld bank markt preis kosten lohn arbeit "
    "kraft glück liebe freude ernst heide hand kopf herz auge bild buch brief wort text ball spiel rat "
    "recht grund stand gang zug weg platz ende anfang mitte eltern rosmarin lavendel salbei".split()
)
"""Common nouns that are names, too: by themselves they are meant as nouns."""

_INNER = frozenset({"von", "van", "zu", "vom", "zur", "der", "den", "de", "und", "am", "an", "im"})
_STREET = re.compile(r"(?i)(?:stra(?:ß|ss)e|str\.|allee|gasse|\d)")


def names(
    text: str, start: int, end: int, entity: str, lists: Callable[[str], int]
) -> Iterator[tuple[int, int]]:
    """What of `text[start:end]`, found as `entity`, stays a name. `lists` tells those of a word."""
    at = start
    for gap in [*_SENTENCE.finditer(text, start, end), None]:
        stop = end if gap is None else gap.start()
        if at < stop:
            kept = _kept(text, at, stop, entity, lists)
            if kept is not None:
                yield kept
        at = end if gap is None else gap.end()


def _kept(
    text: str, start: int, end: int, entity: str, lists: Callable[[str], int]
) -> tuple[int, int] | None:
    words = list(_WORD.finditer(text, start, end))
    before = _BEFORE.search(text, max(0, start - 24), start)
    ahead = before[1].lower() if before else ""
    while words and words[0][0].lower() in _OPENING:
        ahead = words.pop(0)[0].lower()
    while words and words[-1][0][0].islower():
        words.pop()
    if not words:
        return None
    place = (words[0].start(), words[-1].end())
    said = [word[0] for word in words]
    article = ahead in _LITTLE
    if ahead in _TITLES or said[0].lower() in _TITLES:
        return place
    known = [lists(name_words.folded(word)) for word in said]
    if entity == "LOCATION":
        stays = any(map(_STREET.search, said)) or (
            any(each & _PLACES for each in known)
            and not (len(said) == 1 and (article or said[0].lower() in _NOUNS))
        )
    elif entity == "PERSON":
        stays = _is_person(said, known, article=article)
    else:
        stays = not article or any(not word[1:].islower() for word in said)
    return place if stays else None


def _is_person(said: list[str], known: list[int], *, article: bool) -> bool:
    forename = bool(known[0] & _FORENAMES)
    if len(said) == 1:
        named = forename or (bool(known[0] & _SURNAMES) and not article)
        return named and said[0].lower() not in _NOUNS
    if any(word[0].islower() for word in said):
        return forename and all(word[0].isupper() or word in _INNER for word in said)
    return forename or not article
