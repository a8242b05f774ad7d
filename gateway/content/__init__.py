"""What is inside a file? Its true type, its text, or the reason why it could not be read.

Law: `open_blob` never raises for content and never says nothing: every byte ends in a part or in
an `Unread`. Text is read here; every other format in `sandbox`, where `walk` opens file within file
and `readers` know the formats.
"""

from gateway.content.looking import PictureSettings
from gateway.content.open import Opened, open_blob, places_with_faces, prepare
from gateway.content.reading import FileLimits
from gateway.content.remembered import Remembered
from gateway.content.rewriting import CannotRewrite
from gateway.content.sandbox import protections
from gateway.content.types import FileType, text_encoding, type_of
from gateway.content.write import write_blob

__all__ = [
    "CannotRewrite",
    "FileLimits",
    "FileType",
    "Opened",
    "PictureSettings",
    "Remembered",
    "open_blob",
    "places_with_faces",
    "prepare",
    "protections",
    "text_encoding",
    "type_of",
    "write_blob",
]
