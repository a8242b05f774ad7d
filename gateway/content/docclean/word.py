"""What of a Word document is not shown, and where does it name people?

Law: insertions stay and deletions go, as if every change had been accepted; hidden text goes with its
runs. Format: ECMA-376 part 1, 17.
"""

from __future__ import annotations

import re

from gateway.content.docclean.package import Package
from gateway.content.docclean.tree import UNKNOWN, Node, Tree
from gateway.content.rewriting import CannotRewrite

_GONE = frozenset(
    "moveFromRangeStart moveFromRangeEnd moveToRangeStart moveToRangeEnd"
    " customXmlInsRangeStart customXmlInsRangeEnd customXmlDelRangeStart customXmlDelRangeEnd"
    " customXmlMoveFromRangeStart customXmlMoveFromRangeEnd customXmlMoveToRangeStart"
    " customXmlMoveToRangeEnd rPrChange pPrChange sectPrChange tblPrChange tcPrChange trPrChange"
    " tblPrExChange tblGridChange numberingChange cellIns commentRangeStart commentRangeEnd"
    " commentReference conflictIns conflictDel delText delInstrText".split()
)
_DELETED = frozenset({"del", "moveFrom", "vanish"})
_INSERTED = frozenset({"ins", "moveTo"})
_MARKED = frozenset("ins del moveFrom moveTo cellIns cellDel cellMerge".split())
_OFF = frozenset({"0", "false", "off"})
_PROPERTIES = frozenset({"rPr", "trPr", "pPr", "sectPr", "tcPr", "numPr"})


def accept(tree: Tree, styles: set[str]) -> None:
    """Take tracked changes, marks of comments and hidden text out of a part.

    `styles` are those that hide text.
    """
    root = tree.root
    for node in root.all():
        name = node.name
        if name in _GONE:
            node.drop()
        elif name in {"cellDel", "cellMerge"}:
            raise CannotRewrite(UNKNOWN)  # a table would lose its grid
        elif name in _DELETED | _INSERTED and node.parent is not None:
            above = node.parent.name
            if above not in _PROPERTIES:
                if name in _INSERTED:
                    node.unwrap()
                elif name != "vanish":
                    node.drop()
        elif name == "r":
            style = node.child("rPr")
            if style is not None and _is_hidden(style, styles):
                node.drop()
        elif name == "tr":
            style = node.child("trPr")
            if style is not None and (
                style.child("del")
                or ((one := style.child("hidden")) and one.get("val") not in _OFF)
            ):
                node.drop()
    for paragraph in list(root.named("p")):
        _paragraph(paragraph, styles)
    for node in root.named("rPr", "trPr", "numPr"):
        for mark in node.children:
            if mark.name in _MARKED or (
                mark.name == "vanish" and node.parent is not None and node.parent.name == "pPr"
            ):
                mark.drop()
    for node in root.named("drawing", "pict", "object"):
        for inner in node.named("docPr", "cNvPr"):
            if inner.get("hidden") in {"1", "true"}:
                node.drop()
                break


def _is_hidden(style: Node, styles: set[str]) -> bool:
    own = style.child("vanish")
    if own is not None:
        return own.get("val") not in _OFF
    named = style.child("rStyle")
    return named is not None and named.get("val") in styles


def _paragraph(paragraph: Node, styles: set[str]) -> None:
    """Join a paragraph whose end was deleted or is hidden with the next one."""
    form = paragraph.child("pPr")
    if form is None or paragraph.parent is None:
        return
    named = form.child("pStyle")
    if named is not None and named.get("val") in styles:
        for node in paragraph.children:
            if node is not form:
                node.drop()
    mark = form.child("rPr")
    if mark is None:
        return
    gone = mark.child("del") or mark.child("moveFrom") or _vanished(mark)
    if not gone or form.child("sectPr") is not None:
        return
    siblings = [node for node in paragraph.parent.children if node.fate != "drop"]
    at = siblings.index(paragraph)
    follower = siblings[at + 1] if at + 1 < len(siblings) else None
    if follower is None or follower.name != "p":
        return
    if not any(
        node.name in {"r", "hyperlink", "fld", "sdt", "ins"}
        for node in paragraph.children
        if node is not form and node.fate != "drop"
    ):
        paragraph.drop()


def _vanished(mark: Node) -> bool:
    own = mark.child("vanish")
    return own is not None and own.get("val") not in _OFF


def settings(tree: Tree) -> None:
    """Take out what settings hold for nobody to see."""
    for node in tree.root.named("docVars", "mailMerge", "revisionView"):
        node.drop()


def unbind(tree: Tree) -> None:
    """Cut fields loose from the parts that they show: what they show stays as it is."""
    for node in tree.root.named("dataBinding"):
        node.drop()


def unname(tree: Tree, neutral: str) -> None:
    """Make all authors one, and take out when they wrote, and what tells one session from another."""
    for node in tree.root.all():
        if node.name == "rsid":
            node.drop()
            continue
        written = bool(node.get("author"))
        for key in node.attributes:
            local = key.rpartition(":")[2]
            if local == "author":
                node.put(local, neutral)
            elif local == "initials" and written:
                node.put(local, neutral[:1])
            elif local == "dateUtc" or (local == "date" and written) or local.startswith("rsid"):
                node.put(local, None)


def parts(package: Package, words: re.Pattern[bytes]) -> list[str]:
    """Names of the parts in which any of `words` stands: most of the large ones need no tree."""
    return [
        name
        for name in package.names
        if name.startswith("word/") and name.endswith(".xml") and words.search(package.old(name))
    ]


UNSHOWN = re.compile(
    rb"[:<](?:\w+Change|ins|del|move(?:From|To)\w*|cell(?:Ins|Del|Merge)|customXml\w+Range\w*|comment\w+"
    rb"|conflict\w+|delText|delInstrText|dataBinding|docVars|mailMerge|revisionView)\b|<\w+:body\b"
    rb"|hidden=|<\w+:(?:p|r|tr)\b"
)
"""What stands in parts that may hold text, or changes."""
NAMED = re.compile(
    rb"author\w*\s*=|initials\s*=|dateUtc\s*=|rsid|dataBinding|printerSettings\b", re.IGNORECASE
)
"""What stands in parts that name people, sessions or machines."""
