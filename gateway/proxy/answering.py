"""What happens to one answer on its way to the client? It is looked at, and tokens become values.

Law: an answer to which no token can come up passes untouched. One that is restored is decoded as it
comes, never kept whole unless it came whole; whatever fails here ends the answer, never shows more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from mitmproxy import http

from gateway.answers import Ahead, AnswerStream, Shape, Vault, shape_of, shape_of_file
from gateway.encodings import content_stream
from gateway.encodings.content_stream import Decoder
from gateway.model import Issued, Refuse, Restoring
from gateway.protocols.said import Answers
from gateway.proxy.looking import Looking
from gateway.redaction import Keys

ANSWER: Final = "leakgate.answer"
"""Metadata key of what is to become of a flow's answer: a `Plan`, then a `Running`."""

WHOLE: Final = 8 << 20
"""Bytes up to which an answer of a told length is kept whole, so that it keeps a length."""

_STALE: Final = (
    "content-encoding",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    "etag",
    "accept-ranges",
    "x-amz-crc32",
)
"""What says something of the bytes that no longer holds once they change."""

PATIENCE: Final = 1.0
"""Seconds without a word from the service after which what waits for more leaves as it is."""


class Keeping(Protocol):
    """Where tokens are kept beyond their exchange; the vault."""

    async def keep(self, actor: str, issued: Mapping[str, str], *, key_id: str) -> frozenset[str]:
        """Keep tokens and values; gives the tokens that stand for another value already."""
        ...

    async def find(self, actor: str, tokens: Collection[str]) -> Mapping[str, str]:
        """The values of the actor's own tokens among `tokens`."""
        ...

    async def key_of(self, actor: str) -> str | None:
        """The key that the actor's tokens were made with last; None when the actor has none."""
        ...

    async def token_key(self, actor: str) -> str:
        """The key to make the actor's next tokens with."""
        ...


@dataclass(frozen=True, slots=True)
class Tokenising:
    """What the gate needs for tokens: the keys, the vault, what policy says of answers.

    `labels` are what tokens of earlier exchanges may begin with.
    """

    keys: Keys = field(repr=False)
    vault: Keeping
    restoring: Restoring
    labels: Vault


@dataclass(slots=True)
class Plan:
    """What is known of an answer before it comes."""

    actor: str = field(repr=False)
    answers: Answers = field(repr=False)
    issued: dict[str, Issued] = field(default_factory=dict, repr=False)
    quoted: frozenset[str] = field(default=frozenset(), repr=False)
    earlier: bool = False
    """Whether the actor has tokens of earlier exchanges."""
    looking: Looking | None = None
    """Who looks at the answer, where policy asks for it."""

    @property
    def may_change(self) -> bool:
        """Whether any token can come up, or something may be taken out."""
        return self.restores or (self.looking is not None and self.looking.is_ahead)

    @property
    def restores(self) -> bool:
        """Whether any token can come up."""
        return self.earlier or any(one.restorable for one in self.issued.values())


class Undecodable(Exception):
    """An answer's content encoding is not what it says."""


class Running:
    """An answer under way: looked at first, then restored, as far as it has to be."""

    def __init__(
        self,
        plan: Plan,
        tokenising: Tokenising | None,
        shape: Shape,
        decode: Decoder | None = None,
    ) -> None:
        self.plan = plan
        self.looking = plan.looking
        self._decode = decode or content_stream.Identity()
        self.received = 0
        self._when_asked = -1
        self.stream: AnswerStream | None = None
        self._vault: Keeping | None = None
        if tokenising is not None and plan.restores:
            self.restore(tokenising, shape)
        if self.looking is not None and self.looking.is_ahead:
            self.looking.begin(shape, plan.answers)
        self._frames: list[bytes] = []
        self._ended = self._closed = False

    def restore(self, tokenising: Tokenising, shape: Shape) -> None:
        """Tokens become values from now on."""
        plan = self.plan
        self._vault = tokenising.vault
        self.stream = AnswerStream(
            shape,
            plan.answers,
            plan.issued.values(),
            tokenising.keys,
            restoring=tokenising.restoring,
            vault=tokenising.labels if plan.earlier else None,
            quoted=plan.quoted,
        )

    @property
    def waits_whole(self) -> bool:
        """Whether nothing of it leaves before its end is there."""
        looking = self.looking
        return (
            looking is not None
            and looking.is_ahead
            and looking.shape is Shape.JSON
            and "stream" not in looking.exchange.target.lower()
        )

    @property
    def _ahead(self) -> Ahead | None:
        return None if self.looking is None else self.looking.ahead

    @property
    def stopped(self) -> Refuse | None:
        """What the client gets instead, once the answer was stopped."""
        return None if self.looking is None else self.looking.stopped

    @property
    def waits(self) -> bool:
        """Whether it has to be looked at, or tokens looked up, before it goes on."""
        if self.stopped is not None:
            return False
        return (self.looking is not None and self.looking.waits) or (
            self.stream is not None and bool(self.stream.wanted)
        )

    def feed(self, data: bytes) -> None:
        """Bytes from the service."""
        self.received += len(data)
        ahead = self._ahead
        if self.looking is not None and ahead is None:
            self.looking.note(data)
        try:
            for piece in self._decode.feed(data):
                if ahead is not None:
                    ahead.feed(piece)
                else:
                    self._go_on(piece)
        except content_stream.ERRORS as error:
            raise Undecodable from error
        self._settle()

    @property
    def is_cut(self) -> bool:
        """Whether what came, ends in the middle of a compressed block."""
        return not self._decode.is_done

    def end(self) -> None:
        """The answer has ended."""
        self._ended = True
        if (ahead := self._ahead) is not None:
            ahead.end()
        self._settle()

    def asks_to_be_woken(self) -> bool:
        """Whether something is held, and nobody is to come back for it yet."""
        holds = (self._ahead is not None and self._ahead.holds) or (
            self.stream is not None and self.stream.holds
        )
        if self._when_asked >= 0 or not holds:
            return False
        self._when_asked = self.received
        return True

    def woken(self) -> None:
        """The time is over: if nothing has come since, what is held leaves."""
        silent, self._when_asked = self._when_asked == self.received, -1
        if not silent:
            return
        if self._ahead is not None and self._ahead.holds:
            self._ahead.flush()
        elif self.stream is not None:
            self.stream.flush()

    async def look_up(self) -> None:
        """Look at, or look up, what waits."""
        if self.looking is not None and self.looking.waits:
            await self.looking.look()
            self._settle()
        elif self.stream is not None and self._vault is not None:
            wanted = self.stream.wanted
            self.stream.answer(await self._vault.find(self.plan.actor, wanted))

    def _settle(self) -> None:
        """What was looked at goes on."""
        ahead = self._ahead
        if ahead is not None:
            for frame in ahead.take_frames():
                self._go_on(frame)
        if self._ended and not self._closed and not (ahead is not None and ahead.wanted):
            self._closed = True
            if self.stream is not None:
                self.stream.end()

    def _go_on(self, data: bytes) -> None:
        if self.stream is not None:
            self.stream.feed(data)
        elif data:
            self._frames.append(data)

    def take_frames(self) -> list[bytes]:
        """What may leave now."""
        frames, self._frames = self._frames, []
        return [*frames, *(() if self.stream is None else self.stream.take_frames())]

    def take(self) -> bytes:
        """The same; a stopped answer ends with an error in the words of its stream."""
        data = b"".join(self.take_frames())
        if self.looking is not None and self.stopped is not None:
            data += self.looking.last_words()
        return data


def start(flow: http.HTTPFlow, plan: Plan, tokenising: Tokenising | None) -> Running | None:
    """Begin with the answer of `flow`, whose head is there; None when it passes as it is.

    Raises `Undecodable` when it would have to be looked at first, and nobody can.
    """
    response = flow.response
    assert response is not None
    method = flow.request.method
    if response.status_code in {101, 204, 206, 304} or method == "HEAD":
        plan.looking = None
        if method == "HEAD" and plan.restores and _shape_of(response, "GET") is not Shape.OPAQUE:
            head(response, length=None)  # what `GET` gives may have another
            response.headers.pop("transfer-encoding", None)
        return None
    if plan.looking is not None:
        plan.looking.content_type = response.headers.get("content-type", "")
        plan.looking.content_encoding = response.headers.get("content-encoding", "")
    shape = _shape_of(response, method)
    decode = content_stream.decoder(response.headers.get("content-encoding", ""))
    if shape in {Shape.OPAQUE, Shape.UNTYPED}:
        plan.looking = None
    if shape is Shape.OPAQUE or not plan.may_change:
        return None
    if decode is None:
        if plan.looking is not None and plan.looking.is_ahead:
            raise Undecodable
        return None
    return Running(plan, tokenising, shape, decode)


def _shape_of(response: http.Response, method: str) -> Shape:
    """How its body is framed; a file that is downloaded, and short enough, may have to show that it is text."""
    content_type = response.headers.get("content-type", "")
    if method == "GET" and response.status_code == 200 and _is_short(response):
        return shape_of_file(content_type)
    return shape_of(content_type)


def is_whole(response: http.Response, running: Running) -> bool:
    """Whether an answer is short enough, and says so, to be sent with its length.

    A document that waits to be looked at waits whole, so that it can still become a refusal.
    """
    return running.waits_whole or _is_short(response)


def _is_short(response: http.Response) -> bool:
    try:
        return int(response.headers["content-length"]) <= WHOLE
    except (KeyError, ValueError):
        return False


def head(response: http.Response, *, length: int | None) -> None:
    """Take what no longer holds out of an answer's head; `length` is None while it is not known."""
    for name in _STALE:
        response.headers.pop(name, None)
    if length is None:
        if response.headers.pop("content-length", None) is not None and not response.is_http2:
            response.headers["transfer-encoding"] = "chunked"
    else:
        response.headers["content-length"] = str(length)
