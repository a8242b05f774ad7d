"""What words stand in bytes that nobody can parse? Runs of printable characters.

Law: an honest scan and no more: text that is compressed or encrypted is not in it, so a caller that
does not know the bytes to be harmless says `Missed` as well.
"""

from __future__ import annotations

import re

_NARROW = re.compile(rb"[\x09\x20-\x7e]{4,}")
_WIDE = re.compile(rb"(?:[\x09\x20-\x7e\xa0-\xff]\x00){4,}")


def printable(data: bytes) -> str:
    """Runs of four and more printable characters, one a line: ASCII, and UTF-16 of Latin-1."""
    found = [(m.start(), m[0].decode("ascii")) for m in _NARROW.finditer(data)]
    found += [(m.start(), m[0].decode("utf-16-le")) for m in _WIDE.finditer(data)]
    return "\n".join(text for _, text in sorted(found))
