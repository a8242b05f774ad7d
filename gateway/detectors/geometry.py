"""Which numbers of a text only say where something is drawn? Law: they are told by the language that
they stand in, never by how they look.

Groups of digits side by side are what identifiers look like, and what fonts and plots are drawn with:
the outline of an `a` holds Canadian numbers that fit their checksum. The languages are paths as in SVG
(https://www.w3.org/TR/SVG2/paths.html#PathDataBNF), which stand in quotes, wherever these may be: in a
file, a page, a program, a notebook's list of lines; lists of points; what moves and turns them; and
operands of PostScript and PDF.
What a program of PostScript holds as data is no text either, unless it stands for one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

_NUMBER = r"[-+]?(?:\d{1,6}(?:\.\d*+)?|\.\d++)(?![\w.])"
"""One of PostScript: coordinates are no longer, so that what is, stays."""

_PATH = re.compile(r"""["'`]([Mm](?:[MmLlHhVvCcSsQqTtAaZz\d\s.,+\-eE]|\\n",\s{0,99}"|\\[nrt])*+)""")
_ENDS_QUOTE = re.compile(r"""\\?["'`]""")
_POINTS = re.compile(r"""points=\\?["']((?:[\d\s.,+\-eE]|\\[nrt])*+)(?=\\?["'])""")
_TRANSFORM = re.compile(r"\b(translate|scale|rotate|matrix)\(([\d\s.,+\-eE]*+)\)")
_TRANSFORMS = {"translate": (1, 2), "scale": (1, 2), "rotate": (1, 3), "matrix": (6,)}
"""How many numbers each wants (https://www.w3.org/TR/css-transforms-1/#svg-transform-functions)."""
_COMMAND = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*+)")
_LINE_END = re.compile(r"""\\n",\s{0,99}"|\\[nrt]""")
"""Of a path in a string of a program, or in lines of strings."""
_COUNTED = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d++)?")
_WANTS = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2}
"""How many numbers each command wants, or so many times again. Flags of an arc may stand together."""
_LONG = re.compile(r"(?<![\d.])\d{7}")
_CARD = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}")
"""Longer numbers than are drawn with, and groups as on a card, which no point has."""
_QUOTES = "\"'`"
_LEAST_COMMANDS, _LEAST_NUMBERS, _LEAST_POINTS = 2, 4, 6
"""A card in four groups is two points, and `M` before it one command: what says so little is looked at."""

_PROGRAM = re.compile(r"\s{0,9}\x04?%(?:!PS|PDF-)")
_DRAWN = re.compile(
    rf"""\((?:\\.|[^\\()])*+\)?  # a string, which may be shown
    |%[^\r\n]*+
    |(?<!\S)(?P<internal>\.[A-Za-z]\w++)
    |(?P<listed>/[\w.-]++\s*+[\[{{]\s*+)?
     (?P<run>(?<![\w.+/#-])(?:{_NUMBER}[\[\]\s]*+){{2,}})(?P<operator>[A-Za-z_][\w*]*+)?""",
    re.DOTALL | re.VERBOSE,
)
_LINE_OF_DATA = re.compile(r"[!-uz]{40,128}")
_END_OF_DATA = "~>"
"""Of ASCII85 (PostScript Language Reference, 3.13.3), in which pictures and fonts stand."""
_SHORT, _MOST_DATA = 40, 1 << 20
_READABLE = re.compile(rb"[\t\n\r -~]")
_DEFINED = re.compile(r"/([A-Za-z_][\w*]{0,30})\s*+\{")
_OPERATORS = frozenset(
    "moveto rmoveto lineto rlineto curveto rcurveto arc arcn arct arcto rectclip rectfill rectstroke"
    " translate scale rotate concat setmatrix setdash setcolor setrgbcolor setcmykcolor sethsbcolor"
    " setcachedevice setcharwidth setbbox selectfont makefont def readonly"
    " m l c v y h re cm d w i q sc scn SC SCN rg RG k K g G Td TD Tm Tc Tw Ts Tz d0 d1".split()
)
"""Of PostScript and of the pages of a PDF; files define more by themselves."""


def without(text: str) -> str:
    """The text with a space in place of each character of such numbers."""
    pieces: list[str] = []
    at = 0
    for start, end in sorted(_spans(text)):
        if start >= at:
            pieces += [text[at:start], " " * (end - start)]
            at = end
    return "".join((*pieces, text[at:])) if pieces else text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for path in _in_quotes(text):
        if _is_path(path[1]):
            yield path.span(1)
    marked_up = "<" in text or "003c" in text or "003C" in text
    if marked_up and "points" in text:
        for points in _POINTS.finditer(text):
            if _counts(points[1], _LEAST_POINTS) and not _CARD.search(points[1]):
                yield points.span(1)
    if marked_up and "transform" in text:
        for transform in _TRANSFORM.finditer(text):
            given = len(_COUNTED.findall(transform[2]))
            if given in _TRANSFORMS[transform[1]] and not _LONG.search(transform[2]):
                yield transform.span(2)
    if _PROGRAM.match(text):
        operators = _OPERATORS.union(_DEFINED.findall(text))
        yield from _data(text)
        for drawn in _DRAWN.finditer(text):
            if drawn["internal"]:  # an operator of Ghostscript's own
                yield drawn.span("internal")
            elif drawn["run"] and (drawn["listed"] or drawn["operator"] in operators):
                yield drawn.span("run")


def _in_quotes(text: str) -> Iterator[re.Match[str]]:
    """What may be a path: an `M` behind a quote, and its like. Looking for two characters is quickest."""
    quotes = [quote for quote in _QUOTES if quote in text]
    small = text.replace("M", "m") if quotes else text
    for quote in quotes:
        at = small.find(quote + "m")
        while at >= 0:
            path, end = _PATH.match(text, at), at + 1
            if path is not None:
                end = path.end()
                if _ENDS_QUOTE.match(text, end):
                    yield path
            # What begins within it ends where it does.
            at = small.find(quote + "m", end)


def _data(text: str) -> Iterator[tuple[int, int]]:
    """Lines of ASCII85, from their end on backwards, that stand for bytes."""
    done = 0
    at = text.find(_END_OF_DATA)
    while at >= 0:
        start = text.rfind("\n", done, at) + 1
        while start > done:
            line = text.rfind("\n", done, start - 1) + 1
            if line <= done or not _LINE_OF_DATA.fullmatch(text[line : start - 1].rstrip("\r")):
                break
            start = line
        if start > done and _is_binary(text[start:at]):
            yield start, at
        done = at + 2
        at = text.find(_END_OF_DATA, done)


def _is_binary(data: str) -> bool:
    """Does it stand for bytes, and not for words that somebody put into ASCII85?"""
    if not _SHORT <= len(data) <= _MOST_DATA:
        return False
    try:
        plain = base64.a85decode(data)
    except ValueError:
        return False
    return len(_READABLE.findall(plain)) * 4 < len(plain) * 3


def _is_path(data: str) -> bool:
    """Is `data` what the grammar of SVG says, and as much as a path has?"""
    data = _LINE_END.sub(" ", data)
    commands = _COMMAND.findall(data)
    if len(commands) < _LEAST_COMMANDS or not _counts(data, _LEAST_NUMBERS):
        return False
    for command, numbers in commands:
        kind, given = command.lower(), len(_COUNTED.findall(numbers))
        wanted = _WANTS.get(kind, 1)
        fits = not given if kind == "z" else given > 0 and given % wanted == 0
        if not fits or numbers.lstrip().startswith(",") or (wanted < 4 and _CARD.search(numbers)):
            return False
    return True


def _counts(text: str, least: int) -> bool:
    return len(_COUNTED.findall(text)) >= least and not _LONG.search(text)
