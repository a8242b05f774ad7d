"""Which connections are opened, and which pass untouched?

Law: a connection is opened when *any* name that it goes by (the CONNECT host, the SNI, the address)
is one that we inspect; it passes only when none is, so a false SNI opens a connection and never
hides it. What passes is counted, with the reason.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mitmproxy.addons import next_layer
from mitmproxy.connection import Client
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import context, mode_specs
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.tls import ClientTLSLayer, parse_client_hello

from gateway.proxy.layers import Closed, Tunnel


class Hosts(Protocol):
    """Which hosts are inspected; the catalogue, in production."""

    def inspects(self, host: str) -> bool:
        """Is this host's traffic opened?"""
        ...


class Ledger(Protocol):
    """Who counts what passes."""

    def passed(self, host: str, why: str, sender: str) -> Callable[[int, int], None]:
        """A connection of `sender` to `host` passes for `why`; the result takes bytes sent and received."""
        ...

    def refused_connection(self, why: str) -> None:
        """A connection was refused before anything was read from it."""
        ...


@dataclass(frozen=True, slots=True)
class HostList:
    """Host names and `*.suffix` patterns, as policy and settings write them."""

    exact: frozenset[str]
    suffixes: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> HostList:
        """Build from names; `*.example.com` covers subdomains, not `example.com` itself."""
        cleaned = [name.lower().rstrip(".") for name in names]
        return cls(
            frozenset(name for name in cleaned if not name.startswith("*.")),
            tuple(name[1:] for name in cleaned if name.startswith("*.")),
        )

    def __contains__(self, host: object) -> bool:
        """Is `host` in the list?"""
        name = str(host).lower().rstrip(".")
        return name in self.exact or name.endswith(self.suffixes)


class Routing(next_layer.NextLayer):
    """Decides the protocol layers of a connection; replaces mitmproxy's `NextLayer`."""

    name = "nextlayer"

    def __init__(
        self,
        hosts: Hosts,
        pass_through: HostList,
        ledger: Ledger,
        *,
        admits: Callable[[Client], bool] | None = None,
        own: HostList | None = None,
        sender_of: Callable[[Client], str] | None = None,
    ) -> None:
        """`admits` says whether a client's connections may pass unopened; all may without it.

        `own` are names of ours: what goes there is opened, and answered here. `sender_of` says who it
        is, as far as that is known; else it is the address.
        """
        super().__init__()
        self._admits = admits
        self._own = own or HostList.of(())
        self._sender_of = sender_of or address
        self.hosts = hosts
        self.pass_through = pass_through
        self._ledger = ledger

    def _next_layer(self, ctx: context.Context, data_client: bytes, data_server: bytes) -> Any:
        if ctx.client.transport_protocol == "udp":
            return self._udp(ctx, data_client, data_server)
        if self._destination_is_known(ctx) and not self._is_opened(ctx):
            names = self._names(ctx, data_client)
            passed = self._why_passed(names, data_client)
            if passed is not None and self._admits and not self._admits(ctx.client):
                self._ledger.refused_connection("identity")
                return Closed(ctx)
            if passed is not None:
                # By address (transparent mode), the name is what the client says it is.
                told = names[0] if not _is_address(names[0]) else names[-1]
                return Tunnel(ctx, self._ledger.passed(told, passed, self._sender_of(ctx.client)))
        return super()._next_layer(ctx, data_client, data_server)

    def _udp(self, ctx: context.Context, data_client: bytes, data_server: bytes) -> Any:
        """UDP exists in WireGuard mode only: DNS works, QUIC is refused so that clients use TCP."""
        address = ctx.server.address
        if address is not None and address[1] == 53:
            return super()._next_layer(ctx, data_client, data_server)
        self._ledger.refused_connection("udp")
        return Closed(ctx)

    @staticmethod
    def _destination_is_known(ctx: context.Context) -> bool:
        """False while an explicit proxy has not read its CONNECT or request line yet.

        In reverse mode the operator has named the destination: it is always inspected.
        """
        if isinstance(ctx.client.proxy_mode, mode_specs.ReverseMode):
            return False
        if next_layer.stack_match(ctx, (modes.HttpProxy,)) or next_layer.stack_match(
            ctx, (modes.HttpUpstreamProxy,)
        ):
            return False
        return ctx.server.address is not None

    @staticmethod
    def _is_opened(ctx: context.Context) -> bool:
        """True right above TLS that we have opened: the decision was made below."""
        return isinstance(ctx.layers[-1], ClientTLSLayer)

    def _names(self, ctx: context.Context, data_client: bytes) -> list[str]:
        """Every name that the connection goes by, the destination first."""
        assert ctx.server.address is not None
        names = (ctx.server.address[0], self._connect_host(ctx), self._sni(data_client))
        return [name for name in names if name]

    @staticmethod
    def _connect_host(ctx: context.Context) -> str | None:
        for each in ctx.layers:
            if isinstance(each, http_layers.HttpStream) and hasattr(each, "flow"):
                return each.flow.request.host
        return None

    @staticmethod
    def _sni(data_client: bytes) -> str | None:
        if not starts_like_tls_record(data_client):
            return None
        try:
            hello = parse_client_hello(data_client)
        except ValueError:
            return None
        if hello is None:
            raise next_layer.NeedsMoreData
        return hello.sni

    def _why_passed(self, names: list[str], data_client: bytes) -> str | None:
        """The reason why a connection passes untouched, or None when it is opened."""
        if any(name in self._own for name in names):
            return None
        if any(name in self.pass_through for name in names):
            # Pinned apps: every name must be on the list, or a false one would hide the other.
            inspected = [name for name in names if self.hosts.inspects(name)]
            if all(name in self.pass_through for name in inspected):
                return "pass_through"
        if any(self.hosts.inspects(name) for name in names):
            return None
        if starts_like_tls_record(data_client):
            return "not_catalogued" if len(names) > 1 and not _is_address(names[-1]) else "no_name"
        if _looks_like_http(data_client):
            return None  # plain HTTP names its host in every request: the gate decides
        if len(data_client) < _ENOUGH:
            raise next_layer.NeedsMoreData
        return "not_tls"


def address(client: Client) -> str:
    """Where a client connects from."""
    return client.peername[0] if client.peername else ""


_ENOUGH = 3
"""Bytes that tell TLS and HTTP from other protocols."""


def _looks_like_http(data: bytes) -> bool:
    """Could these bytes start an HTTP request? Doubt says yes: it is then parsed, not passed."""
    head = data[:16].split(b" ", 1)[0]
    return head.isalpha() and head.isupper()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
