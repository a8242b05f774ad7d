"""What stood before this piece of an upload? So that a value which is cut between two is found.

Law: of an upload no more is kept than the end of its last piece, in this process's memory alone,
bounded in time and number. What does not come one after the other is not guessed at: such a piece
says so, and policy decides.

Another replica, and this one after a restart, know of no earlier piece: an upload has to stay with one.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from gateway.model import Before, Decision, Exchange, Refuse
from gateway.protocols import Piece, piece_of

KEPT = 4096
"""Bytes kept of each upload, twice: for the next piece, and for the last one should it come again."""
SECONDS = 3600.0
UPLOADS = 2000


@dataclass(slots=True)
class _Upload:
    """How far an upload has come; `now` is the piece under inspection, if any."""

    touched: float
    at: int | None = None
    after: int | None = None
    before: bytes = field(default=b"", repr=False)
    end: bytes = field(default=b"", repr=False)
    now: str = ""
    lost: bool = False


class Uploads:
    """Uploads under way, by sender and address. Time comes with the exchanges."""

    def __init__(self, *, seconds: float = SECONDS, most: int = UPLOADS) -> None:
        self._seconds, self._most = seconds, most
        # In the order in which they were touched, the oldest first.
        self._uploads: OrderedDict[bytes, _Upload] = OrderedDict()

    def __len__(self) -> int:
        return len(self._uploads)

    def before(self, exchange: Exchange) -> Exchange:
        """The exchange, with the end of the piece before it when it is a piece."""
        piece = piece_of(exchange)
        if piece is None or piece.whole:
            return exchange
        self._forget(exchange.received_at)
        key = _key(exchange, piece)
        upload = self._uploads.get(key)
        if upload is None or (piece.first and not upload.now):
            if not piece.first and piece.at is not None:
                return replace(exchange, before=None)
            upload = self._uploads[key] = _Upload(exchange.received_at)
        self._uploads.move_to_end(key)
        upload.touched = exchange.received_at
        known = self._standing(upload, piece)
        if known is None:
            upload.lost = True
            return replace(exchange, before=None)
        upload.now = exchange.id
        return replace(exchange, before=Before(known))

    @staticmethod
    def _standing(upload: _Upload, piece: Piece) -> bytes | None:
        """What stood before `piece`; None when that is not known."""
        if upload.now or upload.lost or not piece.readable:
            return None
        if piece.first:
            return b""
        if piece.at == upload.after:
            return upload.end
        if piece.at is not None and piece.at == upload.at:
            return upload.before  # the same piece once more
        return None

    def note(self, exchange: Exchange, decision: Decision) -> None:
        """The piece has been decided about: go on from it, unless it was refused."""
        piece = piece_of(exchange)
        if piece is None or piece.whole:
            return
        key = _key(exchange, piece)
        upload = self._uploads.get(key)
        if upload is None or upload.now != exchange.id:
            return
        upload.now = ""
        if isinstance(decision.enforcement, Refuse) or exchange.before is None:
            return
        if piece.last:
            del self._uploads[key]
            return
        said = exchange.body[max(piece.start, piece.end - KEPT) : piece.end]
        upload.at, upload.after = piece.at, piece.after
        upload.before = exchange.before.end
        upload.end = (upload.before + said)[-KEPT:]

    def _forget(self, now: float) -> None:
        while self._uploads:
            oldest = next(iter(self._uploads.values()))
            if oldest.touched > now - self._seconds and len(self._uploads) < self._most:
                return
            self._uploads.popitem(last=False)


def _key(exchange: Exchange, piece: Piece) -> bytes:
    """Who sends which upload, as a digest: addresses of uploads may be long, and hold keys."""
    said = f"{exchange.sender}\x00{exchange.host.lower()}\x00{piece.upload}"
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).digest()
