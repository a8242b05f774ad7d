"""Where does a request go in the end, and what is said of the company on the way?

Law: what a client said under the name of a header that policy sets is deleted first, wherever it
stands; and what it showed a service as its key does not go to an endpoint that it did not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from mitmproxy import http

from gateway.model import Approved, Decision
from gateway.protocols import fields
from gateway.secret import NoSecret, Secret


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where the traffic for a host goes instead."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, base: str) -> Upstream:
        """From a base URL. `ValueError` says what is wrong with it."""
        parts: SplitResult = urlsplit(base)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"`{base}` is not a base URL such as `https://ai.example.com/v1`")
        if parts.query or parts.fragment or parts.username:
            raise ValueError(f"`{base}`: only scheme, host, port and path may be given")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    def turn(self, flow: http.HTTPFlow) -> None:
        """Send `flow` there."""
        request = flow.request
        request.scheme = self.scheme
        request.host = self.host  # also changes the Host header and :authority
        request.port = self.port
        if self.path:
            request.data.path = self.path.encode() + request.data.path


class Unsteerable(Exception):
    """A request cannot go where it should; the text says why, and quotes no secret."""


@dataclass(frozen=True, slots=True)
class ApprovedKey:
    """The header in which an endpoint takes a key, what stands before the key there, and the key."""

    header: str
    prefix: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Steering:
    """What is done to a request before it leaves. `key` is a header with its value."""

    headers: tuple[tuple[str, str], ...]
    there: Approved | None = None
    upstream: Upstream | None = None
    key: tuple[str, str] | None = None

    @classmethod
    def of(cls, decision: Decision, keys: Mapping[str, ApprovedKey]) -> Steering:
        """What `decision` asks for. Raises `Unsteerable`."""
        there = decision.outcome.redirect
        if there is None:
            return cls(decision.headers)
        given = keys.get(there.name)
        key = None
        if given is not None:
            try:
                key = given.header, given.prefix + given.secret.value()
            except NoSecret:
                raise Unsteerable(f"there is no key for `{there.name}`") from None
        return cls(decision.headers, there, Upstream.parse(there.url), key)

    def apply(self, flow: http.HTTPFlow) -> None:
        """Do it."""
        if self.upstream is not None:
            _take_keys_away(flow)
            if self.key is not None:
                _set(flow, *self.key)
        for name, value in self.headers:
            _set(flow, name, value)
        if self.upstream is not None:
            self.upstream.turn(flow)


_KEPT: Final = frozenset({"sec-websocket-protocol", "proxy-authorization"})


def _take_keys_away(flow: http.HTTPFlow) -> None:
    """Take away what the client showed the service that it named."""
    request = flow.request
    for name in fields.CREDENTIAL_HEADERS - _KEPT:
        _drop(flow, name)
    offered = request.headers.get("sec-websocket-protocol")
    if offered is not None:
        kept = [
            word for word in offered.split(",") if not word.strip().startswith(_KEY_IN_SUBPROTOCOL)
        ]
        _drop(flow, "sec-websocket-protocol")
        if kept:
            request.headers["sec-websocket-protocol"] = ",".join(kept).strip()
    path, mark, query = request.data.path.partition(b"?")
    if mark:
        left = [
            piece
            for piece in query.split(b"&")
            if piece.partition(b"=")[0].decode("latin-1").lower() not in fields.CREDENTIAL_QUERY
        ]
        request.data.path = path + (b"?" + b"&".join(left) if left else b"")


_KEY_IN_SUBPROTOCOL: Final = "openai-insecure-api-key."


def _drop(flow: http.HTTPFlow, name: str) -> None:
    flow.request.headers.pop(name, None)
    if flow.request.trailers:
        flow.request.trailers.pop(name, None)


def _set(flow: http.HTTPFlow, name: str, value: str) -> None:
    _drop(flow, name)
    # RFC 9113 §8.2.1: names are in lower case over HTTP/2.
    flow.request.headers[name.lower() if flow.request.is_http2 else name] = value
