"""Which language is a text in? Law: None where the text does not say; never a guess.

Told by the short words that each language uses in every sentence and the others hardly ever.
"""

from __future__ import annotations

from gateway.detectors import name_words

_TELLING = {
    "en": "the and is are was were of to with that this have has for you not they will would",
    "de": "der die das und ist sind nicht mit ein eine einen den dem von zu ich sie wir auch auf "
    "für werden wurde haben hat bei",
    "fr": "le les des est et une dans pour pas vous nous avec sur que qui sont ce cette au aux du "
    "était je",
    "es": "el los las una es y en por para con no que del al está son pero como más su se lo",
    "it": "il gli di che è non per una sono con della del nel alla anche come si questo ho ha lo",
    "pt": "o os as um uma é não com para em do da dos das que por mais ao foi você está são",
    "nl": "de het een en is van niet met voor dat zijn op te ik ze wij maar ook aan deze wordt",
}
KNOWN = tuple(_TELLING)
"""ISO 639-1 codes."""

SAMPLE = 2_000
"""Code points at the beginning of a text that are looked at."""

LEAST = 3
"""Telling words that a language needs, and by which it must lead."""

_VOTES: dict[str, list[str]] = {}
for _language, _words in _TELLING.items():
    for _word in _words.split():
        _VOTES.setdefault(_word, []).append(_language)


def of(text: str) -> str | None:
    """The language of `text`, or None."""
    votes = dict.fromkeys(KNOWN, 0.0)
    for word in name_words.letters(text[:SAMPLE].lower()):
        for language in (given := _VOTES.get(word, ())):
            votes[language] += 1 / len(given)
    (best, most), (_, second) = sorted(votes.items(), key=lambda item: -item[1])[:2]
    return best if most >= LEAST and most - second >= LEAST / 2 else None
