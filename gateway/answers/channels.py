"""What does a text say that comes in pieces over many frames? Tokens in it are found wherever cut.

Law: a piece waits only as long as its end may still become a token; what is decided never changes.
Pieces put together again are the text that came, but for the tokens that became values.
"""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.answers.quoting import Quoting, Tail, escaped
from gateway.answers.restore import Decider, Tokens
from gateway.encodings import urls
from gateway.redaction.tokens import Hit


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text; `decided` is called once, with what it becomes when that is not the same."""

    text: str = field(repr=False)
    decided: Callable[[str | None], None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Place:
    """What kind of text it is: a tool's arguments (`tool` tells whose), or what is not JSON.

    Values are escaped in `markup`, so that they stay text, and in a `table` of CSV, so that they stay in
    their field; in `plain` text they have to be characters, which half of a surrogate pair is not.
    """

    in_tool: bool = False
    tool: Callable[[], str] = str
    markup: bool = False
    table: bool = False
    plain: bool = False

    def written(self, value: str, depth: int, before: str) -> str:
        """How `value` stands here, after `before`, within `depth` JSON strings."""
        if self.plain:
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if self.table:
            return _in_field(value, before.rpartition("\n")[2])
        return html.escape(value) if self.markup else escaped(value, depth)


_DIVIDES = frozenset(',;\t"\r\n')


def _in_field(value: str, line: str) -> str:
    """The value as a field of CSV has it (RFC 4180, section 2), after the beginning of its line."""
    doubled = value.replace('"', '""')
    if line.count('"') % 2:
        return doubled
    begins = not line or line[-1] in _DIVIDES
    return f'"{doubled}"' if begins and not _DIVIDES.isdisjoint(value) else value


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    new: str = field(repr=False)


class Context:
    """What stood before, in one text: for URLs the last of it, for JSON the strings that are open."""

    __slots__ = ("_quoting", "_tail")

    def __init__(self) -> None:
        self._tail = Tail(urls.REACH)
        self._quoting = Quoting(urls.REACH)

    @property
    def depth(self) -> int:
        """How many JSON strings are open."""
        return self._quoting.depth

    @property
    def before(self) -> str:
        """What stands before; within a JSON string, all that it says, after its quote."""
        return f'"{self._quoting.innermost}' if self._quoting.depth else str(self._tail)

    @property
    def last(self) -> str:
        """The last character."""
        return self._tail.last

    def advance(self, text: str) -> None:
        """Go on by a text."""
        if not self._quoting.is_plain:
            self._quoting.feed(text)
        self._tail.add(text)


class Channel:
    """One text in pieces."""

    __slots__ = (
        "_at",
        "_changes",
        "_context",
        "_decider",
        "_end",
        "_place",
        "_rest",
        "_tokens",
        "_waiting",
    )

    def __init__(self, tokens: Tokens, decider: Decider, place: Place) -> None:
        self._tokens = tokens
        self._decider = decider
        self._place = place
        self._context = Context()
        self._waiting: deque[tuple[Piece, int]] = deque()  # and where it ends
        self._changes: list[_Change] = []
        self._rest = ""  # what is not decided
        self._at = 0  # where that begins; offsets count from the beginning of the text
        self._end = 0

    @property
    def waits(self) -> bool:
        """Whether a piece is not decided yet."""
        return bool(self._waiting)

    def may_pass(self, text: str) -> bool:
        """Whether nothing waits, and the end of `text`, in which no token stands, begins none."""
        return not self._waiting and self._tokens.pending(text, self._context.last) == len(text)

    def passes(self, text: str) -> None:
        """Go on by `text`, which may pass."""
        self._context.advance(text)
        self._at = self._end = self._end + len(text)

    def unknown(self, text: str) -> set[str]:
        """Tokens that must be looked up before `text` can go on."""
        return self._tokens.unknown(hit for hit, _ in self._hits(self._rest + text))

    def add(self, piece: Piece) -> None:
        """The text goes on."""
        self._end += len(piece.text)
        self._waiting.append((piece, self._end))
        self._rest += piece.text
        self._decide(last=False)

    def flush(self) -> None:
        """The text has ended, or is taken for ended."""
        if self._waiting:
            self._decide(last=True)

    def _hits(self, rest: str) -> Iterator[tuple[Hit, str]]:
        """Tokens in what is not decided, and what stands before each since the one before it."""
        lead = self._context.last  # what a stand-in must not be joined to
        at = 0
        for hit in self._tokens.hits(lead + rest):
            start, end = hit.start - len(lead), hit.end - len(lead)
            if start >= at:
                yield Hit(start, end, hit.token), rest[at:start]
                at = end

    def _decide(self, *, last: bool) -> None:
        rest, context = self._rest, self._context
        until = len(rest) if last else self._tokens.pending(rest, context.last)
        at = 0
        for hit, ahead in self._hits(rest):
            if hit.end > until:
                until = min(until, hit.start)
                break
            context.advance(ahead)
            before = context.before
            value = self._decider.value(
                hit.token,
                before,
                in_tool=self._place.in_tool,
                tool=self._place.tool,
            )
            if value is not None:
                new = self._place.written(value, context.depth, before)
                self._changes.append(_Change(self._at + hit.start, self._at + hit.end, new))
            context.advance(rest[hit.start : hit.end])
            at = hit.end
        context.advance(rest[at:until])
        self._at += until
        self._rest = rest[until:]
        self._release()

    def _release(self) -> None:
        """Let go of every piece that is decided to its end."""
        while self._waiting and self._waiting[0][1] <= self._at:
            piece, end = self._waiting.popleft()
            piece.decided(self._changed(piece.text, end - len(piece.text), end))
            if self._changes:
                self._changes = [change for change in self._changes if change.end > end]

    def _changed(self, text: str, begin: int, end: int) -> str | None:
        """What the piece at `begin:end` becomes; a value stands where its token began."""
        out: list[str] = []
        at = begin
        touched = False
        for change in self._changes:
            if change.end <= begin:
                continue
            if change.start >= end:
                break
            touched = True
            if change.start >= begin:
                out += [text[at - begin : change.start - begin], change.new]
            at = min(max(at, change.end), end)
        if not touched:
            return None
        out.append(text[at - begin :])
        return "".join(out)
