"""Which programs may use the API? Those that show a key that somebody made for them.

Law: a key is shown once, kept as a digest, acts in one role of its account and ends. It may never do
more than its account may at that moment, nor make keys that outlive it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from gateway.console.accounts import NotSo
from gateway.console.roles import Role
from gateway.console.sessions import digest
from gateway.console.tables import KeyRow

LONGEST = timedelta(days=366)
MOST = 50
"""Keys of one account."""

_PREFIX = "lgk_"  # so that our own detectors and others' know one when it leaks
_SHAPE = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}")
_TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without what opens."""

    id: str
    account: str
    title: str
    role: Role
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class Keys:
    """The keys of one database. Methods raise SQLAlchemy's errors when it is away."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def make(
        self,
        connection: Connection,
        account: str,
        title: str,
        *,
        role: Role,
        days: int,
        until: datetime | None = None,
    ) -> tuple[Key, str]:
        """A new key and what to show once. It ends after `days`, by `until` at the latest. Raises `NotSo`."""
        if not title.strip() or len(title) > 100 or not title.isprintable():
            raise NotSo("say in up to 100 characters what the key is for")
        if not 1 <= days <= LONGEST.days:
            raise NotSo(f"a key is good for 1 to {LONGEST.days} days")
        token = _PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        ends = now + timedelta(days=days)
        key = Key(
            secrets.token_hex(6),
            account,
            title.strip(),
            role,
            now,
            min(ends, until) if until is not None else ends,
            None,
        )
        connection.execute(delete(KeyRow).where(KeyRow.expires_at < now))
        mine = connection.execute(select(KeyRow.id).where(KeyRow.account == account)).all()
        if len(mine) >= MOST:
            raise NotSo(f"an account has at most {MOST} keys; revoke one first")
        connection.execute(
            insert(KeyRow),
            {
                "id": key.id,
                "digest": digest(token),
                "account": key.account,
                "title": key.title,
                "role": key.role.value,
                "created_at": key.created_at,
                "expires_at": key.expires_at,
                "used_at": None,
            },
        )
        return key, token

    def find(self, token: str) -> Key | None:
        """The key that a program shows, if it is good."""
        if not _SHAPE.fullmatch(token):
            return None
        now = self._clock()
        with self._engine.connect() as connection:
            row = connection.execute(
                select(*KeyRow.__table__.c).where(KeyRow.digest == digest(token))
            ).one_or_none()
        if row is None or now >= row.expires_at:
            return None
        key = _key(row)
        if key is not None and (key.used_at is None or now - key.used_at >= _TOUCH):
            with self._engine.begin() as connection:
                connection.execute(update(KeyRow).where(KeyRow.id == key.id).values(used_at=now))
        return key

    def list(self, account: str | None = None) -> tuple[Key, ...]:
        """The keys of an account, or all, the newest first."""
        query = select(*KeyRow.__table__.c).order_by(KeyRow.created_at.desc(), KeyRow.id)
        if account is not None:
            query = query.where(KeyRow.account == account)
        with self._engine.connect() as connection:
            return tuple(key for row in connection.execute(query) if (key := _key(row)))

    def revoke(self, connection: Connection, key: str, account: str | None = None) -> bool:
        """End a key, of `account` if given; whether there was one."""
        query = delete(KeyRow).where(KeyRow.id == key)
        if account is not None:
            query = query.where(KeyRow.account == account)
        return connection.execute(query).rowcount > 0


def _key(row: Row[Any]) -> Key | None:
    if row.role not in {role.value for role in Role}:
        return None  # a role of another version
    return Key(
        row.id,
        row.account,
        row.title,
        Role(row.role),
        row.created_at,
        row.expires_at,
        row.used_at,
    )
