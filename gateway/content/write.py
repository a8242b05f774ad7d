"""How are changes written into a file? What is to go becomes wishes, which a child process meets.

Law: what was found in a place that has boxes is covered there; what was found in a text of a document
or in a file of text is replaced, and in a PDF taken out; what was found in a picture's other texts goes
with all its metadata; a DICOM file in which anything is to go is de-identified as a whole. What cannot
be changed so is `CannotRewrite`. A document that says who made it, or holds what it does not show, loses that
as a whole. The caller reads the
new file again: nothing here claims that it is clean.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from gateway.content import sandbox
from gateway.content.looking import PictureSettings
from gateway.content.open import Opened
from gateway.content.reading import Box, FileLimits
from gateway.content.rewriting import (
    BARED,
    DICOM,
    OFFICE,
    PDF,
    TEXTS,
    Bare,
    CannotRewrite,
    Change,
    Cover,
    Deidentify,
    Erase,
    Mark,
    Replace,
    Strip,
    Style,
    Wish,
)
from gateway.model import BlobPart, Cleaning, Edit, FileInfo, Locator

_FRAME = re.compile(r"(?:(.*)\.)?(?:picture|frame\[(\d{1,9})\])(?:\..*)?")
_LINE = re.compile(r"[^\t\n]+")
_MARGIN = 6
"""A box is widened by this part of its height, and two pixels: letters reach a little over it."""


def write_blob(
    blob: BlobPart,
    opened: Opened,
    edits: Sequence[Edit],
    cleanings: Sequence[Cleaning],
    *,
    key: bytes,
    limits: FileLimits | None = None,
    looking: PictureSettings | None = None,
) -> bytes:
    """The upload `blob`, which was `opened`, with all that is named taken out.

    `key` decides which UIDs a DICOM file gets: the same for the same one, under the same key.
    Raises `CannotRewrite`.
    """
    if not blob.editable:
        raise CannotRewrite("the file stands in a place that cannot be rewritten")
    medical = _Medical(opened)
    wishes = (
        *medical.wishes(edits, cleanings, key),
        *_of_edits(opened, edits, medical),
        *_of_cleanings(opened, cleanings, medical),
    )
    if not wishes:
        return blob.data
    from gateway.content import textwrite, walk, writers  # noqa: PLC0415  # as in `open`: before the fork

    changes = [wish for wish in wishes if isinstance(wish, Change) and not wish.file]
    if opened.info.media_type == "text/plain" and len(changes) == len(wishes):
        return textwrite.plain(blob.data, changes)
    limits = limits or FileLimits()
    walk.prepare(looking or PictureSettings())
    bounds = sandbox.Bounds(limits.seconds, limits.memory, limits.expanded)
    return sandbox.make(functools.partial(writers.rewritten, blob.data, wishes), bounds)


def place_of(locator: Locator) -> str:
    """The place within its upload that `locator` names; empty for the upload itself."""
    last = locator.steps[-1] if locator.steps else None
    return last.param if last is not None and last.codec == "file" else ""


class _Medical:
    """The DICOM files of an upload, which change as a whole or not at all."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        infos = (opened.info, *opened.files)
        self._infos = {place_of(info.locator): info for info in infos if info.media_type == DICOM}

    def around(self, place: str) -> str | None:
        """The outermost DICOM file that `place` lies in, or None."""
        if not self._infos:
            return None
        steps = place.split(".") if place else []
        above = (".".join(steps[:count]) for count in range(len(steps) + 1))
        return next((file for file in above if file in self._infos), None)

    def wishes(
        self, edits: Sequence[Edit], cleanings: Sequence[Cleaning], key: bytes
    ) -> Iterator[Wish]:
        """What is to go in any of them. All writing that was read there is filled with it."""
        touched = {self.around(place_of(edit.locator)) for edit in edits} - {None}
        boxes: defaultdict[str | None, set[Box]] = defaultdict(set)
        for cleaning in cleanings:
            outer = place_of(cleaning.file)
            if cleaning.what == "medical":
                touched |= {
                    self.around(place)
                    for place, info in self._infos.items()
                    if _within(place, outer) and cleaning.needed(info)
                }
            for region in self._opened.regions:
                if cleaning.what == f"{region.kind}s" and _within(region.place, outer):
                    boxes[self.around(region.place)].add(region.box)
        touched |= boxes.keys() - {None}
        for locator, words in self._opened.boxes.items():
            boxes[self.around(place_of(locator))].update(_rows([box for _, _, box in words]))
        for file in sorted(file for file in touched if file is not None):
            yield Deidentify(file, key, tuple(sorted(map(_wider, boxes[file]))))


def _of_edits(opened: Opened, edits: Sequence[Edit], medical: _Medical) -> Iterator[Wish]:
    texts = {part.locator: part.text for part in opened.parts}
    for edit in edits:
        place = place_of(edit.locator)
        if medical.around(place) is not None:
            continue
        words = opened.boxes.get(edit.locator, ())
        boxes = [box for start, end, box in words if start < edit.end and edit.start < end]
        if boxes:
            file, frame = _frame(place)
            yield from (Cover(file, frame, _wider(box)) for box in _rows(boxes))
        elif words:
            raise CannotRewrite("a file inside it cannot be changed")
        elif (kind := (holder := _holder(opened, place)).media_type) in OFFICE:
            yield from _in_lines(place, texts[edit.locator], edit)
        elif kind in TEXTS:
            new = edit.replacement
            yield Change(place, edit.start, edit.end, new, texts[edit.locator])
        elif holder.family != "image" and _in_pdf(opened, place):
            value = texts[edit.locator][edit.start : edit.end]
            yield Erase(place, edit.start, edit.end, value, edit.replacement)
        else:
            yield Strip(_picture_of(opened, place))


def _in_lines(place: str, text: str, edit: Edit) -> Iterator[Replace]:
    """One wish for each line that `edit` touches; what is new stands in the first of them."""
    new = edit.replacement
    first = max(text.rfind(mark, 0, edit.start) for mark in "\t\n") + 1
    for found in _LINE.finditer(text, first):
        if found.start() >= edit.end:
            break
        start, end = max(found.start(), edit.start), min(found.end(), edit.end)
        if start < end:
            here = found.start()
            yield Replace(place, found[0], start - here, end - here, new)
            new = ""


def _holder(opened: Opened, place: str) -> FileInfo:
    """The innermost file that holds `place`."""
    inside = [info for info in opened.files if _within(place, place_of(info.locator))]
    return max(inside, key=lambda info: len(place_of(info.locator)), default=opened.info)


def _in_pdf(opened: Opened, place: str) -> bool:
    """Does `place` lie in a PDF, or in a file within one?"""
    return any(
        info.media_type == PDF and _within(place, place_of(info.locator))
        for info in (opened.info, *opened.files)
    )


def _of_cleanings(
    opened: Opened, cleanings: Sequence[Cleaning], medical: _Medical
) -> Iterator[Wish]:
    for cleaning in cleanings:
        outer = place_of(cleaning.file)
        if cleaning.what == "mark":
            yield Mark(outer)
        if cleaning.what in {"medical", "mark"}:
            continue
        if (what := cleaning.what) in {"metadata", "hidden"}:
            yield from _bare(
                opened, cleaning, "hidden" if what == "hidden" else "metadata", medical
            )
            continue
        kind = "face" if cleaning.what == "faces" else "code"
        for region in opened.regions:
            if region.kind != kind or medical.around(region.place) is not None:
                continue
            file, frame = _frame(region.place)
            if _within(file, outer):
                yield Cover(file, frame, _wider(region.box), _style(cleaning.style))


def _bare(
    opened: Opened, cleaning: Cleaning, what: Literal["metadata", "hidden"], medical: _Medical
) -> Iterator[Wish]:
    """Which of the files lose metadata, or what is hidden."""
    outer = place_of(cleaning.file)
    needing = [
        info
        for info in (opened.info, *opened.files)
        if medical.around(place_of(info.locator)) is None
        and _within(place_of(info.locator), outer)
        and cleaning.needed(info)
    ]
    for info in needing:
        place = place_of(info.locator)
        if info.family == "image":
            yield Strip(place)
        elif place or info.media_type in BARED or len(needing) == 1:
            # What an archive is said to hold is that of the files in it.
            yield Bare(place, what)


def _style(word: str) -> Style:
    match word:
        case "blur" | "pixelate":
            return word
    return "fill"  # what is not known shows nothing


def _frame(place: str) -> tuple[str, int | None]:
    """The file and the frame in which a place of a picture stands."""
    found = _FRAME.fullmatch(place)
    if found is None:
        raise CannotRewrite("a file inside it cannot be changed")
    return found[1] or "", None if found[2] is None else int(found[2])


def _picture_of(opened: Opened, place: str) -> str:
    """The innermost picture that holds `place`."""
    best: FileInfo | None = None
    for info in (opened.info, *opened.files):
        here = place_of(info.locator)
        longer = best is None or len(here) > len(place_of(best.locator))
        if info.family == "image" and _within(place, here) and longer:
            best = info
    if best is None:
        raise CannotRewrite("the file is of a kind that cannot be changed")
    return place_of(best.locator)


def _within(place: str, outer: str) -> bool:
    return not outer or place == outer or place.startswith(f"{outer}.")


def _wider(box: Box) -> Box:
    left, top, right, bottom = box
    more = 2 + min(right - left, bottom - top) // _MARGIN
    return max(0, left - more), max(0, top - 2), right + more, bottom + 2


def _rows(boxes: Sequence[Box]) -> list[Box]:
    """One box for all words that follow one another in a row."""
    rows: list[Box] = []
    for box in boxes:
        if rows:
            left, top, right, bottom = rows[-1]
            middle, high = (box[1] + box[3]) / 2, bottom - top
            if top < middle < bottom and -high < box[0] - right < 2 * high:
                rows[-1] = left, min(top, box[1]), max(right, box[2]), max(bottom, box[3])
                continue
        rows.append(box)
    return rows
