"""What is in an office document that is one file of XML? Its text joined over formatting, and its files.

Law: what is read is what `office` reads of the same parts in a package; the source is a text of its own.
Formats: flat OpenDocument (OpenDocument 1.3, part 3, 3.1.1), Word 2003 XML and flat OPC.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from gateway.content.readers import plain
from gateway.content.readers.xmltext import Scanner
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Text
from gateway.encodings import magic
from gateway.model import UnreadReason

_BINARY = re.compile(
    rb"(?<=>)[A-Za-z0-9+/=\s]++(?=</(?:office:binary-data|pkg:binaryData|w:binData)>)"
)


_NODE = re.compile(rb">([^<]+)<")


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """What formatting cuts, in blocks, then files."""
    words = _BINARY.sub(b"", data)
    whole = {node.decode("utf-8", "replace").strip() for node in _NODE.findall(words)}
    scanner = Scanner(budget)
    for number, block in enumerate(scanner.feed([words])):
        # A value that its source says as it is can be changed there.
        cut = [piece for piece in re.split("[\t\n]", block.text) if piece.strip() not in whole]
        yield Text(f"text[{number}]", "\n".join(filter(None, cut)), hidden=block.hidden)
    if scanner.hides:
        yield Fact("hidden", value=True)
    if scanner.authors:
        yield Fact("authors", value=True)
    yield from plain.read(data, budget)
    for number, found in enumerate(_BINARY.finditer(data)):
        budget.tick()
        place = f"binary[{number}]"
        try:
            content = base64.b64decode(found[0])
        except binascii.Error:
            yield Missed(place, UnreadReason.MALFORMED, len(found[0]), "base64")
            continue
        if content and not magic.sniff(content):  # the others are found among the words
            budget.expand(len(content))
            yield Embedded(place, content, hidden=True)
