r"""How many JSON strings lie around a place in a text that comes in pieces, and what does the
innermost say?

Law: as many as a JSON reader of the whole text would have opened there, one in another. A value
that is put there has to be escaped as many times. A text that is not JSON has none around it.

The arguments of a tool are JSON text, and a string in them may be JSON text again:
`{"cmd": "{\"name\": \"…\"}"}`. Whether a text is JSON is told by how it begins, and taken back at
the first character that no JSON has outside of strings.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing in the stubs
from typing import Final

_DEEPEST: Final = 6
_MOST_PIECES: Final = 256
_FOREIGN = re.compile(r"[^\s\[\]{}:,0-9+\-.eEtrufalsn]")
_RUN = re.compile(r'[^"\\]+')


class Tail:
    """The last of a text that comes in pieces."""

    __slots__ = ("_pieces", "_reach", "_size", "last")

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._pieces: list[str] = []
        self._size = 0
        self.last = ""  # character

    def add(self, text: str) -> None:
        """The text goes on."""
        if not text:
            return
        self._pieces.append(text)
        self._size += len(text)
        self.last = text[-1]
        if self._size > 2 * self._reach or len(self._pieces) > _MOST_PIECES:
            self._pieces = [str(self)]
            self._size = len(self._pieces[0])

    def __str__(self) -> str:
        """The last of it."""
        return "".join(self._pieces)[-self._reach :]


class Quoting:
    """Where one text is in its strings. Fed in order; used once for each text.

    `reach` is how much is kept of what a string says.
    """

    __slots__ = ("_escape", "_inner", "_json", "_level", "_reach", "_said")

    def __init__(self, reach: int = 0, level: int = 0) -> None:
        self._level = level
        self._reach = reach
        self._json: bool | None = None
        self._inner: Quoting | None = None
        self._said = Tail(reach) if level and reach else None
        self._escape = ""

    @property
    def depth(self) -> int:
        """How many strings are open."""
        return 0 if self._inner is None else 1 + self._inner.depth

    @property
    def innermost(self) -> str:
        """The last of what the innermost open string says, undone of its escapes."""
        if self._inner is not None:
            return self._inner.innermost
        return "" if self._said is None else str(self._said)

    @property
    def is_plain(self) -> bool:
        """Whether the text is known not to be JSON, so that nothing more can change."""
        return self._json is False

    def feed(self, text: str) -> None:
        """Go on by `text`."""
        if self._said is not None:
            self._said.add(text)
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
                if _FOREIGN.search(text, at, len(text) if quote < 0 else quote):
                    self._json = False
                    return
                if quote < 0:
                    return
                self._inner = Quoting(self._reach, self._level + 1)
                at = quote + 1
            elif self._escape:
                at = self._escaped(text, at, self._inner)
            else:
                at = self._string(text, at, self._inner)

    def _string(self, text: str, at: int, inner: Quoting) -> int:
        run = _RUN.match(text, at)
        if run is not None:
            inner.feed(run[0])
            return run.end()
        if text[at] == '"':
            self._inner = None
        else:
            self._escape = "\\"
        return at + 1

    def _escaped(self, text: str, at: int, inner: Quoting) -> int:
        """Go on in an escape that may be cut anywhere."""
        self._escape += text[at]
        whole = 6 if self._escape[1] == "u" else 2
        if len(self._escape) >= whole:
            try:
                said, _ = scanstring(self._escape + '"', 0, True)  # noqa: FBT003  # the signature of the json module
            except json.JSONDecodeError:
                said = "?"
            self._escape = ""
            inner.feed(said)
        return at + 1


def escaped(value: str, depth: int) -> str:
    """`value` as it stands within `depth` JSON strings."""
    for _ in range(depth):
        value = json.dumps(value, ensure_ascii=False)[1:-1]
    return value
