"""What do we change in mitmproxy's protocol layers, and why?

Law: each class here closes one way in which content could leave uninspected, or an honest client
could be broken. `install` puts them in place once, before the first connection.

- request bodies are never streamed past inspection, and have a size limit of their own
  (mitmproxy's `body_size_limit` would also cut large downloads);
- HTTP/1.1 trailers are carried and inspected (mitmproxy raises on them);
- a body that came over HTTP/2 without a length is framed for a service that speaks HTTP/1.1
  (mitmproxy sends it bare, and the service would read a second request);
- WebSocket pings, pongs and close reasons carry up to 125 bytes of anything: they end here;
- a tunnel that is passed through is counted;
- an answer whose tokens become values again may wait for a look-up between two of its chunks;
- a client that waits for answers before its request ends is told that this does not work here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

import h11
import wsproto.events
from mitmproxy import flow as mitm_flow
from mitmproxy import http, websocket
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, context, events, layer, layers
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers import websocket as websocket_layers
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook
from wsproto.frame_protocol import CloseReason, Opcode

from gateway.proxy.answering import ANSWER, PATIENCE, Running, head

type Commands = Generator[commands.Command, Any, Any]

UNINSPECTED = "leakgate.uninspected"
"""Metadata key of a plain-HTTP flow to a host that is not inspected: its body may stream."""

CLOSE_REASON = "leakgate.close"
"""Metadata key of a WebSocket flow that has to be closed, with the reason as value."""

CLOSE_MESSAGE = "leakgate.close_message"
"""Metadata key of what the client is told in a text message before such a connection closes."""

SEND = "leakgate.send"
"""Metadata key of WebSocket messages to send to the client, in the place of the one at hand."""

DENIED = "leakgate.denied"
"""Metadata key of a flow whose answer was already sent by a layer."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """`max_body` in bytes, who says whether a body is kept until something is decided, who makes
    the refusal of a body that has not ended (with its cause), who is told when an answer could not
    be restored, and who makes the answer in place of one that was stopped. `pause` is how long, in
    seconds, a body that may be one side of a conversation may pause.
    """

    max_body: int
    is_bounded: Callable[[http.HTTPFlow], bool]
    refuse_early: Callable[[http.HTTPFlow, str], http.Response]
    answer_failed: Callable[[http.HTTPFlow, Exception], None] = lambda _flow, _error: None
    answer_stopped: Callable[[http.HTTPFlow], http.Response | None] = lambda _flow: None
    pause: float = 10.0


@dataclass
class AnswerHook(commands.StartHook):
    """An answer waits for tokens to be looked up."""

    flow: http.HTTPFlow

    name = "answer_waits"


class HttpStream(http_layers.HttpStream):
    """One request and its answer, with a bounded request body that always meets the gate."""

    bounds: ClassVar[Bounds]
    _came: float = 0.0
    _pause: commands.RequestWakeup | None = None

    def _handle_event(self, event: events.Event) -> Commands:
        """Take an event; a request body may have paused for long."""
        if isinstance(event, events.Wakeup) and event.command is self._pause:
            if self.client_state == self.state_consume_request_body:
                left = self._came + self.bounds.pause - time.monotonic()
                yield from self._wait(left) if left > 0 else self._refuse_early("two_way")
            return
        yield from super()._handle_event(event)

    def _wait(self, seconds: float) -> Commands:
        self._pause = commands.RequestWakeup(seconds)
        yield self._pause

    def state_stream_response_body(self, event: events.Event) -> Commands:
        """Send on an answer as it comes, restored where it is to be."""
        running = self.flow.metadata.get(ANSWER)
        if not isinstance(running, Running) or isinstance(event, ResponseTrailers):
            if not isinstance(event, events.Wakeup):
                yield from super().state_stream_response_body(event)
            return
        if isinstance(event, events.Wakeup):
            data, ok = yield from self._restored(running, running.woken)
        elif isinstance(event, ResponseData):
            data, ok = yield from self._restored(running, partial(running.feed, event.data))
        else:
            data, ok = yield from self._restored(running, running.end)
        if not ok:
            return
        if data:
            yield http_layers.SendHttp(ResponseData(self.stream_id, data), self.context.client)
        if running.stopped is not None and not isinstance(event, ResponseEndOfMessage):
            yield from self._stopped()
        elif isinstance(event, ResponseEndOfMessage):
            if running.is_cut and running.stopped is None:
                yield from self._break_off()
                return
            yield from self.send_response(already_streamed=True)
        elif running.asks_to_be_woken():
            yield commands.RequestWakeup(PATIENCE)

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> Commands:
        """When a service breaks off, what came of its answer goes on before the client is told."""
        running = self.flow.metadata.get(ANSWER)
        if (
            isinstance(event, ResponseProtocolError)
            and isinstance(running, Running)
            and self.server_state == self.state_stream_response_body
            and self.client_state != self.state_errored
        ):
            data, ok = yield from self._restored(running, running.end)
            if not ok:
                return
            if data:
                yield http_layers.SendHttp(ResponseData(self.stream_id, data), self.context.client)
        yield from super().handle_protocol_error(event)

    def _break_off(self) -> Commands:
        """End an answer before its end, so that nobody takes it for whole."""
        why = "the answer could not be read to its end"
        yield http_layers.SendHttp(
            RequestProtocolError(self.stream_id, why, ErrorCode.CANCEL), self.context.server
        )
        # Only this exchange ends: on HTTP/2, the others of the connection go on.
        error = ResponseProtocolError(self.stream_id, why, ErrorCode.GENERIC_SERVER_ERROR)
        yield from super().handle_protocol_error(error)
        self.client_state = self.server_state = self.state_errored

    def send_response(self, already_streamed: bool = False) -> Commands:  # noqa: FBT001, FBT002  # mitmproxy's signature
        """Send an answer that was kept whole; its tokens become values first."""
        running = self.flow.metadata.get(ANSWER)
        response = self.flow.response
        if isinstance(running, Running) and not already_streamed and response is not None:
            came = partial(running.feed, response.raw_content or b"")
            data, ok = yield from self._restored(running, came)
            if not ok:
                return
            rest, ok = yield from self._restored(running, running.end)
            if not ok:
                return
            if running.stopped is not None:
                self.flow.response = self.bounds.answer_stopped(self.flow) or response
            elif running.is_cut:
                yield from self._break_off()
                return
            elif data + rest != response.raw_content:
                response.raw_content = data + rest
                head(response, length=len(data + rest))
        yield from super().send_response(already_streamed)

    def _stopped(self) -> Commands:
        """End an answer here, though the service goes on: its stream is given up."""
        self.bounds.answer_stopped(self.flow)
        yield http_layers.SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        cancelled = RequestProtocolError(self.stream_id, "the answer was stopped", ErrorCode.CANCEL)
        yield http_layers.SendHttp(cancelled, self.context.server)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        yield http_layers.DropStream(self.stream_id)

    def _restored(
        self, running: Running, step: Callable[[], None]
    ) -> Generator[commands.Command, Any, tuple[bytes, bool]]:
        """What may leave after a step; whether all is well."""
        try:
            step()
            while running.waits:
                yield AnswerHook(self.flow)
                if self.flow.error is not None:
                    raise RuntimeError("the look-up failed")  # noqa: TRY301  # ends as any failure
            return running.take(), True
        except Exception as error:  # noqa: BLE001  # whatever it is, the answer ends here
            self.bounds.answer_failed(self.flow, error)
            yield from self._break_off()
            return b"", False

    def check_body_size(self, request: bool) -> Commands:  # noqa: FBT001  # mitmproxy's signature
        """Refuse a request body over the limit, before or while it arrives.

        The refusal is sent at once and the rest of the body is swallowed, so that a client that is
        still sending reads a clear answer.
        """
        # The first call comes before the hook that marks a flow, so the gate is asked.
        if not request or not self.bounds.is_bounded(self.flow):
            return False
        self._came = time.monotonic()
        size = len(self.request_body_buf)
        if size == 0:
            try:
                size = http1.expected_http_body_size(self.flow.request, None) or 0
            except ValueError:
                size = 0
        if size <= self.bounds.max_body:
            if self._pause is None and _may_be_two_way(self.flow.request):
                yield from self._wait(self.bounds.pause)
            return False
        yield from self._refuse_early("too_large")
        return True

    def _refuse_early(self, cause: str) -> Commands:
        """Answer a request before its end, and swallow the rest of it."""
        self.request_body_buf.clear()
        response = self.bounds.refuse_early(self.flow, cause)
        self.flow.metadata[DENIED] = True
        self.flow.response = response
        self.flow.error = mitm_flow.Error("request body not taken")
        yield HttpErrorHook(self.flow)
        yield http_layers.SendHttp(
            ResponseHeaders(self.stream_id, response, end_stream=False), self.context.client
        )
        yield http_layers.SendHttp(
            ResponseData(self.stream_id, response.raw_content or b""), self.context.client
        )
        yield http_layers.SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        yield http_layers.DropStream(self.stream_id)

    def start_request_stream(self) -> Commands:
        """Stream a request body only when the gate has said that this host is not inspected."""
        if self.flow.metadata.get(DENIED) or not self.flow.metadata.get(UNINSPECTED):
            # INVARIANT: no request body to an inspected host leaves before the request hook.
            self.flow.request.stream = False
            self.client_state = self.state_consume_request_body
            return
        yield from super().start_request_stream()


_TWO_WAY = ("application/grpc", "application/connect+", "application/vnd.amazon.eventstream")
"""Content types of requests that may be one side of a conversation."""


def _may_be_two_way(request: http.Request) -> bool:
    return "content-length" not in request.headers and request.headers.get(
        "content-type", ""
    ).lower().startswith(_TWO_WAY)


def _read_body(side: _http1.Http1Connection, event: events.Event, kind: type[Any]) -> Commands:
    """Read a body over HTTP/1.1, trailers included; mitmproxy 12 only knows them in HTTP/2."""
    reader: Any = side.body_reader
    if not isinstance(reader, _KeepTrailers):
        reader = _KeepTrailers(reader)
        side.body_reader = cast("Any", reader)
    for command in _http1.Http1Connection.read_body(side, event):
        if reader.trailers and isinstance(command, ReceiveHttp):
            ended = command.event
            if isinstance(ended, RequestEndOfMessage | ResponseEndOfMessage):
                fields, reader.trailers = reader.trailers, ()
                yield ReceiveHttp(kind(ended.stream_id, http.Headers(fields)))
        yield command


def _end_with(trailers: http.Headers, end: Commands) -> Commands:
    """Put trailers after the last chunk (RFC 9112 §7.1.2).

    They are dropped where the body is not chunked, as on the way from HTTP/2, which RFC 9110
    §6.5.1 allows.
    """
    lines = b"".join(b"%s: %s\r\n" % field for field in trailers.fields)
    for command in end:
        if isinstance(command, commands.SendData) and command.data == b"0\r\n\r\n":
            yield commands.SendData(command.connection, b"0\r\n%s\r\n" % lines)
        else:
            yield command


class _KeepTrailers:
    """Wraps h11's body reader: keeps the trailers aside and reports a plain end of message."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.trailers: tuple[tuple[bytes, bytes], ...] = ()

    def __call__(self, buffer: Any) -> Any:
        return self._strip(self.reader(buffer))

    def read_eof(self) -> Any:
        return self._strip(self.reader.read_eof())

    def _strip(self, event: Any) -> Any:
        if isinstance(event, h11.EndOfMessage) and event.headers:
            self.trailers = tuple((bytes(name), bytes(value)) for name, value in event.headers)
            return h11.EndOfMessage()
        return event


class Http1Server(_http1.Http1Server):
    """The client's side of HTTP/1.1, with trailers."""

    pending: http.Headers | None = None

    def read_body(self, event: events.Event) -> Commands:
        """Read a request body."""
        yield from _read_body(self, event, RequestTrailers)

    def send(self, event: Any) -> Commands:
        """Send an answer."""
        if isinstance(event, ResponseTrailers):
            self.pending = event.trailers
        elif isinstance(event, ResponseEndOfMessage) and self.pending:
            trailers, self.pending = self.pending, None
            yield from _end_with(trailers, super().send(event))
        else:
            yield from super().send(event)


def _say_where_it_ends(request: http.Request) -> None:
    """Frame a body that came over HTTP/2, where it needs no length.

    Without that the service would take it for the next request (RFC 9112 §6.3).
    """
    if "content-length" in request.headers or "transfer-encoding" in request.headers:
        return
    body = request.raw_content
    if body is None:
        request.headers["transfer-encoding"] = "chunked"
    else:
        request.headers["content-length"] = str(len(body))


class Http1Client(_http1.Http1Client):
    """The service's side of HTTP/1.1, with trailers, and bodies that end."""

    pending: http.Headers | None = None

    def read_body(self, event: events.Event) -> Commands:
        """Read an answer's body."""
        yield from _read_body(self, event, ResponseTrailers)

    def send(self, event: Any) -> Commands:
        """Send a request."""
        if isinstance(event, RequestHeaders) and not event.end_stream:
            _say_where_it_ends(event.request)
        if isinstance(event, RequestTrailers):
            self.pending = event.trailers
        elif isinstance(event, RequestEndOfMessage) and self.pending:
            trailers, self.pending = self.pending, None
            yield from _end_with(trailers, super().send(event))
        else:
            yield from super().send(event)


class WebsocketLayer(websocket_layers.WebsocketLayer):
    """Relays messages; control frames end here, and a refused message closes the connection."""

    max_message: ClassVar[int] = 64 << 20

    def relay_messages(self, event: events.Event) -> Commands:
        """Handle what one peer sent. Only complete messages go on, each after its hook."""
        assert self.flow.websocket is not None
        if isinstance(event, websocket_layers.WebSocketMessageInjected):
            return  # nothing injects messages here
        if isinstance(event, events.Wakeup):
            yield from self._wake()
            return
        assert isinstance(event, events.ConnectionEvent)
        from_client = event.connection == self.context.client
        source, other = (
            (self.client_ws, self.server_ws) if from_client else (self.server_ws, self.client_ws)
        )
        source.receive_data(event.data if isinstance(event, events.DataReceived) else None)
        for happened in source.events():
            match happened:
                case wsproto.events.Message():
                    yield from self._message(happened, source, other, from_client=from_client)
                    if self.flow.metadata.get(CLOSE_REASON):
                        yield from self._close_refused()
                        return
                case wsproto.events.Ping():
                    # Answered here: a ping's payload is free for anything.
                    yield source.send2(happened.response())
                case wsproto.events.Pong():
                    pass
                case wsproto.events.CloseConnection():
                    yield from self._close(happened, from_client=from_client)
                    return
                case _:
                    self.flow.metadata[CLOSE_REASON] = "unexpected WebSocket event"
                    yield from self._close_refused()
                    return

    def _message(
        self, event: wsproto.events.Message[Any], source: Any, other: Any, *, from_client: bool
    ) -> Commands:
        assert self.flow.websocket is not None
        is_text = isinstance(event.data, str)
        source.frame_buf[-1] += event.data.encode() if is_text else event.data
        if sum(map(len, source.frame_buf)) > self.max_message:
            self.flow.metadata[CLOSE_REASON] = "message too large to inspect"
            return
        if not event.message_finished:
            if event.frame_finished:
                source.frame_buf.append(b"")
            return
        content = b"".join(source.frame_buf)
        fragments = websocket_layers.Fragmentizer(source.frame_buf, is_text)
        source.frame_buf = [b""]
        message = websocket.WebSocketMessage(
            Opcode.TEXT if is_text else Opcode.BINARY, from_client, content
        )
        # Only the newest message is kept: mitmproxy would keep them all.
        self.flow.websocket.messages[:] = [message]
        yield layers.websocket.WebsocketMessageHook(self.flow)
        if not message.dropped:
            for piece in fragments(message.content):
                yield other.send2(piece)
        for text in self.flow.metadata.pop(SEND, ()):
            yield other.send2(wsproto.events.TextMessage(data=text))
        running = self.flow.metadata.get(ANSWER)
        if isinstance(running, Running) and running.asks_to_be_woken():
            yield commands.RequestWakeup(PATIENCE)

    def _wake(self) -> Commands:
        """Messages that have waited long enough leave."""
        running = self.flow.metadata.get(ANSWER)
        if not isinstance(running, Running):
            return
        running.woken()
        while running.waits:
            yield AnswerHook(self.flow)
            if self.flow.error is not None:
                self.flow.metadata[CLOSE_REASON] = "an answer could not be checked"
                break
        for frame in running.take_frames():
            text = frame.decode("utf-8", "replace")
            yield self.client_ws.send2(wsproto.events.TextMessage(data=text))
        if self.flow.metadata.get(CLOSE_REASON):
            yield from self._close_refused()
            return
        if running.asks_to_be_woken():
            yield commands.RequestWakeup(PATIENCE)

    def _close(self, event: wsproto.events.CloseConnection, *, from_client: bool) -> Commands:
        assert self.flow.websocket is not None
        self.flow.websocket.timestamp_end = time.time()
        self.flow.websocket.closed_by_client = from_client
        self.flow.websocket.close_code = event.code
        running = self.flow.metadata.pop(ANSWER, None)
        if isinstance(running, Running):
            running.end()
            while running.waits:
                self.flow.metadata[ANSWER] = running
                yield AnswerHook(self.flow)
                if self.flow.error is not None:
                    break
            for frame in running.take_frames():
                if self.client_ws.state is wsproto.connection.ConnectionState.OPEN:
                    text = frame.decode("utf-8", "replace")
                    yield self.client_ws.send2(wsproto.events.TextMessage(data=text))
        to_server = wsproto.events.CloseConnection(event.code) if from_client else event
        for peer, goodbye in ((self.server_ws, to_server), (self.client_ws, event)):
            yield from self._goodbye(peer, goodbye)
        yield layers.websocket.WebsocketEndHook(self.flow)
        self.flow.live = False
        self._handle_event = self.done

    def _close_refused(self) -> Commands:
        reason = str(self.flow.metadata[CLOSE_REASON])[:120]
        message = self.flow.metadata.get(CLOSE_MESSAGE)
        if message and self.client_ws.state is wsproto.connection.ConnectionState.OPEN:
            yield self.client_ws.send2(wsproto.events.TextMessage(message))
        policy = CloseReason.POLICY_VIOLATION
        yield from self._goodbye(self.client_ws, wsproto.events.CloseConnection(policy, reason))
        yield from self._goodbye(
            self.server_ws, wsproto.events.CloseConnection(CloseReason.GOING_AWAY)
        )
        yield layers.websocket.WebsocketEndHook(self.flow)
        self.flow.live = False
        self._handle_event = self.done

    @staticmethod
    def _goodbye(peer: Any, event: wsproto.events.CloseConnection) -> Commands:
        open_states = {
            wsproto.connection.ConnectionState.OPEN,
            wsproto.connection.ConnectionState.REMOTE_CLOSING,
        }
        if peer.state in open_states:
            yield peer.send2(event)
        yield commands.CloseConnection(peer.conn)


class Tunnel(layers.TCPLayer):
    """A connection that passes through untouched; `count(sent, received)` gets its bytes."""

    def __init__(self, ctx: context.Context, count: Callable[[int, int], None]) -> None:
        super().__init__(ctx, ignore=True)
        self._count = count

    def relay_messages(self, event: events.Event) -> Commands:
        """Relay and count."""
        if isinstance(event, events.DataReceived):
            size = len(event.data)
            if event.connection == self.context.client:
                self._count(size, 0)
            else:
                self._count(0, size)
        yield from super().relay_messages(event)


class Closed(layer.Layer):
    """A connection that is refused before anything is known of it."""

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)


def install(bounds: Bounds) -> None:
    """Put our layers in the place of mitmproxy's.

    mitmproxy finds these classes by their names in its modules; there is no option for it.
    """
    HttpStream.bounds = bounds
    WebsocketLayer.max_message = bounds.max_body
    for module, ours in (
        (http_layers, HttpStream),
        (http_layers, Http1Server),
        (http_layers, Http1Client),
        (websocket_layers, WebsocketLayer),
    ):
        if not hasattr(module, ours.__name__):
            raise RuntimeError(f"this mitmproxy has no `{ours.__name__}` to replace")
        setattr(module, ours.__name__, ours)
