"""What does a reader of one kind of file say? The values that flow between readers and `open`.

Law: a reader is `read(data, budget) -> Iterator[Said]`; it gives what it found as it goes, so that
what it said before a limit or a defect stays said. For content it raises only `Stop`; its caller
takes any other exception for a defect of the file and says `malformed`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.model import UnreadReason

type Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the upright picture; right and bottom are outside."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text in a file.

    `place` says where, in words of ours and positions only (``page[2].note[0]``): never in words of
    the file. `hidden`: a person who opens the file does not see it at once (comments, properties,
    hidden rows, text that was deleted with tracked changes, white on white). `label` is the name of
    the field that holds the text and is content. `boxes` are the places of the text's words in a
    picture, as (start, end, box), in code points of `text`. `editable`: the file's writer can
    replace it.
    """

    place: str
    text: str = field(repr=False)
    hidden: bool = False
    label: str = field(default="", repr=False)
    boxes: tuple[tuple[int, int, Box], ...] = ()
    editable: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """A file within the file; `open` opens it in turn, one level deeper.

    `removable`: where nothing in it can be changed, the writer of the file around it takes it out.
    """

    place: str
    data: bytes = field(repr=False)
    name: str = field(default="", repr=False)
    hidden: bool = False
    removable: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that policy may ask: a name of a closed vocabulary (`FACTS`) and its value.

    Counts of parts of a file add up, shares take the greatest, marks are true once. `place` is
    that of the file within the upload; a reader leaves it empty.
    """

    name: str
    value: bool | int | float | str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Missed:
    """A place that could not be read, and why. `detail` is a word of ours, never content."""

    place: str
    reason: UnreadReason
    size: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file within the upload that was opened: its true type, family and size in bytes.

    `mismatch`: its name says that it is something else.
    """

    place: str
    media_type: str
    family: str
    size: int
    mismatch: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A place in a picture that shows something other than text: `kind` is ``face`` or ``code``.

    `place` says in which picture or frame, `confidence` is 0 to 1.
    """

    place: str
    kind: str
    box: Box
    confidence: float = 1.0


type Said = Text | Embedded | Fact | Missed | Entry | Region
type Told = Text | Fact | Missed | Entry | Region
"""What is told of a whole upload; files within it are opened on the way."""


class Stop(Exception):  # not an error of ours: a limit was met
    """A limit was met; what is left of the file is `Missed` with this reason."""

    def __init__(self, reason: UnreadReason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(detail or reason)


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bounds on one upload, everything inside it included. Sizes in bytes, times in seconds."""

    seconds: float = 10.0  # less than an exchange may take
    expanded: int = 256 << 20  # all that was inflated, copied out or decoded from the upload
    ratio: int = 200  # expanded to sent, once `ratio_floor` is passed
    ratio_floor: int = 16 << 20
    text: int = 64 << 20  # of text, UTF-8
    files: int = 10_000
    depth: int = 6
    pages: int = 2_000
    pictures: int = 200
    pixels: int = 40_000_000  # of one picture
    frames: int = 64  # of one picture
    memory: int = 2 << 30


class Budget:
    """What is left to spend on one upload. Each method raises `Stop` when a limit is passed."""

    def __init__(
        self, limits: FileLimits, sent: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits
        self._sent = max(sent, 1)
        self._clock = clock
        self._ends = clock() + limits.seconds
        self._expanded = self._drawn = self._text = self._files = self._pages = self._pictures = 0

    def tick(self) -> None:
        """Stop when time is up; to be called in every loop over content."""
        if self._clock() > self._ends:
            raise Stop(UnreadReason.TIMED_OUT, "time")

    def expand(self, count: int) -> None:
        """Count bytes that were inflated or decoded."""
        self.tick()
        self._expanded += count
        limits = self.limits
        if self._expanded > limits.expanded:
            raise Stop(UnreadReason.EXPANDS_TOO_FAR, "size")
        if self._expanded > limits.ratio_floor and self._expanded > limits.ratio * self._sent:
            raise Stop(UnreadReason.EXPANDS_TOO_FAR, "ratio")

    def draw(self, count: int) -> None:
        """Count bytes of a page that is drawn: a small file may well have many, all as large as paper."""
        self.tick()
        self._drawn += count
        if self._drawn > self.limits.expanded:
            raise Stop(UnreadReason.EXPANDS_TOO_FAR, "size")

    def room(self) -> int:
        """Bytes that may still be inflated; a reader asks its library for no more than one more."""
        by_ratio = max(self.limits.ratio_floor, self.limits.ratio * self._sent)
        return max(0, min(self.limits.expanded, by_ratio) - self._expanded)

    def text(self, count: int) -> None:
        """Count bytes (or, cheaper, code points) of text that was read."""
        self.tick()
        self._text += count
        if self._text > self.limits.text:
            raise Stop(UnreadReason.TOO_LARGE, "text")

    def file(self) -> None:
        """Count a file in the upload."""
        self.tick()
        self._files += 1
        if self._files > self.limits.files:
            raise Stop(UnreadReason.TOO_LARGE, "files")

    def page(self) -> None:
        """Count a page, sheet or slide."""
        self.tick()
        self._pages += 1
        if self._pages > self.limits.pages:
            raise Stop(UnreadReason.TOO_LARGE, "pages")

    def picture(self, width: int, height: int) -> None:
        """Count a picture (or a frame) by what its head says, before it is decoded."""
        self.tick()
        self._pictures += 1
        if self._pictures > self.limits.pictures:
            raise Stop(UnreadReason.TOO_LARGE, "pictures")
        if width * height > self.limits.pixels:
            raise Stop(UnreadReason.TOO_LARGE, "pixels")


type Reader = Callable[[bytes, Budget], Iterator[Said]]

FACTS: dict[str, str] = {
    "pages": "pages, slides or sheets",
    "pictures": "pictures, those inside documents included",
    "files": "files inside the upload",
    "faces": "faces in all pictures",
    "face_share": "largest share of a picture that one face takes, 0 to 1",
    "portrait": "a picture that shows one person above all",
    "identity_document": "a passport, identity card, driver's licence: by MRZ or PDF417 or layout",
    "payment_card": "a picture of a bank card",
    "codes": "barcodes and QR codes",
    "medical": "DICOM, or a picture that says it is medical",
    "identified": "DICOM that holds what the confidentiality profile takes out, or shows writing",
    "screenshot": "a picture of a screen",
    "gps": "a picture that says where it was taken",
    "rights": "a copyright line, credit or no-training mark",
    "no_training": "a mark that forbids training",
    "credentials": "content credentials (C2PA), which say who made a picture and how",
    "camera": "a picture with the maker, model or serial number of a camera",
    "serial": "a picture with the serial number of a camera or lens, or the name of its owner",
    "appended": "a picture with something behind its pixels",
    "authors": "a document that names who wrote or changed it",
    "properties": "a document that says when, from what or with what it was made",
    "hidden": "content that a person who opens the file does not see",
    "macros": "program code inside a document",
    "signed": "a digital signature over the file",
    "label": "a sensitivity label: its name or GUID",
    "registered": "name of the company's own picture that this one is a copy of",
    "text_pixels": "pictures with text in them",
    "mismatch": "a file whose name says that it is of another type",
}
"""Names of facts, and what they mean."""

REGIONS = frozenset({"face", "code"})
"""What a `Region` may show."""
