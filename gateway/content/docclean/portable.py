"""What of a PDF is not shown, and what does it say of who made it?

Law: pages are drawn as before, comments apart; the new file has what can be reached in it and nothing
else. Objects that go are emptied, so that whatever still points to them finds nothing. Format: ISO 32000-2.
"""

from __future__ import annotations

import io
from collections.abc import Container

import pikepdf
import pypdfium2 as pdfium

from gateway.content.docclean.tree import UNKNOWN
from gateway.content.pdfwrite import without_unseen
from gateway.content.readers import pdf, unseen
from gateway.content.readers.xmltext import NEUTRAL
from gateway.content.reading import Budget
from gateway.content.rewriting import CannotRewrite

_DATES = ("/CreationDate", "/ModDate", "/M", "/LastModified")
_OF_COMMENTS = ("/Contents", "/RC", "/Popup", "/Subj", "/IRT", "/IT")
_PAINT = frozenset("Tj TJ ' \" f F f* B B* b b* S s sh Do EI INLINE IMAGE BI".split())
_DEEP = 30
_DAMAGED = "the PDF is damaged"


def cleaned(data: bytes, budget: Budget, *, metadata: bool, hidden: bool) -> bytes:
    """The PDF without metadata, or without what it does not show, or both."""
    try:
        with pikepdf.Pdf.open(io.BytesIO(data), suppress_warnings=True) as document:
            marks = pdf.Marks()
            for _ in pdf.strings(document, marks, budget):
                pass
            if marks.signed:
                raise CannotRewrite("a signed document cannot be changed")
            drawn_anew: Container[int] = ()
            if hidden:
                layers = _uncover(document, budget)
                seen = _saved(document) if layers else data
                drawn_anew = without_unseen(document, seen, budget)
                if layers:
                    drawn_anew = range(len(document.pages))
            if metadata:
                _unname(document, budget)
            new = _saved(document)
        _check(data, new, budget, drawn_anew=drawn_anew)
    except (
        pikepdf.PdfError,
        pdfium.PdfiumError,
        pikepdf.ForeignObjectError,
        TypeError,
        KeyError,
        AttributeError,
    ):
        raise CannotRewrite(_DAMAGED) from None
    return new


def _saved(document: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    if "/ID" in document.trailer:
        del document.trailer["/ID"]
    document.save(
        out,
        fix_metadata_version=False,
        compress_streams=True,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        deterministic_id=True,
    )
    return out.getvalue()


# --- who made it ---


def _unname(document: pikepdf.Pdf, budget: Budget) -> None:
    if "/Info" in document.trailer:
        del document.trailer["/Info"]
    for item in pdf.dictionaries(document, budget):
        for key in ("/Metadata", "/PieceInfo", "/Thumb", "/CreatorInfo", "/LastModified"):
            if key in item:
                del item[key]
        if pdf.is_annotation(item):
            for key in (*_DATES, "/NM"):
                if key in item:
                    del item[key]
            if pdf.has_author(item):
                item["/T"] = pikepdf.String(NEUTRAL)
        elif "/Params" in item and isinstance(item["/Params"], pikepdf.Dictionary):
            for key in (*_DATES, "/Mac"):
                if key in item["/Params"]:
                    del item["/Params"][key]


# --- what is not shown ---


def _uncover(document: pikepdf.Pdf, budget: Budget) -> bool:
    """Take out what is not shown. Does anything have to be drawn anew?"""
    root = document.Root
    off = pdf.layers_off(document)
    dropped: list[pikepdf.Object] = []
    for page in document.pages:
        budget.tick()
        annotations = page.obj.get("/Annots")
        if not isinstance(annotations, pikepdf.Array):
            continue
        stay = []
        for annotation in annotations:
            if isinstance(annotation, pikepdf.Dictionary) and (
                pdf.is_unseen(annotation) or _is_off(annotation.get("/OC"), off)
            ):
                dropped.append(annotation)
                continue
            if isinstance(annotation, pikepdf.Dictionary) and pdf.is_markup(annotation):
                for key in _OF_COMMENTS:
                    if key in annotation:
                        del annotation[key]
            stay.append(annotation)
        page.obj.Annots = pikepdf.Array(stay)
    form = root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and isinstance(form.get("/Fields"), pikepdf.Array):
        gone = {item.objgen for item in dropped if item.is_indirect}
        form.Fields = _fields(form.Fields, gone, 0)
    for item in dropped:
        _empty(item)
    names = root.get("/Names")
    if isinstance(names, pikepdf.Dictionary) and "/EmbeddedFiles" in names:
        del names["/EmbeddedFiles"]
    if "/Collection" in root:
        del root["/Collection"]
    for item in pdf.dictionaries(document, budget):
        for key in ("/AF", "/PieceInfo", "/Thumb"):
            if key in item:
                del item[key]
        if isinstance(item, pikepdf.Dictionary) and "/EF" in item:
            _empty(item)
    if off:
        _layers(document, off, budget)
    return bool(off)


def _fields(fields: pikepdf.Object, gone: set[tuple[int, int]], depth: int) -> pikepdf.Array:
    """The fields of a form without those that are shown nowhere."""
    stay = []
    for one in fields:
        if one.is_indirect and one.objgen in gone:
            continue
        kids = one.get("/Kids") if isinstance(one, pikepdf.Dictionary) else None
        if isinstance(kids, pikepdf.Array) and len(kids) and depth < _DEEP:
            left = _fields(kids, gone, depth + 1)
            if not len(left):
                _empty(one)
                continue
            one.Kids = left
        stay.append(one)
    return pikepdf.Array(stay)


def _empty(item: pikepdf.Object) -> None:
    for key in list(item.keys()):
        if key not in {"/Type", "/Subtype"}:
            del item[key]


# --- layers ---


def _is_off(layer: pikepdf.Object | None, off: set[tuple[int, int]]) -> bool:
    """Is what belongs to this layer, or to these layers, not shown?"""
    if not off or not isinstance(layer, pikepdf.Dictionary):
        return False
    if layer.is_indirect and layer.objgen in off:
        return True
    if layer.get("/Type") != "/OCMD":
        return False
    of = layer.get("/OCGs")
    some = list(of) if isinstance(of, pikepdf.Array) else [] if of is None else [of]
    are_off = [one.is_indirect and one.objgen in off for one in some]
    if "/VE" in layer and any(are_off):
        raise CannotRewrite(UNKNOWN)
    match str(layer.get("/P", "/AnyOn")):
        case "/AllOn":
            return any(are_off)
        case "/AnyOff":
            return bool(are_off) and not any(are_off)
        case "/AllOff":
            return bool(are_off) and not all(are_off)
    return bool(are_off) and all(are_off)


def _layers(document: pikepdf.Pdf, off: set[tuple[int, int]], budget: Budget) -> None:
    """Take out what belongs to layers that are off, and their names."""
    nothing = document.make_stream(b"")
    nothing.Type, nothing.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
    nothing.BBox = pikepdf.Array([0, 0, 0, 0])
    holders: list[pikepdf.Object] = [page.obj for page in document.pages]
    holders += [
        item
        for item in document.objects
        if isinstance(item, pikepdf.Stream)
        and (item.get("/Subtype") == "/Form" or item.get("/PatternType") == 1)
    ]
    for holder in holders:
        budget.tick()
        resources = (
            pikepdf.Page(holder).resources
            if holder.get("/Type") == "/Page"
            else holder.get("/Resources")
        )
        if not isinstance(resources, pikepdf.Dictionary):
            continue
        properties = resources.get("/Properties")
        hidden = {
            name
            for name, layer in (
                properties.items() if isinstance(properties, pikepdf.Dictionary) else ()
            )
            if _is_off(layer, off)
        }
        if hidden:
            _marked(document, holder, hidden)
        drawn = resources.get("/XObject")
        if isinstance(drawn, pikepdf.Dictionary):
            for name, one in list(drawn.items()):
                if isinstance(one, pikepdf.Stream) and _is_off(one.get("/OC"), off):
                    drawn[name] = nothing
    for item in pdf.dictionaries(document, budget):
        if item.is_indirect and item.objgen in off:
            _empty(item)
            item.Name = pikepdf.String("-")  # a layer has to have one
    _unlist(document.Root.OCProperties, off, 0)


def _unlist(listed: pikepdf.Object, off: set[tuple[int, int]], depth: int) -> None:
    """Take layers out of all lists of layers."""
    if depth > _DEEP:
        raise CannotRewrite(UNKNOWN)
    if isinstance(listed, pikepdf.Array):
        for number in reversed(range(len(listed))):
            one = listed[number]
            if isinstance(one, pikepdf.Dictionary) and one.is_indirect and one.objgen in off:
                del listed[number]
            else:
                _unlist(one, off, depth + 1)
    elif isinstance(listed, pikepdf.Dictionary) and listed.get("/Type") != "/OCG":
        for one in listed.values():
            _unlist(one, off, depth + 1)


def _marked(document: pikepdf.Pdf, holder: pikepdf.Object, hidden: set[str]) -> None:
    """Leave out what is painted between the marks of layers in `hidden`."""
    source = pikepdf.Page(holder) if holder.get("/Type") == "/Page" else holder
    out: list[tuple[list[pikepdf.Object], pikepdf.Operator]] = []
    marks: list[bool] = []
    for instruction in pikepdf.parse_content_stream(source):
        operands, operator = list(instruction.operands), str(instruction.operator)
        if operator in {"BMC", "BDC"}:
            is_layer = len(operands) == 2 and str(operands[0]) == "/OC"
            marks.append(is_layer and str(operands[1]) in hidden)
        elif operator == "EMC" and marks:
            marks.pop()
        elif any(marks) and operator in _PAINT:
            if operator in {"'", '"'}:
                out.append(([], pikepdf.Operator("T*")))
            elif operator not in {"Do", "Tj", "TJ", "sh", "EI", "INLINE IMAGE", "BI"}:
                out.append(([], pikepdf.Operator("n")))  # the path ends, and nothing is painted
            continue
        out.append((operands, instruction.operator))
    raw = pikepdf.unparse_content_stream(out)
    if isinstance(holder, pikepdf.Stream):
        holder.write(raw)
    else:
        holder.Contents = document.make_stream(raw)


# --- the law ---


def _check(old: bytes, new: bytes, budget: Budget, *, drawn_anew: Container[int]) -> None:
    with pdfium.PdfDocument(old) as before, pdfium.PdfDocument(new) as after:
        if len(before) != len(after):
            raise CannotRewrite(UNKNOWN)
        for number in range(len(before)):
            budget.tick()
            pages = before[number], after[number]
            if number in drawn_anew:
                same = unseen.differing(unseen.drawn(pages[0]), unseen.drawn(pages[1])) is None
            else:
                same = pdf.page_text(pages[0]) == pdf.page_text(pages[1])
            for page in pages:
                page.close()
            if not same:
                raise CannotRewrite(UNKNOWN)
