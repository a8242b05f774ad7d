"""What is in a mail, or in each of a file of mails? Its headers decoded, every body and every attachment.

Law: each leaf of the MIME tree is a file of its own, its transfer encoding undone and its text in
the character set that it names; an unknown encoding or an encrypted part is `Missed`. RFC 5322,
2045 to 2047, 8551 and 3156.
"""

from __future__ import annotations

import email
import email.header
import email.message
import email.parser
import email.policy
import re
from collections.abc import Iterable, Iterator

from gateway.content.readers import labels
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Text
from gateway.content.types import ENVELOPE, UNSURE, begins_as_mail, text_encoding
from gateway.model import UnreadReason

_ENCRYPTED = frozenset(
    {"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"}
)
_ENCODINGS = frozenset({"", "7bit", "8bit", "binary", "base64", "quoted-printable", "x-uuencode"})
_MAX_PARTS_DEEP = 60


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Headers and leaves in the order of the mail; the outer one's source is text already."""
    count = [0]
    for start, end in messages(data):
        message = email.message_from_bytes(data[start:end], policy=email.policy.compat32)
        yield from _part(message, budget, count, 0)


_BETWEEN = re.compile(rb"\n(?:\r?\n)?(?=" + ENVELOPE.pattern + rb")")
_BETWEEN_TEXT = re.compile(_BETWEEN.pattern.decode())


def messages(source: str | bytes) -> Iterator[tuple[int, int]]:
    """Where each mail stands: a file of several (mbox) has an envelope before each one.

    What stands before the first envelope counts as one, too.
    """
    ends: Iterable[re.Match[bytes]] | Iterable[re.Match[str]] = ()
    head = source[:4096]
    head = head if isinstance(head, bytes) else head.encode("utf-8", "replace")
    if not head.startswith(b"From ") and begins_as_mail(head):
        pass  # a mail alone, which may quote one
    elif isinstance(source, str):
        ends = _BETWEEN_TEXT.finditer(source)
    else:
        ends = _BETWEEN.finditer(source)
    start = 0
    for found in ends:
        yield start, found.start() + 1  # the empty line belongs to neither
        start = found.end()
    yield start, len(source)


def _part(
    part: email.message.Message, budget: Budget, count: list[int], depth: int
) -> Iterator[Said]:
    budget.tick()
    place = f"part[{count[0]}]"
    count[0] += 1
    headers = "\n".join(words(value) for _, value in part.items())
    if headers.strip():
        budget.text(len(headers))
        yield Text(f"{place}.header", headers, editable=True)
        for label in labels.of_headers((name, words(value)) for name, value in part.items()):
            yield Fact("label", label)
    if part.get_content_type() in _ENCRYPTED and part.get_param("smime-type") != "signed-data":
        yield Missed(place, UnreadReason.ENCRYPTED, detail="mail")
        return
    if part.is_multipart():
        if depth > _MAX_PARTS_DEEP:
            yield Missed(place, UnreadReason.TOO_DEEP, detail="mail")
            return
        for inner in part.get_payload():
            if isinstance(inner, email.message.Message):
                yield from _part(inner, budget, count, depth + 1)
        return
    if str(part.get("content-transfer-encoding", "")).strip().lower() not in _ENCODINGS:
        yield Missed(place, UnreadReason.UNDECODABLE, detail="transfer encoding")
        return
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes) or not content:
        return
    budget.expand(len(content))
    if part.get_content_maintype() == "text":
        charset = charset_of(part, content)
        if charset == UNSURE:
            yield Missed(place, UnreadReason.CHARSET, len(content), "mail")
        try:
            content = content.decode(
                charset, "replace" if charset == "utf-8" else "strict"
            ).encode()
        except (LookupError, UnicodeError):
            yield Missed(place, UnreadReason.CHARSET, len(content), "mail")
            return
        content = content.replace(b"\0", "\ufffd".encode())
    name = part.get_filename()
    yield Embedded(place, content, name=words(name) if isinstance(name, str) else "")


def charset_of(part: email.message.Message, content: bytes) -> str:
    """The character set of a text: the one that is declared, or without one what its bytes tell."""
    declared = str(part.get_param("charset", "") or "").lower()
    if declared in {"", "us-ascii"}:
        return text_encoding(content) or "utf-8"
    return declared


def words(value: object) -> str:
    """A header's value with its encoded words decoded (RFC 2047)."""
    try:
        return str(email.header.make_header(email.header.decode_header(str(value))))
    except (LookupError, ValueError, UnicodeError):
        return str(value)
