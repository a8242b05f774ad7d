"""Who sends a flow? Evidence is taken off connections and requests; those who must say a name are asked.

Law: what is meant for the gateway alone (credentials, what upstream proxies tell) is taken away from
every request, whoever sent it. On a tunnel it counts only in the CONNECT that opened it: what comes
inside was written by the client, whoever the peer is.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from weakref import WeakKeyDictionary

from mitmproxy import connection, http
from mitmproxy.net.http import status_codes

from gateway.identity.identify import Answer, Evidence, Identities, Sender, Unproven
from gateway.policy.rollout import address_of

SENDER: Final = "leakgate.sender"
"""Metadata key of the `Answer` to who sends a flow."""

_EVIDENCE: Final = "leakgate.evidence"

OWN_HEADERS: Final = (
    b"proxy-authorization",
    b"proxy-connection",
    b"x-authenticated-user",
    b"x-client-ip",
)
"""Meant for us (RFC 9110 §11.7.1), or said by proxies of the company: they do not go on."""

type Cause = Literal["identity", "identity_wrong", "identity_away"]
"""Why somebody is refused: has to say a name, said a false one, or cannot be checked now."""

_TOLD: Final[Mapping[Cause, str]] = {
    "identity": "This proxy serves people it knows. Set your name and password for the proxy, or"
    " sign in to the company's network, and send again.",
    "identity_wrong": "Name and password for the proxy do not belong together. Correct them in the"
    " proxy settings of this program and send again.",
    "identity_away": "The proxy cannot check now who you are, so nothing was sent. Try again in a"
    " minute; if it stays so, tell your IT department.",
}


@dataclass(frozen=True, slots=True)
class _Tunnel:
    """Who opened a tunnel, and by which evidence but the password."""

    sender: Sender
    evidence: Evidence


class Identifying:
    """Asks `identities` about flows. `inspects` tells whether a host is inspected.

    `asks` tells whether rules want a name of whoever connects to a host from an address; a reload of
    policies may change it.
    """

    def __init__(
        self,
        identities: Identities,
        *,
        inspects: Callable[[str], bool],
        asks: Callable[[str, str], bool],
    ) -> None:
        self.identities = identities
        self.asks = asks
        self._inspects = inspects
        self._settings = settings = identities.settings
        self._tunnels: WeakKeyDictionary[connection.Client, _Tunnel] = WeakKeyDictionary()
        self.certificates: WeakKeyDictionary[connection.Client, str] = WeakKeyDictionary()
        trusted = settings.trusted_proxies
        self._user_header = trusted.user_header if trusted else "x-authenticated-user"
        self._address_header = trusted.address_header if trusted else "x-client-ip"
        self.own_headers = tuple(
            dict.fromkeys(
                (
                    *OWN_HEADERS,
                    self._user_header.lower().encode(),
                    self._address_header.lower().encode(),
                )
            )
        )

    @property
    def has_passwords(self) -> bool:
        """Whether a 407 could be answered at all."""
        return self.identities.has_passwords

    # --- connections ------------------------------------------------------------------------------

    def admits(self, client: connection.Client) -> bool:
        """Whether a connection may pass unopened. Those that were opened by CONNECT have been asked."""
        if self._settings.require != "all" or _speaks_to_proxy(client):
            return True
        peer = client.peername
        answer = self.identities.known(Evidence(peer[0] if peer else ""))
        # None: somebody has the address, and only their groups are not known yet.
        return answer is None or self._cause(answer, "", wanted=True) is None

    async def connect(self, flow: http.HTTPFlow) -> None:
        """A client asks for a tunnel: it gets one when it has shown all that is wanted."""
        evidence = self._evidence(flow)
        answer = await self.identities.ask(evidence)
        host = flow.request.host
        wanted = self._inspects(host) or self._settings.require == "all"
        cause = self._cause(answer, host if self.has_passwords else "", wanted=wanted)
        if cause is not None or isinstance(answer, Unproven):
            flow.response = self.response(flow, cause or "identity")
            return
        self._tunnels[flow.client_conn] = _Tunnel(answer, replace(evidence, credentials=()))

    def sender_of(self, client: connection.Client) -> str:
        """Who opened a connection, or from where, without asking anybody."""
        tunnel = self._tunnels.get(client)
        if tunnel is not None:
            return tunnel.sender.actor or tunnel.sender.source_ip
        peer = client.peername[0] if client.peername else ""
        answer = self.identities.known(Evidence(peer))
        if isinstance(answer, Sender):
            return answer.actor or answer.source_ip
        return peer

    # --- requests ---------------------------------------------------------------------------------

    def begin(self, flow: http.HTTPFlow) -> bool:
        """Take the evidence off a request; whether it is known already that all may pass.

        All: also what is not inspected, and goes on as it comes.
        """
        tunnel = self._tunnels.get(flow.client_conn)
        if tunnel is None:
            evidence = self._evidence(flow)
            answer = self.identities.known(evidence)
        else:
            evidence = tunnel.evidence
            answer = self.identities.still(tunnel.sender, evidence)
        flow.metadata[_EVIDENCE] = evidence
        if answer is None:
            return False
        flow.metadata[SENDER] = answer
        wanted = self._settings.require == "all"
        return self._cause(answer, "", wanted=wanted) is None

    async def settle(self, flow: http.HTTPFlow, *, inspected: bool) -> Cause | None:
        """Find out who sends a request; why it has to be refused, if so."""
        evidence: Evidence = flow.metadata[_EVIDENCE]
        answer: Answer | None = flow.metadata.get(SENDER)
        tunnel = self._tunnels.get(flow.client_conn)
        if answer is None and tunnel is not None:
            answer = await self.identities.ask_again(tunnel.sender, evidence)
        elif tunnel is None:
            answer = await self.identities.ask(evidence)
        assert answer is not None
        flow.metadata[SENDER] = answer
        # The password is not needed any more.
        flow.metadata[_EVIDENCE] = replace(evidence, credentials=())
        wanted = inspected or self._settings.require == "all"
        host = flow.request.host if self.can_be_asked(flow) else ""
        return self._cause(answer, host, wanted=wanted)

    async def renew(self, flow: http.HTTPFlow) -> Cause | None:
        """Who sends a message on a WebSocket that may be open for long."""
        answer: Answer = flow.metadata[SENDER]
        if isinstance(answer, Sender):
            evidence = flow.metadata[_EVIDENCE]
            now = self.identities.still(answer, evidence)
            if now is None:
                now = await self.identities.ask_again(answer, evidence)
            flow.metadata[SENDER] = answer = now
        return self._cause(answer, "", wanted=True)

    def _cause(self, answer: Answer, host: str, *, wanted: bool) -> Cause | None:
        match answer:
            case Unproven(why="wrong"):
                return "identity_wrong"
            case Unproven():
                return "identity_away"
            case Sender(actor="", source_ip=source):
                if self._settings.require == "none":
                    wanted = False
                if wanted and not self._is_exempt(source):
                    return "identity"
                # Where nobody can be asked, the rules themselves have the word, with an answer that
                # programs show: then there is no host here.
                return "identity" if host and self.asks(host, source) else None
            case Sender():
                return None

    def _is_exempt(self, source: str) -> bool:
        address = address_of(source)
        return address is not None and any(
            address.version == net.version and address in net for net in self._settings.exempt
        )

    # --- refusals ---------------------------------------------------------------------------------

    def can_be_asked(self, flow: http.HTTPFlow) -> bool:
        """Whether this client takes a 407: it knows that it talks to a proxy, and with nobody else."""
        return self.has_passwords and _is_explicit(flow) and flow.client_conn not in self._tunnels

    def response(self, flow: http.HTTPFlow, cause: Cause) -> http.Response:
        """The answer of the proxy itself: 407 where a password can help, else 403 or 503."""
        headers = [(b"cache-control", b"no-store")]
        if cause == "identity_away":
            status = 503
            headers.append((b"retry-after", b"10"))
        elif self.can_be_asked(flow):
            status = 407
            assert self._settings.passwords is not None
            # RFC 7617 §2.1: names and passwords are UTF-8.
            challenge = f'Basic realm="{self._settings.passwords.realm}", charset="UTF-8"'
            headers.append((b"proxy-authenticate", challenge.encode("ascii")))
        else:
            status = 403
        text = _TOLD[cause]
        if "text/html" in flow.request.headers.get("accept", ""):
            kind = b"text/html; charset=utf-8"
            body = f"<!doctype html><title>Proxy</title><p>{html.escape(text)}</p>".encode()
        else:
            kind = b"application/json"
            body = json.dumps({"error": {"type": cause, "message": text}}).encode("ascii")
        headers += [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        reason = status_codes.RESPONSES[status].encode()
        now = time.time()
        fields = http.Headers(headers)
        return http.Response(b"HTTP/1.1", status, reason, fields, body, None, now, now)

    # --- evidence ---------------------------------------------------------------------------------

    def _evidence(self, flow: http.HTTPFlow) -> Evidence:
        headers = flow.request.headers
        peer = flow.client_conn.peername
        return Evidence(
            peer=peer[0] if peer else "",
            # Only a proxy that the client knows of is shown a password that is meant for it.
            credentials=tuple(headers.get_all("proxy-authorization")) if _is_explicit(flow) else (),
            told_users=tuple(headers.get_all(self._user_header)),
            told_addresses=tuple(headers.get_all(self._address_header)),
            certificate=self.certificates.get(flow.client_conn, ""),
        )


def _is_explicit(flow: http.HTTPFlow) -> bool:
    return _speaks_to_proxy(flow.client_conn)


def _speaks_to_proxy(client: connection.Client) -> bool:
    """Whether the client knows that it speaks to a proxy over HTTP, and can be asked."""
    return client.proxy_mode.type_name in {"regular", "upstream"}
