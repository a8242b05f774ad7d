"""How does a document of Office or an OpenDocument look without what is to go?

Law: in each part that stays and was changed, a reader sees the same text as before.
"""

from __future__ import annotations

import re

from gateway.content.docclean import opendocument, properties, sheets, slides, word
from gateway.content.docclean.package import MANIFEST, TYPES, Package
from gateway.content.docclean.tree import UNKNOWN
from gateway.content.readers import office
from gateway.content.readers.xmltext import NEUTRAL
from gateway.content.reading import Budget
from gateway.content.rewriting import CannotRewrite

_BOUND = re.compile(r"word/.*\.xml")
_UNREAD = re.compile(
    r".*\.vml|META-INF/.*|(?:.*/)?settings\.xml|word/(?:styles\w*|numbering|fontTable)\.xml"
)
"""Parts that show nothing by themselves, and the boxes of comments in a sheet."""
_WITH_METADATA = (
    "/attachedTemplate", "/mailMergeSource", "/mailMergeHeaderSource", "/printerSettings", "/thumbnail",
    "/customXml", "/people", "/changesInfo", "/revisionInfo", "/revisionHeaders", "/usernames",
    "/customProperty",
)  # fmt: skip
_WITH_HIDDEN = (
    "/comments", "/commentsExtended", "/commentsIds", "/commentsExtensible", "/people", "/customXml",
    "/glossaryDocument", "/changesInfo", "/revisionInfo", "/revisionHeaders", "/thumbnail",
    "/mailMergeSource", "/mailMergeHeaderSource",
)  # fmt: skip


def cleaned(data: bytes, budget: Budget, *, metadata: bool, hidden: bool) -> bytes:
    """The document without metadata, or without what it does not show, or both."""
    package = Package(data, budget)
    is_odf = MANIFEST in package.names
    if not is_odf and TYPES not in package.names:
        raise CannotRewrite(UNKNOWN)
    before = set() if is_odf else package.reachable()
    styles = _styles(package)
    if hidden:
        _uncover(package, budget, styles, is_odf=is_odf)
    if metadata:
        _unname(package, is_odf=is_odf)
    if not is_odf:
        _let_go(package, before, hidden=hidden)
    _check(package, styles, budget)
    return package.written(dates=not metadata)


def _styles(package: Package) -> set[str]:
    styles: set[str] = set()
    for name in package.names:
        if office.is_stylesheet(name):
            styles |= office.hidden_styles(package.old(name))
    return styles


def _uncover(package: Package, budget: Budget, styles: set[str], *, is_odf: bool) -> None:
    names = package.names
    if is_odf:
        opendocument.uncover(package, styles)
    elif "word/document.xml" in names:
        for name in word.parts(package, word.UNSHOWN):
            tree = package.tree(name)
            word.accept(tree, styles)
            word.unbind(tree)
            if name == "word/settings.xml":
                word.settings(tree)
    elif sheets.BOOK in names:
        sheets.uncover(package, budget)
    else:
        slides.uncover(package)
    if not is_odf:
        _unrelate(package, _WITH_HIDDEN)
        if "docProps/app.xml" in names:
            properties.mark_titles(package.tree("docProps/app.xml"))
    _drop_previews(package)


def _unname(package: Package, *, is_odf: bool) -> None:
    if is_odf:
        for name in package.names:
            if re.fullmatch(r"(?:Object \d+/)?(?:content|styles)\.xml", name):
                opendocument.unname(package.tree(name), NEUTRAL)
    elif "word/document.xml" in package.names:
        for name in word.parts(package, word.NAMED):
            tree = package.tree(name)
            word.unname(tree, NEUTRAL)
            word.unbind(tree)
            for node in tree.root.named("printerSettings"):
                node.drop()
    elif sheets.BOOK in package.names:
        sheets.unname(package, NEUTRAL)
    else:
        for name in package.names:
            if slides.names_people(name):
                slides.unname(name, package.tree(name), NEUTRAL)
    for name in package.names:
        if properties.says(name):
            properties.mark(name, package.tree(name))
    if not is_odf:
        _unrelate(package, _WITH_METADATA)
    for name in package.names:
        if properties.is_property(name):
            package.drop(name)


def _drop_previews(package: Package) -> None:
    """A picture of the first page may show what was hidden since."""
    for name in package.names:
        if re.fullmatch(r"docProps/thumbnail\.\w+|Thumbnails/.*", name):
            package.drop(name)


def _unrelate(package: Package, kinds: tuple[str, ...]) -> None:
    for name in ("", *package.names):
        if not name.endswith(".rels"):
            package.unrelate(name, lambda relation: relation.kind.endswith(kinds))


def _let_go(package: Package, before: set[str], *, hidden: bool) -> None:
    """Drop parts that nothing refers to any more; hidden ones also where nothing ever did."""
    there = package.reachable()
    for name in package.names:
        told = name.startswith(("docProps/", "docMetadata/"))
        if name not in there and (name in before or (hidden and not told)):
            package.drop(name)
    for name in ("", *package.names):
        if not name.endswith(".rels"):
            package.unrelate(name, lambda relation: relation.target in package.gone)


def _check(package: Package, styles: set[str], budget: Budget) -> None:
    """Nothing that is shown is lost. Raises `CannotRewrite`."""
    tables: tuple[list[str], list[str]] | None = None
    for name in package.changed():
        if _UNREAD.fullmatch(name) or name in {TYPES, sheets.BOOK, sheets.STRINGS}:
            continue
        if not office.is_shown(name):
            continue
        old, new = package.old(name), package.raw(name)
        if re.fullmatch(r"xl/(?:work|chart)sheets/[^/]*\.xml", name):
            old, new = _differing(old, new)
            if tables is None:
                tables = _strings(package, budget)
            same = office.rows(old, tables[0], budget) == office.rows(new, tables[1], budget)
        else:
            same = office.shown(old, styles, budget) == office.shown(new, styles, budget)
        if not same:
            raise CannotRewrite(UNKNOWN)


def _differing(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """The sheet before and after with those rows alone that are not the same in both."""
    end = b"</row>"
    before, after = old.split(end), new.split(end)
    if len(before) != len(after):
        return old, new
    last = len(before) - 1
    kept = [n for n in range(len(before)) if n in {0, last} or before[n] != after[n]]
    return end.join([before[n] for n in kept]), end.join([after[n] for n in kept])


def _strings(package: Package, budget: Budget) -> tuple[list[str], list[str]]:
    """The table of strings before and after."""
    if sheets.STRINGS not in package.names:
        return [], []
    old, new = package.old(sheets.STRINGS), package.raw(sheets.STRINGS)
    before = office.strings(old, budget)
    return before, before if new == old else office.strings(new, budget)
