"""Which numbers of a text only say where something is drawn? Law: they are told by the language that
they stand in, never by how they look.

Groups of digits side by side are what identifiers look like, and what fonts and plots are drawn with:
the outline of an `a` holds Canadian numbers that fit their checksum. The languages are paths as in SVG
(https://www.w3.org/TR/SVG2/paths.html#PathDataBNF), which stand in quotes, wherever these may be: in a
file, a page, a program, a notebook's list of lines; lists of points; and operands of PostScript and PDF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = r"[-+]?(?:\d{1,6}(?:\.\d*+)?|\.\d++)(?![\w.])"
"""One of PostScript: coordinates are no longer, so that what is, stays."""

_PATH = re.compile(
    r"""["'`]([Mm](?:[MmLlHhVvCcSsQqTtAaZz\d\s.,+\-eE]|\\n",\s{0,99}"|\\[nrt])*+)(?=\\?["'`])"""
)
_POINTS = re.compile(r"""points=\\?["']((?:[\d\s.,+\-eE]|\\[nrt])*+)(?=\\?["'])""")
_COMMAND = re.compile(r"[MmLlHhVvCcSsQqTtAaZz]")
_COUNTED = re.compile(r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)")
_OPENING = ('"M', '"m', "'M", "'m", "`M", "`m")
"""How the text of a path may begin: most texts have none of it, and are not looked through."""
_LEAST_COMMANDS, _LEAST_NUMBERS, _LEAST_POINTS = 2, 4, 6
"""A card in four groups is two points, and `M` before it one command: what says so little is looked at."""

_PROGRAM = re.compile(r"\s{0,9}\x04?%(?:!PS|PDF-)")
_DRAWN = re.compile(
    rf"""\((?:\\.|[^\\()])*+\)?  # a string, which may be shown
    |%[^\r\n]*+
    |(?P<listed>/[\w.-]++\s*+[\[{{]\s*+)?
     (?P<run>(?<![\w.+/#-])(?:{_NUMBER}[\[\]\s]*+){{2,}})(?P<operator>[A-Za-z_][\w*]*+)?""",
    re.DOTALL | re.VERBOSE,
)
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
    if any(opening in text for opening in _OPENING):
        for path in _PATH.finditer(text):
            if len(_COMMAND.findall(path[1])) >= _LEAST_COMMANDS and _counts(
                path[1], _LEAST_NUMBERS
            ):
                yield path.span(1)
    for points in _POINTS.finditer(text):
        if _counts(points[1], _LEAST_POINTS):
            yield points.span(1)
    if _PROGRAM.match(text):
        operators = _OPERATORS.union(_DEFINED.findall(text))
        for drawn in _DRAWN.finditer(text):
            if drawn["run"] and (drawn["listed"] or drawn["operator"] in operators):
                yield drawn.span("run")


def _counts(text: str, least: int) -> bool:
    return len(_COUNTED.findall(text)) >= least
