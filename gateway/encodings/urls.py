"""Does a place in a text lie in a URL, and whose? So that nothing is put into the URL of a stranger.

Law: in doubt it does. A text is looked at backwards from the place, through the escapes that JSON
and URLs put into URLs; what cannot be told is a URL of nobody, the empty host.
"""

from __future__ import annotations

import re
from typing import Final

REACH: Final = 4096
"""Characters before a place that are looked at; a longer run without a break counts as a URL."""

_RUN = re.compile(r"[^\s\"'<>`|^]*\Z")
# Browsers take `https:host` and `https:/host` for `https://host` (WHATWG URL, special schemes).
_SCHEME = re.compile(
    r"(?:https?|ftp|wss?):/*|(?<![a-z0-9+.\-])[a-z][a-z0-9+.\-]{0,30}://+", re.IGNORECASE
)
_NO_SCHEME = re.compile(
    r"(?:\A|(?<=[(\[{=,;:]))(?://+(?=[\w-]+\.[\w.-]+[/:?#])|(?=www\.[\w-]+\.))", re.IGNORECASE
)
_HOST = re.compile(r"(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:@()\[\]]*)", re.IGNORECASE)


def host_around(before: str) -> str | None:
    """The host of the URL that goes on at the end of `before`; None when there is none.

    Empty when the host itself is not complete there, or cannot be told.
    """
    found = _RUN.search(before, max(0, len(before) - REACH))
    run = found[0] if found else ""
    if len(run) >= REACH:
        return ""
    plain = run.replace("\\", "/")
    if "%" in plain:
        plain = (
            plain.replace("%3a", ":").replace("%3A", ":").replace("%2f", "/").replace("%2F", "/")
        )
    starts = [match.end() for match in _SCHEME.finditer(plain)]
    starts += [match.end() for match in _NO_SCHEME.finditer(plain)]
    if not starts:
        return None
    rest = plain[max(starts) :]
    host = _HOST.match(rest)
    if host is None or host.end() == len(rest):
        return ""
    return host[1].strip("[]").rstrip(".").lower()
