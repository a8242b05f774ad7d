"""Which character does a glyph of a font stand for? Told by its name, as fonts of PostScript have it.

Law: a name that is not known stands for nothing. Names are those of Adobe's list for new fonts
(https://github.com/adobe-type-tools/agl-specification).
"""

from __future__ import annotations

import re
import unicodedata

_SIGNS = dict(
    zip(
        "space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright"
        " asterisk plus comma hyphen period slash colon semicolon less equal greater question at"
        " bracketleft backslash bracketright asciicircum underscore grave braceleft bar braceright"
        " asciitilde zero one two three four five six seven eight nine quoteright quoteleft bullet"
        " endash emdash quotedblleft quotedblright ellipsis Euro minus germandbls".split(),
        " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~0123456789\u2019\u2018\u2022\u2013\u2014\u201c\u201d\u2026\u20ac"
        "\u2212\u00df",
        strict=True,
    )
)
_ACCENTED = re.compile(
    r"([A-Za-z])(acute|grave|circumflex|dieresis|tilde|cedilla|ring|caron)\Z",
)
_BY_NUMBER = re.compile(r"(?:uni([0-9A-F]{4})|u([0-9A-F]{4,6}))\Z")


def of(name: str) -> str:
    """The character of the glyph `name`; empty where it is not known."""
    if len(name) == 1:
        return name
    if name in _SIGNS:
        return _SIGNS[name]
    if numbered := _BY_NUMBER.match(name):
        code = int(numbered[1] or numbered[2], 16)
        return chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else ""
    accented = _ACCENTED.match(name)
    if accented is None:
        return ""
    case = "CAPITAL" if accented[1].isupper() else "SMALL"
    mark = {"dieresis": "DIAERESIS", "ring": "RING ABOVE"}.get(accented[2], accented[2].upper())
    try:
        return unicodedata.lookup(f"LATIN {case} LETTER {accented[1].upper()} WITH {mark}")
    except KeyError:
        return ""
