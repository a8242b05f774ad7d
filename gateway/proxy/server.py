"""How is the proxy put together, started and stopped?

Law: only the addons that a gateway needs are loaded, with options that leave no way round the
gate; the proxy listens only after a self-test has shown that the guard refuses.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from mitmproxy import certs, connection, hooks, http, options, tls
from mitmproxy.addons import (
    core,
    disable_h2c,
    dns_resolver,
    proxyserver,
    strip_dns_https_records,
    tlsconfig,
    upstream_auth,
)
from mitmproxy.proxy import context, mode_servers, mode_specs, server_hooks
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.tls import ClientTLSLayer

from gateway.proxy import layers
from gateway.proxy.authority import Authority
from gateway.proxy.clientcerts import ClientCertificates
from gateway.proxy.connections import ConnectionHandler
from gateway.proxy.gate import Gate
from gateway.proxy.identifying import Identifying
from gateway.proxy.layers import UNINSPECTED
from gateway.proxy.manager import Master
from gateway.proxy.routing import HostList, Routing

logger = logging.getLogger("leakgate.proxy")

_CERTIFICATES = 10_000
"""Leaf certificates kept in memory; mitmproxy's 100 makes every further host cost 2 ms."""


class StartError(Exception):
    """The proxy cannot start; the text says why."""


class _Certificates(tlsconfig.TlsConfig):
    """mitmproxy's TLS settings with the gateway's own authority."""

    name = "tlsconfig"

    def __init__(self, authority: Authority, identifying: Identifying | None) -> None:
        self._identifying = identifying
        self._clients: ClientCertificates | None = None
        if identifying is not None and (wanted := identifying.identities.settings.certificates):
            self._clients = ClientCertificates(wanted, lambda: identifying.identities.revoked)
        certs.CertStore.STORE_CAP = _CERTIFICATES
        dhparam = authority.folder / "dhparam.pem"
        self.certstore = certs.CertStore.from_files(authority.key_path, dhparam)

    def tls_start_client(self, tls_start: tls.TlsData) -> None:
        """Ask for a client's certificate where it speaks TLS to the proxy itself, and nowhere else."""
        super().tls_start_client(tls_start)
        if tls_start.ssl_conn is None or not _is_to_proxy(tls_start.context):
            return
        if self._clients is not None:
            tls_start.ssl_conn = self._clients.connection(self.get_cert(tls_start.context))
            return
        # INVARIANT: one connection is one tunnel, so it belongs to one person. Over HTTP/2 it could
        # be several; mitmproxy means to leave HTTP/2 out here, but looks for it too early.
        alpn = tlsconfig.AppData(client_alpn=b"http/1.1", server_alpn=None, http2=False)
        tls_start.ssl_conn.set_app_data(alpn)

    def tls_established_client(self, data: tls.TlsData) -> None:
        """Note whom the certificate names; OpenSSL has verified it."""
        if self._identifying is None or self._clients is None or data.ssl_conn is None:
            return
        if _is_to_proxy(data.context) and isinstance(data.conn, connection.Client):
            self._identifying.certificates[data.conn] = self._clients.name(data.ssl_conn)

    def configure(self, updated: set[str]) -> None:
        """The authority does not come from an option; the rest is checked as usual."""
        super().configure(set(updated) - {"certs", "confdir", "key_size", "cert_passphrase"})

    def running(self) -> None:
        """Nothing to load late."""

    def request(self, flow: http.HTTPFlow) -> None:
        """Answers for mitmproxy's revocation list are not served: nothing bypasses the gate."""


def _is_to_proxy(ctx: context.Context) -> bool:
    """Is this TLS between the client and the proxy itself, outside of any tunnel?"""
    tls_layers = [each for each in ctx.layers if isinstance(each, ClientTLSLayer)]
    return (
        isinstance(ctx.layers[0], modes.HttpProxy | modes.HttpUpstreamProxy)
        and len(tls_layers) == 1
        and ctx.layers[1] is tls_layers[0]
    )


def trust_bundle(trusted_ca: Path, folder: Path) -> Path:
    """A PEM file with the usual authorities and those of `trusted_ca`; mitmproxy takes one file.

    Raises OSError when `trusted_ca` cannot be read, `StartError` when it holds no certificate.
    """
    own = trusted_ca.read_bytes()
    try:
        x509.load_pem_x509_certificates(own)
    except ValueError:
        raise StartError(f"`{trusted_ca}` holds no PEM certificate") from None
    bundle = folder / "trusted.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + own)
    return bundle


class _Destinations:
    """Keeps the proxy from being used to reach what it should not."""

    def __init__(self, own: Sequence[tuple[str, int]], denied: HostList) -> None:
        self._own = frozenset(own)
        self._denied = denied

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Refuse connections to our own admin address and to denied destinations."""
        address = data.server.address
        if address is None:
            return
        if tuple(address[:2]) in self._own or address[0] in self._denied:
            data.server.error = "this destination is not reachable through the gateway"


class ProxyServer:
    """The running proxy.

    `modes` are mitmproxy mode specifications; `listen` applies to modes that name no address.
    `trusted_ca` is a PEM file of authorities to trust for upstream services besides the default.
    Connections to `own_addresses` and `denied` hosts are refused.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        routing: Routing,
        authority: Authority,
        modes: Sequence[str],
        listen: tuple[str, int],
        trusted_ca: Path | None,
        max_body: int,
        own_addresses: Sequence[tuple[str, int]] = (),
        denied: HostList | None = None,
        upstream_auth: str = "",
        identifying: Identifying | None = None,
    ) -> None:
        self._identifying = identifying
        self.gate = gate
        self.routing = routing
        self._authority = authority
        self._modes = list(modes)
        self._listen = listen
        self._trusted_ca = trusted_ca
        self._max_body = max_body
        self._own = own_addresses
        self._denied = denied or HostList.of(())
        self._upstream_auth = upstream_auth
        self._servers: proxyserver.Proxyserver | None = None
        self._master: Master | None = None

    async def start(self) -> None:
        """Listen. `StartError` when an address is taken or the self-test fails."""
        layers.install(
            layers.Bounds(
                self._max_body,
                self.gate.is_bounded,
                self.gate.refuse_early,
                self.gate.answer_failed,
                self.gate.answer_stopped,
            )
        )
        mode_servers.ProxyConnectionHandler = ConnectionHandler  # type: ignore[misc]
        opts = options.Options()
        master = self._master = Master(opts)
        master.addons.refusing = self.gate
        self._servers = proxyserver.Proxyserver()
        try:
            certificates = _Certificates(self._authority, self._identifying)
        except ValueError:
            raise StartError(
                "setting `identity.certificates.ca`: holds no PEM certificate"
            ) from None
        master.addons.add(
            core.Core(),
            self._servers,
            dns_resolver.DnsResolver(),
            strip_dns_https_records.StripDnsHttpsRecords(),
            self.routing,
            certificates,
            disable_h2c.DisableH2C(),
            upstream_auth.UpstreamAuth(),
            _Destinations(self._own, self._denied),
            self.gate,
        )
        own = self._trusted_ca
        trusted = trust_bundle(own, self._authority.folder) if own else None
        opts.update(
            mode=self._modes,
            listen_host=self._listen[0],
            listen_port=self._listen[1],
            # Connect only after a decision; the catalogue may send traffic elsewhere.
            connection_strategy="lazy",
            upstream_auth=self._upstream_auth or None,
            upstream_cert=False,
            rawtcp=False,
            http3=False,
            validate_inbound_headers=True,
            ssl_insecure=False,
            store_streamed_bodies=False,
            **({"ssl_verify_upstream_trusted_ca": str(trusted)} if trusted else {}),
        )
        await self._self_test()
        loop = asyncio.get_running_loop()
        loop.set_task_factory(_eager)
        ok = await self._servers.setup_servers()
        if not ok:
            raise StartError(
                "cannot listen: "
                + "; ".join(
                    str(server.last_exception)
                    for server in self._servers.servers
                    if server.last_exception
                )
            )
        await master.addons.trigger_event(hooks.RunningHook())
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)

    async def stop(self) -> None:
        """Stop listening, then end the open connections."""
        if self._servers is None or self._master is None:
            return
        await self._servers.servers.update([])
        for handler in list(self._servers.connections.values()):
            with contextlib.suppress(Exception):
                await handler.on_timeout()
        await self._master.addons.trigger_event(hooks.DoneHook())

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where the proxy listens."""
        if self._servers is None:
            return ()
        return tuple((address[0], address[1]) for address in self._servers.listen_addrs())

    @property
    def open_connections(self) -> int:
        """Client connections now."""
        return len(self._servers.connections) if self._servers else 0

    async def _self_test(self) -> None:
        """A hook that fails must end in a refusal, or the proxy does not start.

        mitmproxy by itself forwards a flow whose hook has failed. This catches a change of its
        dispatch that unit tests of ours would not see.
        """
        assert self._master is not None

        def fails(_: http.HTTPFlow) -> None:
            raise RuntimeError("self-test")

        flow = _probe()
        handlers = self._master.addons.handlers("requestheaders")
        if self.gate.requestheaders not in handlers:
            raise StartError("self-test: the gate is not asked about requests")
        self.gate.requestheaders(flow)
        if flow.response is None and not flow.metadata.get(UNINSPECTED):
            raise StartError("self-test: the gate plants no refusal")
        flow.response = None
        # Not told to the gate: a test is no failure to count, and no incident.
        self._master.addons.refusing = None
        logger.disabled = True
        try:
            self._master.addons.guard_probe("request", flow, fails)
        finally:
            logger.disabled = False
            self._master.addons.refusing = self.gate
        if _status(flow) < 400:
            raise StartError("self-test: a failing hook did not end in a refusal")


def _status(flow: http.HTTPFlow) -> int:
    return flow.response.status_code if flow.response else 0


def _probe() -> http.HTTPFlow:
    client = connection.Client(
        peername=("127.0.0.1", 1),
        sockname=("127.0.0.1", 2),
        proxy_mode=mode_specs.ProxyMode.parse("regular"),
        timestamp_start=0,
    )
    flow = http.HTTPFlow(client, connection.Server(address=("self-test.invalid", 80)), live=False)
    flow.request = http.Request.make("POST", "http://self-test.invalid/", b"self-test")
    return flow


def _eager(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
    """Tasks run at once, as mitmproxy expects; uvloop passes `eager_start`, which this factory is."""
    kwargs.pop("eager_start", None)
    return asyncio.eager_task_factory(loop, coro, **kwargs)


def check_modes(modes: Sequence[str]) -> list[str]:
    """What is wrong with mitmproxy mode specifications, as messages; empty when nothing is."""
    problems = []
    for mode in modes:
        try:
            mode_specs.ProxyMode.parse(mode)
        except ValueError as error:
            problems.append(f"`{mode}` is not a proxy mode: {error}")
    return problems
