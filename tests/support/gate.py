"""A proxy with the real layers and gate, and an inspector that a test chooses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.identity.document import Identity
from gateway.identity.identify import Identities
from gateway.metrics import Metrics
from gateway.model import (
    Decision,
    Exchange,
    Forward,
    Looked,
    Outcome,
    Refuse,
    Reply,
    Scan,
    Severity,
    Verdict,
)
from gateway.proxy import authority
from gateway.proxy.gate import Gate
from gateway.proxy.identifying import Identifying
from gateway.proxy.ledger import PassedLedger
from gateway.proxy.routing import HostList, Routing
from gateway.proxy.server import ProxyServer
from gateway.proxy.steering import Upstream as Target
from gateway.services import Catalogue, route_of

type Inspect = Callable[[Exchange, str], Awaitable[Decision]]

AI_HOST = "api.openai.com"


def decision(exchange: Exchange, catalogue: Catalogue, enforcement: object = None) -> Decision:
    return Decision(
        exchange=exchange.id,
        at=exchange.received_at,
        actor="",
        source_ip=exchange.source_ip,
        method=exchange.method,
        host=exchange.host,
        route=route_of(catalogue, exchange),
        scan=Scan(),
        outcome=Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO),
        enforcement=enforcement or Forward(),
        policy_revision="p",
        detector_revision="d",
    )


class Boom(Exception):
    """Raised by tests inside hooks."""


def refusing(proxy):
    async def inspect(exchange, _):
        return decision(
            exchange,
            proxy.catalogue,
            Refuse("policy", 400, ((b"content-type", b"application/json"),), b'{"error":{}}'),
        )

    return inspect


class GateThread:
    """The proxy in a thread, on a free port; `inspect` and `record` can be swapped at any time."""

    def __init__(
        self,
        folder: Path,
        *,
        upstreams: dict[str, str] | None = None,
        trusted_ca: Path | None = None,
        modes: tuple[str, ...] = ("regular",),
        max_body: int = 1 << 20,
        pass_through: tuple[str, ...] = (),
        denied: tuple[str, ...] = (),
        upstream_auth: str = "",
        identity: dict[str, object] | None = None,
        before: Callable[[GateThread], None] | None = None,
    ) -> None:
        self.catalogue = Catalogue.load()
        self.meter = Metrics(version="test")
        self.exchanges: list[Exchange] = []
        self.recorded: list[Decision] = []
        self.inspect: Inspect = self.allow
        self.look: Callable[[Reply, str], Awaitable[Looked]] = self.nobody_looks
        self.record: Callable[[Decision], None] = self.recorded.append
        self.authority = authority.ensure(folder / "ca")
        self.ledger = PassedLedger(self.meter, folder / "passed.json", harmless=lambda _: True)

        async def inspect(exchange: Exchange, affinity: str) -> Decision:
            self.exchanges.append(exchange)
            return await self.inspect(exchange, affinity)

        identifying = None
        self.asks = lambda _host, _source: False
        if identity is not None:
            self.identities = Identities(
                Identity.model_validate(identity), key=b"k" * 32, watch=self.meter
            )
            identifying = Identifying(
                self.identities,
                inspects=self.catalogue.inspects,
                asks=lambda host, source: self.asks(host, source),  # noqa: PLW0108  # tests swap it
            )
        self.gate = Gate(
            identifying=identifying,
            catalogue=self.catalogue,
            inspect=inspect,
            look=lambda reply, affinity: self.look(reply, affinity),  # noqa: PLW0108  # tests swap it
            record=lambda made: self.record(made),  # noqa: PLW0108  # tests swap it
            meter=self.meter,
            upstreams={k: Target.parse(v) for k, v in (upstreams or {}).items()},
        )
        self.server = ProxyServer(
            gate=self.gate,
            routing=Routing(
                self.catalogue,
                HostList.of(pass_through),
                self.ledger,
                admits=identifying.admits if identifying else None,
            ),
            authority=self.authority,
            modes=modes,
            listen=("127.0.0.1", 0),
            trusted_ca=trusted_ca,
            max_body=max_body,
            denied=HostList.of(denied),
            upstream_auth=upstream_auth,
            identifying=identifying,
        )
        self._before = before
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._main, daemon=True)

    async def allow(self, exchange: Exchange, _: str) -> Decision:
        return decision(exchange, self.catalogue)

    async def nobody_looks(self, _: Reply, __: str) -> Looked:
        raise AssertionError("no rule looks at answers here")

    def __enter__(self) -> GateThread:
        self._thread.start()
        assert self._up.wait(20)
        if self._error is not None:
            raise self._error
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    @property
    def port(self) -> int:
        return self.server.addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metric(self, name: str, **labels: str) -> float:
        return self.meter.registry.get_sample_value(name, labels) or 0.0

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._stop = asyncio.Event()
        self._loop.run_until_complete(self._serve())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _serve(self) -> None:
        try:
            if self._before:
                self._before(self)
            await self.server.start()
        except BaseException as error:
            self._error = error
            return
        finally:
            self._up.set()
        await self._stop.wait()
        await self.server.stop()
