"""How does a request of a browser become a visit: who, with which form, to which page?

Law: a page is answered only to somebody who has its permission, and a form only when it comes from a
page of ours in the same session. Answering happens in a thread. What is sent stays in memory: no
upload is ever written to a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.console.door import Caller, Door
from gateway.console.guard import MAX_UPLOAD
from gateway.console.roles import Permission
from gateway.console.throttle import Throttle

type Access = Permission | Literal["anybody", "somebody"]
"""Whom a page is for: those with a permission, anybody, or whoever is signed in."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file from a form."""

    name: str = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, with everything that a page needs to answer it."""

    request: Request = field(repr=False)
    caller: Caller | None
    form: Mapping[str, Sequence[str]] = field(repr=False)
    upload: Upload | None = field(repr=False)
    token: str = field(repr=False)

    @property
    def who(self) -> Caller:
        """Somebody; the page was asked for one."""
        if self.caller is None:
            raise LookupError("nobody is signed in")
        return self.caller

    @property
    def address(self) -> str:
        """Where the request comes from."""
        return self.request.client.host if self.request.client is not None else ""

    def asked(self, name: str) -> str:
        """A parameter of the address, or nothing."""
        return self.request.query_params.get(name, "")

    def given(self, name: str) -> str:
        """A field of the form, or nothing."""
        values = self.form.get(name, ())
        return values[0] if values else ""


type Answer = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or one form that is sent to it."""

    method: Literal["GET", "POST"]
    path: str
    access: Access
    answer: Answer


class _InMemory(MultiPartParser):
    """Keeps uploads in memory; they would go to a temporary file above a megabyte else."""

    spool_max_size = MAX_UPLOAD + (1 << 20)


class Reception:
    """Turns pages into routes. `refused` shows a status and a sentence as a page."""

    def __init__(
        self,
        door: Door,
        *,
        cookie: str,
        origin: str,
        refused: Callable[[Visit, int, str], Response],
        pace: Throttle,
    ) -> None:
        self._door = door
        self._cookie = cookie
        self._origin = origin
        self._refused = refused
        self._pace = pace

    def route(self, page: Page) -> Route:
        """The page as a route."""

        async def endpoint(request: Request) -> Response:
            form: Mapping[str, Sequence[str]] = {}
            upload: Upload | None = None
            if page.method == "POST":
                if not self._is_ours(request):
                    return self._refused(
                        Visit(request, None, {}, None, ""),
                        403,
                        "This form was not sent by a page of the console.",
                    )
                try:
                    form, upload = await _read(request)
                except (MultiPartException, ValueError):
                    return self._refused(
                        Visit(request, None, {}, None, ""), 400, "The form cannot be read."
                    )
            return await run_in_threadpool(self._answer, page, request, form, upload)

        return Route(page.path, endpoint, methods=[page.method])

    def _answer(
        self,
        page: Page,
        request: Request,
        form: Mapping[str, Sequence[str]],
        upload: Upload | None,
    ) -> Response:
        token = request.cookies.get(self._cookie, "")
        caller = self._door.by_session(token)
        visit = Visit(request, caller, form, upload, token)
        if page.access == "anybody":
            return page.answer(visit)
        if caller is None:
            if page.method == "GET":
                return RedirectResponse("/console/sign-in", 303)
            return self._refused(visit, 403, "You are not signed in any more.")
        if page.method == "POST" and visit.given("form") != caller.form:
            return self._refused(visit, 403, "This form is of an earlier session; load it again.")
        wait = self._pace.wait(caller.account)
        if wait:
            return self._refused(visit, 429, "That is very fast; please wait a moment.")
        self._pace.count(caller.account)
        if page.access != "somebody":
            if caller.must_change:
                return RedirectResponse("/console/password", 303)
            if not caller.may(page.access):
                return self._refused(visit, 403, "Your roles do not allow that.")
        return page.answer(visit)

    def _is_ours(self, request: Request) -> bool:
        """Whether a form was sent by a page of ours.

        All browsers of these years send `Origin` with a form, and most `Sec-Fetch-Site`, too; what
        sends neither is no browser.
        """
        site = request.headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            return False
        origin = request.headers.get("origin", "")
        if self._origin:
            return origin == self._origin
        ours = urlsplit(str(request.base_url))
        return origin.lower() == f"{ours.scheme}://{ours.netloc}"


async def _read(request: Request) -> tuple[Mapping[str, Sequence[str]], Upload | None]:
    """The fields and the one file of a form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        parser = _InMemory(
            request.headers,
            request.stream(),
            max_files=1,
            max_fields=50,
            max_part_size=MAX_UPLOAD,
        )
        parsed = await parser.parse()
    elif kind == "application/x-www-form-urlencoded":
        parsed = await FormParser(request.headers, request.stream()).parse()
    else:
        raise ValueError("no form")
    fields: dict[str, list[str]] = {}
    upload: Upload | None = None
    for name, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            data = await value.read()
            if data or value.filename:
                upload = Upload(value.filename or "", data)
        else:
            fields.setdefault(name, []).append(value)
    await parsed.close()
    return fields, upload
