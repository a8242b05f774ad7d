"""Where does each glyph of a content stream stand, and how does the stream look without some?

Law: a stream that cannot be followed to its end is `Unfollowed`. Glyphs that stay keep their place:
those that go leave a gap of their width, rounded up, so that it does not tell which ones they were.
Format: ISO 32000-2, 8.4, 9.3 and 9.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pikepdf

from gateway.content.pdfwrite.fonts import Font, Unfollowed, font
from gateway.content.readers.matrix import UNIT, Matrix, Point, multiplied

type Quad = tuple[Point, Point, Point, Point]
"""Corners in order: from the start of the baseline side around."""
type Words = Callable[[str], str]
"""What becomes of a string that the document says."""

_DEEP = 16
_MOST = 3_000_000
"""Operators and glyphs of one page, forms within forms included."""
_STEP = 100
"""Gaps are multiples of this, in thousandths of the font size."""
_BELOW, _ABOVE = 0.22, 0.92
"""How far a box reaches below and above the baseline, in font sizes."""
_INVISIBLE = {3, 7}
_STRINGS = frozenset({"/ActualText", "/Alt", "/E", "/T", "/Contents", "/Lang", "/TU"})


@dataclass(slots=True, eq=False)
class Glyph:
    """One code that is shown: its bytes, its advance in thousandths, and where it stands.

    `along` is the advance and `up` one font size above the baseline, both as vectors on the page.
    """

    raw: bytes
    units: float
    origin: Point
    along: Point
    up: Point
    order: int
    visible: bool
    marked: Marked | None

    def middle(self) -> Point:
        """A point inside the glyph."""
        (x, y), (ax, ay), (ux, uy) = self.origin, self.along, self.up
        return x + ax / 2 + ux * 0.3, y + ay / 2 + uy * 0.3

    def quad(self) -> Quad:
        """What the glyph covers."""
        (x, y), (ax, ay), (ux, uy) = self.origin, self.along, self.up
        left, bottom = x - ux * _BELOW, y - uy * _BELOW
        high = _BELOW + _ABOVE
        return (
            (left, bottom),
            (left + ax, bottom + ay),
            (left + ax + ux * high, bottom + ay + uy * high),
            (left + ux * high, bottom + uy * high),
        )

    @property
    def size(self) -> float:
        """Font size on the page."""
        return math.hypot(*self.up)


@dataclass(slots=True, eq=False)
class Marked:
    """Marked content that says in words what its glyphs mean (`ActualText`)."""

    operator: int
    outer: Marked | None

    def all(self) -> Iterator[Marked]:
        """This one and those around it."""
        yield self
        if self.outer is not None:
            yield from self.outer.all()


@dataclass(slots=True, eq=False)
class Drawn:
    """An image that is painted: a stream, or an inline image, and where its unit square lies."""

    matrix: Matrix
    order: int
    depth: int
    source: pikepdf.Object | pikepdf.PdfInlineImage
    node: Node
    operator: int


@dataclass(slots=True, eq=False)
class Node:
    """One content stream as it is run: its operators, and what each of them draws."""

    instructions: list[tuple[list[pikepdf.Object], str]]
    resources: pikepdf.Object | None
    texts: dict[int, list[Glyph | float]] = field(default_factory=dict)
    forms: dict[int, Node] = field(default_factory=dict)
    stream: pikepdf.Stream | None = None
    open: int = 0
    """States that are saved and never restored."""
    stray: set[int] = field(default_factory=set)
    """Operators that restore a state that nobody saved."""

    def nodes(self) -> Iterator[Node]:
        """This one and all within."""
        yield self
        for node in self.forms.values():
            yield from node.nodes()

    def draws(self, resources: pikepdf.Object | None) -> Iterator[str]:
        """Names of images and forms that it draws by these resources."""
        if self.resources is resources:
            for operands, name in self.instructions:
                if name == "Do" and operands:
                    yield str(operands[0])

    def shows(self) -> Iterator[list[Glyph]]:
        """The glyphs of each operator that shows any, in the order in which they are painted."""
        for number in sorted({*self.texts, *self.forms}):
            if number in self.forms:
                yield from self.forms[number].shows()
            else:
                some = [item for item in self.texts[number] if isinstance(item, Glyph)]
                if some:
                    yield some

    def glyphs(self) -> Iterator[Glyph]:
        """All glyphs, those of forms included."""
        for node in self.nodes():
            for items in node.texts.values():
                for item in items:
                    if isinstance(item, Glyph):
                        yield item


@dataclass(frozen=True, slots=True)
class _State:
    matrix: Matrix = UNIT
    font: Font | None = None
    size: float = 0.0
    space: float = 0.0
    word: float = 0.0
    stretch: float = 1.0
    leading: float = 0.0
    rise: float = 0.0
    mode: int = 0


class Page:
    """A page's content, run once. `node` is its root, `images` what it paints, in order.

    `paints` says whether it draws anything besides text and images.
    """

    def __init__(
        self,
        content: pikepdf.Page | pikepdf.Stream,
        resources: pikepdf.Object | None,
        fonts: dict[object, Font],
    ) -> None:
        self.images: list[Drawn] = []
        self.paints = False
        self._fonts = fonts
        self._count = 0
        self.node = self._run(content, resources, _State(), ())

    def _tick(self) -> int:
        self._count += 1
        if self._count > _MOST:
            raise Unfollowed
        return self._count

    def _run(
        self,
        content: pikepdf.Page | pikepdf.Stream,
        resources: pikepdf.Object | None,
        state: _State,
        above: tuple[tuple[int, int], ...],
    ) -> Node:
        if len(above) > _DEEP:
            raise Unfollowed
        try:
            parsed = pikepdf.parse_content_stream(content)
        except (pikepdf.PdfError, pikepdf.PdfParsingError, ValueError, TypeError):
            raise Unfollowed from None
        instructions = [(list(one.operands), str(one.operator)) for one in parsed]
        node = Node(instructions, resources)
        saved: list[_State] = []
        line = now = UNIT
        marks: list[Marked | None] = []
        for number, (operands, name) in enumerate(instructions):
            order = self._tick()
            try:
                match name:
                    case "q":
                        saved.append(state)
                    case "Q":
                        if saved:
                            state = saved.pop()
                        else:
                            node.stray.add(number)
                    case "cm":
                        state = replace(state, matrix=multiplied(_matrix(operands), state.matrix))
                    case "BT":
                        line = now = UNIT
                    case "Tf":
                        found = self._font(resources, operands[0])
                        state = replace(state, font=found, size=float(operands[1]))
                    case "Tc":
                        state = replace(state, space=float(operands[0]))
                    case "Tw":
                        state = replace(state, word=float(operands[0]))
                    case "Tz":
                        state = replace(state, stretch=float(operands[0]) / 100)
                    case "TL":
                        state = replace(state, leading=float(operands[0]))
                    case "Ts":
                        state = replace(state, rise=float(operands[0]))
                    case "Tr":
                        state = replace(state, mode=int(operands[0]))
                    case "Td" | "TD":
                        x, y = float(operands[0]), float(operands[1])
                        if name == "TD":
                            state = replace(state, leading=-y)
                        line = now = multiplied((1.0, 0.0, 0.0, 1.0, x, y), line)
                    case "Tm":
                        line = now = _matrix(operands)
                    case "T*":
                        line = now = multiplied((1.0, 0.0, 0.0, 1.0, 0.0, -state.leading), line)
                    case "Tj" | "TJ" | "'" | '"':
                        if name == '"':
                            state = replace(
                                state, word=float(operands[0]), space=float(operands[1])
                            )
                        if name in {"'", '"'}:
                            line = now = multiplied((1.0, 0.0, 0.0, 1.0, 0.0, -state.leading), line)
                        items = list(operands[-1]) if name == "TJ" else [operands[-1]]
                        mark = marks[-1] if marks else None
                        node.texts[number], now = self._shown(items, state, now, mark)
                    case "gs":
                        state = self._from_state(resources, operands[0], state)
                    case "BDC" | "BMC":
                        outer = marks[-1] if marks else None
                        says = name == "BDC" and "/ActualText" in _properties(
                            resources, operands[1]
                        )
                        marks.append(Marked(number, outer) if says else outer)
                    case "EMC":
                        if marks:
                            marks.pop()
                    case "INLINE IMAGE":
                        image = Drawn(state.matrix, order, len(above), operands[0], node, number)
                        self.images.append(image)
                    case "Do":
                        self._do(node, number, operands[0], state, above)
                    case "S" | "s" | "f" | "F" | "f*" | "B" | "B*" | "b" | "b*" | "sh":
                        self.paints = True
                    case _:
                        pass
            except (IndexError, ValueError, TypeError, AttributeError, KeyError):
                # An operator without its operands; readers differ in what they make of it.
                raise Unfollowed from None
        node.open = len(saved)
        return node

    def _font(self, resources: pikepdf.Object | None, name: pikepdf.Object) -> Font | None:
        source = _resource(resources, "/Font", name)
        if source is None:
            raise Unfollowed
        return self._known(source)

    def _known(self, source: pikepdf.Object) -> Font | None:
        key: object = source.objgen if source.is_indirect else source.unparse()
        if key not in self._fonts:
            self._fonts[key] = font(source)
        return self._fonts[key]

    def _from_state(
        self, resources: pikepdf.Object | None, name: pikepdf.Object, state: _State
    ) -> _State:
        source = _resource(resources, "/ExtGState", name)
        if isinstance(source, pikepdf.Dictionary) and "/Font" in source:
            given = source.Font
            return replace(state, font=self._known(given[0]), size=float(given[1]))
        return state

    def _shown(
        self, items: list[pikepdf.Object], state: _State, now: Matrix, mark: Marked | None
    ) -> tuple[list[Glyph | float], Matrix]:
        shown: list[Glyph | float] = []
        size, stretch = state.size, state.stretch
        visible = state.mode not in _INVISIBLE
        a, b, c, d, e, f = multiplied(now, state.matrix)
        left, bottom = c * state.rise + e, d * state.rise + f
        up = c * size, d * size
        x = 0.0  # of the pen, along the baseline
        for item in items:
            if not isinstance(item, pikepdf.String):
                number = float(item)
                shown.append(number)
                x -= number / 1000 * size * stretch
                continue
            if state.font is None or not size:
                raise Unfollowed
            for raw, width, is_space in state.font.codes(bytes(item)):
                wide = width / 1000 * size + state.space + (state.word if is_space else 0.0)
                step = wide * stretch
                origin = a * x + left, b * x + bottom
                along = a * step, b * step
                units = wide / size * 1000
                order = self._tick()
                shown.append(Glyph(raw, units, origin, along, up, order, visible, mark))
                x += step
        return shown, _along(now, x)

    def _do(
        self,
        node: Node,
        number: int,
        name: pikepdf.Object,
        state: _State,
        above: tuple[tuple[int, int], ...],
    ) -> None:
        source = _resource(node.resources, "/XObject", name)
        if not isinstance(source, pikepdf.Stream):
            return
        if source.get("/Subtype") == "/Image":
            self.images.append(Drawn(state.matrix, self._count, len(above), source, node, number))
        elif source.get("/Subtype") == "/Form":
            if source.objgen in above:
                return
            matrix = _matrix(list(source.Matrix)) if "/Matrix" in source else UNIT
            inner = replace(state, matrix=multiplied(matrix, state.matrix))
            resources = source.get("/Resources", node.resources)
            child = self._run(source, resources, inner, (*above, source.objgen))
            child.stream = source
            node.forms[number] = child


def _along(matrix: Matrix, x: float) -> Matrix:
    a, b, c, d, e, f = matrix
    return a, b, c, d, a * x + e, b * x + f


def _matrix(operands: list[pikepdf.Object]) -> Matrix:
    a, b, c, d, e, f = (float(operand) for operand in operands)
    return a, b, c, d, e, f


def _resource(
    resources: pikepdf.Object | None, kind: str, name: pikepdf.Object
) -> pikepdf.Object | None:
    if not isinstance(resources, pikepdf.Dictionary):
        return None
    named = resources.get(kind)
    return named.get(str(name)) if isinstance(named, pikepdf.Dictionary) else None


def _properties(resources: pikepdf.Object | None, operand: pikepdf.Object) -> set[str]:
    if isinstance(operand, pikepdf.Name):
        found = _resource(resources, "/Properties", operand)
        return set(found.keys()) if isinstance(found, pikepdf.Dictionary) else set()
    return set(operand.keys()) if isinstance(operand, pikepdf.Dictionary) else set()


def copied(source: pikepdf.Object | None) -> pikepdf.Object:
    """A dictionary of its own that refers to the same things."""
    new = pikepdf.Dictionary()
    if isinstance(source, pikepdf.Dictionary):
        for key, value in source.items():
            new[key] = value
    return new


# --- writing it back ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change in a page's streams.

    Glyphs that go; new images by the one that is painted; how words of marked content are changed.
    `exact`: what follows stays just where it is, and gaps that nothing follows are left out.
    """

    gone: Container[Glyph]
    images: Mapping[Drawn, pikepdf.Object] = field(default_factory=dict)
    words: Words = str
    exact: bool = False


def rewritten(
    node: Node, changes: Changes, document: pikepdf.Pdf
) -> tuple[bytes, pikepdf.Object | None] | None:
    """The stream of `node` and its resources with `changes` made; None where nothing changes."""
    out: list[tuple[list[pikepdf.Object], pikepdf.Operator]] = []
    resources = node.resources
    changed = False
    former: set[str] = set()
    speaking = _speaking(node, changes)
    images = {image.operator: new for image, new in changes.images.items() if image.node is node}
    for number, (operands, name) in enumerate(node.instructions):
        items = node.texts.get(number)
        child = node.forms.get(number)
        if number in node.stray:
            continue
        if items is not None and any(
            isinstance(item, Glyph) and item in changes.gone for item in items
        ):
            changed = True
            if name == '"':
                out.append(([operands[0]], pikepdf.Operator("Tw")))
                out.append(([operands[1]], pikepdf.Operator("Tc")))
            if name in {"'", '"'}:
                out.append(([], pikepdf.Operator("T*")))
            ends = changes.exact and _ends(node, number)
            left = _without(items, changes.gone, 0 if changes.exact else _STEP, ends=ends)
            if len(left):
                out.append(([left], pikepdf.Operator("TJ")))
            continue
        if number in images or child is not None:
            new = images.get(number)
            if new is None and child is not None:
                new = _form(child, changes, document)
            if new is not None:
                changed = True
                former.add(str(operands[0]))
                resources, operand = _named(resources, new, document)
                out.append(([operand], pikepdf.Operator("Do")))
                continue
        if name in {"BDC", "DP"}:
            kept = _marked(operands, changes.words, drop=number in speaking)
            changed = changed or kept is not operands
            operands = kept  # noqa: PLW2901  # the operator is written with them
        out.append((operands, pikepdf.Operator(name)))
    if not changed:
        return None
    if resources is not None and former:
        # What is drawn no more must not stay either, unless something else still draws it.
        used = {str(operands[0]) for operands, operator in out if str(operator) == "Do"}
        for child in node.forms.values():
            used |= {name for inner in child.nodes() for name in inner.draws(node.resources)}
        for name in former - used:
            if name in resources.XObject:
                del resources.XObject[name]
    return pikepdf.unparse_content_stream(out), resources


def _speaking(node: Node, changes: Changes) -> set[int]:
    """Marked content whose words stand for glyphs that go."""
    spoken: set[int] = set()
    for items in node.texts.values():
        for item in items:
            if isinstance(item, Glyph) and item.marked is not None and item in changes.gone:
                spoken |= {mark.operator for mark in item.marked.all()}
    return spoken


def _ends(node: Node, number: int) -> bool:
    """Does nothing stand where the operator leaves the pen?"""
    for place in range(number + 1, len(node.instructions)):
        name = node.instructions[place][1]
        if name in {"Tj", "TJ"}:
            return False
        if name in {"Td", "TD", "Tm", "T*", "'", '"', "BT", "ET"}:
            return True
    return True


def _without(
    items: list[Glyph | float], gone: Container[Glyph], step: int, *, ends: bool
) -> pikepdf.Array:
    """What is left to be shown, with gaps that are multiples of `step`, or exact where that is 0."""
    out: list[pikepdf.Object | float] = []
    text, gap, cut = b"", 0.0, False
    for item in items:
        if isinstance(item, float):
            gap += item
        elif item in gone:
            gap -= item.units
            cut = True
        else:
            if gap:
                if text:
                    out.append(pikepdf.String(text))
                out.append(_number(gap, step if cut else 0))
                text, gap, cut = b"", 0.0, False
            text += item.raw
    if text:
        out.append(pikepdf.String(text))
    if gap and not ends:
        out.append(_number(gap, step if cut else 0))
    return pikepdf.Array(out)


def _number(gap: float, step: int) -> float:
    return -math.ceil(-gap / step) * step if step else round(gap, 3)


def _form(child: Node, changes: Changes, document: pikepdf.Pdf) -> pikepdf.Object | None:
    """A copy of the form for this one use: elsewhere it stays as it is."""
    done = rewritten(child, changes, document)
    if done is None or child.stream is None:
        return None
    content, resources = done
    copy = document.make_stream(content)
    for key, value in child.stream.items():
        if key not in {"/Length", "/Filter", "/DecodeParms", "/PieceInfo", "/Ref", "/OPI"}:
            copy[key] = value
    if resources is not None:
        copy.Resources = resources
    return copy


def _named(
    resources: pikepdf.Object | None, new: pikepdf.Object, document: pikepdf.Pdf
) -> tuple[pikepdf.Object, pikepdf.Name]:
    """Resources that have `new` besides, and its name there."""
    copy = copied(resources)
    objects = copied(copy.get("/XObject"))
    number = 0
    while f"/New{number}" in objects:
        number += 1
    objects[f"/New{number}"] = new if new.is_indirect else document.make_indirect(new)
    copy.XObject = objects
    return copy, pikepdf.Name(f"/New{number}")


def _marked(operands: list[pikepdf.Object], words: Words, *, drop: bool) -> list[pikepdf.Object]:
    """Operands of marked content without what its properties say in words."""
    if len(operands) != 2:
        return operands
    given = operands[1]
    if isinstance(given, pikepdf.Name):
        # Properties that stand among the resources: the stream then does not name them.
        return [operands[0], pikepdf.Dictionary()] if drop else operands
    if not isinstance(given, pikepdf.Dictionary):
        return operands
    new = copied(given)
    changed = False
    for key, value in list(given.items()):
        if drop and key in _STRINGS:
            del new[key]
            changed = True
        elif isinstance(value, pikepdf.String):
            said = words(str(value))
            if said != str(value):
                new[key] = pikepdf.String(said)
                changed = True
    return [operands[0], new] if changed else operands
