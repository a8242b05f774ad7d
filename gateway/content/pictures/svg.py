"""What does an SVG say? Its text, what is hidden in it, and the pictures within.

Law: an SVG with a document type is refused, for its entities may say anything, but for the W3C's own, which
programs write and which names none; every attribute and every text is said, for a viewer's style sheet
decides what shows.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Text
from gateway.model import UnreadReason

_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_STANDARD = re.compile(
    rb"""<!DOCTYPE\s+svg\s+PUBLIC\s+(["'])-//W3C//DTD SVG [\w. -]{1,40}//EN\1"""
    rb"""\s+(["'])https?://www\.w3\.org/[\w./-]{1,100}\2\s*>"""
)
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_DATA = re.compile(r"data:([\w.+/-]*)((?:;[\w=.+-]*)*),(.*)", re.DOTALL | re.IGNORECASE)
_DRAWN = {"text", "tspan", "textPath", "a"}
_HIDDEN = {"title", "desc", "metadata", "style", "script"}
_WORDS = {
    "id",
    "class",
    "label",
    "aria-label",
    "title",
    "href",
    "docname",
    "export-filename",
    "content",
    "alt",
}
"""Attributes whose values are words; those of others are geometry, unless they hold letters."""

_GEOMETRY = re.compile(r"[\d\s.,+\-eE%#()a-zA-Z]{0,40}|[MmLlHhVvCcSsQqTtAaZz\d\s.,+\-eE]*")


def is_svg(data: bytes) -> bool:
    """Whether the root element seems to be ``svg``, in UTF-8 or UTF-16."""
    head = data[:4096].replace(b"\0", b"").lower()
    return b"<svg" in head and head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """What the SVG `data` says."""
    data = _STANDARD.sub(b"", data, count=1)
    if _DOCTYPE.search(data.replace(b"\0", b"")):
        yield Missed("svg", UnreadReason.UNSUPPORTED_FILE, len(data), "doctype")
        return
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        yield Missed("svg", UnreadReason.MALFORMED, len(data), "xml")
        return
    yield Fact("pictures", 1)
    for number, comment in enumerate(_COMMENT.findall(data.decode("utf-8", "replace"))):
        yield _text(f"svg.comment[{number}]", comment, budget, hidden=True)
    yield from _elements(root, budget)


def _elements(root: Element, budget: Budget) -> Iterator[Said]:
    stack: list[tuple[Element, bool]] = [(root, False)]
    number = 0
    while stack:
        budget.tick()
        element, hidden = stack.pop()
        place = f"svg.element[{number}]"
        number += 1
        name = _local(element.tag) if isinstance(element.tag, str) else ""
        hidden = hidden or name in _HIDDEN or _invisible(element)
        yield from _attributes(element, place, budget)
        if name == "text":
            # Letters of one word may each be an element of their own.
            yield _text(place, "".join(element.itertext()), budget, hidden=hidden)
            for inner in element.iter():
                if inner is not element:
                    yield from _attributes(inner, place, budget)
            tail = element.tail or ""
        else:
            if element.text and element.text.strip():
                yield _text(
                    place, element.text, budget, hidden=hidden or name not in _DRAWN, label=name
                )
            tail = element.tail or ""
            stack.extend((child, hidden) for child in reversed(element))
        if tail.strip():
            yield _text(f"{place}.tail", tail, budget, hidden=True)


def _attributes(element: Element, place: str, budget: Budget) -> Iterator[Said]:
    for number, (key, value) in enumerate(element.attrib.items()):
        name = _local(key)
        at = f"{place}.attribute[{number}]"
        data = _DATA.fullmatch(value.strip()) if "data:" in value[:40].lower() else None
        if data is not None:
            body = _decoded(data[2], data[3])
            if body is None:
                yield Missed(at, UnreadReason.MALFORMED, len(value), "data")
            else:
                budget.expand(len(body))
                yield Embedded(at, body)
        elif name in _WORDS or not _GEOMETRY.fullmatch(value):
            yield _text(at, value, budget, hidden=True, label=name)


def _decoded(parameters: str, body: str) -> bytes | None:
    raw = unquote_to_bytes(body)
    if "base64" not in parameters.lower():
        return raw
    try:
        return base64.b64decode(b"".join(raw.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(place: str, text: str, budget: Budget, *, hidden: bool, label: str = "") -> Text:
    text = text.strip()
    budget.text(len(text))
    return Text(place, text, hidden=hidden, label=label)


def _invisible(element: Element) -> bool:
    style = element.get("style", "").replace(" ", "").lower()
    return (
        element.get("display") == "none"
        or element.get("visibility") in {"hidden", "collapse"}
        or element.get("opacity") in {"0", "0.0"}
        or "display:none" in style
        or "visibility:hidden" in style
        or "opacity:0;" in f"{style};"
    )


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]
