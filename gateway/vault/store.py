"""What did this token stand for, when this actor sent it? Kept sealed in the database for a time.

Law: what one actor keeps is found by that actor alone, until it expires; a token that stands for a
value is never made to stand for another before that. Clear text stays on this side of the
connection: no value, token or actor goes into a statement or into the text of an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any, Self

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from gateway.database.engines import Patience, open_engine
from gateway.vault.keys import Keyring
from gateway.vault.sealing import Seals
from gateway.vault.tables import TokenRow

MAX_VALUE_BYTES = 64 << 10
"""A longer value is not kept: it is a document, and no model repeats its token for its sake."""

MAX_TOKENS = 10_000
"""Of more tokens at once the rest is not kept, or not found."""

BATCH = 500
"""Tokens in one statement."""

PURGED = 1000
"""Rows deleted in one statement."""

_FRESH = 0.75
"""A row that has more than this part of its time left is not written again."""

_ROUNDS = 3
"""How often a row is looked at again that another gateway changed meanwhile."""

_PATIENCE = Patience(connect=2, lock=1, statement=5)
"""People wait for the vault, and do without it when it takes longer."""


# Built once: building a statement takes longer than either database takes to run it.
_LOOK = select(TokenRow.token, TokenRow.sealed, TokenRow.key, TokenRow.expires_at).where(
    TokenRow.actor == bindparam("owner"), TokenRow.token.in_(bindparam("digests", expanding=True))
)


def _writing(statement: sqlite.Insert | postgresql.Insert) -> Any:
    """INSERT … ON CONFLICT, which both databases have, each in its own dialect."""
    gone = TokenRow.expires_at <= statement.excluded.created
    return statement.on_conflict_do_update(
        index_elements=["actor", "token"],
        set_={
            "sealed": statement.excluded.sealed,
            "key": statement.excluded.key,
            "created": case((gone, statement.excluded.created), else_=TokenRow.created),
            "expires_at": statement.excluded.expires_at,
        },
        # INVARIANT: a live row never changes what it stands for. Sealing is deterministic, so
        # equal values under one key are equal here, whichever gateway wrote them.
        where=or_(gone, TokenRow.sealed == statement.excluded.sealed),
    ).returning(TokenRow.token)


_WRITE: Mapping[str, Any] = {
    "sqlite": _writing(sqlite.insert(TokenRow)),
    "postgresql": _writing(postgresql.insert(TokenRow)),
}


class UnknownKey(LookupError):
    """Something is to be kept under a key that the keyring does not hold."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of tokens that were to be kept.

    `taken` stand for another value of this actor already, and were left so. `refused` were over
    `MAX_VALUE_BYTES` or `MAX_TOKENS`. `written` counts rows that were new or lived on.
    """

    taken: frozenset[str] = field(default=frozenset(), repr=False)
    refused: frozenset[str] = field(default=frozenset(), repr=False)
    written: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    token: bytes
    sealed: bytes
    key: str
    expires_at: datetime


class Vault:
    """Tokens and what they stand for, per actor. May be used from several threads.

    Methods raise SQLAlchemy's errors. `ttl` is how long a row lives after it was last kept.
    """

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        *,
        ttl: timedelta,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.engine = engine
        self.ttl = ttl
        self.now = clock or (lambda: datetime.now(UTC))
        self._seals = Seals(keyring)

    @classmethod
    def open(
        cls,
        url: str,
        keyring: Keyring,
        *,
        ttl: timedelta,
        clock: Callable[[], datetime] | None = None,
    ) -> Self:
        """A vault in the database at `url`; connects when first used. Raises `StoreError`."""
        # A person waits for each commit, and a power cut ends the exchange that it was for anyway.
        engine = open_engine(url, _PATIENCE, durable=False)
        return cls(engine, keyring, ttl=ttl, clock=clock)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # --- keys ------------------------------------------------------------------------------------

    @property
    def keyring(self) -> Keyring:
        """The keys in use."""
        return self._seals.keyring

    def adopt(self, keyring: Keyring) -> None:
        """Go over to these keys, as after a rotation. `ValueError` when no row could be found."""
        if keyring.lookup != self.keyring.lookup:
            raise ValueError("`lookup` has changed; with another one no token is found any more")
        self._seals = Seals(keyring)

    def mark(self, actor: str, token: str | None = None, value: str | None = None) -> bytes:
        """A keyed digest of actor, token and value, to remember them by without holding them."""
        return self._seals.mark(actor, token, value)

    # --- keeping ---------------------------------------------------------------------------------

    def keep(self, actor: str, issued: Mapping[str, str], *, key_id: str) -> Kept:
        """Remember what tokens stand for, until `ttl` from now; doing it again costs one read.

        `key_id` is the key that the tokens were minted with. Raises `UnknownKey`.
        """
        if not actor:
            raise ValueError("tokens are kept for somebody")
        seals = self._seals
        if seals.keyring.get(key_id) is None:
            raise UnknownKey("tokens cannot be kept under a key that is not in the keyring")
        owner = seals.actor(actor)
        refused = {token for token, value in issued.items() if _too_long(value)}
        wanted = [token for token in issued if token not in refused]
        refused.update(wanted[MAX_TOKENS:])
        # In the order of digests everywhere: two gateways that keep the same tokens then wait for
        # each other's rows in turn, never in a ring.
        digests = sorted((seals.token(owner, token), token) for token in wanted[:MAX_TOKENS])
        taken: set[str] = set()
        written = 0
        with self.engine.connect() as connection:
            for batch in batched(digests, BATCH):
                pending = dict(batch)
                for _ in range(_ROUNDS):
                    values = {digest: issued[token] for digest, token in pending.items()}
                    done, others = self._keep(connection, seals, owner, values, key_id)
                    written += len(done[1])
                    taken.update(pending[digest] for digest in others)
                    settled = {*done[0], *done[1], *others}
                    pending = {d: token for d, token in pending.items() if d not in settled}
                    if not pending:
                        break
                # Changed under our hands again and again: somebody else's for sure.
                taken.update(pending.values())
        return Kept(frozenset(taken), frozenset(refused), written)

    def _keep(
        self,
        connection: Connection,
        seals: Seals,
        owner: bytes,
        values: Mapping[bytes, str],
        key: str,
    ) -> tuple[tuple[set[bytes], set[bytes]], set[bytes]]:
        """Look, then write: (what needed nothing, what was written), what stands for another."""
        now = self.now()
        fine: set[bytes] = set()
        others: set[bytes] = set()
        new: list[bytes] = []
        mended: list[_Row] = []
        # Two transactions: in SQLite one that has read may not write once another has written.
        with connection.begin():
            rows = self._rows(connection, owner, list(values))
        for digest, value in values.items():
            row = rows.get(digest)
            if row is None or row.expires_at <= now:
                new.append(digest)
                continue
            known = seals.keyring.get(row.key) is not None
            found = seals.open(row.sealed, actor=owner, token=digest, key=row.key)
            if found is None and known:
                mended.append(row)  # damaged: nobody can open it, so nothing is lost
            elif found != value:
                # Also where we miss the key: another gateway may have it already, or still.
                others.add(digest)
            elif row.expires_at - now >= self.ttl * _FRESH:
                fine.add(digest)
            elif row.key == key:
                new.append(digest)
            else:
                mended.append(row)
        if not new and not mended:
            return (fine, set()), others
        with connection.begin():
            written = self._insert(
                connection, [self._row(seals, owner, d, values[d], key, now) for d in new]
            )
            for row in mended:
                fresh = self._row(seals, owner, row.token, values[row.token], key, now)
                if self._replace(connection, fresh, row.sealed):
                    written.add(row.token)
        return (fine, written), others

    def _row(
        self, seals: Seals, owner: bytes, digest: bytes, value: str, key: str, now: datetime
    ) -> dict[str, object]:
        return {
            "actor": owner,
            "token": digest,
            "sealed": seals.seal(value, actor=owner, token=digest, key=key),
            "key": key,
            "created": now,
            "expires_at": now + self.ttl,
        }

    @staticmethod
    def _rows(connection: Connection, owner: bytes, digests: Sequence[bytes]) -> dict[bytes, _Row]:
        found = connection.execute(_LOOK, {"owner": owner, "digests": list(digests)})
        return {row.token: _Row(*row) for row in found}

    @staticmethod
    def _insert(connection: Connection, rows: list[dict[str, object]]) -> set[bytes]:
        """Write rows that are new, expired, or the same but for their time; which ones were."""
        if not rows:
            return set()
        return set(connection.execute(_WRITE[connection.dialect.name], rows).scalars())

    @staticmethod
    def _replace(connection: Connection, row: dict[str, Any], sealed: bytes) -> bool:
        """Write over the row that was seen as `sealed`; False when it is another meanwhile."""
        done: CursorResult[Any] = connection.execute(
            update(TokenRow)
            .where(
                TokenRow.actor == row["actor"],
                TokenRow.token == row["token"],
                TokenRow.sealed == sealed,
            )
            .values(sealed=row["sealed"], key=row["key"], expires_at=row["expires_at"])
        )
        return done.rowcount == 1

    # --- finding ---------------------------------------------------------------------------------

    def find(self, actor: str, tokens: Iterable[str]) -> Mapping[str, str]:
        """What these tokens stand for, to this actor; what is not kept, or no more, is not in it.

        One query per `BATCH` tokens.
        """
        seals = self._seals
        owner = seals.actor(actor)
        wanted = list(dict.fromkeys(tokens))[:MAX_TOKENS]
        digests = {seals.token(owner, token): token for token in wanted}
        found: dict[str, str] = {}
        if not digests:
            return found
        now = self.now()
        with self.engine.connect() as connection:
            for batch in batched(digests, BATCH):
                for row in self._rows(connection, owner, batch).values():
                    if row.expires_at <= now:
                        continue
                    value = seals.open(row.sealed, actor=owner, token=row.token, key=row.key)
                    if value is not None:
                        found[digests[row.token]] = value
        return found

    def key_of(self, actor: str) -> str | None:
        """The key that this actor's most recently kept tokens go with; None without live ones."""
        query = (
            select(TokenRow.key)
            .where(TokenRow.actor == self._seals.actor(actor), TokenRow.expires_at > self.now())
            .order_by(TokenRow.expires_at.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            return connection.execute(query).scalar()

    def count(self) -> int:
        """How many rows there are, expired ones that are not purged yet included."""
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(TokenRow)).scalar_one()

    def is_empty(self) -> bool:
        """Whether no token is kept at all."""
        with self.engine.connect() as connection:
            return connection.execute(select(TokenRow.key).limit(1)).first() is None

    def per_key(self) -> Mapping[str, int]:
        """How many rows each key has sealed, keys that are dropped included."""
        query = select(TokenRow.key, func.count().label("rows")).group_by(TokenRow.key)
        with self.engine.connect() as connection:
            return {row.key: row.rows for row in connection.execute(query)}

    # --- deleting --------------------------------------------------------------------------------

    def purge(self, now: datetime | None = None, *, batch: int = PURGED) -> int:
        """Delete at most `batch` expired rows, the oldest first; how many went.

        Waits for nobody: what another gateway deletes or keeps at this moment is passed over.
        """
        oldest = (
            select(TokenRow.actor, TokenRow.token)
            .where(TokenRow.expires_at <= (now or self.now()))
            .order_by(TokenRow.expires_at)
            .limit(batch)
            .with_for_update(skip_locked=True)
        )
        return self._delete(oldest)

    def forget(self, actor: str, *, batch: int = PURGED) -> int:
        """Delete everything of an actor; how many rows went."""
        some = (
            select(TokenRow.actor, TokenRow.token)
            .where(TokenRow.actor == self._seals.actor(actor))
            .order_by(TokenRow.token)
            .limit(batch)
            .with_for_update()
        )
        total = 0
        while gone := self._delete(some):
            total += gone
        return total

    def _delete(self, which: Any) -> int:
        with self.engine.begin() as connection:
            gone: CursorResult[Any] = connection.execute(
                delete(TokenRow)
                .where(tuple_(TokenRow.actor, TokenRow.token).in_(which))
                .execution_options(synchronize_session=False)
            )
        return gone.rowcount


def _too_long(value: str) -> bool:
    return (
        len(value) > MAX_VALUE_BYTES
        or len(value.encode("utf-8", "surrogatepass")) > MAX_VALUE_BYTES
    )
