"""What stands before every page and call? Limits, headers, and a broad catch.

Law: no answer goes out without the headers below; a request in the name of a host that we are not, or
larger than the limit, is not looked at; what goes wrong behind ends in a plain page, and is logged by
type and place only.
"""

from __future__ import annotations

import ipaddress
import logging
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.audit.chain import AuditError
from gateway.workers import place_of

logger = logging.getLogger("leakgate.console")

MAX_BODY = 1 << 20
MAX_UPLOAD = 24 << 20
"""What is tried on the scratch pad may be larger than anything else."""

UPLOADS = ("/console/scratch", "/api/v1/trials")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Content-Security-Policy: nothing inline, nothing from elsewhere, in nobody's frame."""

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: browsers then hide the origin of our own forms from us, too.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-robots-tag": "none",
}


class _TooLarge(HTTPException):
    """Raised while a body is read; whoever reads it passes it on."""

    def __init__(self) -> None:
        super().__init__(413, "That is too large.")


class Guard:
    """The console behind its limits. `origin` is where browsers find it; empty when not said."""

    def __init__(self, app: ASGIApp, *, origin: str, secure: bool) -> None:
        self._app = app
        self._host = urlsplit(origin).hostname or ""
        self._headers = HEADERS | (
            {"strict-transport-security": "max-age=31536000"} if secure else {}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return  # no WebSocket here: uvicorn refuses it when nothing is said
        headers = Headers(scope=scope)
        path = str(scope["path"])
        begun = False

        async def out(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                named = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    named[name] = value
                named.setdefault("cache-control", "no-store")
            await send(message)

        limit = MAX_UPLOAD if path in UPLOADS else MAX_BODY
        got = 0

        async def limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise _TooLarge
            return message

        answer: Response | None = None
        if not self._is_us(headers.get("host", "")):
            answer = _said(path, 421, "This is not the name of the console; set `console.url`.")
        elif _length(headers) > limit:
            answer = _said(path, 413, f"That is larger than {limit >> 20} MiB.")
        if answer is not None:
            await answer(scope, receive, out)
            return
        try:
            await self._app(scope, limited, out)
        except HTTPException as error:
            answer = _said(path, error.status_code, error.detail)
        except SQLAlchemyError as error:
            logger.error("a page could not be served: %s", place_of(error))  # noqa: TRY400  # told without a traceback
            answer = _said(path, 503, "The database cannot be reached now. Please try again.")
        except AuditError as error:
            logger.error("nothing can be changed: %s", error)  # noqa: TRY400  # told without a traceback
            answer = _said(path, 503, "The audit log cannot be written to, so nothing was changed.")
        except Exception as error:  # noqa: BLE001  # its text may quote what somebody typed
            logger.error("a page failed: %s", place_of(error))  # noqa: TRY400  # told without a traceback
            answer = _said(path, 500, "Something went wrong here. The log says where.")
        if answer is not None and not begun:
            await answer(scope, receive, out)

    def _is_us(self, host: str) -> bool:
        """Whether this `Host` may be ours.

        A name that leads to this machine by somebody's DNS is not: a page of theirs could then
        speak with us as if it were one of ours (DNS rebinding). Addresses cannot be faked so.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in {"localhost", self._host} and name:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _said(path: str, status: int, text: str) -> Response:
    if path.startswith("/api/"):
        return JSONResponse({"detail": text}, status_code=status)
    return PlainTextResponse(f"{text}\n", status_code=status)
