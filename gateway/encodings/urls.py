"""Does a place in a text lie in a URL, and whose? So that nothing is put into the URL of a stranger.

Law: in doubt it does. A text is looked at backwards from the place, through the escapes that JSON,
HTML and URLs put into URLs. What cannot be told is a URL of nobody, the empty host; so is a URL
within another host's URL.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

REACH: Final = 8192
"""Characters before a place that are looked at; a longer run without a break counts as a URL.

Servers take no longer URLs.
"""

# Browsers take `https:host` and `https:\host` for `https://host` (WHATWG URL, special schemes).
_START = re.compile(
    r"(?P<scheme>(?:https?|ftp|wss?)):[/\\]*"
    r"|(?<![a-z0-9+.\-])(?P<other>[a-z][a-z0-9+.\-]{1,30}):(?P<slashes>[/\\]{2,})"
    r"|(?:\A|(?<=[\s\"'`(<\[{=,;:|>]))(?P<relative>[/\\]{2,})(?![\s/\\*])"
    r"|(?<![\w.\-@/\\])(?=www\.)"
    r"|mailto:[^\s<>\"?]*(?P<mail>\?)",
    re.IGNORECASE,
)
_MARKS: Final = ("//", "/\\", "\\/", "\\\\", "http", "ftp:", "ws:", "wss:", "www.", "mailto:")
"""No URL begins without one of these; a text is read closely only around them."""
_AHEAD: Final = 40
"""Characters that may stand between the beginning of a URL and its mark: those of a scheme."""
_CLOSING: Final = {
    '"': '"', "'": "'", "`": "`", "<": ">", "(": ")", "[": "]", "{": "}", "|": "|",
    "\u201c": "\u201d", "\u00ab": "\u00bb",
}  # fmt: skip
_BREAK = re.compile(r"[\s<>\"]")
_PARAGRAPH = re.compile(r"\n[ \t]*\r?\n")
_AUTHORITY_END = re.compile(r"[/?#\\]")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.\-]+)(?::\d*)?", re.IGNORECASE)

_ESCAPED = re.compile(
    r"%(?:25)*(?P<percent>[2-7][0-9a-f])"
    r"|\\u00(?P<json>[2-7][0-9a-f])"
    r"|&(?P<entity>#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,10});",
    re.IGNORECASE,
)
_SPELLS: Final = frozenset(":/\\.@?#-[]")
"""What is undone where it is escaped; other characters would end a URL that goes on."""


def _undone(found: re.Match[str]) -> str:
    digits = found["percent"] or found["json"]
    char = chr(int(digits, 16)) if digits else html.unescape(found[0])
    return (
        char
        if char in _SPELLS or (len(char) == 1 and char.isascii() and char.isalnum())
        else found[0]
    )


def may_hold(text: str) -> bool:
    """Whether a URL may begin in `text`; a cheap look at all of it, once for many places.

    Escapes may spell one, too.
    """
    lower = text.lower()
    return any(mark in lower for mark in (*_MARKS, "%", "&", "\\"))


def host_around(before: str) -> str | None:
    """The host of the URL that goes on at the end of `before`; None when there is none.

    Empty when the host itself is not complete there, or cannot be told.
    """
    window = before[-REACH:]
    if len(window) == REACH and not any(map(str.isspace, window)):
        return ""
    if any(mark in window for mark in "%&\\"):
        window = _ESCAPED.sub(_undone, window)
    hosts = set(_hosts(window))
    if not hosts:
        return None
    return hosts.pop() if len(hosts) == 1 else ""


def _hosts(text: str) -> Iterator[str]:
    """The hosts of all URLs that go on at the end of `text`, one within another perhaps."""
    for found in _starts(text):
        if not _is_open(text, found):
            continue
        if found["mail"]:
            yield ""
            continue
        if (found["other"] or "").lower() == "file" and len(found["slashes"]) > 2:
            continue  # a file of this machine
        rest = text[found.end() :]
        if found["relative"] and not rest and _is_comment(text[: found.start()]):
            continue
        yield _host(rest)


def _starts(text: str) -> Iterator[re.Match[str]]:
    """Where URLs begin in `text`. Searching all of it would take milliseconds for each value."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters grow when they become small
        yield from _START.finditer(text)
        return
    places: list[int] = []
    for mark in _MARKS:
        at = lower.find(mark)
        while at >= 0:
            places.append(at)
            at = lower.find(mark, at + 1)
    done = 0
    for place in sorted(places):
        begin = max(done, place - _AHEAD)
        while (found := _START.search(text, begin)) and found.start() <= place + 1:
            yield found
            begin = done = max(found.end(), found.start() + 1)


def _is_comment(ahead: str) -> bool:
    """Whether `//` after `ahead` begins a comment sooner than a URL."""
    line = ahead.rpartition("\n")[2]
    return not line or (line[-1].isspace() and not line.rstrip().endswith(("]:", "=", "(", ":")))


def _is_open(text: str, found: re.Match[str]) -> bool:
    """Whether a URL that begins at `found` has not ended at the end of `text`.

    One in quotes or brackets ends with them, for browsers send white space as `%20`.
    """
    opening = text[found.start() - 1 : found.start()]
    closing = _CLOSING.get(opening)
    rest = text[found.end() :]
    if closing is None:
        return _BREAK.search(rest) is None
    if opening in "([{|`" and _PARAGRAPH.search(rest) is not None:
        return False
    if opening == "|" and "\n" in rest:
        return False
    if opening not in "([{":
        return closing not in rest
    depth = 0
    for char in rest:
        depth += (char == opening) - (char == closing)
        if depth < 0:
            return False
    return True


def _host(rest: str) -> str:
    """The host at the beginning of `rest`; empty while it is not complete, or in doubt."""
    end = _AUTHORITY_END.search(rest)
    if end is None:
        return ""
    # `https:\/\/host\/` is JSON's way to write it; any other backslash is read in two ways.
    if end[0] == "\\" and not rest[end.start() :].lstrip("\\").startswith("/"):
        return ""
    user, _, authority = rest[: end.start()].rpartition("@")
    host = _HOST.fullmatch(authority)
    if host is None or "@" in user:
        return ""
    return host[1].strip("[]").rstrip(".").lower()
