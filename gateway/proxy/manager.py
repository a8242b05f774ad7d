"""How do hooks reach the gate? Through a dispatcher of our own, fast and failing closed.

Law: an exception in any hook ends what the hook was about. mitmproxy's own dispatcher logs the
exception and lets the traffic go on; it also walks every addon twice per hook, a third of its CPU
time. Ours looks the handlers up once per hook name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, Protocol

import mitmproxy.flow
from mitmproxy import addonmanager, connection, hooks, http, log, options, tls
from mitmproxy import command as mitm_command
from mitmproxy import ctx as mitm_ctx
from mitmproxy.proxy import layer, server_hooks

from gateway.proxy.layers import CLOSE_REASON, DENIED, Closed
from gateway.workers import place_of

logger = logging.getLogger("leakgate.proxy")

type Handler = Callable[..., Awaitable[None] | None]


class Refusing(Protocol):
    """Who makes the answer when a hook failed; the gate."""

    def failed(self, hook: str, flow: http.HTTPFlow | None) -> http.Response | None:
        """Count a failed hook; the refusal for the flow, if it still can get one."""
        ...


class Manager(addonmanager.AddonManager):
    """mitmproxy's addon manager with direct dispatch and the guard."""

    refusing: Refusing | None = None

    def __init__(self, master: Any) -> None:
        super().__init__(master)
        self._handlers: dict[str, tuple[Handler, ...]] = {}
        self._waits: dict[str, bool] = {}

    def handlers(self, name: str) -> tuple[Handler, ...]:
        """All handlers of a hook, in the order of the addons."""
        known = self._handlers.get(name)
        if known is None:
            known = tuple(
                handler
                for addon in addonmanager.traverse(self.chain)
                if callable(handler := getattr(addon, name, None))
            )
            self._handlers[name] = known
        return known

    def register(self, addon: object) -> Any:
        """Register an addon; the handlers are looked up anew."""
        self._handlers.clear()
        return super().register(addon)

    def add(self, *addons: object) -> None:
        """Add addons; the handlers are looked up anew."""
        super().add(*addons)
        self._handlers.clear()

    def run_at_once(self, name: str, data: object) -> bool:
        """Run a hook's handlers now, if none of them has to wait; False when one has."""
        handlers = self.handlers(name)
        waits = self._waits.get(name)
        if waits is None:
            waits = self._waits[name] = any(map(iscoroutinefunction, handlers))
        if waits:
            return False
        try:
            for handler in handlers:
                handler(data)
        except Exception as error:  # noqa: BLE001  # the guard
            self._guard(name, data, error)
        return True

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """Run the handlers of a hook that concerns traffic."""
        name = event.name
        handlers = self.handlers(name)
        (data,) = event.args()
        try:
            for handler in handlers:
                result = handler(data)
                if result is not None:
                    await result
        except BaseException as error:
            self._guard(name, data, error)
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt | SystemExit):
                raise

    def guard_probe(self, name: str, data: object, handler: Handler) -> None:
        """Run `handler` as a hook would be run, for the self-test at the start."""
        try:
            handler(data)
        except Exception as error:  # noqa: BLE001  # as in `handle_lifecycle`
            self._guard(name, data, error)

    def _guard(self, name: str, data: object, error: BaseException) -> None:
        """A hook failed: what it was about does not go on."""
        logger.error("hook `%s` failed: %s", name, place_of(error))
        flow = data if isinstance(data, http.HTTPFlow) else None
        response = self.refusing.failed(name, flow) if self.refusing else None
        match data:
            case http.HTTPFlow():
                data.request.stream = False
                if data.websocket is not None:
                    if data.websocket.messages:
                        data.websocket.messages[-1].drop()
                    data.metadata[CLOSE_REASON] = "the message could not be checked"
                elif name in {"requestheaders", "request", "http_connect"}:
                    data.response = response or http.Response.make(400)
                    data.metadata[DENIED] = True
                elif name != "error" and data.killable:
                    data.kill()
            case layer.NextLayer():
                data.layer = Closed(data.context)
            case server_hooks.ServerConnectionHookData():
                data.server.error = "the connection could not be checked"
            case connection.Client():
                data.error = "the connection could not be checked"
            case tls.ClientHelloData():
                data.ignore_connection = False
            case tls.TlsData():
                data.ssl_conn = None  # mitmproxy closes a connection that gets no TLS context
            case mitmproxy.flow.Flow():
                data.kill()
            case _:
                pass


class Master:
    """What mitmproxy's core needs of a master, without its terminal, commands and log capture."""

    def __init__(self, opts: options.Options) -> None:
        self.options = opts
        self.event_loop = asyncio.get_running_loop()
        self.should_exit = asyncio.Event()
        self.log = log.Log(self)
        mitm_ctx.master = self  # type: ignore[assignment]
        mitm_ctx.options = opts
        self.commands = mitm_command.CommandManager(self)
        self.addons = Manager(self)
