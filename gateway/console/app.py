"""How do the parts of the console come together? As one ASGI application behind its guard."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.audit.log import Log
from gateway.console import api, coaching_calls, incident_calls, shadow
from gateway.console.accounts import Accounts
from gateway.console.casework import Casework
from gateway.console.coaching_pages import CoachingPages
from gateway.console.desk import Desk
from gateway.console.document import Console
from gateway.console.door import Door
from gateway.console.gateway import Gateway
from gateway.console.guard import Guard
from gateway.console.incident_pages import IncidentPages
from gateway.console.keys import Keys
from gateway.console.oidc import Provider
from gateway.console.pages import Pages, Shown
from gateway.console.sessions import Sessions
from gateway.console.shadow import ShadowPages, Shadows
from gateway.console.throttle import Throttle
from gateway.console.visits import Page, Reception
from gateway.incidents import desk as incident_desk
from gateway.shadow.ledger import Ledger

_STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Built:
    """The console: what is served, who comes in, and every page, for those who check them all."""

    app: ASGIApp
    door: Door
    pages: tuple[Page, ...]
    api: FastAPI


def build(
    settings: Console,
    gateway: Gateway,
    incidents: incident_desk.Desk,
    *,
    clock: Callable[[], datetime],
    tls: bool = False,
) -> Built:
    """The console on the database of `incidents`. `tls` tells that the admin address itself speaks TLS."""
    secure = tls or settings.url.startswith("https://")
    # Browsers take this prefix only over TLS, for the whole host, from the host itself.
    cookie = "__Host-leakgate" if secure else "leakgate"
    log = incidents.audit
    door = make_door(settings, log, clock=clock)
    desk = Desk(gateway, incidents.counts, incidents.people.crowds, clock)
    cases = Casework(gateway, incidents, clock)
    shadows = Shadows(Ledger(log.engine, clock=clock), gateway, log, clock)
    files = {name: _read(name) for name in _STATIC}
    stamp = hashlib.sha256(b"".join(files.values())).hexdigest()[:12]
    shown = Shown(version=gateway.version, stamp=stamp)
    provider = (
        Provider(settings.oidc, f"{settings.url}/console/oidc/back")
        if settings.oidc is not None
        else None
    )
    pages = (
        # Before the pages of services: `shadow` is no service.
        *ShadowPages(shadows, shown).all(),
        *Pages(
            desk, cases, door, log, shown, provider=provider, cookie=cookie, secure=secure
        ).all(),
        *IncidentPages(desk, cases, shown).all(),
        *CoachingPages(cases.coached, log, shown).all(),
    )
    reception = Reception(
        door,
        cookie=cookie,
        origin=settings.url,
        refused=shown.refused,
        pace=Throttle(lambda: clock().timestamp(), burst=120, seconds=0.1),
    )

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            return Response(status_code=404)
        return Response(
            files[name],
            media_type=_STATIC[name],
            headers={"cache-control": "public, max-age=31536000, immutable"},
        )

    async def home(_: Request) -> Response:
        return RedirectResponse("/console/", 303)

    # A router, not an application: what fails goes on to the guard.
    routes = Router(
        [
            Route("/", home),
            Route("/console", home),
            Route("/console/static/{name}", static),
            *map(reception.route, pages),
        ]
    )
    calls = api.Calls(
        door, Throttle(lambda: clock().timestamp(), burst=settings.api_burst, seconds=0.1)
    )
    served_api = api.build(
        calls,
        door,
        desk,
        log,
        further=[
            incident_calls.router(calls, cases),
            shadow.router(calls, shadows),
            coaching_calls.router(calls, cases.coached, log),
        ],
        version=gateway.version,
    )

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        served: ASGIApp = served_api if str(scope["path"]).startswith("/api/") else routes
        await served(scope, receive, send)

    return Built(Guard(either, origin=settings.url, secure=secure), door, pages, served_api)


def make_door(settings: Console, log: Log, *, clock: Callable[[], datetime]) -> Door:
    """Who comes in, for the console and for commands."""
    engine = log.engine
    return Door(
        Accounts(engine, clock),
        Sessions(engine, clock, idle=settings.idle, lifetime=settings.lifetime),
        Keys(engine, clock),
        log,
        tries=Throttle(lambda: clock().timestamp(), burst=10, seconds=30),
        knocks=Throttle(lambda: clock().timestamp(), burst=60, seconds=1),
        local=settings.local_accounts,
    )


def _read(name: str) -> bytes:
    return resources.files("gateway.console").joinpath("static", name).read_bytes()
