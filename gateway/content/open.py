"""How is a file opened? Text becomes a text part here; all other formats are read in a sandbox.

Law: what is read is read whole. A file that is text in part only (binary after a text head) is not
text. A file of another type that happens to be text is read as text *and* by the reader of its
type; without one it is `Unread` too: its receiver will read something else in it.
"""

from __future__ import annotations

import functools
import mimetypes
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.content import sandbox
from gateway.content.looking import PictureSettings
from gateway.content.reading import Box, Entry, Fact, FileLimits, Missed, Region, Text, Told
from gateway.content.remembered import Remembered
from gateway.content.rewriting import PDF
from gateway.content.types import SVG, TEXT, UNSURE, FileType, belies, text_encoding, type_of
from gateway.encodings import enclosed
from gateway.model import (
    BlobPart,
    FileInfo,
    Locator,
    PartKind,
    Step,
    TextPart,
    Unread,
    UnreadReason,
)

_SEES_AS_TEXT = (
    "text/",
    "message/",
    "application/x-ipynb+json",
    "application/postscript",
    "image/svg+xml",
)
"""Types whose receivers read the very text that we see, so that it can be edited in place."""

_COUNTS = frozenset({"pages", "pictures", "files", "faces", "codes", "text_pixels"})
_MAX_WORDS = 200


type WordBoxes = tuple[tuple[int, int, Box], ...]
"""Places of words in a picture, as (start, end, box), in code points of the text."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a file holds: facts for policy, text parts, what was not read, and files within it.

    `boxes` are those of texts that stand in a picture, by the text's place. `regions` are what
    pictures show besides text; their places are within the upload.
    """

    info: FileInfo
    parts: tuple[TextPart, ...] = ()
    unread: tuple[Unread, ...] = ()
    files: tuple[FileInfo, ...] = ()
    boxes: Mapping[Locator, WordBoxes] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()


def places_with_faces(opened: Opened) -> tuple[str, ...]:
    """Places of the pictures that show a face; not of small copies within these."""
    infos = (opened.info, *opened.files)
    shown = [
        info.locator.steps[-1].param if info.locator != opened.info.locator else ""
        for info in infos
        if info.family == "image" and info.facts.get("faces")
    ]
    return tuple(
        place
        for place in shown
        if not any(
            other != place and (not other or place.startswith(f"{other}.")) for other in shown
        )
    )


def prepare(looking: PictureSettings | None = None) -> None:
    """Load all readers' libraries, so that no upload waits for that; and what `looking` asks for.

    Without it, the networks that look at pictures are loaded with the first file that is opened:
    they take half a second and 130 MB, which a worker that sees no file does not need. Raises
    `ValueError` or `FileNotFoundError` when a model cannot be used.
    """
    from gateway.content import walk  # noqa: PLC0415  # see `_told`

    if looking is not None:
        walk.prepare(looking)


def open_blob(
    blob: BlobPart,
    *,
    max_bytes: int,
    limits: FileLimits | None = None,
    looking: PictureSettings | None = None,
    remembered: Remembered | None = None,
) -> Opened:
    """Open `blob`. Files over `max_bytes` are `Unread` with reason `too_large`.

    What `remembered` holds was told of the same bytes under the same limits and settings.
    """
    limits, looking = limits or FileLimits(), looking or PictureSettings()
    kind = type_of(blob.data)
    if len(blob.data) > max_bytes:
        unread = Unread(blob.locator, UnreadReason.TOO_LARGE, len(blob.data), kind.media_type)
        return Opened(_info(blob, kind, {}), unread=(unread,))
    gathered = _Gathered(blob)
    encoding = text_encoding(blob.data)
    is_plain = kind == TEXT
    if encoding is not None and kind.media_type == PDF:
        # What its objects do not say goes when it is written anew.
        text = blob.data.decode(encoding)
        gathered.add(Text("", text, hidden=True, editable=True))
    elif encoding is not None:
        text = gathered.whole_text(encoding, editable=kind.media_type.startswith(_SEES_AS_TEXT))
        is_plain = is_plain and not enclosed.may_hold(text)
        if encoding == UNSURE:
            gathered.add(Missed("", UnreadReason.CHARSET, len(blob.data)))
    if is_plain:
        pass
    elif _has_reader(kind):
        for told in _remembered(blob.data, limits, looking, remembered):
            gathered.add(told)
    elif encoding is None or kind != SVG:
        gathered.add(Missed("", UnreadReason.UNSUPPORTED_FILE, len(blob.data), kind.media_type))
    return gathered.opened(kind)


def _has_reader(kind: FileType) -> bool:
    from gateway.content import walk  # noqa: PLC0415  # see `_told`

    return walk.has_reader(kind.media_type)


_PASSING = frozenset(
    {UnreadReason.TIMED_OUT, UnreadReason.CRASHED, UnreadReason.TOO_LARGE, UnreadReason.TOO_DEEP}
)
"""Reasons that may not hold the next time: what they cut short is not remembered."""


def _remembered(
    data: bytes, limits: FileLimits, looking: PictureSettings, remembered: Remembered | None
) -> Iterable[Told]:
    if remembered is None:
        return _told(data, limits, looking)
    known = remembered.get(data)
    if known is None:
        known = tuple(_told(data, limits, looking))
        if not any(isinstance(told, Missed) and told.reason in _PASSING for told in known):
            remembered.put(data, known)
    return known


def _told(data: bytes, limits: FileLimits, looking: PictureSettings) -> Iterator[Told]:
    # The readers' libraries are loaded with the first file that needs one, before the fork.
    from gateway.content import walk  # noqa: PLC0415

    walk.prepare(looking)
    bounds = sandbox.Bounds(
        limits.seconds, limits.memory, 4 * limits.text + (64 << 20), looking.threads
    )
    work = functools.partial(walk.walk, data, limits=limits, looking=looking)
    return sandbox.run(work, bounds)


class _Gathered:
    """What was told of one upload so far, as the parts and facts that the gateway knows."""

    def __init__(self, blob: BlobPart) -> None:
        self._blob = blob
        self._parts: list[TextPart] = []
        self._unread: list[Unread] = []
        self._entries: list[Entry] = []
        self._boxes: dict[Locator, WordBoxes] = {}
        self._regions: list[Region] = []
        self._facts: dict[str, dict[str, bool | int | float | str]] = {"": {}}

    def whole_text(self, encoding: str, *, editable: bool) -> str:
        """The upload is text: one part that can be written back; gives its text."""
        blob = self._blob
        step = _text_step(blob.data, encoding)
        text = blob.data[step.start :].decode(step.param or step.codec)
        self._parts.append(
            TextPart(
                locator=Locator(blob.locator.path, (*blob.locator.steps, step)),
                text=text,
                role=blob.role,
                kind=PartKind.FILE,
                editable=blob.editable and editable,
            )
        )
        return text

    def add(self, told: Told) -> None:
        """Take in one thing that was told."""
        match told:
            case Text():
                if told.text:
                    part = self._part(told)
                    self._parts.append(part)
                    if told.boxes:
                        self._boxes[part.locator] = told.boxes
            case Missed():
                # A place that is not known better is the whole upload.
                size = told.size or (0 if told.place else len(self._blob.data))
                place = self._inside(told.place)
                self._unread.append(Unread(place, told.reason, size, told.detail))
            case Fact():
                self._merge("", told)
                if told.place:
                    self._merge(told.place, told)
            case Entry():
                self._entries.append(told)
            case Region():
                self._regions.append(told)

    def opened(self, kind: FileType) -> Opened:
        """All of it."""
        facts = self._facts[""]
        if self._blob.filename and belies(self._blob.filename, kind):
            facts["mismatch"] = True
        files = tuple(
            FileInfo(
                locator=self._inside(entry.place),
                media_type=entry.media_type,
                family=entry.family,
                size=entry.size,
                facts=self._facts.get(entry.place, {}),
            )
            for entry in self._entries
        )
        return Opened(
            info=_info(self._blob, kind, facts),
            parts=tuple(self._parts),
            unread=tuple(self._unread),
            files=files,
            boxes=self._boxes,
            regions=tuple(self._regions),
        )

    def _part(self, told: Text) -> TextPart:
        # INVARIANT: the number makes locators differ; a reader may name a place twice.
        number = len(self._parts)
        locator = self._blob.locator
        path = f"{locator.path}.{told.place}" if told.place else locator.path
        return TextPart(
            locator=Locator(path, (*locator.steps, Step("file", number, number, told.place))),
            text=told.text,
            role=self._blob.role,
            kind=PartKind.FILE,
            editable=self._blob.editable and told.editable,
            label=told.label,
        )

    def _inside(self, place: str) -> Locator:
        locator = self._blob.locator
        if not place:
            return locator
        return Locator(f"{locator.path}.{place}", (*locator.steps, Step("file", 0, 0, place)))

    def _merge(self, place: str, fact: Fact) -> None:
        facts = self._facts.setdefault(place, {})
        before, value = facts.get(fact.name), fact.value
        if isinstance(value, bool):
            value = value or before is True
        elif isinstance(value, int) and fact.name in _COUNTS:
            value += before if isinstance(before, int) else 0
        elif isinstance(value, int | float):
            value = max(value, before) if isinstance(before, int | float) else value
        elif isinstance(before, str):
            words = {*before.split("; "), value} - {""}
            value = "; ".join(sorted(words))[:_MAX_WORDS]
        facts[fact.name] = value


def _info(blob: BlobPart, kind: FileType, facts: dict[str, bool | int | float | str]) -> FileInfo:
    return FileInfo(
        locator=blob.locator,
        media_type=kind.media_type,
        family=kind.family,
        size=len(blob.data),
        declared_type=_known_type(blob.media_type),
        facts=facts,
    )


def _text_step(data: bytes, encoding: str) -> Step:
    """How the text stands in the file: behind its byte order mark, in the order that it names."""
    match encoding:
        case "utf-8":
            return Step("utf-8", 0, len(data))
        case "utf-8-sig":
            return Step("utf-8", 3, len(data))
        case "utf-16":
            order = "utf-16-le" if data[:1] == b"\xff" else "utf-16-be"
            return Step("charset", 2, len(data), order)
        case "utf-32":
            order = "utf-32-le" if data[:1] == b"\xff" else "utf-32-be"
            return Step("charset", 4, len(data), order)
        case "latin-1":
            return Step("latin-1", 0, len(data))
    return Step("charset", 0, len(data), encoding)


_REGISTERED = frozenset(mimetypes.types_map.values()) | {"application/octet-stream"}


def _known_type(declared: str) -> str:
    """The declared media type when it is a registered one; else ``other``, for it is content."""
    bare = declared.split(";", 1)[0].strip().lower()
    if not bare:
        return ""
    return bare if bare in _REGISTERED else "other"
