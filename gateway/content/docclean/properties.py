"""What do the small parts of a document say of how it came about? Its properties, and of which parts.

Law: what is told here is what is taken out here: a part that was cleaned tells nothing any more.
Sensitivity labels stay (``MSIP_Label_…``, but for the owner that old ones name), and numbers of pages.
"""

from __future__ import annotations

import re

from gateway.content.docclean.tree import Tree
from gateway.content.reading import Budget
from gateway.content.rewriting import CannotRewrite

_LABEL = re.compile(r"MSIP_Label_[0-9A-Fa-f-]{36}_(?!Owner\Z)\w+")
_KEPT = frozenset({"Pages", "Slides"})
_TITLES = frozenset({"TitlesOfParts", "HeadingPairs"})
"""Properties that name all sheets and slides, also the hidden ones."""
_WORD = frozenset(
    "rsids attachedTemplate mailMerge docVars docId attachedSchema schemaLibrary saveThroughXslt".split()
)
_BOOK = frozenset({"revisionPtr", "customWorkbookViews", "absPath"})
_ODF_ITEMS = re.compile(
    r"Printer(?!Independent)\w*|Rsid\w*|CurrentDatabase\w*|\w*(?:TemplateURL|LibraryPath|SaveThumbnail\w*)"
)
_SETTINGS = re.compile(
    r"docProps/(?:core|app|custom)\.xml|word/settings\.xml|xl/workbook\.xml|meta\.xml|settings\.xml"
    r"|Object \d+/(?:meta|settings)\.xml"
)
_WHOLE = re.compile(
    r"docProps/thumbnail\.\w+|Thumbnails/.*|(?:word|xl|ppt)/printerSettings/.*|customXml/item\d+\.xml"
    r"|(?:word|xl|ppt)/(?:changesInfos|revisions)/.*|ppt/revisionInfo\.xml|xl/customProperty/.*"
)


def is_property(name: str) -> bool:
    """Does the part `name` go whole with the properties?"""
    return _WHOLE.fullmatch(name) is not None


def says(name: str) -> bool:
    """May the part `name` hold properties beside other things?"""
    return _SETTINGS.fullmatch(name) is not None


def are_in(name: str, raw: bytes, budget: Budget) -> bool:
    """Are there any in the part `raw`?"""
    try:
        tree = Tree(raw, budget)
    except CannotRewrite:
        return True  # it cannot be known
    mark(name, tree)
    return tree.is_changed()


def mark(name: str, tree: Tree) -> None:
    """Drop them from the part."""
    root = tree.root
    match name.rpartition("/")[2]:
        case "core.xml":
            for node in root.children:
                node.drop()
        case "app.xml":
            for node in root.children:
                if node.name not in _KEPT:
                    node.drop()
        case "custom.xml":
            for node in root.named("property"):
                if not _LABEL.fullmatch(node.get("name")):
                    node.drop()
        case "meta.xml":
            for meta in root.named("meta"):
                for node in meta.children:
                    if not (node.name == "user-defined" and _LABEL.fullmatch(node.get("name"))):
                        node.drop()
        case "workbook.xml":
            for node in root.named(*_BOOK):
                outer = node.parent
                while outer is not None and outer.name != "AlternateContent":
                    outer = outer.parent
                (outer or node).drop()
            for node in root.named("fileSharing"):
                if node.get("userName"):
                    node.put("userName", None)
        case "settings.xml" if name.startswith("word/"):
            for node in root.named(*_WORD):
                node.drop()
        case "settings.xml":
            for node in root.named("config-item"):
                if _ODF_ITEMS.fullmatch(node.get("name")) and node.text.strip():
                    node.drop()


def mark_titles(tree: Tree) -> None:
    """Drop the names of sheets and slides from ``app.xml``."""
    for node in tree.root.named(*_TITLES):
        node.drop()
