"""In which browsers is somebody signed in? In those that show a session that is still good.

Law: a session is random, is kept as a digest, ends when nobody uses it and at a fixed time whatever
happens, and is made anew at each sign-in. What somebody may do is asked at each request, not kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, update

from gateway.console.tables import LoginRow, SessionRow

_TOUCH = timedelta(minutes=1)
"""How often it is written down that a session is used."""

LOGIN = timedelta(minutes=10)
"""How long somebody may take at the provider."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser of `account`. `form` must come back with each form: no other site knows it."""

    account: str
    form: str = field(repr=False)


class Sessions:
    """The sessions of one database. Methods raise SQLAlchemy's errors when it is away."""

    def __init__(
        self, engine: Engine, clock: Callable[[], datetime], *, idle: timedelta, lifetime: timedelta
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._idle = idle
        self.lifetime = lifetime

    def begin(self, connection: Connection, account: str, old: str = "") -> str:
        """A new session for `account`; what the browser showed before, `old`, ends."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        connection.execute(
            delete(SessionRow).where(
                (SessionRow.digest == digest(old))
                | (SessionRow.created_at < now - self.lifetime)
                | (SessionRow.seen_at < now - self._idle)
            )
        )
        connection.execute(
            insert(SessionRow),
            {"digest": digest(token), "account": account, "created_at": now, "seen_at": now},
        )
        return token

    def find(self, token: str) -> Session | None:
        """The session that a browser shows, if it is good."""
        if not token:
            return None
        now = self._clock()
        with self._engine.connect() as connection:
            row = connection.execute(
                select(SessionRow.account, SessionRow.created_at, SessionRow.seen_at).where(
                    SessionRow.digest == digest(token)
                )
            ).one_or_none()
        if row is None or now - row.created_at >= self.lifetime or now - row.seen_at >= self._idle:
            return None
        if now - row.seen_at >= _TOUCH:
            with self._engine.begin() as connection:
                connection.execute(
                    update(SessionRow).where(SessionRow.digest == digest(token)).values(seen_at=now)
                )
        return Session(row.account, form_token(token))

    def end(self, connection: Connection, token: str) -> None:
        """Sign this browser out."""
        connection.execute(delete(SessionRow).where(SessionRow.digest == digest(token)))

    # --- on the way to the provider and back ------------------------------------------------------

    def leave(self, state: str, nonce: str, verifier: str) -> None:
        """Somebody goes to the provider; `state` comes back with them."""
        now = self._clock()
        with self._engine.begin() as connection:
            connection.execute(delete(LoginRow).where(LoginRow.created_at < now - LOGIN))
            connection.execute(
                insert(LoginRow),
                {
                    "digest": digest(state),
                    "nonce": nonce,
                    "verifier": verifier,
                    "created_at": now,
                },
            )

    def returned(self, state: str) -> tuple[str, str] | None:
        """Nonce and verifier of somebody who came back, once and in time."""
        with self._engine.begin() as connection:
            row = connection.execute(
                delete(LoginRow)
                .where(LoginRow.digest == digest(state))
                .returning(LoginRow.nonce, LoginRow.verifier, LoginRow.created_at)
            ).one_or_none()
        if row is None or self._clock() - row.created_at >= LOGIN:
            return None
        return row.nonce, row.verifier


def digest(token: str) -> bytes:
    """What is kept of something random: it cannot be guessed, so a fast hash will do."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def form_token(token: str) -> str:
    """What forms of a session carry; it tells nothing of the session itself."""
    made = hmac.digest(token.encode(), b"leakgate form", "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
