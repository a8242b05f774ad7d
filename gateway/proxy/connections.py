"""How does one client connection run? mitmproxy's layers, driven with fewer tasks and writes.

Law: the layers get the same events in the same order and their commands are obeyed in order; only
the driving is ours. Hooks whose handlers need no waiting run in place, without a task each; what an
event sends goes out in one write per peer; and a connection whose layers fail is closed, where
mitmproxy would log and leave it hanging.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from mitmproxy import connection as mitm_connection
from mitmproxy.proxy import commands, events, mode_servers, server

from gateway.proxy.manager import Manager
from gateway.workers import place_of

logger = logging.getLogger("leakgate.proxy")


class ConnectionHandler(mode_servers.ProxyConnectionHandler):
    """One client and the servers that its requests go to."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._events: deque[events.Event] = deque()
        self._driving = False
        self._out: dict[mitm_connection.Connection, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        manager = self.master.addons
        assert isinstance(manager, Manager)
        self._manager = manager

    async def server_event(self, event: events.Event) -> None:
        """Give an event to the layers and obey their commands; never waits.

        An event that comes while another one is handled (from a task that began to run at once)
        waits its turn: layers must not be entered twice.
        """
        self._events.append(event)
        if self._driving:
            return
        self._driving = True
        self.timeout_watchdog.register_activity()
        try:
            while self._events:
                for command in self.layer.handle_event(self._events.popleft()):
                    self._obey(command)
        except Exception as error:  # noqa: BLE001  # whatever it is, the connection is lost
            # Only the type and the place are logged: an exception's text may quote content.
            logger.error("connection failed: %s", place_of(error))  # noqa: TRY400
            self._events.clear()
            self._give_up()
        finally:
            self._driving = False
            self._flush()

    def _obey(self, command: commands.Command) -> None:
        match command:
            case commands.SendData(connection=peer, data=data):
                self._out.setdefault(peer, []).append(data)
            case commands.StartHook():
                self._hook(command)
            case commands.Log(message=message, level=level):
                self.log(message, level)
            case commands.OpenConnection(connection=peer):
                assert peer not in self.transports
                task = self._start(self.open_connection(command))
                # A connection that was refused at once is already gone again.
                if not task.done():
                    self.transports.setdefault(peer, server.ConnectionIO(handler=task))
            case commands.RequestWakeup():
                timer = self._start(self.wakeup(command))
                self.wakeup_timer.add(timer)
            case commands.CloseTcpConnection(connection=peer, half_close=half):
                self._close(peer, half_close=half)
            case commands.CloseConnection(connection=peer):
                self._close(peer, half_close=False)
            case _:
                raise RuntimeError(f"unexpected command {type(command).__name__}")

    def _hook(self, hook: commands.StartHook) -> None:
        name = hook.name
        (data,) = hook.args()
        if self._manager.run_at_once(name, data):
            if hook.blocking:
                self._events.append(events.HookCompleted(hook))
        else:
            self._start(self.hook_task(hook))

    def _start(self, coroutine: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def _close(self, peer: mitm_connection.Connection, *, half_close: bool) -> None:
        self._send(peer, self._out.pop(peer, None))
        if peer in self.transports:
            self.close_connection(peer, half_close)

    def _flush(self) -> None:
        out, self._out = self._out, {}
        for peer, pieces in out.items():
            self._send(peer, pieces)

    def _send(self, peer: mitm_connection.Connection, pieces: list[bytes] | None) -> None:
        io = self.transports.get(peer)
        if not pieces or io is None or io.writer is None or io.writer.is_closing():
            return
        io.writer.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _give_up(self) -> None:
        """Close everything: nothing more may leave on a connection whose state is unknown."""
        self._out.clear()
        for peer in list(self.transports):
            io = self.transports[peer]
            if io.handler is not None:
                self.close_connection(peer)
