"""How does a text read with its hashtags taken apart? Law: spaces are put in and signs exchanged, so
that every place of the reading stands for one of the text.

`#RIPJohnnyWinter` is one word to the name model, and none that it knows; `RIP Johnny Winter` it
understands.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import regex

_TAG = regex.compile(r"""#(?<![^\s"'“‘.,:;!?(]#)\p{Lu}\w*(?:\p{Ll}\p{Lu}|\p{Lu}\p{Ll})\w*""")
"""A hashtag of several words, as people write it: no part of an address, a path or an entity."""

_SEAM = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})")
"""Where a word of it ends: before a capital, and before the last of several."""

_SIGN = "("
"""What its sign reads as: the model learned that hashtags name topics, and a bracket keeps the names
of two apart."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The text as it reads, and the places in it where spaces were put in, ascending."""

    text: str
    spaces: tuple[int, ...] = ()

    def place(self, at: int) -> int:
        """The place in the text that `at` stands for."""
        return at - bisect.bisect_left(self.spaces, at)


def read(text: str) -> Reading:
    """The reading of `text`."""
    if "#" not in text:
        return Reading(text)
    pieces: list[str] = []
    spaces: list[int] = []
    reached = 0
    for tag in _TAG.finditer(text):
        for seam in _SEAM.finditer(text, *tag.span()):
            at = seam.start()
            piece = text[reached:at]
            if reached <= tag.start():
                piece = text[reached : tag.start()] + _SIGN + text[tag.start() + 1 : at]
            pieces.append(piece)
            spaces.append(at + len(spaces))
            reached = at
    return Reading(" ".join([*pieces, text[reached:]]), tuple(spaces)) if spaces else Reading(text)
