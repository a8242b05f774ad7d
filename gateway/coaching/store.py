"""Who was asked to think, what did they answer, and what may they send since?

Law: a link leads to one coaching, which is answered once, by whoever it was made for, while it has not
expired; only then, and in the same transaction, are grants written. An item is granted to its sender
alone: a mark tells nothing to whoever has no key. What is taken back is gone with its entry in the audit
log, in one transaction. Methods raise SQLAlchemy's errors.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any, Literal, Self, assert_never

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.audit.log import Log
from gateway.coaching.tables import OPEN, CoachingRow, ConcernRow, GrantRow, LinkRow
from gateway.database.engines import Patience, open_engine
from gateway.model import Grant

type State = Literal["open", "justified", "withdrawn", "cancelled", "expired"]
"""What became of a coaching: not answered yet, a reason was given, which the team may have taken back,
given up, or never answered."""

STATES: tuple[State, ...] = ("open", "justified", "withdrawn", "cancelled", "expired")

MOST_ITEMS = 5_000
"""Whoever sends more at once than this is told no, and given no link."""

LINK_FOR = timedelta(hours=1)
"""How long a link leads anywhere."""

BATCH = 500
_PATIENCE = Patience(connect=2, lock=1, statement=5)
"""A request waits for this, and is refused when it takes longer."""


class NotGranted(LookupError):
    """There is nothing to take back; the text tells people why."""


@dataclass(frozen=True, slots=True)
class Concern:
    """A rule that asks, and the lesson that it gives."""

    rule: str
    lesson: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody has to be asked. `rule`, `lesson` are those of the strictest rule, `further` the others."""

    incident: str
    actor: str
    source_ip: str
    service: str
    host: str
    rule: str
    lesson: str
    found: Mapping[str, int]
    asks: frozenset[Grant] = field(repr=False)
    further: tuple[Concern, ...] = ()

    @property
    def sender(self) -> str:
        """As of its exchange."""
        return self.actor or self.source_ip


@dataclass(frozen=True, slots=True)
class Coaching:
    """A coaching as it stands; `sender` is a keyed digest."""

    id: str
    at: datetime
    expires_at: datetime
    sender: str = field(repr=False)
    service: str
    host: str
    rule: str
    lesson: str
    found: Mapping[str, int]
    state: State
    times: int
    answered_at: datetime | None
    valid_until: datetime | None
    reason: str
    text: str = field(repr=False)
    further: tuple[Concern, ...] = ()

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """All that asked, the strictest first."""
        return (Concern(self.rule, self.lesson), *self.further)


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered; `valid_for` only counts with a reason."""

    state: Literal["justified", "cancelled"]
    reason: str = ""
    text: str = field(default="", repr=False)
    valid_for: timedelta = timedelta(0)


class Store:
    """All coachings of a database. May be used from several threads. `key` keys the digests."""

    def __init__(
        self, engine: Engine, key: bytes, *, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.engine = engine
        self.now = clock or (lambda: datetime.now(UTC))
        self._key = hmac.digest(key, b"coaching", "sha256")
        self._late: deque[tuple[str, str]] = deque()

    @classmethod
    def open(cls, url: str, key: bytes, *, clock: Callable[[], datetime] | None = None) -> Self:
        """A store in the database at `url`; connects when first used. Raises `StoreError`."""
        return cls(open_engine(url, _PATIENCE), key, clock=clock)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # --- digests ---------------------------------------------------------------------------------

    def sender(self, name: str) -> str:
        """What a sender is known by."""
        return self._digest("sender", name)

    def mark(self, sender: str, grant: Grant) -> str:
        """What a grant of a sender is known by."""
        return self._digest("grant", sender, grant.rule, grant.service, grant.item)

    def _digest(self, *words: str) -> str:
        # Lengths first, so that no two lists of words are one.
        told = b"".join(
            b"%d:%s" % (len(data), data)
            for data in (word.encode("utf-8", "surrogatepass") for word in words)
        )
        return hmac.digest(self._key, told, "sha256").hex()

    # --- asking ----------------------------------------------------------------------------------

    def ask(self, ask: Ask, *, link: str, identity: str) -> str:
        """Note that somebody is asked, and the link that they get; the coaching's id.

        Whoever sends the same again before they have answered is asked the same again: it is one
        coaching, and each link leads to it. A new one is called `identity`.
        """
        now = self.now()
        sender = self.sender(ask.sender)
        marks = sorted(self.mark(ask.sender, grant) for grant in ask.asks)
        same = self._digest("same", sender, *marks)
        with self.engine.begin() as connection:
            late = connection.execute(
                update(CoachingRow)
                .where(CoachingRow.same == same, OPEN, CoachingRow.expires_at <= now)
                .values(state="expired")
                .returning(CoachingRow.rule, CoachingRow.service)
            ).all()
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            new = dialect.insert(CoachingRow).values(
                id=identity,
                at=now,
                last_at=now,
                expires_at=now + LINK_FOR,
                actor=ask.actor,
                source_ip=ask.source_ip,
                sender=sender,
                same=same,
                service=ask.service,
                host=ask.host,
                rule=ask.rule,
                lesson=ask.lesson,
                found=dict(ask.found),
                marks=marks,
                times=1,
                state="open",
                reason="",
                text="",
            )
            known: str = connection.execute(
                new.on_conflict_do_update(
                    index_elements=["same"],
                    index_where=OPEN,
                    set_={
                        "times": CoachingRow.times + 1,
                        "last_at": now,
                        "expires_at": now + LINK_FOR,
                    },
                ).returning(CoachingRow.id)
            ).scalar_one()
            if known == identity and ask.further:
                connection.execute(
                    insert(ConcernRow),
                    [
                        {
                            "coaching_id": identity,
                            "place": place,
                            "rule": concern.rule,
                            "lesson": concern.lesson,
                        }
                        for place, concern in enumerate(ask.further, start=1)
                    ],
                )
            connection.execute(
                insert(LinkRow).values(
                    link=_link(link), coaching_id=known, incident_id=ask.incident, at=now
                )
            )
        self._late.extend((row.rule, row.service) for row in late)
        return known

    def follow(self, link: str) -> Coaching | None:
        """Where a link leads; None when it was never given out, or is too old to be told of."""
        with self.engine.connect() as connection:
            row = connection.execute(
                select(*_COLUMNS)
                .join(LinkRow, LinkRow.coaching_id == CoachingRow.id)
                .where(LinkRow.link == _link(link))
            ).one_or_none()
            further = () if row is None else concerns(connection, [row.id]).get(row.id, ())
        return None if row is None else _coaching(row, further, self.now())

    # --- answers ---------------------------------------------------------------------------------

    def answer(self, identity: str, answer: Answer) -> bool:
        """Write an answer down, and the grants that go with it; False when it comes too late.

        INVARIANT: of several answers at once one is the first, and the others are too late.
        """
        now = self.now()
        until = now + answer.valid_for if answer.state == "justified" else None
        with self.engine.begin() as connection:
            marks = connection.execute(
                update(CoachingRow)
                .where(
                    CoachingRow.id == identity,
                    CoachingRow.state == "open",
                    CoachingRow.expires_at > now,
                )
                .values(
                    state=answer.state,
                    answered_at=now,
                    valid_until=until,
                    reason=answer.reason,
                    text=answer.text,
                )
                .returning(CoachingRow.marks)
            ).scalar_one_or_none()
            if marks is None:
                return False
            if until is not None:
                self._grant(connection, identity, marks, until)
        return True

    def _grant(
        self, connection: Connection, identity: str, marks: Sequence[str], until: datetime
    ) -> None:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        for batch in batched(sorted(marks), BATCH):
            new = dialect.insert(GrantRow)
            # A longer grant stays: nobody gives a reason to be allowed less.
            statement = new.on_conflict_do_update(
                index_elements=["mark"],
                set_={"expires_at": new.excluded.expires_at, "coaching_id": identity},
                where=GrantRow.expires_at < new.excluded.expires_at,
            )
            connection.execute(
                statement,
                [{"mark": mark, "coaching_id": identity, "expires_at": until} for mark in batch],
            )

    def live(self, sender: str, grants: Iterable[Grant]) -> Mapping[Grant, datetime]:
        """Those of `grants` that the sender has, and until when."""
        wanted = {self.mark(sender, grant): grant for grant in grants}
        found: dict[Grant, datetime] = {}
        with self.engine.connect() as connection:
            for batch in batched(wanted, BATCH):
                rows = connection.execute(
                    select(GrantRow.mark, GrantRow.expires_at).where(
                        GrantRow.mark.in_(batch), GrantRow.expires_at > self.now()
                    )
                )
                found |= {wanted[row.mark]: row.expires_at for row in rows}
        return found

    # --- keeping in order ------------------------------------------------------------------------

    def expire(self, limit: int = BATCH) -> tuple[tuple[str, str], ...]:
        """Close what nobody has answered in time: rule and service of each, every one told once."""
        with self.engine.begin() as connection:
            late = (
                select(CoachingRow.id)
                .where(CoachingRow.state == "open", CoachingRow.expires_at <= self.now())
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = connection.execute(
                update(CoachingRow)
                .where(CoachingRow.id.in_(late), CoachingRow.state == "open")
                .values(state="expired")
                .returning(CoachingRow.rule, CoachingRow.service)
                .execution_options(synchronize_session=False)
            ).all()
            gone = select(GrantRow.mark).where(GrantRow.expires_at <= self.now()).limit(limit)
            connection.execute(
                delete(GrantRow)
                .where(GrantRow.mark.in_(gone))
                .execution_options(synchronize_session=False)
            )
        closed = [(row.rule, row.service) for row in rows]
        while self._late:
            closed.append(self._late.popleft())  # others may add meanwhile
        return tuple(closed)


def withdraw(identity: str, audit: Log, *, now: datetime, who: str, reason: str) -> None:
    """Take back what a reason lets by, at every gateway at once. Raises `NotGranted`, `AuditError`.

    All that was asked for then is asked about again, also what another reason covers.
    """
    with audit.writing() as writing:
        marks = writing.connection.execute(
            update(CoachingRow)
            .where(
                CoachingRow.id == identity,
                in_state("justified", now),
                CoachingRow.valid_until > now,
            )
            .values(withdrawn_at=now)
            .returning(CoachingRow.marks)
            .execution_options(synchronize_session=False)
        ).scalar_one_or_none()
        if marks is None:
            raise NotGranted(
                f"coaching `{identity[:32]}` lets nothing by, so nothing is taken back"
            )
        for batch in batched(sorted(marks), BATCH):
            writing.connection.execute(delete(GrantRow).where(GrantRow.mark.in_(batch)))
        writing.note(who, "coaching.withdrawn", target=identity, reason=reason)


def state_of(row: Any, now: datetime) -> State:
    """What became of a coaching, from its row.

    A link runs out by the clock; that it did is written down later, by whoever tidies.
    """
    state: State = next(state for state in STATES if state == row.state)
    if state == "open" and row.expires_at <= now:
        return "expired"
    if state == "justified" and row.withdrawn_at is not None:
        return "withdrawn"
    return state


def in_state(state: State, now: datetime) -> ColumnElement[bool]:
    """The same as a condition."""
    stored, withdrawn = CoachingRow.state, CoachingRow.withdrawn_at
    match state:
        case "open":
            return and_(stored == "open", CoachingRow.expires_at > now)
        case "expired":
            return or_(stored == "expired", and_(stored == "open", CoachingRow.expires_at <= now))
        case "justified":
            return and_(stored == "justified", withdrawn.is_(None))
        case "withdrawn":
            return and_(stored == "justified", withdrawn.is_not(None))
        case "cancelled":
            return stored == "cancelled"
        case other:
            assert_never(other)


def concerns(connection: Connection, coachings: Iterable[str]) -> Mapping[str, tuple[Concern, ...]]:
    """The further rules of each coaching that has some."""
    found: dict[str, tuple[Concern, ...]] = {}
    for batch in batched(coachings, BATCH):
        query = select(ConcernRow.__table__).where(ConcernRow.coaching_id.in_(batch))
        for row in connection.execute(query.order_by(ConcernRow.coaching_id, ConcernRow.place)):
            known = found.get(row.coaching_id, ())
            found[row.coaching_id] = (*known, Concern(row.rule, row.lesson))
    return found


def purge(engine: Engine, before: datetime, *, now: datetime, limit: int) -> int:
    """Forget coachings from before a day, and all that belongs to them; how many."""
    oldest = (
        select(CoachingRow.id)
        .where(
            CoachingRow.at < before,
            # What still lets something by is not forgotten.
            or_(CoachingRow.valid_until.is_(None), CoachingRow.valid_until < now),
        )
        .order_by(CoachingRow.at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with engine.begin() as connection:
        return connection.execute(
            delete(CoachingRow)
            .where(CoachingRow.id.in_(oldest))
            .execution_options(synchronize_session=False)
        ).rowcount


_COLUMNS = (
    CoachingRow.id,
    CoachingRow.at,
    CoachingRow.expires_at,
    CoachingRow.sender,
    CoachingRow.service,
    CoachingRow.host,
    CoachingRow.rule,
    CoachingRow.lesson,
    CoachingRow.found,
    CoachingRow.state,
    CoachingRow.times,
    CoachingRow.answered_at,
    CoachingRow.valid_until,
    CoachingRow.withdrawn_at,
    CoachingRow.reason,
    CoachingRow.text,
)


def _coaching(row: Any, further: tuple[Concern, ...], now: datetime) -> Coaching:
    return Coaching(
        id=row.id,
        at=row.at,
        expires_at=row.expires_at,
        sender=row.sender,
        service=row.service,
        host=row.host,
        rule=row.rule,
        lesson=row.lesson,
        found=row.found,
        state=state_of(row, now),
        times=row.times,
        answered_at=row.answered_at,
        valid_until=row.valid_until,
        reason=row.reason,
        text=row.text,
        further=further,
    )


def _link(link: str) -> str:
    # 128 random bits and more need no key: nobody can try them all.
    return hashlib.sha256(link.encode("utf-8", "surrogatepass")).hexdigest()
