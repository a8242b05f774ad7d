"""How do the pages of a PDF look without text that nobody sees?

Law: glyphs that are suspected go, the page is drawn before and after, and those where it differs come
back; what is left out is out because the page looks the same without it. Where that cannot be told of
text that is certainly unseen, the document is refused.
"""

from __future__ import annotations

import io

import pikepdf
import pypdfium2 as pdfium
from PIL import Image

from gateway.content.pdfwrite import glyphs
from gateway.content.pdfwrite.fonts import Font, Unfollowed
from gateway.content.pdfwrite.glyphs import Changes, Glyph
from gateway.content.readers import unseen
from gateway.content.readers.unseen import Suspect
from gateway.content.reading import Budget
from gateway.content.rewriting import CannotRewrite

_STAYS = "a page has unseen text that cannot be taken out"
_ZOOMS = (1.0, 1.9)
"""How large pages are drawn: what the rounding of places hides at one size shows at another."""
_ROUNDS = 6
"""How often a page is drawn with more of its glyphs back."""
_NEAR = 0.12
"""Share of the font size by which two accounts of a glyph's place may differ."""
_OF_PAGES = ("/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Group")


def without_unseen(document: pikepdf.Pdf, data: bytes, budget: Budget) -> set[int]:
    """Take unseen text out of the pages of `document`, which `data` holds; the pages that changed."""
    fonts: dict[object, Font] = {}
    changed = set()
    with pdfium.PdfDocument(data) as seen:
        for number in range(len(seen)):
            page = seen[number]
            some = unseen.suspects(page, budget)
            if some:
                try:
                    if _changed(document, document.pages[number], some, fonts, budget):
                        changed.add(number)
                except Unfollowed:
                    if unseen.proven(page, some):
                        raise CannotRewrite(_STAYS) from None
            page.close()
    return changed


def _changed(
    document: pikepdf.Pdf,
    page: pikepdf.Page,
    some: list[Suspect],
    fonts: dict[object, Font],
    budget: Budget,
) -> bool:
    """Take what is unseen out of the page. Was there any? Raises `Unfollowed`."""
    resources = page.resources
    node = glyphs.Page(page, resources, fonts).node
    gone, sure = _glyphs(node, some)
    original = page.obj.get("/Contents")
    pictures: dict[float, Image.Image] = {}
    zooms = iter(_ZOOMS)
    zoom = next(zooms)
    for _ in range(_ROUNDS):
        done = glyphs.rewritten(node, Changes(gone, exact=True), document)
        if done is None:
            return False
        content = document.make_stream(done[0])
        new = _alone(document, page, content, done[1])
        while True:
            budget.tick()
            if zoom not in pictures:
                pictures[zoom], _ = _drawn(_alone(document, page, original, resources), zoom)
            after, place = _drawn(new, zoom)
            mask = unseen.differing(pictures[zoom], after)
            if mask is not None:
                break
            nearer = next(zooms, None)
            if nearer is None:
                page.obj.Contents = content
                if done[1] is not None:
                    page.obj.Resources = done[1]
                return True
            zoom = nearer
        there = {glyph for glyph in gone if place.touches(mask, glyph.quad())}
        if not there:
            break
        # What draws nothing makes a difference only where it clips what does.
        gone -= (there - sure) or there
    raise Unfollowed


def _glyphs(node: glyphs.Node, some: list[Suspect]) -> tuple[set[Glyph], set[Glyph]]:
    """The glyphs that are suspected, and those of them that can hardly be seen.

    Raises `Unfollowed` where they are not found.
    """
    shows = node.shows()
    found: set[Glyph] = set()
    sure: set[Glyph] = set()
    for suspect in some:
        x, y = suspect.origin
        for shown in shows:
            first = shown[0]
            near = _NEAR * first.size + 0.05
            if abs(first.origin[0] - x) <= near and abs(first.origin[1] - y) <= near:
                break
        else:
            raise Unfollowed
        if suspect.whole:
            found.update(shown)
            sure.update(glyph for glyph in shown if suspect.certain or not glyph.visible)
        else:
            found.update(
                glyph for glyph in shown if any(_in(box, *glyph.middle()) for box in suspect.boxes)
            )
    return found, sure


def _in(box: unseen.Rect, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _alone(
    document: pikepdf.Pdf,
    page: pikepdf.Page,
    content: pikepdf.Object | None,
    resources: pikepdf.Object | None,
) -> bytes:
    """A document of one page, with this content."""
    alone = pikepdf.Dictionary(Type=pikepdf.Name.Page)
    if content is not None:
        alone.Contents = content
    for key in _OF_PAGES:
        value = _inherited(page.obj, key)
        if value is not None:
            alone[key] = value
    if resources is not None:
        alone.Resources = resources
    with pikepdf.new() as new:
        new.pages.append(pikepdf.Page(document.make_indirect(alone)))
        out = io.BytesIO()
        new.save(out)
    return out.getvalue()


def _drawn(data: bytes, zoom: float) -> tuple[Image.Image, unseen.Placing]:
    """The first page as a picture; and where its parts lie on that."""
    with pdfium.PdfDocument(data) as held:
        seen = held[0]
        picture = unseen.drawn(seen, zoom)
        place = unseen.Placing(seen, picture.size)
        seen.close()
    return picture, place


def _inherited(page: pikepdf.Object, key: str) -> pikepdf.Object | None:
    current: pikepdf.Object | None = page
    for _ in range(32):
        if not isinstance(current, pikepdf.Dictionary):
            return None
        if key in current:
            return current[key]
        current = current.get("/Parent")
    return None
