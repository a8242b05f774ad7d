"""What is in plain text besides its words? The files that stand encoded among them.

Law: only what begins like a file of a known format is one; the text itself is its caller's.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.content.reading import Budget, Embedded, Said
from gateway.content.types import text_encoding
from gateway.encodings import enclosed, magic, splice


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Files by their number among the places that may hold one."""
    source = data.decode(text_encoding(data) or "utf-8", "replace")
    for number, (start, end, codec) in enumerate(enclosed.files_in(source)):
        budget.tick()
        try:
            content = splice.CODECS[codec].decode(source[start:end], "")
        except splice.CannotRewrite:
            continue  # letters that only begin like a file
        if isinstance(content, bytes) and magic.sniff(content):
            budget.expand(len(content))
            yield Embedded(f"enclosed[{number}]", content)
