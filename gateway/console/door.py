"""How does somebody come in, and what do they have then? By password, provider, session or API key.

Law: a wrong name, a wrong password and an account that is disabled give the same answer; tries are
slowed down; every coming in and every change of accounts and keys is in the audit log, in the same
transaction. A name that was typed wrongly is not written down: it may be a password.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy.exc import IntegrityError

from gateway.audit.log import Log
from gateway.console.accounts import Account, Accounts, NotSo, OneTime
from gateway.console.keys import Key, Keys
from gateway.console.roles import MAY, Permission, Role
from gateway.console.sessions import Sessions
from gateway.console.throttle import Throttle

ADMIN = "admin"
"""The account of the first start."""

GATEWAY = "gateway"
"""Who is said to have done what the gateway does by itself."""


class TooOften(Exception):
    """Somebody has tried too often; `seconds` tells when they may try again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        super().__init__(f"try again in {self.seconds} s")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, what they may do, and how they came.

    `form` is what forms of their session must carry. `until` is when an API key of theirs ends.
    """

    account: str
    permissions: frozenset[Permission]
    roles: frozenset[Role]
    by: Literal["session", "key"]
    must_change: bool = False
    local: bool = True
    form: str = field(default="", repr=False)
    until: datetime | None = None

    def may(self, permission: Permission) -> bool:
        """Whether they may."""
        return permission in self.permissions


class Door:
    """Everybody comes in here. Methods raise SQLAlchemy's errors, and `AuditError`, when nothing can be kept."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        keys: Keys,
        log: Log,
        *,
        tries: Throttle,
        knocks: Throttle,
        local: bool = True,
    ) -> None:
        self.accounts = accounts
        self.sessions = sessions
        self.keys = keys
        self.log = log
        self.local = local
        self._tries = tries
        self._knocks = knocks

    # --- who is it? -------------------------------------------------------------------------------

    def by_session(self, token: str) -> Caller | None:
        """Who is signed in in this browser."""
        session = self.sessions.find(token)
        account = self.accounts.get(session.account) if session is not None else None
        if session is None or account is None or not self._good(account):
            return None
        return Caller(
            account.name,
            account.permissions,
            account.roles,
            "session",
            must_change=account.must_change,
            local=account.source == "local",
            form=session.form,
        )

    def by_key(self, token: str) -> Caller | None:
        """Whose API key this is. It may do what its role may, as long as its account has that role."""
        key = self.keys.find(token)
        account = self.accounts.get(key.account) if key is not None else None
        if key is None or account is None or not self._good(account):
            return None
        if key.role not in account.roles:
            return None
        may = MAY[key.role] & account.permissions
        return Caller(
            account.name, may, frozenset({key.role}), "key", form=key.id, until=key.expires_at
        )

    def _good(self, account: Account) -> bool:
        return not account.disabled and (self.local or account.source != "local")

    # --- coming in and going ----------------------------------------------------------------------

    def first(self) -> str | None:
        """Make the first account, when there is none; its one-time password, to be printed once.

        Of several gateways that start together one makes it.
        """
        if not self.local or not self.accounts.none():
            return None
        one_time = OneTime.made()
        try:
            with self.log.writing() as writing:
                self.accounts.create(writing.connection, ADMIN, [Role.ADMIN], one_time)
                writing.note(GATEWAY, "account.created", target=ADMIN, detail={"roles": "admin"})
        except (NotSo, IntegrityError):
            return None
        return one_time.password

    def sign_in(self, name: str, password: str, *, address: str, old: str = "") -> str | None:
        """A new session, when that is the password; else None. Raises `TooOften`."""
        near = _network(address)
        doors = (f"from {near}", f"as {name.lower()[:256]} from {near}", f"as {name.lower()[:256]}")
        self._slow_down(doors)
        account = self.accounts.verify(name, password) if self.local else None
        if account is None:
            known = self.accounts.get(name) if len(name) <= 256 else None
            target = known.name if known is not None else ""
            self.log.note("unknown", "session.refused", target=target, detail={"from": address})
            return None
        # Many people may come from one address; only wrong tries count against it.
        self._tries.refund(doors[0])
        for door in doors[1:]:
            self._tries.forget(door)
        with self.log.writing() as writing:
            self.accounts.signed_in(writing.connection, account.name)
            writing.note(account.name, "session.begun", detail={"from": address, "by": "password"})
            return self.sessions.begin(writing.connection, account.name, old)

    def knock(self, address: str) -> None:
        """Somebody whom nobody knows has something written down for them. Raises `TooOften`."""
        door = _network(address)
        wait = self._knocks.wait(door)
        if wait > 0:
            raise TooOften(wait)
        self._knocks.count(door)

    def _slow_down(self, doors: Iterable[str]) -> None:
        doors = tuple(doors)
        wait = max(map(self._tries.wait, doors))
        if wait > 0:
            raise TooOften(wait)
        for door in doors:
            self._tries.count(door)

    def vouched(
        self, name: str, subject: str, roles: Iterable[Role], *, address: str, old: str = ""
    ) -> str:
        """A new session for somebody whom the provider has named. Raises `NotSo`."""
        with self.log.writing() as writing:
            self.accounts.vouched(writing.connection, name, subject, roles)
            detail = {"from": address, "by": "provider", "roles": _words(roles)}
            writing.note(name, "session.begun", detail=detail)
            return self.sessions.begin(writing.connection, name, old)

    def sign_out(self, caller: Caller, token: str) -> None:
        """End the session."""
        with self.log.writing() as writing:
            self.sessions.end(writing.connection, token)
            writing.note(caller.account, "session.ended")

    def change_password(self, caller: Caller, old: str, new: str) -> str:
        """Replace one's own password; a new session, for all others end. Raises `NotSo`, `TooOften`."""
        if not caller.local:
            raise NotSo("the provider keeps that account's password")
        door = f"password of {caller.account}"
        self._slow_down([door])
        replacement = self.accounts.replacement(caller.account, old, new)
        self._tries.forget(door)
        with self.log.writing() as writing:
            self.accounts.put_password(writing.connection, caller.account, replacement)
            writing.note(caller.account, "account.password", target=caller.account)
            return self.sessions.begin(writing.connection, caller.account)

    # --- accounts ---------------------------------------------------------------------------------

    def create(self, who: str, name: str, roles: Iterable[Role]) -> str:
        """A new local account; its one-time password. Raises `NotSo`."""
        one_time = OneTime.made()
        with self.log.writing() as writing:
            self.accounts.create(writing.connection, name, roles, one_time)
            writing.note(who, "account.created", target=name[:128], detail={"roles": _words(roles)})
        return one_time.password

    def reset(self, who: str, name: str) -> str:
        """A new one-time password for a local account. Raises `NotSo`."""
        one_time = OneTime.made()
        with self.log.writing() as writing:
            self.accounts.reset(writing.connection, name, one_time)
            writing.note(who, "account.reset", target=name[:128])
        return one_time.password

    def set(
        self,
        who: str,
        name: str,
        *,
        roles: Iterable[Role] | None = None,
        disabled: bool | None = None,
    ) -> None:
        """Change what an account may do. Raises `NotSo`."""
        detail: dict[str, str] = {}
        if roles is not None:
            roles = frozenset(roles)
            detail["roles"] = _words(roles)
        if disabled is not None:
            detail["disabled"] = "yes" if disabled else "no"
        with self.log.writing() as writing:
            self.accounts.set(writing.connection, name, roles=roles, disabled=disabled)
            writing.note(who, "account.changed", target=name[:128], detail=detail)

    # --- API keys ---------------------------------------------------------------------------------

    def make_key(self, caller: Caller, title: str, role: Role, days: int) -> tuple[Key, str]:
        """A new API key in one of the caller's roles, and what to show once. Raises `NotSo`."""
        if role not in caller.roles:
            raise NotSo(f"you are no {role.title} yourself")
        with self.log.writing() as writing:
            key, token = self.keys.make(
                writing.connection, caller.account, title, role=role, days=days, until=caller.until
            )
            detail = {"role": role.value, "until": f"{key.expires_at:%Y-%m-%d}"}
            writing.note(caller.account, "key.made", target=key.id, detail=detail)
        return key, token

    def revoke_key(self, caller: Caller, key: str) -> None:
        """End an API key: one's own, or anybody's for those who manage accounts. Raises `NotSo`."""
        whose = None if caller.may(Permission.MANAGE_ACCOUNTS) else caller.account
        with self.log.writing() as writing:
            if not self.keys.revoke(writing.connection, key, whose):
                raise NotSo("there is no such key")
            writing.note(caller.account, "key.revoked", target=key)


def _words(roles: Iterable[Role]) -> str:
    return " ".join(sorted(roles))


def _network(address: str) -> str:
    """What counts as one source: an address, or what one household has of IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))
