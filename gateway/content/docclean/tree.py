"""How is an XML part changed by its elements? A tree that knows where each of them stands in the bytes.

Law: every byte that belongs to nothing that was dropped or changed stays as it was. A part that is not
UTF-8 is `CannotRewrite`, for its places would not be those of its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from gateway.content.reading import Budget, Stop
from gateway.content.rewriting import CannotRewrite
from gateway.model import UnreadReason

UNKNOWN = "a part of the document cannot be changed"
OTHER_ENCODING = re.compile(
    rb"\A(?:\xff\xfe|\xfe\xff|<\?xml[^>]*encoding\s*=\s*(?![\"'](?:utf-8|us-ascii)))", re.IGNORECASE
)
_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=>/]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(/?)>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=>/]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_NAME = re.compile(rb"<[^\s/>]+")
_DEEPEST = 500
_MOST = 4_000_000
"""Elements of one part; a part with more is not taken apart."""


class Node:
    """An element: `start` to `end` in the bytes of its part; what is in it is `inner` to `close`."""

    __slots__ = (
        "_changes",
        "attributes",
        "children",
        "close",
        "end",
        "fate",
        "inner",
        "name",
        "parent",
        "start",
        "text",
    )

    def __init__(
        self, name: str, attributes: dict[str, str], parent: Node | None, span: tuple[int, int]
    ) -> None:
        self.name = name
        self.attributes = attributes
        self.parent = parent
        self.children: list[Node] = []
        self.text = ""
        self.start, self.inner = span
        self.close = self.end = self.inner
        self.fate = ""  # `drop`: with all in it; `unwrap`: its tags only
        self._changes: dict[str, str | None] = {}

    def get(self, local: str) -> str:
        """The attribute with this local name; empty without one."""
        if local in self.attributes:
            return self.attributes[local]
        ending = f":{local}"
        return next((v for k, v in self.attributes.items() if k.endswith(ending)), "")

    def all(self) -> Iterator[Node]:
        """It and all within it, in order, but for what was dropped."""
        stack = [self]
        while stack:
            node = stack.pop()
            if node.fate == "drop":
                continue
            yield node
            if node.fate != "drop":  # it may have been dropped meanwhile
                stack.extend(reversed(node.children))

    def named(self, *names: str) -> Iterator[Node]:
        """Those with one of these local names, in order."""
        for node in self.all():
            if node.name in names:
                yield node

    def child(self, name: str) -> Node | None:
        """The first child of this name that stays."""
        return next((n for n in self.children if n.name == name and n.fate != "drop"), None)

    def within(self, *names: str) -> bool:
        """Does it stand in an element of one of these names?"""
        above = self.parent
        while above is not None:
            if above.name in names:
                return True
            above = above.parent
        return False

    def drop(self) -> None:
        """Take it out with all that is in it."""
        self.fate = "drop"

    def unwrap(self) -> None:
        """Take its tags out, and leave what is between them."""
        if self.fate != "drop":
            self.fate = "unwrap"

    def put(self, local: str, value: str | None) -> None:
        """Give the attribute another value, or take it out, where it is there."""
        for key in self.attributes:
            if key.rpartition(":")[2] == local:
                self._changes[key] = value

    @property
    def is_changed(self) -> bool:
        """Has anything of it been dropped or changed?"""
        return bool(self.fate or self._changes)

    def splices(self, raw: bytes) -> Iterator[tuple[int, int, bytes]]:
        """What of its own bytes becomes what."""
        if self.fate == "drop":
            yield self.start, self.end, b""
            return
        if self.fate == "unwrap":
            yield self.start, self.inner, b""
            if self.close < self.end:
                yield self.close, self.end, b""
            return
        if not self._changes:
            return
        tag = _NAME.match(raw, self.start)
        at = tag.end() if tag is not None else self.inner
        while (found := _ATTRIBUTE.match(raw, at)) is not None:
            at = found.end()
            key = found[1].decode()
            if key in self._changes:
                new = self._changes[key]
                quote = found[2][:1]
                yield (
                    (*found.span(), b"")
                    if new is None
                    else (*found.span(2), quote + escaped(new) + quote)
                )


class Tree:
    """One part."""

    def __init__(self, raw: bytes, budget: Budget) -> None:
        if OTHER_ENCODING.match(raw):
            raise CannotRewrite(UNKNOWN)
        self.raw = raw
        self._budget = budget
        self._open: list[Node] = []
        self._tops: list[Node] = []
        self._count = 0
        self._locals: dict[str, str] = {}
        self._texts: list[tuple[int, int, bytes]] = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse
        self._parser = parser
        try:
            parser.Parse(raw, True)  # noqa: FBT003  # the signature of expat
        except (expat.ExpatError, UnicodeError, ValueError):
            raise CannotRewrite(UNKNOWN) from None
        self.root = self._tops[0]

    def write(self, node: Node, text: str) -> None:
        """Put `text` in the place of all that is in `node`."""
        if node.inner == node.close:
            return  # an empty element says nothing that could be replaced
        for inner in node.children:
            inner.drop()
        self._texts.append((node.inner, node.close, escaped(text)))

    def is_changed(self) -> bool:
        """Has anything been dropped or changed?"""
        stack = [self.root]
        while stack:
            node = stack.pop()
            if node.is_changed:
                return True
            stack.extend(node.children)
        return bool(self._texts)

    def written(self) -> bytes:
        """The part as it is now."""
        splices = list(self._texts)
        stack = [self.root]
        while stack:
            node = stack.pop()
            splices.extend(node.splices(self.raw))
            if node.fate != "drop":
                stack.extend(node.children)
        if not splices:
            return self.raw
        out = bytearray()
        at = 0
        for start, end, new in sorted(splices, key=lambda one: (one[0], -one[1])):
            if start < at:
                continue  # within something that went
            out += self.raw[at:start] + new
            at = end
        return bytes(out + self.raw[at:])

    def _start(self, qname: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count & 0xFFF == 0:
            self._budget.tick()
        at = self._parser.CurrentByteIndex
        tag = _TAG.match(self.raw, at)
        if tag is None or len(self._open) > _DEEPEST or self._count > _MOST:
            raise CannotRewrite(UNKNOWN)
        name = self._locals.get(qname)
        if name is None:
            name = self._locals[qname] = qname.rpartition(":")[2]
        parent = self._open[-1] if self._open else None
        node = Node(name, attributes, parent, tag.span())
        if parent is None:
            self._tops.append(node)
        else:
            parent.children.append(node)
        self._open.append(node)

    def _end(self, _: str) -> None:
        node = self._open.pop()
        if self.raw[node.inner - 2 : node.inner] == b"/>":
            return
        node.close = self._parser.CurrentByteIndex
        node.end = self.raw.index(b">", node.close) + 1

    def _characters(self, data: str) -> None:
        self._open[-1].text += data


def escaped(text: str) -> bytes:
    """`text` as it may stand in an element or an attribute."""
    for mark, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "apos")):
        text = text.replace(mark, f"&{name};")
    return text.encode("utf-8", "replace")


def _refuse(*_: object) -> None:
    raise Stop(UnreadReason.MALFORMED, "doctype")
