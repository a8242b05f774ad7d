r"""How many JSON strings lie around a place in a text that comes in pieces?

Law: as many as a JSON reader of the whole text would have opened there, one in another. A value
that is put there has to be escaped as many times.

The arguments of a tool are JSON text, and a string in them may be JSON text again:
`{"cmd": "{\"name\": \"…\"}"}`. A text that does not begin like JSON has no strings around it.
"""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing in the stubs

_DEEPEST = 6


class Quoting:
    """Where one text is in its strings. Fed in order; used once for each text."""

    __slots__ = ("_escape", "_inner", "_json", "_level")

    def __init__(self, level: int = 0) -> None:
        self._level = level
        self._json: bool | None = None
        self._inner: Quoting | None = None
        self._escape = ""

    @property
    def depth(self) -> int:
        """How many strings are open."""
        return 0 if self._inner is None else 1 + self._inner.depth

    @property
    def is_plain(self) -> bool:
        """Whether the text is known not to be JSON, so that nothing more can change."""
        return self._json is False

    def feed(self, text: str) -> None:
        """Go on by `text`."""
        if self._json is None:
            begin = text.lstrip()
            if not begin:
                return
            self._json = begin[0] in "{[" and self._level < _DEEPEST
        if not self._json:
            return
        at = 0
        while at < len(text):
            if self._inner is None:
                quote = text.find('"', at)
                if quote < 0:
                    return
                self._inner = Quoting(self._level + 1)
                at = quote + 1
            elif self._escape:
                at = self._escaped(text, at)
            else:
                at = self._string(text, at, self._inner)

    def _string(self, text: str, at: int, inner: Quoting) -> int:
        quote, slash = text.find('"', at), text.find("\\", at)
        ends = [place for place in (quote, slash) if place >= 0]
        end = min(ends, default=len(text))
        if end > at:
            inner.feed(text[at:end])
        if end == len(text):
            return end
        if text[end] == '"':
            self._inner = None
        else:
            self._escape = "\\"
        return end + 1

    def _escaped(self, text: str, at: int) -> int:
        """Go on in an escape that may be cut anywhere."""
        self._escape += text[at]
        whole = 6 if self._escape[1] == "u" else 2
        if len(self._escape) >= whole:
            try:
                said, _ = scanstring(self._escape + '"', 0, True)  # noqa: FBT003  # the signature of the json module
            except json.JSONDecodeError:
                said = "?"
            self._escape = ""
            if self._inner is not None:
                self._inner.feed(said)
        return at + 1


def escaped(value: str, depth: int) -> str:
    """`value` as it stands within `depth` JSON strings."""
    for _ in range(depth):
        value = json.dumps(value, ensure_ascii=False)[1:-1]
    return value
