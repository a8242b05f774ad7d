"""What is in a Jupyter notebook? Sources and outputs joined, pictures and attachments opened.

Law: every string of the document is said, joined where the format keeps one text as a list of
lines; values under a media type that is not text are files.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator

from gateway.content.reading import Budget, Embedded, Missed, Said, Stop, Text
from gateway.content.types import text_encoding
from gateway.model import UnreadReason

_MAX_DEPTH = 100
_TEXTS = ("text/", "application/json", "application/javascript", "image/svg")


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Strings and files in the order of the document."""
    document = json.loads(data.decode(text_encoding(data) or "utf-8"))
    yield from _value(document, "", budget, [0], 0)


def _value(value: object, key: str, budget: Budget, count: list[int], depth: int) -> Iterator[Said]:
    budget.tick()
    if depth > _MAX_DEPTH:
        raise Stop(UnreadReason.TOO_DEEP, "json")
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = "".join(value)
    if isinstance(value, str):
        place = f"value[{count[0]}]"
        count[0] += 1
        if "/" in key and not key.startswith(_TEXTS) and len(value) > 32:
            try:
                yield Embedded(place, base64.b64decode("".join(value.split()), validate=True))
            except (binascii.Error, ValueError):
                yield Missed(place, UnreadReason.MALFORMED, len(value), "base64")
        elif value.strip():
            budget.text(len(value))
            yield Text(place, value, editable=True)
    elif isinstance(value, list):
        for item in value:
            yield from _value(item, key, budget, count, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _value(item, name, budget, count, depth + 1)
