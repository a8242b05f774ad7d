"""How is the audit log written, read and verified? Entry by entry, in the database.

Law: whoever writes holds the log's end from before the first change to the commit, so that entries
of all gateways stand in one line, in the order of their commits; a log whose end does not fit the key
takes nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.chain import (
    ACTION_CHARS,
    FIRST,
    REASON_CHARS,
    TARGET_CHARS,
    WHO_CHARS,
    AuditError,
    Entry,
    Head,
    clean,
    detail_text,
    entry_seal,
    head_seal,
    key_id,
    same,
)
from gateway.audit.keeping import Seen
from gateway.audit.tables import AuditRow, HeadRow

MAX_PAGE = 10_000
MOST_PROBLEMS = 100
"""So many problems are told; what comes after a broken place is broken as a rule."""

RESTARTED = "audit.restarted"
"""The action of the first entry of a log that was begun anew."""

_PAGE = 2000

type Kind = Literal["altered", "removed", "inserted", "broken", "cut off", "head"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with the log, and at which entry (0: with its end or beginning)."""

    kind: Kind
    seq: int
    said: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` found: how many entries it checked, where the log ends, and what is wrong.

    `floor` is the number of the last entry that was purged, or that stood there when the log was begun
    anew; of the latter, `uncovered` are still there, and nothing can be said about them.
    """

    checked: int
    floor: int
    uncovered: int
    head: Head
    troubles: tuple[Trouble, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.troubles


@dataclass(slots=True)
class Writing:
    """An open transaction that holds the log's end. Changes go through `connection`.

    INVARIANT: nothing of it stands in the database unless all of it does.
    """

    connection: Connection = field(repr=False)
    head: Head
    floor: Head
    _key: bytes = field(repr=False)
    _clock: Callable[[], datetime] = field(repr=False)
    _rows: list[dict[str, object]] = field(default_factory=list, repr=False)

    def note(
        self,
        who: str,
        action: str,
        *,
        target: str = "",
        reason: str = "",
        detail: Mapping[str, str] | None = None,
    ) -> Entry:
        """Write an entry. Raises `AuditError` for one that is too long or says nobody."""
        who = clean(who, WHO_CHARS, "who")
        if not who:
            raise AuditError("an audit entry has to say who")
        told = dict(detail or {})
        values = {
            "seq": self.head.seq + 1,
            "at": self._clock().astimezone(UTC),
            "who": who,
            "action": clean(action, ACTION_CHARS, "action"),
            "target": clean(target, TARGET_CHARS, "target"),
            "reason": clean(reason, REASON_CHARS, "reason"),
            "detail": detail_text(told),
            "before": self.head.seal,
        }
        seal = entry_seal(self._key, **values)  # type: ignore[arg-type]  # the same names and types
        self._rows.append({**values, "seal": seal})
        self.head = Head(self.head.seq + 1, seal)
        return Entry(**{**values, "detail": told}, seal=seal)  # type: ignore[arg-type]

    def finish(self) -> bool:
        """Put entries and head into the transaction; whether there were any. `Log` calls it."""
        if not self._rows:
            return False
        self.connection.execute(insert(AuditRow), self._rows)
        self._rows.clear()
        _put_head(self.connection, self._key, self.head, self.floor)
        return True


class Log:
    """The audit log of one database, written with `key`. Methods raise SQLAlchemy's errors, too.

    `seen` remembers on this machine how far the log was.
    """

    def __init__(
        self,
        engine: Engine,
        key: bytes,
        *,
        seen: Seen | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.engine = engine
        self._key = key
        self._seen = seen
        self._clock = clock or (lambda: datetime.now(UTC))

    # --- writing ---------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """A transaction for changes and their entries. Raises `AuditError` when the end of the log
        does not fit the key: a wrong key, or somebody changed it.

        Keep it short: all others who write wait for it.
        """
        with self.engine.begin() as connection:
            head, floor = self._hold(connection)
            writing = Writing(connection, head, floor, self._key, self._clock)
            yield writing
            written = writing.finish()
        if written and self._seen is not None:
            self._seen.note(writing.head)

    def note(
        self,
        who: str,
        action: str,
        *,
        target: str = "",
        reason: str = "",
        detail: Mapping[str, str] | None = None,
    ) -> Entry:
        """Write one entry by itself. Errors as of `writing` and `Writing.note`."""
        with self.writing() as writing:
            return writing.note(who, action, target=target, reason=reason, detail=detail)

    def head(self) -> Head:
        """Where the log ends now."""
        with self.engine.connect() as connection:
            row = connection.execute(select(HeadRow.seq, HeadRow.seal)).one_or_none()
        return Head(0, FIRST) if row is None else Head(row.seq, row.seal)

    def restart(self, who: str, reason: str) -> Entry:
        """Begin anew behind the last entry, after the key was lost or the end was damaged.

        What was written before stays, and is not covered any more; the first entry says so.
        """
        with self.engine.begin() as connection:
            # Written to first, so that nobody appends meanwhile.
            connection.execute(update(HeadRow).values(key=""))
            last = connection.execute(
                select(AuditRow.seq, AuditRow.seal).order_by(AuditRow.seq.desc()).limit(1)
            ).one_or_none()
            floor = Head(0, FIRST) if last is None else Head(last.seq, last.seal)
            connection.execute(delete(HeadRow))
            connection.execute(
                insert(HeadRow).values(id=1, **_head_values(self._key, floor, floor))
            )
            writing = Writing(connection, floor, floor, self._key, self._clock)
            entry = writing.note(who, RESTARTED, reason=reason, detail={"behind": str(floor.seq)})
            writing.finish()
        if self._seen is not None:
            self._seen.begin(writing.head)
        return entry

    def purge(self, before: datetime, *, limit: int = 1000) -> int:
        """Delete at most `limit` entries older than `before`, from the beginning; how many went.

        The last entry always stays. What is left can still be verified: the floor is sealed.
        """
        with self.engine.connect() as connection:
            oldest = connection.execute(
                select(AuditRow.at).order_by(AuditRow.seq).limit(1)
            ).scalar_one_or_none()
        if oldest is None or oldest >= before:
            return 0  # as almost always; the end is not held for nothing
        with self.engine.begin() as connection:
            head, floor = self._hold(connection)
            uncovered = (
                select(AuditRow.seq)
                .where(AuditRow.seq <= floor.seq, AuditRow.at < before)
                .order_by(AuditRow.seq)
                .limit(limit)
            )
            gone = connection.execute(delete(AuditRow).where(AuditRow.seq.in_(uncovered)))
            if gone.rowcount:
                return gone.rowcount
            going: list[Any] = []
            for row in connection.execute(
                select(AuditRow.seq, AuditRow.seal, AuditRow.at)
                .where(AuditRow.seq > floor.seq, AuditRow.seq < head.seq)
                .order_by(AuditRow.seq)
                .limit(limit)
            ):
                if row.at >= before:
                    break
                going.append(row)
            if not going:
                return 0
            # INVARIANT: only what hangs on the floor without a gap is purged; else a purge would
            # hide that something was removed.
            if going[0].seq != floor.seq + 1 or going[-1].seq != floor.seq + len(going):
                raise AuditError(
                    "entries are missing at the beginning; run `leakgate audit verify`"
                )
            floor = Head(going[-1].seq, going[-1].seal)
            connection.execute(delete(AuditRow).where(AuditRow.seq <= floor.seq))
            _put_head(connection, self._key, head, floor)
        return len(going)

    def _hold(self, connection: Connection) -> tuple[Head, Head]:
        """Lock the end of the log until the transaction is over."""
        # A write, also for SQLite, which cannot wait for its lock within a transaction that has read.
        hold = update(HeadRow).where(HeadRow.id == 1).values(key=HeadRow.key)
        row = connection.execute(hold.returning(*HeadRow.__table__.c)).one_or_none()
        if row is None:
            self._begin(connection)
            row = connection.execute(hold.returning(*HeadRow.__table__.c)).one()
        head, floor = Head(row.seq, row.seal), Head(row.floor_seq, row.floor_seal)
        if row.key != key_id(self._key):
            raise AuditError(
                "the audit log was written with another key; gateways and commands on one database"
                " need the same `audit_key` file"
            )
        if not same(row.head_seal, head_seal(self._key, head, floor)):
            raise AuditError(
                "the end of the audit log was changed by somebody; run `leakgate audit verify`"
            )
        return head, floor

    def _begin(self, connection: Connection) -> None:
        """Make the end of a log that has none, if there never was one."""
        first = Head(0, FIRST)
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        made = connection.execute(
            dialect.insert(HeadRow)
            .values(id=1, **_head_values(self._key, first, first))
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(HeadRow.id)
        ).one_or_none()
        if made is None:
            return  # another gateway was first
        known = self._seen.last() if self._seen is not None else None
        rows = connection.execute(select(AuditRow.seq).limit(1)).one_or_none()
        if rows is not None or (known is not None and known.seq > 0):
            raise AuditError(
                "the end of the audit log is missing; run `leakgate audit verify`, and"
                " `leakgate audit restart` when you know why"
            )

    # --- reading ---------------------------------------------------------------------------------

    def list(
        self,
        *,
        target: str | None = None,
        who: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[Entry, ...]:
        """Entries newest first, at most `limit` (1 to 10,000), with numbers below `before`.

        `action` may end in `*`: `incident.*`. `since` is inclusive, `until` exclusive.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit must be from 1 to {MAX_PAGE}")
        query = _columns()
        if target is not None:
            query = query.where(AuditRow.target == target)
        if who is not None:
            query = query.where(AuditRow.who == who)
        if action is not None and action.endswith("*"):
            query = query.where(AuditRow.action.startswith(action[:-1], autoescape=True))
        elif action is not None:
            query = query.where(AuditRow.action == action)
        if since is not None:
            query = query.where(AuditRow.at >= since)
        if until is not None:
            query = query.where(AuditRow.at < until)
        if before is not None:
            query = query.where(AuditRow.seq < before)
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(AuditRow.seq.desc()).limit(limit))
            return tuple(map(_entry, rows))

    # --- verifying -------------------------------------------------------------------------------

    def verify(self, *heads: Head) -> Report:
        """Check every entry, the end, and that the log still has `heads` that were noted elsewhere,
        and the one that this machine has seen.
        """
        known = [*heads]
        if self._seen is not None and (last := self._seen.last()) is not None:
            known.append(last)
        with self.engine.connect() as plain:
            # One state of the database for all pages. SQLite's transactions have that anyhow.
            connection = (
                plain.execution_options(isolation_level="REPEATABLE READ")
                if plain.dialect.name == "postgresql"
                else plain
            )
            with connection.begin():
                return _Verifier(connection, self._key, known).report()


class _Verifier:
    """One walk over the log."""

    def __init__(self, connection: Connection, key: bytes, known: list[Head]) -> None:
        self._connection = connection
        self._key = key
        self._known = known
        self._troubles: list[Trouble] = []

    def report(self) -> Report:
        row = self._connection.execute(select(HeadRow.__table__)).one_or_none()
        if row is None:
            head = floor = Head(0, FIRST)
            count = self._connection.execute(select(func.count(AuditRow.seq))).scalar_one()
            if count or any(mark.seq for mark in self._known):
                self._say("head", 0, "the row that says where the log ends is missing")
        else:
            head, floor = Head(row.seq, row.seal), Head(row.floor_seq, row.floor_seal)
            if row.key != key_id(self._key):
                self._say("head", 0, "the log was written with another key than this one")
            elif not same(row.head_seal, head_seal(self._key, head, floor)):
                self._say("head", 0, "what the log says of its beginning and end was changed")
        checked, last = self._walk(floor, {mark.seq: mark for mark in self._known})
        if last.seq < head.seq:
            said = f"entries {last.seq + 1} to {head.seq} are missing at the end"
            self._say("cut off", last.seq, said)
        elif last.seq > head.seq:
            said = f"there are entries behind the end, which is {head.seq}"
            self._say("inserted", last.seq, said)
        elif not same(last.seal, head.seal):
            self._say("altered", last.seq, "the last entry is not the one that was written last")
        for mark in self._known:
            if mark.seq > max(last.seq, floor.seq):
                said = f"the log had an entry {mark.seq}, and ends before it now"
                self._say("cut off", last.seq, said)
        return Report(checked, floor.seq, self._under(floor), head, tuple(self._troubles))

    def _under(self, floor: Head) -> int:
        """How many entries stand before the floor, as after a restart."""
        under = self._connection.execute(
            select(func.count(AuditRow.seq)).where(AuditRow.seq <= floor.seq)
        ).scalar_one()
        first = self._connection.execute(
            select(AuditRow.action).where(AuditRow.seq == floor.seq + 1)
        ).scalar_one_or_none()
        if under and first != RESTARTED:
            said = f"{under} entries stand before the beginning, which is {floor.seq + 1}"
            self._say("inserted", floor.seq, said)
        return under

    def _walk(self, floor: Head, known: Mapping[int, Head]) -> tuple[int, Head]:
        checked, before = 0, floor
        after = floor.seq
        while True:
            page = _columns().where(AuditRow.seq > after).order_by(AuditRow.seq).limit(_PAGE)
            rows = self._connection.execute(page).all()
            for row in rows:
                checked += 1
                self._check(row, before)
                mark = known.get(row.seq)
                if mark is not None and not same(mark.seal, row.seal):
                    self._say("altered", row.seq, "it is another entry than was seen before")
                before = Head(row.seq, row.seal)
            if len(rows) < _PAGE:
                return checked, before
            after = rows[-1].seq

    def _check(self, row: Row[Any], before: Head) -> None:
        if row.seq != before.seq + 1:
            few = f"entry {before.seq + 1} is"
            many = f"entries {before.seq + 1} to {row.seq - 1} are"
            self._say("removed", row.seq, f"{few if row.seq == before.seq + 2 else many} missing")
        elif not same(row.before, before.seal):
            said = "it does not hang on the entry before it: that one was replaced, or this one"
            self._say("broken", row.seq, said)
        seal = entry_seal(
            self._key,
            seq=row.seq,
            at=row.at,
            who=row.who,
            action=row.action,
            target=row.target,
            reason=row.reason,
            detail=row.detail,
            before=row.before,
        )
        if not same(seal, row.seal):
            self._say("altered", row.seq, "it was not written like this by anybody with the key")

    def _say(self, kind: Kind, seq: int, said: str) -> None:
        if len(self._troubles) < MOST_PROBLEMS:
            self._troubles.append(Trouble(kind, seq, said))


def _columns() -> Select[Any]:
    return select(*AuditRow.__table__.c)


def _entry(row: Row[Any]) -> Entry:
    values = row._asdict()
    try:
        values["detail"] = dict(json.loads(row.detail))
    except (ValueError, TypeError):
        values["detail"] = {"damaged": "yes"}
    return Entry(**values)


def _head_values(key: bytes, head: Head, floor: Head) -> dict[str, object]:
    return {
        "seq": head.seq,
        "seal": head.seal,
        "floor_seq": floor.seq,
        "floor_seal": floor.seal,
        "key": key_id(key),
        "head_seal": head_seal(key, head, floor),
    }


def _put_head(connection: Connection, key: bytes, head: Head, floor: Head) -> None:
    connection.execute(
        update(HeadRow).where(HeadRow.id == 1).values(**_head_values(key, head, floor))
    )
