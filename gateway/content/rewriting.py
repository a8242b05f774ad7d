"""What is to change in a file, and can it? The values that flow between `write` and the writers.

Law: a file that cannot be rewritten safely is refused, with one of `REASONS`, which a person can be
told; nothing that a writer of strangers' bytes says besides them is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gateway.content.reading import Box

REASONS = frozenset(
    {
        "a document inside DICOM cannot be de-identified; send it as a PDF",
        "a file inside it cannot be changed",
        "a name or number that the document depends on cannot be changed",
        "a page has unseen text that cannot be taken out",
        "a part of the document cannot be changed",
        "a picture in it cannot be changed",
        "a signed document cannot be changed",
        "a chart or another drawing depends on hidden cells; unhide them and send again",
        "a document of this format cannot be cleaned; save it as docx, xlsx, pptx, odt, ods, odp or PDF",
        "a sheet has formulas whose results are not saved; open it, save it and send it again",
        "a table has hidden columns or a hidden head; unhide them and send again",
        "an XFA form cannot be changed; send it as a plain PDF",
        "metadata of this picture could not be removed",
        "pictures of this format cannot be cleaned; send a PNG or JPEG",
        "pictures of this format cannot be marked; send a PNG or JPEG",
        "pictures of this format cannot be written; send a PNG or JPEG",
        "the DICOM file is damaged",
        "the DICOM file nests too deeply",
        "the PDF is damaged",
        "the archive is damaged",
        "the file is of a kind that cannot be changed",
        "the file stands in a place that cannot be rewritten",
        "the mark against training could not be written",
        "the picture has too many frames",
        "the picture has writing burned in that was not found",
        "the picture is damaged or too large",
        "the picture is damaged",
        "the picture is too large",
        "the picture's XMP is too long to add to",
        "the pixels of this DICOM file cannot be decoded",
        "writing the file took too long or too much",
    }
)
"""Every reason that a writer may give (a test keeps them in step)."""


class CannotRewrite(Exception):
    """The file cannot be rewritten. `reason` says why, and what would help; it holds no content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


type Style = Literal["fill", "blur", "pixelate"]


@dataclass(frozen=True, slots=True)
class Cover:
    """Cover `box` in a frame of the picture at `file`, which is a place in the upload.

    `frame` counts from 0; None stands for the only one.
    """

    file: str
    frame: int | None
    box: Box
    style: Style = "fill"


@dataclass(frozen=True, slots=True)
class Strip:
    """Take out all that the picture at `file` says besides its pixels."""

    file: str


@dataclass(frozen=True, slots=True)
class Bare:
    """Take out of the document at `file` what it says of who made it, or all that it does not show."""

    file: str
    what: Literal["metadata", "hidden"]


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace code points `start:end` of a `line` of the text at `file`, a place in the upload.

    A line ends at a line feed or tab. Every line of the part that is the same counts.
    """

    file: str
    line: str = field(repr=False)
    start: int
    end: int
    new: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mark:
    """Put the mark against training into the picture at `file`."""

    file: str


@dataclass(frozen=True, slots=True)
class Deidentify:
    """Make the DICOM file at `file` say nothing of a person, and fill `boxes` in all its frames.

    `key` decides which UIDs take the place of those that it has.
    """

    file: str
    key: bytes = field(repr=False)
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Replace code points `start:end` of the text at `file`, which reads `whole`, in a file of text."""

    file: str
    start: int
    end: int
    new: str = field(repr=False)
    whole: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Erase:
    """Take code points `start:end` out of the text at `file`, a place in a PDF.

    They spell `value`, which is not to stay anywhere else in the PDF either; `new` is what is to be
    read instead.
    """

    file: str
    start: int
    end: int
    value: str = field(repr=False)
    new: str = field(repr=False)


type Wish = Cover | Strip | Bare | Mark | Deidentify | Replace | Change | Erase

DICOM = "application/dicom"
PDF = "application/pdf"

PICTURES = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "image/bmp",
        "image/tiff",
        "image/avif",
        "image/heic",
        "image/heif",
        DICOM,
    }
)
"""Types of pictures that can be written back; of HEIC, all but the pixels."""

OFFICE = frozenset(
    {
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.graphics",
        "application/vnd.oasis.opendocument.chart",
    }
)
"""Types of documents whose texts can be replaced."""

BARED = OFFICE | {PDF}
"""Types of documents that can go without metadata, and without what they do not show."""

TEXTS = frozenset(
    "text/plain text/html text/xml message/rfc822 application/x-ipynb+json"
    " application/postscript".split()
)
"""Types of files that are text, whose words can be replaced."""

CONTAINERS = OFFICE | {"application/zip", "application/epub+zip"}
"""Types of files in which a file can be replaced: all of them are zip archives."""
