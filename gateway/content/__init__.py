"""What is inside a file? Its true type, its text, or the reason why it could not be read.

Law: `open_blob` never raises for content and never says nothing: every byte ends in a part or in
an `Unread`.
"""

from gateway.content.open import Opened, open_blob
from gateway.content.types import FileType, text_encoding, type_of

__all__ = ["FileType", "Opened", "open_blob", "text_encoding", "type_of"]
