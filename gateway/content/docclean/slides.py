"""What of a presentation is not shown, and where does it name people?

Law: a slide that is hidden goes with its notes and comments, and nothing leads to it any more. Format:
ECMA-376 part 1, 19.
"""

from __future__ import annotations

import re

from gateway.content.docclean.package import Package
from gateway.content.docclean.tree import Tree

_DECK = "ppt/presentation.xml"
_SLIDE = re.compile(r"ppt/slides/slide\d+\.xml")
_SHOWN = re.compile(r"ppt/(?:slides|slideLayouts|slideMasters)/[^/]+\.xml")
_SHAPES = frozenset({"sp", "pic", "graphicFrame", "grpSp", "cxnSp"})
_UNSEEN = ("/notesSlide", "/comments", "/commentAuthors", "/authors", "/tags", "/changesInfo",
           "/revisionInfo", "/customXml")  # fmt: skip
_LONG_AGO = "2000-01-01T00:00:00.000"


def uncover(package: Package) -> None:
    """Take out hidden slides and shapes, notes, comments, and what programs keep beside them."""
    if _DECK in package.names:
        _slides(package)
    for name in package.names:
        if name == _DECK or _SHOWN.fullmatch(name):
            package.unrelate(name, lambda relation: relation.kind.endswith(_UNSEEN))
            tree = package.tree(name)
            for node in tree.root.named("custDataLst"):
                node.drop()
            if any([_is_unseen(tree)]):
                for node in tree.root.named("timing"):
                    node.drop()  # it speaks of shapes by their numbers


def _is_unseen(tree: Tree) -> bool:
    """Drop hidden shapes. Was there any?"""
    found = False
    for node in tree.root.named("cNvPr"):
        if node.get("hidden") in {"1", "true"}:
            shape = node.parent
            while shape is not None and shape.name not in _SHAPES:
                shape = shape.parent
            if shape is not None:
                shape.drop()
                found = True
    return found


def _slides(package: Package) -> None:
    deck = package.tree(_DECK)
    hidden = {
        name
        for name in package.names
        if _SLIDE.fullmatch(name) and package.tree(name).root.get("show") in {"0", "false"}
    }
    if not hidden:
        return
    ids = package.unrelate(_DECK, lambda relation: relation.target in hidden)
    numbers = set()
    for node in deck.root.named("sldId"):
        if _relation_id(node.attributes) in ids:
            numbers.add(node.attributes.get("id", ""))
            node.drop()
    for node in deck.root.named("sldId", "sld"):
        # Sections know slides by number, shows by relation.
        if node.attributes.get("id") in numbers or _relation_id(node.attributes) in ids:
            node.drop()
    for name in package.names:
        if name in hidden or not name.startswith("ppt/"):
            continue
        gone = package.unrelate(name, lambda relation: relation.target in hidden)
        if gone and name != _DECK:
            for node in package.tree(name).root.named("hlinkClick", "hlinkHover", "hlinkMouseOver"):
                if _relation_id(node.attributes) in gone:
                    node.drop()
    for name in hidden:
        package.drop(name)


def _relation_id(attributes: dict[str, str]) -> str:
    return next((v for k, v in attributes.items() if k.endswith(":id")), "")


def unname(name: str, tree: Tree, neutral: str) -> None:
    """Make all authors one, in the parts that list them, and take out when they wrote."""
    folder = name.rpartition("/")[2]
    for node in tree.root.all():
        if node.name in {"cmAuthor", "author"} and folder.startswith(("commentAuthors", "authors")):
            for key, new in (("name", neutral), ("initials", neutral[:1]), ("userId", neutral)):
                node.put(key, new)
            node.put("providerId", "None")
        elif node.name in {"cm", "reply"}:
            node.put("dt", None)
            node.put("created", _LONG_AGO)


def names_people(name: str) -> bool:
    """May the part name authors?"""
    return bool(re.fullmatch(r"ppt/(?:commentAuthors|authors|comments/[^/]*)\.xml", name))
