"""Does a picture show an identity document, a bank card, or a screen?

Law: an identity document and a card are claimed only where check digits fit; a screen is a guess
from what pixels and sizes look like, and says so by nothing but a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from gateway.content.pictures.ocr import Line, Pixels
from gateway.content.reading import Box
from gateway.encodings import check_digits

# --- machine-readable zones ----------------------------------------------------------------------

_TO_FILLER = str.maketrans(
    {"«": "<<", "‹": "<", "≤": "<", "《": "<<", "〈": "<", "く": "<", " ": ""}
)
_DIGITS = str.maketrans("OQDILZSBG", "000112586")
_LETTERS = str.maketrans("0125860", "OIZSBGO")
_ZONE = re.compile(r"[A-Z0-9<]{24,48}")
_WIDTHS = (44, 36, 30)


@dataclass(frozen=True, slots=True)
class Zone:
    """A machine-readable zone whose check digits fit; lines are parted by a line feed."""

    text: str = field(repr=False)
    boxes: tuple[tuple[int, int, Box], ...]


def zones(lines: Sequence[Line]) -> Iterator[Zone]:
    """Machine-readable zones (ICAO 9303: TD1, TD2, TD3, visas) among lines that were read.

    A reader drops and doubles fillers and takes O for 0: lines are brought to their width, digits
    made digits where only digits may stand, and then the check digits decide.
    """
    strips = [(line, _strip(line.text)) for line in lines]
    strips = [(line, text) for line, text in strips if _ZONE.fullmatch(text)]
    strips.sort(key=lambda pair: pair[0].box[1])
    for start in range(len(strips)):
        for width, count in ((44, 2), (36, 2), (30, 3)):
            chosen = strips[start : start + count]
            if len(chosen) < count or any(abs(len(text) - width) > 6 for _, text in chosen):
                continue
            texts = _mended([text for _, text in chosen], width)
            if check_digits.mrz("\n".join(texts)):
                boxes = tuple(
                    (at * (width + 1), at * (width + 1) + width, line.box)
                    for at, (line, _) in enumerate(chosen)
                )
                yield Zone("\n".join(texts), boxes)
                break


def _strip(text: str) -> str:
    return re.sub(r"[^A-Z0-9<]", "", text.translate(_TO_FILLER).upper())


def _mended(texts: list[str], width: int) -> list[str]:
    if width == 30:
        one, two, three = (_fit(text, width) for text in texts)
        two = _digits_at(two, (0, 7), (8, 15), (29, 30))
        one = (
            one[:2]
            + one[2:5].translate(_LETTERS)
            + one[5:14]
            + one[14:15].translate(_DIGITS)
            + one[15:]
        )
        two = _letters_at(two, (15, 18))
        return [one, two, three.translate(_LETTERS)]
    first, second = texts
    first = _fit(first, width).translate(_LETTERS)
    # Fillers of the second line stand before its last digits: the line is mended from both ends.
    second = _fit(second, width, keep_end=True)
    second = _digits_at(second, (9, 10), (13, 20), (21, 28), (width - 1, width))
    second = _letters_at(second, (10, 13), (20, 21))
    if width == 44:
        second = _digits_at(second, (42, 43))
    return [first, second]


def _fit(text: str, width: int, *, keep_end: bool = False) -> str:
    """`text` with fillers added or taken out until it is `width` long."""
    if len(text) == width:
        return text
    fillers = max(re.finditer(r"<+", text), key=lambda run: run.end() - run.start(), default=None)
    if fillers is None:
        return text[:width].ljust(width, "<")
    if not keep_end and fillers.end() >= len(text) - 2:
        return (text[: fillers.start()].ljust(width, "<"))[:width]
    count = max(0, fillers.end() - fillers.start() + width - len(text))
    return (text[: fillers.start()] + "<" * count + text[fillers.end() :])[:width].ljust(width, "<")


def _letters_at(text: str, *spans: tuple[int, int]) -> str:
    for start, end in spans:
        text = text[:start] + text[start:end].translate(_LETTERS) + text[end:]
    return text


def _digits_at(text: str, *spans: tuple[int, int]) -> str:
    for start, end in spans:
        text = text[:start] + text[start:end].translate(_DIGITS) + text[end:]
    return text


# --- bank cards ----------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?<!\d)(?:\d{4}[ \t\n]{0,3}){3}\d{1,7}(?!\d)|(?<!\d)3[47]\d{2} ?\d{6} ?\d{5}(?!\d)"
)
_CARD_WORDS = re.compile(
    r"valid\s*(?:thru|from)|good\s*thru|expires?|g[üu]ltig|valable|visa|master\s*card|maestro|"
    r"debit|credit|american\s*express|(?<!\d)(?:0[1-9]|1[0-2])\s?/\s?\d{2}(?!\d)",
    re.IGNORECASE,
)


def is_card(text: str, lines: int) -> bool:
    """A card number whose check digit fits, a word or date of cards, and little else to read."""
    if lines > 25 or not _CARD_WORDS.search(text):
        return False
    for match in _NUMBER.finditer(text):
        digits = [int(c) for c in match[0] if c.isdigit()]
        if 13 <= len(digits) <= 19 and any(digits) and check_digits.luhn_fits(digits):
            return True
    return False


# --- screens -------------------------------------------------------------------------------------

FLAT = 0.70
"""Share of pixels that are like their left neighbour: screens .8 and more, photographs below .5."""

_PAPER = (1.38, 1.45), (1.27, 1.32)
"""Height to width of A4 and of US letter: a page is no screen, however flat it is."""


def looks_like_screen(pixels: Pixels, lines: int) -> bool:
    """Flat as only drawn pixels are, with lines of text, and not in the form of a page."""
    height, width = pixels.shape[:2]
    if lines < 3 or min(height, width) < 240:
        return False
    if any(low <= height / width <= high for low, high in _PAPER):
        return False
    return flatness(pixels) >= FLAT


def flatness(pixels: Pixels) -> float:
    """Share of pixels that differ from the one to their left by two of 255 at most."""
    grey = cv2.cvtColor(pixels[:: max(1, len(pixels) // 540)], cv2.COLOR_RGB2GRAY).astype(np.int16)
    return float((np.abs(np.diff(grey, axis=1)) <= 2).mean())


def is_portrait(shares: Sequence[float]) -> bool:
    """Whether of faces with these shares of the picture one stands above the others.

    From a face of a thirtieth of the picture on (a person to the waist), four times the next.
    """
    if not shares:
        return False
    largest, *others = sorted(shares, reverse=True)
    return largest >= 1 / 30 and (not others or largest >= 4 * others[0])
