"""What is in an HTML page? The words as a person reads them, and all that stands behind them.

Law: inline elements join, blocks divide; comments, scripts and attributes are hidden text; files in
``data:`` addresses are opened. The page's source is a text of its own, so only what reads
differently from it is said (`walk` leaves the rest out).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

from gateway.content.reading import Budget, Embedded, Missed, Said, Text
from gateway.content.types import text_encoding
from gateway.model import UnreadReason

_BLOCKS = frozenset(
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption"
    " figure footer form h1 h2 h3 h4 h5 h6 head header hr html legend li main nav ol option p pre"
    " section summary table tbody tfoot thead title tr ul".split()
)
_CELLS = frozenset({"td", "th"})
_HIDDEN = frozenset({"script", "style", "template", "noscript"})
DATA = re.compile(r"""data:([\w.+/-]*)((?:;[\w.+=-]+)*),([^"'\s)<>]*)""")
SPACES = {0xA0: " "}
"""What is shown as a space. INVARIANT: one character each, as writers find their way back."""
SPACE = re.compile(r"[ \t\r\f\v]*\n\s*| {2,}")
"""What divides two lines of the text that is shown, or two words. A break of the source stays one, though
it is shown as a space: a value may be cut there, too."""
_CHUNK = 1 << 16


class Page(HTMLParser):
    """Gathers the texts of a page: those that are shown, joined, and those that are not."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(convert_charrefs=True)
        self.budget = budget
        self.shown: list[str] = []
        self.hidden: list[str] = []
        self._hiding = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag begins: its attributes are hidden text."""
        if tag in _HIDDEN:
            self._hiding += 1
        self._divide(tag)
        for _, value in attrs:
            if value and len(value) > 3:
                self.hide(value)

    def handle_endtag(self, tag: str) -> None:
        """A tag ends."""
        if tag in _HIDDEN:
            self._hiding = max(0, self._hiding - 1)
        self._divide(tag)

    def handle_data(self, data: str) -> None:
        """Text between tags, with entities undone."""
        self.budget.text(len(data))
        if self._hiding:
            self.hide(data)
        else:
            self.say(data.translate(SPACES))

    def handle_comment(self, data: str) -> None:
        """A comment."""
        self.hide(data)

    def unknown_decl(self, data: str) -> None:
        """A declaration such as CDATA."""
        self.hide(data)

    def _divide(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.divide("\n")
        elif tag in _CELLS:
            self.divide("\t")

    def say(self, text: str) -> None:
        """Text that a person sees."""
        self.shown.append(text)

    def divide(self, mark: str) -> None:
        """White space that stands for the bound of a block or cell."""
        self.shown.append(mark)

    def hide(self, text: str) -> None:
        """Text that a person does not see."""
        self.hidden.append(text)


def feed(page: Page, source: str) -> None:
    """Let `page` read all of `source`."""
    for at in range(0, len(source), _CHUNK):
        page.budget.tick()
        page.feed(source[at : at + _CHUNK])
    page.close()


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Joined text, hidden text line by line, files in addresses."""
    source = data.decode(text_encoding(data) or "utf-8", "replace")
    page = Page(budget)
    feed(page, source)
    shown = SPACE.sub(_divider, "".join(page.shown))
    if shown.strip():
        yield Text("body", shown, editable=True)
    for number, text in enumerate(page.hidden):
        if text.strip() and not text.startswith("data:"):
            budget.text(len(text))
            yield Text(f"hidden[{number}]", text, hidden=True, editable=True)
    yield from addresses(source, budget)


def _divider(space: re.Match[str]) -> str:
    """INVARIANT: one character, as writers find their way back."""
    return "\n" if "\n" in space[0] else " "


def addresses(source: str, budget: Budget) -> Iterator[Said]:
    """Files that stand in ``data:`` addresses (RFC 2397) in a text."""
    for number, match in enumerate(DATA.finditer(source)):
        budget.tick()
        raw = unquote_to_bytes(match[3])
        place = f"address[{number}]"
        if "base64" in match[2].lower():
            try:
                raw = base64.b64decode(raw + b"=" * (-len(raw) % 4))
            except (binascii.Error, ValueError):
                yield Missed(place, UnreadReason.MALFORMED, len(raw), "base64")
                continue
        if raw:
            budget.expand(len(raw))
            yield Embedded(place, raw)
