"""What does the admin address serve? Metrics, health, the PAC file, the CA certificate, the console.

Law: nothing of this module needs a login, so nothing of it tells content, names of people or policy
texts. The console, which asks who somebody is, gets what is left.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages get their content from.

    `metrics` takes the `Accept` header and gives body and content type.
    `ready` maps the name of a part to whether it works; the gateway is ready when all do. `pac`
    takes the name by which the client knows this machine, which may be empty.
    """

    metrics: Callable[[str], tuple[bytes, str]]
    ready: Callable[[], Mapping[str, bool]]
    pac: Callable[[str], str]
    ca: Callable[[], str]


_NAME = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""A `Host` header. It ends up in a script, so nothing but names and addresses passes."""


def application(pages: Pages, console: ASGIApp | None = None) -> Starlette:
    """The admin address as an ASGI application; `console` answers all that is not here."""

    async def metrics(request: Request) -> Response:
        body, media_type = pages.metrics(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": media_type})

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        parts = dict(pages.ready())
        ready = all(parts.values())
        return JSONResponse({"ready": ready, **parts}, status_code=200 if ready else 503)

    async def pac(request: Request) -> Response:
        named = _NAME.fullmatch(request.headers.get("host", ""))
        text = pages.pac(named[1] if named else "")
        # The media type that browsers want for a PAC file.
        return Response(text, media_type="application/x-ns-proxy-autoconfig")

    async def ca(_: Request) -> Response:
        return Response(
            pages.ca(),
            media_type="application/x-pem-file",
            headers={"content-disposition": 'attachment; filename="leakgate-ca.pem"'},
        )

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/proxy.pac", pac),
            Route("/ca.pem", ca),
            *([] if console is None else [Mount("/", console)]),
        ]
    )


class AdminServer(uvicorn.Server):
    """Serves the admin address on the gateway's own event loop."""

    def __init__(
        self,
        pages: Pages,
        address: tuple[str, int],
        *,
        console: ASGIApp | None = None,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(128)
        super().__init__(
            uvicorn.Config(
                application(pages, console),
                ssl_certfile=tls[0] if tls is not None else None,
                ssl_keyfile=tls[1] if tls is not None else None,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.socket.getsockname()[:2]
        return host, port

    async def run_here(self) -> None:
        """Serve until `should_exit` is set."""
        await self.serve(sockets=[self.socket])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the gateway, not to this server."""
        yield


def pac_file(hosts: Sequence[str], proxy: str) -> str:
    """A proxy auto-configuration file that sends the hosts of AI services through `proxy`.

    There is no `DIRECT` behind the proxy for those hosts: when the gateway is away they do not
    work, rather than unseen. `*` in a host stands for any labels, as `shExpMatch` reads it.
    """
    exact = sorted(host for host in hosts if "*" not in host)
    globs = sorted(host for host in hosts if "*" in host)
    exact_lines = ",\n".join(f'  "{host}": 1' for host in exact)
    glob_lines = ",\n".join(f'  "{host}"' for host in globs)
    return f"""// Sends the traffic of AI services through Leakgate; everything else goes direct.
var hosts = {{
{exact_lines}
}};
var patterns = [
{glob_lines}
];
function FindProxyForURL(url, host) {{
  host = host.toLowerCase().replace(/\\.$/, "");
  if (hosts.hasOwnProperty(host)) return "PROXY {proxy}";
  for (var i = 0; i < patterns.length; i++) {{
    if (shExpMatch(host, patterns[i])) return "PROXY {proxy}";
  }}
  return "DIRECT";
}}
"""
