"""Which parts does a document have, and which refer to which? A zip archive whose parts can be changed.

Law: a part that nothing refers to any more goes, and nothing refers to a part that is gone: relations,
content types and the manifest say what is there. Formats: ECMA-376 part 2, OpenDocument 1.3 part 2.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from gateway.content.docclean.tree import UNKNOWN, Node, Tree
from gateway.content.reading import Budget
from gateway.content.rewriting import CannotRewrite

TYPES = "[Content_Types].xml"
MANIFEST = "META-INF/manifest.xml"
_ROOT = "_rels/.rels"
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_SIGNATURE = re.compile(r"_xmlsignatures/|META-INF/documentsignatures\.xml\Z")
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Relation:
    """What one part has to do with another, or with an address outside (`target` is empty then)."""

    id: str
    kind: str
    target: str
    node: Node


class Package:
    """A document whose parts are read when they are asked for."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self._budget = budget
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in self._archive.infolist():
            if _SIGNATURE.search(info.filename):
                raise CannotRewrite("a signed document cannot be changed")
            if info.flag_bits & _ENCRYPTED:
                raise CannotRewrite("a file inside it cannot be changed")
            if info.filename in self._infos:
                raise CannotRewrite(UNKNOWN)  # which of them is read depends on the reader
            self._infos[info.filename] = info
        self._by_case = {name.lower(): name for name in self._infos}
        self._trees: dict[str, Tree] = {}
        self._old: dict[str, bytes] = {}
        self._raw: dict[str, bytes] = {}
        self._gone: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts that are there, folders left out."""
        return tuple(
            name for name in self._infos if name not in self._gone and not name.endswith("/")
        )

    def old(self, name: str) -> bytes:
        """The part as it came."""
        if name not in self._old:
            self._old[name] = self._archive.read(self._infos[name])
            self._budget.expand(len(self._old[name]))
        return self._old[name]

    def raw(self, name: str) -> bytes:
        """The part as it is now."""
        if name in self._raw:
            return self._raw[name]
        tree = self._trees.get(name)
        return self.old(name) if tree is None else tree.written()

    def put(self, name: str, raw: bytes) -> None:
        """Give the part other bytes; its tree is not asked for afterwards."""
        self._raw[name] = raw

    def tree(self, name: str) -> Tree:
        """The part, to be changed."""
        if name not in self._trees:
            self._trees[name] = Tree(self.old(name), self._budget)
        return self._trees[name]

    def drop(self, name: str) -> None:
        """Take the part out."""
        self._gone.add(name)

    def changed(self) -> Iterator[str]:
        """Names of the XML parts that became others and stay."""
        for name in self.names:
            if name in self._raw or (name in self._trees and self._trees[name].is_changed()):
                yield name

    @property
    def gone(self) -> frozenset[str]:
        """Names of the parts that were taken out."""
        return frozenset(self._gone)

    # --- relations ---

    def relations(self, name: str) -> list[Relation]:
        """What the part `name` refers to; `""` is the package."""
        rels = _relations_of(name)
        if rels not in self._infos or rels in self._gone:
            return []
        out = []
        for node in self.tree(rels).root.named("Relationship"):
            target = ""
            if node.get("TargetMode") != "External":
                target = self._resolved(name, node.get("Target"))
            out.append(Relation(node.get("Id"), node.get("Type"), target, node))
        return out

    def unrelate(self, name: str, test: Callable[[Relation], bool]) -> set[str]:
        """Drop the relations of `name` for which `test` holds; their ids."""
        gone = [relation for relation in self.relations(name) if test(relation)]
        for relation in gone:
            relation.node.drop()
        return {relation.id for relation in gone}

    def _resolved(self, name: str, target: str) -> str:
        path = target.partition("#")[0]
        base = posixpath.dirname(name)
        whole = path.lstrip("/") if path.startswith("/") else posixpath.join(base, path)
        whole = posixpath.normpath(whole) if whole else ""
        found = self._by_case.get(whole.lower()) or self._by_case.get(unquote(whole).lower())
        return found or ""

    def reachable(self) -> set[str]:
        """Parts that the package refers to, directly or over others, with their relations."""
        seen = {TYPES, _ROOT}
        stack = [relation.target for relation in self.relations("")]
        while stack:
            name = stack.pop()
            if not name or name in seen or name in self._gone:
                continue
            seen |= {name, _relations_of(name)}
            stack += [relation.target for relation in self.relations(name)]
        return seen

    # --- the whole ---

    def written(self, *, dates: bool) -> bytes:
        """The document; without the dates of its parts if not `dates`."""
        self._declare()
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as new:
            for name, info in self._infos.items():
                self._budget.tick()
                if name in self._gone:
                    continue
                copy = zipfile.ZipInfo(name, info.date_time if dates else _NO_DATE)
                copy.compress_type = info.compress_type
                copy.external_attr, copy.create_system = info.external_attr, info.create_system
                new.writestr(copy, self.raw(name))
        return out.getvalue()

    def _declare(self) -> None:
        """Say in the table of contents what is there."""
        if not self._gone:
            return
        if TYPES in self._infos:
            for node in self.tree(TYPES).root.named("Override"):
                name = node.get("PartName").lstrip("/").lower()
                if self._by_case.get(name, name) in self._gone:
                    node.drop()
        if MANIFEST in self._infos:
            for node in self.tree(MANIFEST).root.named("file-entry"):
                if node.get("full-path") in self._gone:
                    node.drop()


def _relations_of(name: str) -> str:
    if not name:
        return _ROOT
    folder, _, last = name.rpartition("/")
    return f"{folder}/_rels/{last}.rels" if folder else f"_rels/{last}.rels"
