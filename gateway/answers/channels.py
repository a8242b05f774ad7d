"""What does a text say that comes in pieces over many frames? Tokens in it are found wherever cut.

Law: a piece waits only as long as its end may still become a token; what is decided never changes.
Pieces put together again are the text that came, but for the tokens that became values.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.answers.quoting import Quoting, escaped
from gateway.answers.restore import Decider, Tokens
from gateway.encodings import urls
from gateway.redaction.tokens import Hit

_TAIL: Final = urls.REACH


@dataclass(slots=True)
class Piece:
    """A piece of a text; `decided` is called once, with what it becomes when that is not the same."""

    text: str = field(repr=False)
    decided: Callable[[str | None], None] = field(repr=False)


@dataclass(slots=True)
class _Change:
    start: int
    end: int
    new: str = field(repr=False)


@dataclass(slots=True)
class Context:
    """What stood before, in one text: for URLs the last of it, for JSON the strings that are open."""

    before: str = field(default="", repr=False)
    quoting: Quoting = field(default_factory=Quoting, repr=False)

    def advance(self, text: str) -> None:
        """Go on by a text."""
        if not self.quoting.is_plain:
            self.quoting.feed(text)
        self.before = (self.before + text)[-_TAIL:]


class Channel:
    """One text in pieces. `tool` tells the name of the tool whose arguments it holds.

    In `markup` values are escaped, so that they stay text.
    """

    def __init__(
        self,
        tokens: Tokens,
        decider: Decider,
        *,
        in_tool: bool,
        tool: Callable[[], str],
        markup: bool = False,
    ) -> None:
        self._tokens = tokens
        self._decider = decider
        self._in_tool = in_tool
        self._tool = tool
        self._markup = markup
        self._context = Context()
        self._waiting: list[Piece] = []
        self._changes: list[_Change] = []
        self._at = 0  # how far of the waiting text is decided

    @property
    def waits(self) -> bool:
        """Whether a piece is not decided yet."""
        return bool(self._waiting)

    def unknown(self, text: str) -> set[str]:
        """Tokens that must be looked up before `text` can go on."""
        rest = self._text()[self._at :] + text
        return self._tokens.unknown(hit for hit, _ in self._hits(rest))

    def add(self, piece: Piece) -> None:
        """The text goes on."""
        self._waiting.append(piece)
        self._decide(last=False)

    def flush(self) -> None:
        """The text has ended, or is taken for ended."""
        if self._waiting:
            self._decide(last=True)

    def _text(self) -> str:
        return "".join(piece.text for piece in self._waiting)

    def _hits(self, rest: str) -> Iterator[tuple[Hit, str]]:
        """Tokens in what is not decided, and what stands before each since the one before it."""
        lead = self._context.before[-1:]  # what a stand-in must not be joined to
        at = 0
        for hit in self._tokens.hits(lead + rest):
            start, end = hit.start - len(lead), hit.end - len(lead)
            if start >= at:
                yield Hit(start, end, hit.token), rest[at:start]
                at = end

    def _decide(self, *, last: bool) -> None:
        rest = self._text()[self._at :]
        until = len(rest) if last else self._tokens.pending(rest)
        context, at = self._context, 0
        for hit, ahead in self._hits(rest):
            if hit.end > until:
                until = min(until, hit.start)
                break
            context.advance(ahead)
            value = self._decider.value(
                hit.token, context.before, in_tool=self._in_tool, tool=self._tool()
            )
            if value is not None:
                depth = context.quoting.depth
                new = html.escape(value) if self._markup else escaped(value, depth)
                self._changes.append(_Change(self._at + hit.start, self._at + hit.end, new))
            context.advance(rest[hit.start : hit.end])
            at = hit.end
        context.advance(rest[at:until])
        self._at += until
        self._release()

    def _release(self) -> None:
        """Let go of every piece that is decided to its end."""
        begin = 0
        while self._waiting and begin + len(self._waiting[0].text) <= self._at:
            piece = self._waiting.pop(0)
            end = begin + len(piece.text)
            piece.decided(self._changed(piece.text, begin, end))
            begin = end
        self._at -= begin
        self._changes = [
            _Change(change.start - begin, change.end - begin, change.new)
            for change in self._changes
            if change.end > begin
        ]

    def _changed(self, text: str, begin: int, end: int) -> str | None:
        """What the piece at `begin:end` becomes; a value stands where its token began."""
        out: list[str] = []
        at = begin
        touched = False
        for change in self._changes:
            if change.end <= begin or change.start >= end:
                continue
            touched = True
            if change.start >= begin:
                out += [text[at - begin : change.start - begin], change.new]
            at = min(max(at, change.end), end)
        if not touched:
            return None
        out.append(text[at - begin :])
        return "".join(out)
