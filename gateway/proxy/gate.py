"""What does a hook do with traffic? Plant a refusal, ask for a decision, enforce it.

Law: in `requestheaders` every flow to an inspected host gets a refusal as its answer; only
`request`, after a completed decision that is on record, takes it away. Nothing else does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mitmproxy import http, websocket
from mitmproxy.net.http import status_codes
from mitmproxy.net.http import url as mitm_url

from gateway import protocols, refusals
from gateway.answers import MESSAGES, Shape
from gateway.identity.identify import Sender
from gateway.metrics import Meter
from gateway.model import (
    Decision,
    Exchange,
    Forward,
    Headers,
    Look,
    Looked,
    Refuse,
    Reply,
    Rewrite,
    Transport,
)
from gateway.policy.teams import Teams
from gateway.proxy.answering import (
    ANSWER,
    Plan,
    Running,
    Tokenising,
    Undecodable,
    head,
    is_whole,
    start,
)
from gateway.proxy.coaching import Coach
from gateway.proxy.identifying import OWN_HEADERS, SENDER, Cause, Identifying
from gateway.proxy.layers import CLOSE_MESSAGE, CLOSE_REASON, DENIED, SEND, UNINSPECTED
from gateway.proxy.looking import LOOKING, Looking
from gateway.proxy.recent import Recent
from gateway.proxy.routing import address
from gateway.proxy.steering import ApprovedKey, Steering, Unsteerable, Upstream
from gateway.proxy.uploads import Uploads
from gateway.services import UNKNOWN_SERVICE, Catalogue
from gateway.shadow.watch import Glance, Watch
from gateway.workers import InspectionFault, place_of

logger = logging.getLogger("leakgate.proxy")

_EXCHANGE = "leakgate.host"
"""Metadata key of the name by which a flow is inspected."""

_THERE = "leakgate.there"
"""Metadata key of the approved endpoint that a flow goes to instead."""

_WAITS = "leakgate.waits"
"""Metadata key of a flow that is not inspected, and waits until it is known who sends it."""

_OWN = "leakgate.own"
"""Metadata key of the name of ours that a flow is for; None for all others."""

_SERVICE = "leakgate.service"
_STREAM = "leakgate.stream"

_SUSPECT = "leakgate.suspect"
"""Metadata key of what is made of a request to a host that no service owns."""

_STREAMS = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")
"""Content types of answers that come bit by bit."""

_MINTINGS = 4
"""Times that tokens are made for an exchange until none of them is another value's."""


@dataclass(slots=True)
class _Stream:
    """A streamed answer under way: to which service, since when, bytes so far."""

    service: str
    started: float
    received: int = 0


class Gate:
    """The hooks of the gateway.

    `inspect` gives the decision for an exchange (in a worker), `look` that for part of an answer.
    `record` remembers one durably before it is enforced, and raises when it cannot. `upstreams`
    maps host to base URL.
    `tokenising` is there when some rule makes tokens; a reload may change it. `identifying` is there
    when settings say how people are known. `approved_keys` are what endpoints to which rules redirect
    take as a key, by their names. `teams` are the groups that are remembered of senders. `coach` is
    there where people can be coached. `suspects` is told of requests to hosts that no service owns.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        inspect: Callable[[Exchange, str], Awaitable[Decision]],
        look: Callable[[Reply, str], Awaitable[Looked]],
        record: Callable[[Decision], None],
        meter: Meter,
        upstreams: Mapping[str, Upstream],
        on_spool_failure: Literal["refuse", "forward"] = "refuse",
        tokenising: Tokenising | None = None,
        identifying: Identifying | None = None,
        approved_keys: Mapping[str, ApprovedKey] | None = None,
        teams: Teams | None = None,
        coach: Coach | None = None,
        suspects: Watch | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._inspect = inspect
        self._look = look
        self._behind: set[asyncio.Task[None]] = set()
        self._record = record
        self._meter = meter
        self._upstreams = upstreams
        self._on_spool_failure = on_spool_failure
        self._recent = Recent()
        self.tokenising = tokenising
        self._uploads = Uploads()
        self.identifying = identifying
        self._approved_keys = approved_keys or {}
        self.teams = teams or Teams()
        self._coach = coach
        self._suspects = suspects
        self._own_headers = OWN_HEADERS if identifying is None else identifying.own_headers

    def is_bounded(self, flow: http.HTTPFlow) -> bool:
        """Is the body of this flow kept until something is decided?"""
        return _WAITS in flow.metadata or self.is_inspected(flow)

    def is_inspected(self, flow: http.HTTPFlow) -> bool:
        """Does this flow go to a host that is inspected? Decided once per flow."""
        metadata = flow.metadata
        if _EXCHANGE in metadata:
            return True
        if UNINSPECTED in metadata:
            return False
        host = self._own(flow) or self._inspected_host(flow)
        if host is None:
            metadata[UNINSPECTED] = True
            return False
        metadata[_EXCHANGE] = host
        return True

    def _own(self, flow: http.HTTPFlow) -> str | None:
        """The name by which this request is for ourselves. Decided once per flow."""
        if _OWN not in flow.metadata:
            own = None if self._coach is None else self._coach.own(self._names(flow))
            flow.metadata[_OWN] = own
        name: str | None = flow.metadata[_OWN]
        return name

    # --- requests ---------------------------------------------------------------------------------

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        """Let those through whom we know, or need not know."""
        if self.identifying is not None:
            await self.identifying.connect(flow)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Plant the refusal."""
        flow.request.stream = False
        if flow.metadata.get(DENIED):
            return
        inspected = self.is_inspected(flow)
        if self.identifying is not None:
            passes = self.identifying.begin(flow)
            if not inspected and not passes:
                # Nothing leaves before we know whether it may: that is settled in `request`.
                flow.metadata[_WAITS] = True
                return
        if not inspected:
            flow.request.stream = True
            self._strip(flow)
            self._suspect_in_clear(flow)
            return
        flow.response = http.Response(
            b"HTTP/1.1", 400, b"Bad Request", http.Headers(), b"", None, time.time(), None
        )

    async def request(self, flow: http.HTTPFlow) -> None:
        """Decide and enforce."""
        uninspected = flow.metadata.get(UNINSPECTED)
        if flow.metadata.get(DENIED) or (uninspected and _WAITS not in flow.metadata):
            return
        self._strip(flow)
        if self.identifying is not None:
            cause = await self.identifying.settle(flow, inspected=not uninspected)
            if cause is not None:
                flow.response = self._refuse_sender(flow, cause, self.identifying)
                return
            if uninspected:
                self._suspect_in_clear(flow)
                return
        exchange = self._exchange(flow)
        own = self._own(flow)
        if own is not None and self._coach is not None:
            # INVARIANT: the answer is set, so that nothing of it goes on.
            flow.response = await self._coach.page(flow, own, exchange.sender)
            return
        decision = await self._decide(exchange)
        # INVARIANT: a host in which something was found has no name on record, here as in incidents.
        named = decision.host == exchange.host
        if named and decision.route.service == UNKNOWN_SERVICE and self._suspects is not None:
            flow.metadata[_SUSPECT] = self._suspects.opened(exchange)
        steering = self._steering(flow, decision)
        if isinstance(steering, Decision):
            decision = steering
        flow.metadata[_SERVICE] = decision.route.service
        await self._expect_answer(flow, exchange, decision)
        match decision.enforcement:
            case Forward():
                flow.response = None
            case Rewrite() as rewrite:
                flow.request.data.path = rewrite.target.encode("latin-1", "surrogateescape")
                flow.request.data.headers = http.Headers(rewrite.headers)
                flow.request.data.content = rewrite.body
                if rewrite.trailers:
                    flow.request.data.trailers = http.Headers(rewrite.trailers)
                flow.response = None
            case Refuse() as refuse:
                flow.response = _response(refuse)
        if flow.response is None:
            if isinstance(steering, Steering):
                steering.apply(flow)
                flow.metadata[_THERE] = steering.there
            if not isinstance(steering, Steering) or steering.there is None:
                self._send_to_upstream(flow)

    def _suspect_in_clear(self, flow: http.HTTPFlow) -> None:
        """A request over plain HTTP goes on uninspected: its host and path may tell what it is to."""
        if self._suspects is None:
            return
        request = flow.request
        sender = flow.metadata.get(SENDER)
        who = (sender.actor or sender.source_ip) if isinstance(sender, Sender) else ""
        length = request.headers.get("content-length", "")
        flow.metadata[_SUSPECT] = self._suspects.in_clear(
            request.pretty_host,
            who or address(flow.client_conn),
            request.data.path.decode("latin-1"),
            int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0,
        )

    def _steering(self, flow: http.HTTPFlow, decision: Decision) -> Steering | Decision:
        """How a request goes on its way; the refusal, where it cannot go as it should."""
        if isinstance(decision.enforcement, Refuse):
            return decision
        try:
            return Steering.of(decision, self._approved_keys)
        except Unsteerable as error:
            self._meter.failed("redirect")
            logger.error("a request cannot be redirected: %s", error)  # noqa: TRY400  # told without a traceback
            return self._remember(self._fault(self._exchange(flow), "redirect"))

    def _refuse_sender(
        self, flow: http.HTTPFlow, cause: Cause, identifying: Identifying
    ) -> http.Response:
        """The answer to a request of somebody who has to say who they are, or did so falsely."""
        ours = flow.metadata.get(UNINSPECTED) or (
            identifying.can_be_asked(flow) and cause != "identity_away"
        )
        if ours:
            self._meter.refused(cause)
            return identifying.response(flow, cause)
        decision = self._remember(self._fault(self._exchange(flow), cause))
        assert isinstance(decision.enforcement, Refuse)
        return _response(decision.enforcement)

    def refuse_early(self, flow: http.HTTPFlow, cause: str) -> http.Response:
        """The answer to a request whose body is not waited for."""
        decision = self._fault(self._exchange(flow), cause)
        self._remember(decision)
        self._meter.failed(cause)
        assert isinstance(decision.enforcement, Refuse)
        return _response(decision.enforcement)

    def failed(self, hook: str, flow: http.HTTPFlow | None) -> http.Response | None:
        """A hook failed: count it, and make the refusal for the flow."""
        self._meter.failed(f"hook_{hook}")
        if flow is None:
            return None
        try:
            decision = self._fault(self._exchange(flow), "exception")
            self._remember(decision)
        except Exception:  # noqa: BLE001  # the guard's guard: a plain refusal is left
            return None
        assert isinstance(decision.enforcement, Refuse)
        return _response(decision.enforcement)

    def _fault(self, exchange: Exchange, cause: str) -> Decision:
        """The refusal of an exchange that cannot be inspected, with what is known of its sender."""
        decision = refusals.fault(self.catalogue, exchange, cause)
        return replace(decision, known=self.teams.known(exchange))

    async def _decide(self, exchange: Exchange) -> Decision:
        """The decision, on record, made with what is remembered of earlier exchanges."""
        if self.tokenising is not None:
            key = await self.tokenising.vault.token_key(exchange.sender)
            exchange = replace(exchange, token_key=key)
        exchange = self._uploads.before(exchange)
        exchange = replace(exchange, history=self._recent.before(exchange))
        if self._coach is None:
            decision = await self._kept(exchange)
        else:
            exchange = self._coach.prepared(exchange)
            decision = await self._kept(exchange)
            decision = await self._coach.settled(exchange, decision, self._kept)
        decision = self._remember(decision)
        self._recent.note(decision)
        self._uploads.note(exchange, decision)
        return decision

    async def _kept(self, exchange: Exchange) -> Decision:
        """The decision, its tokens in the vault; no token stands for two values of an actor."""
        for _ in range(_MINTINGS):
            decision = await self._inspected(exchange)
            rewrite = decision.enforcement
            if not isinstance(rewrite, Rewrite) or not rewrite.tokens or self.tokenising is None:
                return decision
            values = {one.token: one.value for one in rewrite.tokens if one.restorable}
            if not values:
                return decision
            taken = await self.tokenising.vault.keep(
                exchange.sender, values, key_id=rewrite.token_key
            )
            if not taken:
                return decision
            exchange = replace(exchange, taken=exchange.taken | taken)
        self._meter.failed("tokens")
        return self._fault(exchange, "tokens")

    async def _inspected(self, exchange: Exchange) -> Decision:
        started = time.perf_counter()
        try:
            decision = await self._inspect(exchange, exchange.source_ip)
            total = time.perf_counter() - started
            wait = total - decision.timings.get("total", 0.0)
            decision = replace(decision, timings={**decision.timings, "wait": wait, "total": total})
        except InspectionFault as fault:
            self._meter.failed(fault.cause)
            if fault.detail:
                where = fault.detail
                logger.error("inspection failed: %s (%s)", fault.cause, where)  # noqa: TRY400  # told without a traceback
            decision = self._fault(exchange, fault.cause)
        return decision

    def _remember(self, decision: Decision) -> Decision:
        """Put the decision on record, then count it. What cannot be recorded is refused."""
        refuses = isinstance(decision.enforcement, Refuse)
        if not self._put_on_record(decision) and not refuses and self._on_spool_failure == "refuse":
            decision = self._unrecorded(decision)
        self._meter.observe(decision)
        return decision

    def _put_on_record(self, decision: Decision) -> bool:
        """Whether the decision is on record, or need not be."""
        if decision.incident:
            try:
                self._record(decision)
            except Exception as error:  # noqa: BLE001  # any failure to record is the same to us
                self._meter.failed("spool")
                logger.error("incident not recorded: %s", type(error).__name__)  # noqa: TRY400  # no traceback: it may quote content
                return False
        return True

    def _unrecorded(self, decision: Decision) -> Decision:
        stand_in = Exchange(
            id=decision.exchange,
            received_at=decision.at,
            actor=decision.actor,
            source_ip=decision.source_ip,
            method=decision.method,
            scheme="https",
            host=decision.host,
            port=443,
            target="/",
            headers=(),
            body=b"",
        )
        return self._fault(stand_in, "spool_full")

    # --- answers ----------------------------------------------------------------------------------

    async def _expect_answer(
        self, flow: http.HTTPFlow, exchange: Exchange, decision: Decision
    ) -> None:
        """Note what may come up in the answer, and ask for one that can be read as it comes."""
        looks = decision.look is not Look.NONE
        if isinstance(decision.enforcement, Refuse) or (self.tokenising is None and not looks):
            return
        plan = flow.metadata.get(ANSWER)
        if not isinstance(plan, Plan):
            actor = exchange.sender
            plan = Plan(actor, protocols.of(decision.route.protocol, exchange).answers)
            if self.tokenising is not None:
                plan.earlier = await self.tokenising.vault.key_of(actor) is not None
            flow.metadata[ANSWER] = plan
        plan.quoted |= decision.quoted
        if plan.looking is not None:
            plan.looking.goes_on(decision)
        elif looks:
            incident = os.urandom(8).hex()
            plan.looking = Looking.of(exchange, decision, incident=incident, ask=self._look)
        if isinstance(decision.enforcement, Rewrite):
            plan.issued |= {one.token: one for one in decision.enforcement.tokens}
        if plan.may_change and "accept-encoding" in flow.request.headers:
            flow.request.headers["accept-encoding"] = "identity"

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Answers go to the client chunk by chunk; only tokens in them change."""
        assert flow.response is not None
        # HTTP/3 would leave the proxy: an answer that offers it is not passed on (RFC 7838).
        flow.response.headers.pop("alt-svc", None)
        look = flow.metadata.get(_SUSPECT)
        if isinstance(look, Glance):
            certificates = flow.server_conn.certificate_list
            look.answered(
                flow.response.headers.get("content-type", ""),
                [str(each.value) for each in certificates[0].altnames] if certificates else (),
                mcp="mcp-session-id" in flow.response.headers,
            )
        if flow.response.status_code == 101:
            return
        plan = flow.metadata.pop(ANSWER, None)
        if isinstance(plan, Plan):
            try:
                running = start(flow, plan, self.tokenising)
            except Undecodable:
                self._cannot_look(flow, plan)
                return
            if plan.looking is not None:
                flow.metadata[LOOKING] = plan.looking
            if running is not None:
                flow.metadata[ANSWER] = running
                if is_whole(flow.response, running) or flow.request.http_version == "HTTP/1.0":
                    return  # HTTP/1.0 knows no chunks
                head(flow.response, length=None)
        flow.response.stream = self._watch(flow)

    async def answer_waits(self, flow: http.HTTPFlow) -> None:
        """Tokens of an answer have to be looked up before it goes on."""
        running = flow.metadata.get(ANSWER)
        if isinstance(running, Running):
            await running.look_up()
            if running.stopped is not None and flow.websocket is not None:
                self._stop_socket(flow, running.stopped)

    def answer_stopped(self, flow: http.HTTPFlow) -> http.Response | None:
        """An answer was stopped: what the client gets instead, where nothing has begun."""
        running = flow.metadata.get(ANSWER)
        if not isinstance(running, Running) or running.stopped is None:
            return None
        self._end_of_answer(flow, "blocked")
        return _response(running.stopped)

    def _cannot_look(self, flow: http.HTTPFlow, plan: Plan) -> None:
        """An answer that has to be looked at first says an encoding that nobody here knows."""
        looking = plan.looking
        assert looking is not None
        assert flow.response is not None
        looking.stop("undecodable")
        assert looking.stopped is not None
        flow.metadata[LOOKING] = looking
        # Its body is swallowed; what the client gets has a length of its own.
        refused = _response(looking.stopped)
        flow.response.status_code, flow.response.reason = refused.status_code, refused.reason
        flow.response.headers = refused.headers
        said = [refused.raw_content or b""]
        flow.response.stream = lambda _: [said.pop()] if said else []

    def _looked(self, looking: Looking) -> None:
        """Put what was found in an answer on record, and count it."""
        result = looking.result
        if result is None:
            return
        decision = looking.told()
        if looking.failure:
            self._meter.failed(f"answer_{looking.failure}")
            logger.error("an answer could not be looked at: %s", looking.failure)
        self._put_on_record(decision)
        self._meter.answer_looked_at(decision, result)

    async def _look_behind(self, looking: Looking) -> None:
        try:
            await looking.look_behind()
            self._looked(looking)
        except Exception as error:  # noqa: BLE001  # the answer has gone; it is counted
            self._meter.failed("answer_exception")
            logger.error("an answer could not be looked at: %s", place_of(error))  # noqa: TRY400  # told without a traceback

    def answer_failed(self, flow: http.HTTPFlow, error: Exception) -> None:
        """An answer could not be restored: it ends where it is."""
        flow.metadata.pop(ANSWER, None)
        self._meter.failed("answer")
        logger.error("answer not restored: %s", place_of(error))

    def response(self, flow: http.HTTPFlow) -> None:
        """An answer has ended."""
        self._end_of_answer(flow, "complete")

    def error(self, flow: http.HTTPFlow) -> None:
        """A connection broke."""
        self._end_of_answer(flow, "aborted")

    def _watch(self, flow: http.HTTPFlow) -> Callable[[bytes], bytes | list[bytes]]:
        """Pass an answer's chunks on as they come; the streamed ones are counted."""
        assert flow.response is not None
        looking = flow.metadata.get(LOOKING)
        note: Callable[[bytes], None] = _nobody
        if isinstance(looking, Looking) and not looking.is_ahead:
            note = looking.note
        look = flow.metadata.get(_SUSPECT)
        if isinstance(look, Glance):
            note = _both(note, look.note)
        if not flow.response.headers.get("content-type", "").startswith(_STREAMS):

            def plainly(chunk: bytes) -> bytes | list[bytes]:
                note(chunk)
                # INVARIANT: an empty chunk is never sent: over HTTP/1.1 it would end the body.
                return chunk or []

            return plainly
        stream = _Stream(flow.metadata.get(_SERVICE, "unknown"), time.perf_counter())
        flow.metadata[_STREAM] = stream
        self._meter.stream_started(stream.service)

        def passing(chunk: bytes) -> bytes | list[bytes]:
            stream.received += len(chunk)
            note(chunk)
            return chunk or []

        return passing

    def _end_of_answer(self, flow: http.HTTPFlow, result: str) -> None:
        stream = flow.metadata.pop(_STREAM, None)
        if flow.websocket is None or result != "complete":
            running = flow.metadata.pop(ANSWER, None)
            if isinstance(running, Running):
                self._count_tokens(flow, running)
                if stream is not None:
                    stream.received = running.received
            self._end_of_look(flow)
        look = flow.metadata.pop(_SUSPECT, None)
        if isinstance(look, Glance):
            look.end()
        if stream is not None:
            seconds = time.perf_counter() - stream.started
            self._meter.stream_ended(
                stream.service, result, seconds=seconds, received=stream.received
            )

    def _end_of_look(self, flow: http.HTTPFlow) -> None:
        looking = flow.metadata.pop(LOOKING, None)
        if not isinstance(looking, Looking):
            return
        if looking.is_ahead:
            self._looked(looking)
            return
        task = asyncio.get_running_loop().create_task(self._look_behind(looking))
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)

    def _count_tokens(self, flow: http.HTTPFlow, running: Running) -> None:
        if running.stream is None:
            return
        counts = running.stream.counts
        service = flow.metadata.get(_SERVICE, "unknown")
        self._meter.tokens_restored(
            service, restored=counts.restored, withheld=counts.withheld, unknown=counts.unknown
        )

    # --- WebSocket --------------------------------------------------------------------------------

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Decide about one message; a refused one is dropped, answered, and the connection closed."""
        assert flow.websocket is not None
        message = flow.websocket.messages[-1]
        if flow.metadata.get(UNINSPECTED):
            return
        if not message.from_client:
            await self._websocket_answer(flow, message)
            return
        transport = Transport.WEBSOCKET_TEXT if message.is_text else Transport.WEBSOCKET_BINARY
        content = message.content
        # INVARIANT: what is not decided is dropped.
        message.drop()
        cause = await self.identifying.renew(flow) if self.identifying is not None else None
        exchange = self._exchange(flow, transport=transport, body=content)
        if cause is not None:
            decision = self._remember(self._fault(exchange, cause))
        else:
            decision = await self._decide(exchange)
            there = decision.outcome.redirect
            refuses = isinstance(decision.enforcement, Refuse)
            if there is not None and not refuses and there != flow.metadata.get(_THERE):
                # The connection was opened to somewhere else, and cannot be turned.
                decision = self._remember(self._fault(exchange, "redirect"))
        await self._expect_message(flow, exchange, decision)
        match decision.enforcement:
            case Forward():
                message.dropped = False
            case Rewrite() as rewrite:
                message.content = rewrite.body
                message.dropped = False
            case Refuse() as refuse:
                flow.metadata[CLOSE_MESSAGE] = refuse.body.decode("ascii")
                flow.metadata[CLOSE_REASON] = (
                    f"blocked by company policy, incident {decision.incident}"
                )

    async def _expect_message(
        self, flow: http.HTTPFlow, exchange: Exchange, decision: Decision
    ) -> None:
        """Note what may come up in messages of the service from now on."""
        running = flow.metadata.get(ANSWER)
        if isinstance(running, Running):
            if running.looking is not None:
                running.looking.goes_on(decision)
            if isinstance(decision.enforcement, Rewrite):
                tokens = decision.enforcement.tokens
                running.plan.issued |= {one.token: one for one in tokens}
                running.plan.quoted |= decision.quoted
                if running.stream is not None:
                    running.stream.issue(tokens, decision.quoted)
                elif self.tokenising is not None and running.plan.restores:
                    running.restore(self.tokenising, Shape.MESSAGE)
            return
        await self._expect_answer(flow, exchange, decision)

    async def _websocket_answer(
        self, flow: http.HTTPFlow, message: websocket.WebSocketMessage
    ) -> None:
        """Restore a message of the service; one that may go on in the next waits for it."""
        running = flow.metadata.get(ANSWER)
        if isinstance(running, Plan):
            if self.tokenising is not None:
                # The connection may be older than the actor's first token.
                running.earlier = await self.tokenising.vault.key_of(running.actor) is not None
            if running.looking is not None:
                flow.metadata[LOOKING] = running.looking
                running.looking.content_type = MESSAGES
            if running.may_change:
                running = flow.metadata[ANSWER] = Running(running, self.tokenising, Shape.MESSAGE)
        looking = flow.metadata.get(LOOKING)
        if isinstance(looking, Looking) and not looking.is_ahead and message.is_text:
            looking.note(message.content + b"\x1e")
        if not isinstance(running, Running) or not message.is_text:
            return
        message.drop()
        running.feed(message.content)
        while running.waits:
            await running.look_up()
        flow.metadata[SEND] = [frame.decode("utf-8", "replace") for frame in running.take_frames()]
        if running.stopped is not None:
            self._stop_socket(flow, running.stopped)

    def _stop_socket(self, flow: http.HTTPFlow, stopped: Refuse) -> None:
        flow.metadata[CLOSE_MESSAGE] = stopped.body.decode("ascii")
        flow.metadata[CLOSE_REASON] = "blocked by company policy"

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        """A WebSocket connection has ended."""
        running = flow.metadata.pop(ANSWER, None)
        if isinstance(running, Running):
            self._count_tokens(flow, running)
        self._end_of_look(flow)

    # --- reading a flow ---------------------------------------------------------------------------

    def _names(self, flow: http.HTTPFlow) -> tuple[str, ...]:
        """Every name that the request's destination goes by."""
        request = flow.request
        names = [request.data.host]
        for spelled in (request.host_header, request.authority):
            if spelled:
                try:
                    host, _ = mitm_url.parse_authority(spelled, check=False)
                except ValueError:
                    host = spelled
                names.append(host)
        if flow.client_conn.sni:
            names.append(flow.client_conn.sni)
        return tuple(dict.fromkeys(names))

    def _inspected_host(self, flow: http.HTTPFlow) -> str | None:
        """The name by which this request is inspected; None when no name is in the catalogue.

        What came over TLS that we have opened, or through a reverse proxy, is always inspected.
        """
        names = self._names(flow)
        for name in names:
            if self.catalogue.inspects(name):
                return name
        if flow.client_conn.tls_established or flow.client_conn.proxy_mode.type_name == "reverse":
            return names[0]
        return None

    def _exchange(
        self,
        flow: http.HTTPFlow,
        *,
        transport: Transport = Transport.HTTP,
        body: bytes | None = None,
    ) -> Exchange:
        request = flow.request
        fields: Headers = request.headers.fields
        # After an upstream mapping the flow's host is ours; the one it was sent to is remembered.
        host = flow.metadata.get(_EXCHANGE) or request.data.host
        peer = flow.client_conn.peername
        sender = flow.metadata.get(SENDER)
        known = sender if isinstance(sender, Sender) else Sender("")
        return Exchange(
            id=os.urandom(8).hex(),
            received_at=time.time(),
            actor=known.actor,
            groups=known.groups,
            device=known.device,
            source_ip=sender.source_ip if sender is not None else peer[0] if peer else "",
            method=request.method,
            scheme=request.scheme,
            host=host,
            port=request.port,
            target=request.data.path.decode("latin-1"),
            headers=fields,
            body=request.raw_content or b"" if body is None else body,
            trailers=request.trailers.fields if request.trailers else (),
            transport=transport,
        )

    def _strip(self, flow: http.HTTPFlow) -> None:
        """Take away what is between the client and us."""
        headers = flow.request.headers
        for name in self._own_headers:
            headers.pop(name, None)
            if flow.request.trailers:
                flow.request.trailers.pop(name, None)
        if "sec-websocket-key" in headers:
            # Compressed messages could expand without bound; both peers do without (RFC 7692 §5).
            headers.pop("sec-websocket-extensions", None)

    def _send_to_upstream(self, flow: http.HTTPFlow) -> None:
        upstream = self._upstreams.get(flow.metadata[_EXCHANGE].lower().rstrip("."))
        if upstream is None:
            return
        upstream.turn(flow)


def _nobody(_: bytes) -> None:
    """Nobody looks."""


def _both(one: Callable[[bytes], None], other: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def note(chunk: bytes) -> None:
        one(chunk)
        other(chunk)

    return note


def _response(refuse: Refuse) -> http.Response:
    return http.Response(
        b"HTTP/1.1",
        refuse.status,
        status_codes.RESPONSES.get(refuse.status, "").encode(),
        http.Headers(
            (
                *(field for field in refuse.headers if field[0].lower() != b"content-length"),
                (b"content-length", b"%d" % len(refuse.body)),
            )
        ),
        refuse.body,
        None,
        time.time(),
        time.time(),
    )
