"""Which of the cleaners cleans a document, and how does it end when it cannot?

Law: raises nothing but `CannotRewrite`, whatever the bytes are.
"""

from __future__ import annotations

import zipfile
import zlib

from gateway.content.docclean import office, portable
from gateway.content.docclean.tree import UNKNOWN
from gateway.content.reading import Budget, FileLimits, Stop
from gateway.content.rewriting import BARED, PDF, CannotRewrite


def cleaned(data: bytes, kind: str, *, metadata: bool, hidden: bool) -> bytes:
    """The document `data` of type `kind` without metadata, or what it does not show, or both."""
    if kind not in BARED:
        raise CannotRewrite(
            "a document of this format cannot be cleaned; save it as docx, xlsx, pptx, odt, ods, odp or PDF"
        )
    clean = portable.cleaned if kind == PDF else office.cleaned
    try:
        return clean(data, Budget(FileLimits(), len(data)), metadata=metadata, hidden=hidden)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
        raise CannotRewrite("the archive is damaged") from None
    except Stop:
        raise CannotRewrite("writing the file took too long or too much") from None
    except (ValueError, OverflowError, NotImplementedError, RecursionError):
        raise CannotRewrite(UNKNOWN) from None
