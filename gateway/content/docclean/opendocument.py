"""What of an OpenDocument is not shown, and where does it name people?

Law: as for the formats of Office; a spreadsheet in which cells went has no formulas left, for they may
have counted them, and shows what they came to. Format: OASIS OpenDocument 1.3.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.content.docclean.package import Package
from gateway.content.docclean.tree import UNKNOWN, Node, Tree
from gateway.content.readers.xmltext import DRAWN, hides_by_style
from gateway.content.rewriting import CannotRewrite

_GONE = frozenset(
    "annotation annotation-end tracked-changes change change-start change-end hidden-text notes"
    " scenario".split()
)
_VALUES = frozenset(
    "value-type value date-value time-value boolean-value string-value currency formula"
    " content-validation-name".split()
)
_STYLED = ("content.xml", "styles.xml", "settings.xml")
_STYLES = frozenset({"text-properties", "drawing-page-properties", "table-properties"})
_LONG_AGO = "1970-01-01T00:00:00"
_CELLS = frozenset({"table-cell", "covered-table-cell"})
_MATRIX = ("number-matrix-columns-spanned", "number-matrix-rows-spanned")
_COUNTING = frozenset(
    "named-expressions content-validations database-ranges data-pilot-tables consolidation".split()
)
"""Elements that speak of cells, and show nothing."""
_DRAWN = "a chart or another drawing depends on hidden cells; unhide them and send again"
_RESULTS = "a sheet has formulas whose results are not saved; open it, save it and send it again"
_HIDDEN = frozenset({"collapse", "filter"})


def uncover(package: Package, styles: set[str]) -> None:
    """Take out what is hidden. `styles` are those of the document that hide text or sheets."""
    emptied = False
    gone: set[str] = set()
    slides: set[str] = set()
    for name in ("styles.xml", "content.xml"):
        if name not in package.names:
            continue
        root = package.tree(name).root
        hiding = styles | hiding_styles(package.tree(name))
        for node in root.all():
            if node.name in _GONE:
                node.drop()
            elif node.name in {"span", "p", "h", "page", "section"}:
                if node.get("style-name") in hiding or node.get("display") == "none":
                    node.drop()
                    if node.name == "page":
                        slides.add(f"#{node.get('name')}")
            elif node.name in DRAWN and node.get("display") == "none":
                node.drop()
            elif node.name == "hidden-paragraph":
                _paragraph(node)
            elif node.name == "table" and node.get("style-name") in hiding:
                node.drop()
                gone.add(node.get("name"))
            elif node.name == "table":
                emptied = _columns(node) or emptied
            elif node.name == "table-row" and node.get("visibility") in _HIDDEN:
                emptied = _empty(node.named(*_CELLS)) or emptied
    if slides:
        _without_links(package.tree("content.xml"), slides)
    if gone:
        _without_styles(package, gone)
    if emptied or gone:
        _without_formulas(package, gone)
    for name in package.names:
        if name.startswith("Versions/") or name == "VersionList.xml":
            package.drop(name)


def hiding_styles(tree: Tree) -> set[str]:
    """Names of the styles of a part whose text, slide or sheet is not shown."""
    found = set()
    for node in tree.root.named(*_STYLES):
        said = {key.rpartition(":")[2]: value for key, value in node.attributes.items()}
        style = node.parent
        if style is not None and style.name == "style" and hides_by_style(node.name, said):
            found.add(style.get("name"))
    return found


def _without_links(tree: Tree, slides: set[str]) -> None:
    """Nothing leads to a slide that is gone."""
    for node in tree.root.all():
        if node.get("href") in slides:
            if node.name == "a":
                node.unwrap()
            else:
                node.drop()


def _without_styles(package: Package, gone: set[str]) -> None:
    """Drop styles of sheets that are gone, which bear their names, and how they were looked at."""
    parts = [package.tree(name) for name in _STYLED if name in package.names]
    for tree in parts:
        for style in tree.root.named("style"):
            form = style.child("table-properties")
            if form is not None and form.get("display") == "false":
                style.drop()
        for view in tree.root.named("config-item-map-entry"):
            if view.get("name") in gone:
                view.drop()
        for item in tree.root.named("config-item"):
            if item.get("name") == "ActiveTable" and item.text in gone:
                item.drop()
    used = {
        node.get("master-page-name")
        for tree in parts
        for node in tree.root.all()
        if node.attributes
    }
    for tree in parts:
        for page in tree.root.named("master-page"):
            names = f"{page.get('name')}\n{page.get('display-name')}"
            if page.get("name") not in used and any(name in names for name in gone):
                page.drop()


def _paragraph(node: Node) -> None:
    hidden = node.get("is-hidden") == "true"
    node.drop()
    outer = node.parent
    while outer is not None and outer.name not in {"p", "h"}:
        outer = outer.parent
    if hidden and outer is not None:
        outer.drop()


def _columns(table: Node) -> bool:
    """Empty the cells in hidden columns. Was there anything in them?"""
    hidden: list[tuple[int, int]] = []
    at = 0
    for node in table.named("table-column"):
        count = _repeated(node)
        if node.get("visibility") in _HIDDEN:
            hidden.append((at, at + count))
        at += count
    found = False
    for row in table.named("table-row") if hidden else ():
        at = 0
        for cell in row.children:
            if any(first <= at < last for first, last in hidden):
                found = _empty([cell]) or found
            at += _repeated(cell)
    return found


def _repeated(node: Node) -> int:
    number = node.get("number-columns-repeated")
    return int(number) if number.isdecimal() else 1


def _empty(cells: Iterable[Node]) -> bool:
    """Leave the cells, and nothing in them. Was there anything?"""
    found = False
    for cell in cells:
        found = found or bool(cell.children or cell.get("value-type"))
        for inner in cell.children:
            inner.drop()
        for key in _VALUES:
            cell.put(key, None)
    return found


def _without_formulas(package: Package, gone: set[str]) -> None:
    """Leave what formulas came to. `gone` are sheets that nothing may name any more."""
    if any(name.startswith("Object ") for name in package.names):
        raise CannotRewrite(_DRAWN)
    for node in package.tree("content.xml").root.all():
        if node.name in _CELLS:
            if node.get("formula") and not node.get("value-type"):
                raise CannotRewrite(_RESULTS)
            for key in ("formula", "content-validation-name", *_MATRIX):
                node.put(key, None)
        elif node.name in _COUNTING:
            node.drop()
        elif node.name == "conditional-format" and any(
            name in value
            for inner in node.all()
            for value in inner.attributes.values()
            for name in gone
        ):
            raise CannotRewrite(UNKNOWN)


def unname(tree: Tree, neutral: str) -> None:
    """Make all authors of comments and changes one, and take out when they wrote."""
    written = {"creator": neutral, "creator-initials": neutral[:1], "date": _LONG_AGO}
    for node in tree.root.all():
        if node.name in written and node.within("annotation", "change-info"):
            tree.write(node, written[node.name])
        for key in node.attributes:
            local = key.rpartition(":")[2]
            if local in {"rsid", "paragraph-rsid"}:
                node.put(local, None)
