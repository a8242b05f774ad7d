"""Where in a running text does a file stand, in a `data:` URL or encoded as it is?

Law: beyond URLs and what uuencode announces, a place is given only where base64 begins like a known
format, so that hashes, keys and certificates are left alone. Running text without a long word costs
next to nothing.
"""

from __future__ import annotations

import base64
import bisect
import re
from collections.abc import Iterator
from typing import Final

from gateway.encodings import magic, splice

type Place = tuple[int, int, str]
"""Start and end in the text, and the codec of `gateway.encodings.splice` that decodes it."""

_LEAST: Final = 60
"""Letters of a first line at least; programs break base64 after 60, 64, 72 or 76."""
_BROKEN: Final = 128
"""Letters of a first line that no program breaks: what follows it is another line of the text."""

_DATA_URL: Final = re.compile(
    r"data:[\w.+/\-]{0,100}(?:;[\w.+=\-]{1,100}){0,8};base64,[A-Za-z0-9+/_\-%]++={0,2}",
    re.IGNORECASE,
)
_LETTER: Final = "[A-Za-z0-9+/_-]"


def _letters(signature: bytes) -> str:
    """What base64 of a file begins with, as far as `signature` decides it, in both alphabets."""
    whole = base64.b64encode(signature).decode()[: len(signature) * 8 // 6]
    return whole.replace("/", "[/_]").replace("+", "[+-]")


_BEGINNING: Final = re.compile(
    "|".join((*map(_letters, magic.BEGINNINGS), f"AAAA{_LETTER}{{2}}Z0eX"))
)
"""The last is ISO media: four bytes of size, then `ftyp`."""
_TAR_AT: Final = magic.TAR_AT // 3 * 4
"""Letters of base64 before those that say it of tar, with the two zeros that stand before it."""
_TAR: Final = _letters(bytes(magic.TAR_AT % 3) + magic.TAR)
"""No program breaks its lines within these."""
_RUN: Final = re.compile(f"{_LETTER}*")
_RUN_BEFORE: Final = re.compile(f"{_LETTER}*\\Z")
_BLOCK: Final = 24
_STEP: Final = _LEAST - _BLOCK + 1
_NO_BLOCK: Final = re.compile(f"(?s)(?:(?!{_LETTER}{{{_BLOCK}}}).{{{_STEP}}})*+")
"""Steps of which none begins with a block of letters; one at least does in a line of `_LEAST` letters."""
_SHORT_WORDS: Final = re.compile(f"(?s)(?:(?=[^ \\n]{{0,{_BLOCK - 1}}}+[ \\n]).{{{_STEP}}})*+")
"""The same for words of any letters, which uuencode makes, too: what nearly every text is through."""
_NEXT: Final = re.compile(rf"{splice.BREAK.pattern}(?P<line>(?!--){_LETTER}+={{0,2}})")
_PADDING: Final = re.compile("={1,2}")
_OF_OTHER: Final = {True: re.compile("[-_]"), False: re.compile("[+/]")}
_SPECIAL: Final = re.compile("[-_+/]")

_UUENCODE: Final = re.compile(r"(?m)^[ \t>]*begin [0-7]{3,4} [^\r\n]{1,200}\r?\n")
_UU_LINE: Final = re.compile(r"(?P<line>[!-M](?P<letters>[ -`]*))(?:\r?\n|\Z)")


def may_hold(text: str) -> bool:
    """A cheap look, since nearly no text does."""
    return (("data:" in text or "DATA:" in text) and _DATA_URL.search(text) is not None) or (
        _has_long_word(text) and next(_encoded(text), None) is not None
    )


def _has_long_word(text: str) -> bool:
    """True of any text with a file in it."""
    words = _SHORT_WORDS.match(text)
    return words is not None and words.end() + _BLOCK <= len(text)


def files_in(text: str) -> Iterator[Place]:
    """Places, none within another; what decodes to no file may be among them."""
    addresses = [match.span() for match in _DATA_URL.finditer(text)]
    for start, end in addresses:
        yield start, end, "data-url"
    for start, end, codec in _encoded(text):
        around = bisect.bisect(addresses, (end, end)) - 1
        if around < 0 or addresses[around][1] <= start:
            yield start, end, codec


def _encoded(text: str) -> Iterator[Place]:
    at = 0
    may_be_tar = _TAR in text
    while (run := _run(text, at)) is not None:
        start, at = run
        if at - start < _LEAST:
            continue
        if _BEGINNING.match(text, start) or (may_be_tar and _is_tar(text, start)):
            at = _end(text, start, at)
            yield start, at, "base64"
    if "begin " in text:
        for match in _UUENCODE.finditer(text):
            end = _uu_end(text, match.end())
            if end > match.end():
                yield match.end(), end, "uuencode"


def _run(text: str, at: int) -> tuple[int, int] | None:
    """The next run of letters after `at` that may be as long as a line; None where there is none."""
    block = _NO_BLOCK.match(text, at)
    found = block.end() if block is not None else at
    run = _RUN.match(text, found)
    end = run.end() if run is not None else found
    if end - found < _BLOCK:
        return None
    before = _RUN_BEFORE.search(text, max(at, found - _LEAST), found)
    start = before.start() if before is not None else found
    if text[start - 1 : start] == "\\" and text[start] in "nrt":
        start += 1  # an escape in a literal of a program
    return start, end


def _end(text: str, start: int, end: int) -> int:
    """Where the run of base64 ends whose first line is `start:end`.

    Its lines are as long as each other, but for a shorter last one.
    """
    special = _SPECIAL.search(text, start, end)
    if special is not None:
        other = _OF_OTHER[special[0] in "+/"].search(text, start, end)
        if other is not None:
            return other.start()
    width = size = end - start
    padding = _PADDING.match(text, end)
    if padding is not None:
        return padding.end()
    while width <= _BROKEN and (line := _NEXT.match(text, end)) is not None:
        here = len(line["line"])
        if here > width or (here < width and (size + here) % 4 and not size % 4):
            break  # a word of the text: what stands before it is whole
        size += here
        end = line.end()
        if here < width or line["line"].endswith("="):
            break
    # A letter alone holds no byte: the run was cut off, or the letter is not of it.
    return end - (size % 4 == 1)


def _is_tar(text: str, start: int) -> bool:
    """Does the base64 that begins there say that it is one?"""
    found = text.find(_TAR, start + _TAR_AT, start + 2 * _TAR_AT)
    if found < 0:
        return False
    letters = splice.BREAK.sub("", text[start:found])
    return len(letters) == _TAR_AT and _RUN.fullmatch(letters) is not None


def _uu_end(text: str, at: int) -> int:
    """Where the lines of uuencode end that begin at `at`: each says how many bytes it holds."""
    end = at
    while (line := _UU_LINE.match(text, at)) is not None:
        said = (ord(line["line"][0]) - 32 + 2) // 3 * 4
        if len(line["letters"]) > said + 1:  # some programs add a check digit
            break
        at, end = line.end(), line.end("line")
    return end
