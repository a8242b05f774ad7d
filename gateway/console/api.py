"""What do programs get? The same as browsers, as JSON, with a key of their own.

Law: each call names the permission that it needs, in the code and in the OpenAPI description; shapes
are typed, and a word of a body that is not known is an error. Sessions of browsers open nothing here.
"""

# Annotations are read while the program runs, within functions too: no `annotations` of the future.

import base64
import binascii
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit.chain import AuditError, Entry
from gateway.audit.log import Log
from gateway.console.accounts import Account, NotSo
from gateway.console.desk import (
    Desk,
    PolicyPage,
    RulePage,
    ServiceLine,
    ServicePage,
    Tests,
    Uninspected,
)
from gateway.console.door import Caller, Door
from gateway.console.figures import Figures
from gateway.console.gateway import Attempt, CannotTry, ExportState, Part
from gateway.console.keys import Key
from gateway.console.roles import Permission, Role
from gateway.console.throttle import Throttle
from gateway.incidents.people import NotAllowed
from gateway.incidents.states import StaleEdit, UnknownIncident, WorkError
from gateway.services import UNKNOWN_SERVICE
from gateway.workers import place_of

logger = logging.getLogger("leakgate.console")

PREFIX = "/api/v1"

type Short = Annotated[str, StringConstraints(max_length=256)]
type Word = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Body(BaseModel):
    """What is sent to a call; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Said(BaseModel):
    """Why something was not done."""

    detail: str


class NewKey(Body):
    """A key to make: what it is for, in which of one's roles it acts, how many days it is good."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    role: Role
    days: Annotated[int, Field(ge=1, le=366)] = 90


class NewAccount(Body):
    """An account to make."""

    name: Word
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class AccountChange(Body):
    """What to change of an account; what is left out stays."""

    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))] | None = None
    disabled: bool | None = None


class Trial(Body):
    """Something to try the policies on: a `text`, or a file as `data` in base64 with its `name`."""

    text: str | None = None
    data: str | None = None
    name: Annotated[str, StringConstraints(max_length=255)] = ""
    service: Annotated[str, StringConstraints(max_length=128)] = UNKNOWN_SERVICE
    operation: Annotated[str, StringConstraints(max_length=128)] = ""


@dataclass(frozen=True, slots=True)
class Me:
    """Who a key acts for."""

    account: str
    role: Role
    permissions: list[Permission]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was made; `secret` is told this once."""

    key: Key
    secret: str


@dataclass(frozen=True, slots=True)
class OneTimePassword:
    """What opens an account once; told this once."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit log; `seal` in hexadecimal digits."""

    seq: int
    at: datetime
    who: str
    action: str
    target: str
    reason: str
    detail: Mapping[str, str]
    seal: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The same, without what only `verify` needs."""
        return cls(
            entry.seq,
            entry.at,
            entry.who,
            entry.action,
            entry.target,
            entry.reason,
            entry.detail,
            entry.seal.hex(),
        )


@dataclass(frozen=True, slots=True)
class HealthPage:
    """How the gateway is."""

    version: str
    parts: list[Part]
    exports: list[ExportState]
    refusals: Mapping[str, int]


class Calls:
    """Who calls, and whether they may; shared by all parts of the API."""

    def __init__(self, door: Door, pace: Throttle) -> None:
        self._door = door
        self._pace = pace
        self._bearer = HTTPBearer(
            auto_error=False, description="A key that is made in the console, under one's name."
        )

        def who(
            shown: Annotated[HTTPAuthorizationCredentials | None, Depends(self._bearer)],
        ) -> Caller:
            caller = door.by_key(shown.credentials) if shown is not None else None
            if caller is None:
                raise HTTPException(
                    401, "Show a key: `Authorization: Bearer …`.", {"www-authenticate": "Bearer"}
                )
            wait = pace.wait(caller.form)
            if wait:
                raise HTTPException(429, "Too many calls.", {"retry-after": str(round(wait) + 1)})
            pace.count(caller.form)
            return caller

        self.who = who

    def needs(self, permission: Permission, *codes: int) -> dict[str, Any]:
        """What a call is declared with. `codes` are further answers that it may give."""

        def check(caller: Annotated[Caller, Depends(self.who)]) -> None:
            if not caller.may(permission):
                raise HTTPException(403, f"The role of this key may not `{permission.value}`.")

        words = {
            400: "It cannot be done as asked.",
            401: "No key that is good.",
            403: "The key's role may not do this.",
            404: "There is no such thing.",
            409: "Something else stands against it now.",
            413: "Too large.",
            429: "Too many calls; `Retry-After` tells how long to wait.",
            503: "The database, or the audit log, cannot be used now.",
        }
        return {
            "dependencies": [Depends(check)],
            "openapi_extra": {"x-needs": permission.value},
            "responses": {
                code: {"model": Said, "description": words[code]}
                for code in sorted({400, 401, 403, 413, 429, 503, *codes})
            },
        }


def build(
    calls: Calls, door: Door, desk: Desk, log: Log, *, further: Sequence[APIRouter], version: str
) -> FastAPI:
    """The API as an ASGI application; `further` are calls of other modules."""
    app = FastAPI(
        title="Leakgate",
        version=version,
        summary="What the console does, for programs.",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in (
        _oneself(calls, door),
        _services(calls, desk),
        _policies(calls, desk),
        _gateway(calls, desk, log),
        _accounts(calls, door),
        *further,
    ):
        app.include_router(router, prefix=PREFIX)

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    def description(_: Annotated[Caller, Depends(calls.who)]) -> JSONResponse:
        return JSONResponse(app.openapi())

    errors: Mapping[type[Exception], tuple[int, str]] = {
        NotSo: (400, ""),
        CannotTry: (409, ""),
        WorkError: (400, ""),
        NotAllowed: (403, ""),
        UnknownIncident: (404, ""),
        StaleEdit: (409, ""),
        SQLAlchemyError: (503, "The database cannot be reached now."),
        AuditError: (503, "The audit log cannot be written to, so nothing was changed."),
    }
    for kind, (code, text) in errors.items():
        app.add_exception_handler(kind, _told(code, text))
    return app


def _told(code: int, text: str) -> Callable[[Request, Exception], JSONResponse]:
    """A handler that says `text`, or what the error itself says."""

    def handler(_: Request, error: Exception) -> JSONResponse:
        if text:
            logger.error("a call could not be answered: %s", place_of(error))
        return JSONResponse({"detail": text or str(error)}, status_code=code)

    return handler


def missing(what: str) -> HTTPException:
    """An answer for what is not there."""
    return HTTPException(404, f"There is no such {what}.")


def _oneself(calls: Calls, door: Door) -> APIRouter:
    router = APIRouter(tags=["oneself"])

    @router.get("/me", **calls.needs(Permission.OWN))
    def me(caller: Annotated[Caller, Depends(calls.who)]) -> Me:
        """Who this key acts for."""
        return Me(caller.account, min(caller.roles), sorted(caller.permissions), caller.until)

    @router.get("/keys", **calls.needs(Permission.OWN))
    def keys(caller: Annotated[Caller, Depends(calls.who)]) -> list[Key]:
        """The account's keys; all, for those who manage accounts."""
        everybody = caller.may(Permission.MANAGE_ACCOUNTS)
        return list(door.keys.list(None if everybody else caller.account))

    @router.post("/keys", status_code=201, **calls.needs(Permission.OWN))
    def make(wanted: NewKey, caller: Annotated[Caller, Depends(calls.who)]) -> MadeKey:
        """Make a key in this key's role. It ends no later than this one."""
        return MadeKey(*door.make_key(caller, wanted.title, wanted.role, wanted.days))

    @router.delete("/keys/{key}", status_code=204, **calls.needs(Permission.OWN, 404))
    def revoke(key: str, caller: Annotated[Caller, Depends(calls.who)]) -> None:
        """End a key."""
        try:
            door.revoke_key(caller, key)
        except NotSo:
            raise missing("key") from None

    return router


def _services(calls: Calls, desk: Desk) -> APIRouter:
    router = APIRouter(tags=["services"])

    @router.get("/services", **calls.needs(Permission.SEE_SERVICES))
    def services(category: str = "", q: str = "") -> list[ServiceLine]:
        """The catalogue, with the use that this gateway saw since it started."""
        return list(desk.services(category=category, text=q))

    @router.get("/services/{service}", **calls.needs(Permission.SEE_SERVICES, 404))
    def service(service: str) -> ServicePage:
        """All about one service."""
        page = desk.service(service)
        if page is None:
            raise missing("service")
        return page

    return router


def _policies(calls: Calls, desk: Desk) -> APIRouter:
    router = APIRouter(tags=["policies"])

    @router.get("/policies", **calls.needs(Permission.SEE_POLICIES))
    def policies() -> PolicyPage:
        """What is loaded."""
        return desk.policies()

    @router.get("/policies/rules/{rule}", **calls.needs(Permission.SEE_POLICIES, 404))
    def rule(rule: str) -> RulePage:
        """One rule, as it is in force."""
        page = desk.rule(rule)
        if page is None:
            raise missing("rule")
        return page

    @router.get("/policies/tests", **calls.needs(Permission.SEE_POLICIES))
    def tests() -> Tests | None:
        """How the test cases went when they were last run here."""
        return desk.tests()

    @router.post("/policies/tests", **calls.needs(Permission.TRY_POLICIES, 409))
    def run_tests() -> Tests:
        """Run the test cases beside the policies."""
        return desk.run_tests()

    @router.post("/trials", **calls.needs(Permission.TRY_POLICIES, 409))
    def try_out(trial: Trial) -> dict[str, Any]:
        """Tell what would happen to something that is sent. It goes to nobody, and nothing is kept."""
        if (trial.text is None) == (trial.data is None):
            raise NotSo("give either `text` or `data`")
        if trial.text is not None:
            data = trial.text.encode("utf-8", "surrogatepass")
        else:
            try:
                data = base64.b64decode(trial.data or "", validate=True)
            except (binascii.Error, ValueError):
                raise NotSo("`data` is not base64") from None
        attempt = Attempt(
            data, trial.service, trial.operation, trial.name, upload=trial.data is not None
        )
        return dict(desk.try_out(attempt))

    return router


@dataclass(frozen=True, slots=True)
class Overview:
    """What leaves, what happened in the last days, and what nobody looked into."""

    services: tuple[ServiceLine, ...]
    figures: Figures
    uninspected: Uninspected


def _gateway(calls: Calls, desk: Desk, log: Log) -> APIRouter:
    router = APIRouter(tags=["gateway"])

    @router.get("/overview", **calls.needs(Permission.SEE_OVERVIEW))
    def overview(
        caller: Annotated[Caller, Depends(calls.who)], days: Literal[1, 7, 30, 90] = 30
    ) -> Overview:
        """What leaves, what happened in the last `days`, and what nobody looked into."""
        figures = desk.figures(days, every_team=caller.may(Permission.ASK_PERSON))
        return Overview(desk.in_use(), figures, desk.uninspected(hosts=100))

    @router.get("/health", **calls.needs(Permission.SEE_HEALTH))
    def health() -> HealthPage:
        """How the gateway is."""
        gateway = desk.gateway
        return HealthPage(
            gateway.version,
            list(gateway.parts()),
            list(gateway.exports()),
            gateway.traffic().refusals,
        )

    @router.get("/audit", **calls.needs(Permission.SEE_AUDIT))
    def audit(
        who: str | None = None,
        action: str | None = None,
        target: str | None = None,
        before: Annotated[int | None, Query(ge=1, lt=1 << 62)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[AuditEntry]:
        """Who did what, the newest first. `action` may end in `*`; `before` is a number."""
        found = log.list(who=who, action=action, target=target, before=before, limit=limit)
        return list(map(AuditEntry.of, found))

    return router


def _accounts(calls: Calls, door: Door) -> APIRouter:
    router = APIRouter(tags=["accounts"])
    needs = calls.needs(Permission.MANAGE_ACCOUNTS, 404)

    @router.get("/accounts", **needs)
    def accounts() -> list[Account]:
        """Who may sign in."""
        return list(door.accounts.list())

    @router.post("/accounts", status_code=201, **needs)
    def create(
        wanted: NewAccount, caller: Annotated[Caller, Depends(calls.who)]
    ) -> OneTimePassword:
        """A new local account, and what opens it once."""
        return OneTimePassword(wanted.name, door.create(caller.account, wanted.name, wanted.roles))

    @router.patch("/accounts/{name}", **needs)
    def change(
        name: str, wanted: AccountChange, caller: Annotated[Caller, Depends(calls.who)]
    ) -> Account:
        """Change what an account may do. Its sessions and keys end."""
        door.set(caller.account, name, roles=wanted.roles, disabled=wanted.disabled)
        found = door.accounts.get(name)
        if found is None:
            raise missing("account")
        return found

    @router.post("/accounts/{name}/one-time-password", **needs)
    def reset(name: str, caller: Annotated[Caller, Depends(calls.who)]) -> OneTimePassword:
        """A new one-time password for a local account. Its sessions and keys end."""
        return OneTimePassword(name, door.reset(caller.account, name))

    return router
