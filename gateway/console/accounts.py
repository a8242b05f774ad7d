"""Who may sign in, and with what? Accounts of our own, and those that a provider vouches for.

Law: a password is kept as an Argon2 hash only, and whether a name exists cannot be told from the time
that a wrong one takes. A one-time password opens nothing but the page that replaces it, and ends by
itself. A provider's account has no password, and belongs to one subject of that provider for good.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from gateway.console.roles import Permission, Role, allowed
from gateway.console.tables import ACCOUNT_CHARS, AccountRow, KeyRow, SessionRow

type Source = Literal["local", "oidc"]

ONE_TIME = timedelta(days=3)
"""How long a one-time password can be used."""

SHORTEST = 12
LONGEST = 256  # more would only cost time to hash

# Without a slash, which would end a name in the address of a call.
_NAME = re.compile(r"[^\s/\x00-\x1f\x7f]+(?: [^\s/\x00-\x1f\x7f]+)*")
# Without letters and digits that look alike: somebody may have to type it from paper.
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


class NotSo(ValueError):
    """Something that cannot be done as asked; the text tells people why, and what would do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody. `roles` of a provider's account are those of their last sign-in."""

    name: str
    source: Source
    roles: frozenset[Role]
    must_change: bool
    disabled: bool
    created_at: datetime
    signed_in_at: datetime | None

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that they may do now: nothing before a one-time password is replaced."""
        return frozenset() if self.must_change or self.disabled else allowed(self.roles)


class Accounts:
    """The accounts of one database. Methods raise SQLAlchemy's errors when it is away.

    What changes something takes the connection of the transaction that its audit entry is in; what
    takes long, a password's hash, is made before.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    # --- asking -----------------------------------------------------------------------------------

    def none(self) -> bool:
        """Whether there is no account at all yet."""
        with self._engine.connect() as connection:
            return not connection.scalar(select(func.count()).select_from(AccountRow))

    def get(self, name: str) -> Account | None:
        """The account of this name."""
        with self._engine.connect() as connection:
            row = _row(connection, name)
        return None if row is None else _account(row)

    def list(self) -> tuple[Account, ...]:
        """All accounts, by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(*AccountRow.__table__.c).order_by(AccountRow.name)
            ).all()
        return tuple(map(_account, rows))

    def verify(self, name: str, password: str) -> Account | None:
        """The account that this is the password of; None for anything else."""
        with self._engine.connect() as connection:
            row = _row(connection, name) if len(name) <= ACCOUNT_CHARS else None
        if row is not None and (row.source != "local" or row.disabled):
            row = None
        right = _fits(row.password if row is not None else _nobody(), password)
        if row is None or not right:
            return None
        if row.must_change and row.password_ends is not None and self._clock() >= row.password_ends:
            return None
        return _account(row)

    def replacement(self, name: str, old: str, new: str) -> str:
        """The hash of `new`, with which the owner of `old` may replace it. Raises `NotSo`."""
        if len(new) < SHORTEST:
            raise NotSo(f"a password has at least {SHORTEST} characters")
        if len(new) > LONGEST:
            raise NotSo(f"a password has at most {LONGEST} characters")
        if new == old or name.lower() in new.lower() or len(set(new)) < 5:
            raise NotSo("that password is too easy to guess; take another one")
        if self.verify(name, old) is None:
            raise NotSo("the present password is another one")
        return hashed(new)

    # --- changing ---------------------------------------------------------------------------------

    def create(
        self, connection: Connection, name: str, roles: Iterable[Role], one_time: OneTime
    ) -> None:
        """A new local account. Raises `NotSo`."""
        _check_name(name)
        wanted = frozenset(roles)
        if not wanted:
            raise NotSo("an account needs at least one role")
        if _row(connection, name) is not None:
            raise NotSo(f"there is an account `{name}` already")
        now = self._clock()
        connection.execute(
            insert(AccountRow),
            {
                "name": name,
                "source": "local",
                "subject": "",
                "roles": _words(wanted),
                "password": one_time.hashed,
                "must_change": True,
                "password_ends": now + ONE_TIME,
                "disabled": False,
                "created_at": now,
                "signed_in_at": None,
            },
        )

    def reset(self, connection: Connection, name: str, one_time: OneTime) -> None:
        """A new one-time password for a local account; its sessions and API keys end. Raises `NotSo`."""
        changed = connection.execute(
            update(AccountRow)
            .where(AccountRow.name == name, AccountRow.source == "local")
            .values(
                password=one_time.hashed,
                must_change=True,
                password_ends=self._clock() + ONE_TIME,
                disabled=False,
            )
        ).rowcount
        if not changed:
            raise NotSo(f"there is no account `{name}` with a password")
        _end(connection, name)

    def put_password(self, connection: Connection, name: str, replacement: str) -> None:
        """Replace a password by its owner's own; all sessions and API keys of the account end."""
        connection.execute(
            update(AccountRow)
            .where(AccountRow.name == name, AccountRow.source == "local")
            .values(password=replacement, must_change=False, password_ends=None)
        )
        _end(connection, name)

    def signed_in(self, connection: Connection, name: str) -> None:
        """Write down that somebody has signed in."""
        connection.execute(
            update(AccountRow).where(AccountRow.name == name).values(signed_in_at=self._clock())
        )

    def vouched(
        self, connection: Connection, name: str, subject: str, roles: Iterable[Role]
    ) -> None:
        """Write down somebody whom the provider has named just now. Raises `NotSo`.

        `subject` is the provider's own name of them, which never changes; another subject with the
        same `name` is somebody else.
        """
        _check_name(name)
        if not subject or len(subject) > ACCOUNT_CHARS:
            raise NotSo("the provider gave no usable name")
        words, now = _words(roles), self._clock()
        row = _row(connection, name)
        if row is None:
            connection.execute(
                insert(AccountRow),
                {
                    "name": name,
                    "source": "oidc",
                    "subject": subject,
                    "roles": words,
                    "password": "",
                    "must_change": False,
                    "password_ends": None,
                    "disabled": False,
                    "created_at": now,
                    "signed_in_at": now,
                },
            )
        elif row.source != "oidc" or row.subject != subject:
            raise NotSo("that name belongs to another account")
        elif row.disabled:
            raise NotSo("the account is disabled")
        else:
            connection.execute(
                update(AccountRow)
                .where(AccountRow.name == name)
                .values(roles=words, signed_in_at=now)
            )

    def set(
        self,
        connection: Connection,
        name: str,
        *,
        roles: Iterable[Role] | None = None,
        disabled: bool | None = None,
    ) -> None:
        """Change what an account may do; its sessions and API keys end. Raises `NotSo`.

        Somebody who may manage accounts is always left.
        """
        row = _row(connection, name)
        if row is None:
            raise NotSo(f"there is no account `{name}`")
        values: dict[str, object] = {}
        if roles is not None:
            if row.source != "local":
                raise NotSo("the provider's groups say which roles that account has")
            if not (wanted := frozenset(roles)):
                raise NotSo("an account needs at least one role; disable it instead")
            values["roles"] = _words(wanted)
        if disabled is not None:
            values["disabled"] = disabled
        if not values:
            return
        connection.execute(update(AccountRow).where(AccountRow.name == name).values(**values))
        left = connection.execute(
            select(AccountRow.roles).where(AccountRow.disabled.is_(False))
        ).scalars()
        if not any(Role.ADMIN in _roles(words) for words in left):
            raise NotSo("nobody would be left to manage accounts")
        _end(connection, name)


@dataclass(frozen=True, slots=True)
class OneTime:
    """A password to be shown once, and what is kept of it."""

    password: str = field(repr=False)
    hashed: str = field(repr=False)

    @classmethod
    def made(cls) -> OneTime:
        """A new one: twenty letters in groups of five, 98 bits."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(20))
        password = "-".join(letters[at : at + 5] for at in range(0, 20, 5))
        return cls(password, hashed(password))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > ACCOUNT_CHARS or not name.isprintable():
        raise NotSo("a name has letters and signs but `/`, and no spaces at its ends")


def _row(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(
        select(*AccountRow.__table__.c).where(AccountRow.name == name)
    ).one_or_none()


def _end(connection: Connection, name: str) -> None:
    """End all sessions and keys of an account: what it may do has changed."""
    connection.execute(delete(SessionRow).where(SessionRow.account == name))
    connection.execute(delete(KeyRow).where(KeyRow.account == name))


def hashed(password: str) -> str:
    """What is kept of a password. Takes about a tenth of a second, on purpose."""
    return _hasher().hash(password)


@cache
def _hasher() -> PasswordHasher:
    # RFC 9106, section 4, the second recommended option: 64 MiB, three passes.
    return PasswordHasher(time_cost=3, memory_cost=1 << 16, parallelism=4)


@cache
def _nobody() -> str:
    """A hash that no password has, so that an unknown name takes as long as a known one."""
    return _hasher().hash(secrets.token_hex())


def _fits(hashed: str, password: str) -> bool:
    if len(password) > LONGEST:
        return False
    try:
        return _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _words(roles: Iterable[Role]) -> str:
    return " ".join(sorted(roles))


def _roles(words: str) -> frozenset[Role]:
    known = {role.value for role in Role}
    # A role of another version gives nothing.
    return frozenset(Role(word) for word in words.split() if word in known)


def _account(row: Row[Any]) -> Account:
    return Account(
        row.name,
        cast("Source", row.source),
        _roles(row.roles),
        row.must_change,
        row.disabled,
        row.created_at,
        row.signed_in_at,
    )
