"""Who stands before the proxy? Evidence in, a sender out.

Law: a name comes from evidence that was verified, or from nowhere. Evidence that was given and does
not hold never becomes "nobody": it is refused. The event loop is never held up; what is remembered is
bounded in number and in time, and no password is kept.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from cryptography import x509

from gateway.documents import DocumentError, Problem
from gateway.identity import document, files
from gateway.identity.directory import Away, Directory, Entry
from gateway.identity.files import Followed, canonical
from gateway.policy.rollout import address_of

logger = logging.getLogger("leakgate.identity")

REMEMBERED = 20_000
"""People, and passwords, that are remembered: some 20 MB."""
WAITING = 256
"""Questions to directory and password file that wait at the same time; more are refused."""
THREADS = 8
PAUSE = 5.0
"""Seconds in which a directory that was away is not asked again."""
WRONG_FOR = 10.0
"""Seconds in which the same wrong password is not tried again: repeats would lock an account."""
TRIES = 10
"""Wrong passwords of one name in a minute, after which no further one is tried."""
LOOK = 2.0
"""Seconds between two looks at the files."""

type How = Literal["password", "proxy", "certificate", "address", "nobody"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a connection or request shows. `credentials` is the value of `Proxy-Authorization`.

    `told_users` and `told_addresses` are the values of the headers of upstream proxies, believed only
    when `peer` is one. `certificate` is the name in a client certificate that was verified.
    """

    peer: str
    credentials: tuple[str, ...] = field(default=(), repr=False)
    told_users: tuple[str, ...] = field(default=(), repr=False)
    told_addresses: tuple[str, ...] = field(default=(), repr=False)
    certificate: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as far as it is known. See `gateway.model.Exchange` for what empty and None mean."""

    source_ip: str
    actor: str = ""
    groups: frozenset[str] | None = field(default=None, repr=False)
    device: str = ""
    how: How = "nobody"


@dataclass(frozen=True, slots=True)
class Unproven:
    """Somebody who says a name that is not proven: `wrong`, or `away` when it cannot be checked."""

    source_ip: str
    why: Literal["wrong", "away"]


type Answer = Sender | Unproven


class Asked(Protocol):
    """The directory, which blocks; `Away` when it cannot tell."""

    def check(self, user: str, password: str) -> Entry | None:
        """The person whose name and password these are."""
        ...

    def find(self, user: str, dn: str = "") -> Entry | None:
        """The person of this name, or who stands at `dn`."""
        ...


class Watch(Protocol):
    """Who counts."""

    def identified(self, result: str) -> None:
        """Somebody was identified, in a way that `How` names, or was `wrong`, `away` or `stale`."""
        ...


@dataclass(slots=True)
class _Proven:
    """A password that was right for `actor`, last checked at `at`."""

    actor: str
    at: float


@dataclass(slots=True)
class _Member:
    """A person as the directory told at `at`; no `entry` when it does not know them."""

    entry: Entry | None
    at: float
    used: float


class Identities:
    """Identifies senders. `key` keys what is remembered of passwords; it lives as long as the process.

    `clock` gives seconds for how old an answer is, `wall` Unix time.
    """

    def __init__(
        self,
        settings: document.Identity,
        *,
        key: bytes,
        watch: Watch,
        directory: Asked | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Read the files. `DocumentError` tells all that is wrong with them."""
        self.settings = settings
        self._key = key
        self._watch = watch
        self._clock, self._wall = clock, wall
        self._directory = directory
        if directory is None and settings.directory is not None:
            self._directory = Directory(settings.directory)
        self._files = _Files.read(settings)
        passwords = settings.passwords
        self._asks_directory = passwords is not None and passwords.directory
        self._proven: OrderedDict[bytes, _Proven] = OrderedDict()
        self._wrong: OrderedDict[bytes, float] = OrderedDict()
        self._tries: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._members: OrderedDict[str, _Member] = OrderedDict()
        self._flying: dict[object, asyncio.Task[Answer]] = {}
        self._away_until = 0.0
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="identity")
        self._fresh = settings.fresh.total_seconds()
        self._stale = settings.stale.total_seconds()

    @property
    def has_passwords(self) -> bool:
        """Whether somebody can say who they are by proxy authentication."""
        return self.settings.passwords is not None

    # --- answers ----------------------------------------------------------------------------------

    def known(self, evidence: Evidence) -> Answer | None:
        """The answer, if nobody has to be asked for it."""
        sender = self._unproven(evidence)
        if evidence.credentials and self.has_passwords:
            said = _basic(evidence.credentials)
            if said is None:
                return Unproven(sender.source_ip, "wrong")
            mark = self._mark(*said)
            if self._is_wrong(mark, said[0]):
                return Unproven(sender.source_ip, "wrong")
            proven = self._proven.get(mark)
            if proven is None or not self._is_fresh(proven.at):
                return None
            self._proven.move_to_end(mark)
            if sender.how != "proxy":
                sender = replace(sender, actor=proven.actor, how="password")
        return self._with_groups(sender, wait=True)

    async def ask(self, evidence: Evidence) -> Answer:
        """The answer, asking whoever has to be asked."""
        answer = self.known(evidence)
        if answer is None:
            answer = await self._asked(evidence)
        self._watch.identified(answer.why if isinstance(answer, Unproven) else answer.how)
        return answer

    def still(self, sender: Sender, evidence: Evidence) -> Answer | None:
        """The sender of a connection as they are now: groups change, and addresses are handed on.

        None when the directory has to be asked.
        """
        if sender.how in {"address", "nobody"}:
            sender = self._unproven(evidence)
        return self._with_groups(sender, wait=True)

    async def ask_again(self, sender: Sender, evidence: Evidence) -> Answer:
        """The same, asking the directory."""
        if sender.how in {"address", "nobody"}:
            sender = self._unproven(evidence)
        if self._directory is not None and sender.actor and not self._is_known(sender.actor):
            await self._learn(sender.actor)
        return self._with_groups(sender, wait=False) or sender

    def _unproven(self, evidence: Evidence) -> Sender:
        """Who it is by all that needs no password."""
        source, told = evidence.peer, ""
        trusted = self.settings.trusted_proxies
        if trusted is not None:
            peer = address_of(evidence.peer)
            if peer is not None and any(
                peer.version == net.version and peer in net for net in trusted.networks
            ):
                # Two values are those of a client and of its proxy: nobody knows which is which.
                if len(evidence.told_addresses) == 1:
                    address = address_of(evidence.told_addresses[0].strip())
                    source = source if address is None else str(address)
                if len(evidence.told_users) == 1:
                    told = canonical(evidence.told_users[0])
        sender = Sender(source)
        address = address_of(source)
        holders = self._files.addresses
        holder = holders.value[str(address)] if holders is not None and address else None
        if holder is not None and self.settings.address_map is not None:
            ends = holder.seen + self.settings.address_map.valid.total_seconds()
            if self._wall() < ends:
                sender = replace(
                    sender,
                    actor=holder.user,
                    device=holder.device,
                    how="address" if holder.user else "nobody",
                )
        if evidence.certificate and self.settings.certificates is not None:
            if self.settings.certificates.names == "device":
                sender = replace(sender, device=evidence.certificate)
            else:
                sender = replace(sender, actor=evidence.certificate, how="certificate")
        if told:
            sender = replace(sender, actor=told, how="proxy")
        return sender

    # --- passwords --------------------------------------------------------------------------------

    def _mark(self, user: str, password: str) -> bytes:
        said = f"{len(user)}:{user}{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, said, "sha256")

    def _is_fresh(self, at: float) -> bool:
        return self._clock() - at < self._fresh

    def _is_wrong(self, mark: bytes, user: str) -> bool:
        """Whether it was wrong a moment ago, or too many were."""
        now = self._clock()
        if now - self._wrong.get(mark, -WRONG_FOR) < WRONG_FOR:
            return True
        since, count = self._tries.get(canonical(user), (now, 0))
        return count >= TRIES and now - since < 60 and mark not in self._proven

    def _note_wrong(self, mark: bytes, user: str) -> None:
        now = self._clock()
        self._proven.pop(mark, None)
        _put(self._wrong, mark, now)
        name = canonical(user)
        since, count = self._tries.get(name, (now, 0))
        _put(self._tries, name, (since, count + 1) if now - since < 60 else (now, 1))

    async def _asked(self, evidence: Evidence) -> Answer:
        """One question for all who ask the same at the same time."""
        key: object = evidence
        task = self._flying.get(key)
        if task is None:
            if len(self._flying) >= WAITING:
                return Unproven(self._unproven(evidence).source_ip, "away")
            task = asyncio.get_running_loop().create_task(self._find_out(evidence))
            if not task.done():
                self._flying[key] = task
                task.add_done_callback(lambda _: self._flying.pop(key, None))
        # A client that leaves does not take the answer from the others.
        return await asyncio.shield(task)

    async def _find_out(self, evidence: Evidence) -> Answer:
        sender = self._unproven(evidence)
        said = _basic(evidence.credentials) if self.has_passwords else None
        if said is not None:
            actor = await self._proven_actor(*said)
            if isinstance(actor, str):
                if sender.how != "proxy":
                    sender = replace(sender, actor=actor, how="password")
            else:
                return Unproven(sender.source_ip, "wrong" if actor is None else "away")
        if self._directory is not None and sender.actor and not self._is_known(sender.actor):
            await self._learn(sender.actor)
        return self._with_groups(sender, wait=False) or sender

    async def _proven_actor(self, user: str, password: str) -> str | Away | None:
        """Whose name and password these are; None when they are wrong."""
        mark = self._mark(user, password)
        name = canonical(user)
        listed = self._files.htpasswd
        actor: str | None = None
        if listed is not None and name in listed.value:
            right = await self._in_thread(listed.value.check, name, password)
            actor = name if right else None
        elif self._asks_directory and name:
            try:
                entry = await self._ask_directory("check", name, password)
            except Away as away:
                return self._stale_actor(mark) or away
            if entry is not None:
                actor = entry.name
                self._remember(entry)
        if actor is None:
            self._note_wrong(mark, user)
            return None
        _put(self._proven, mark, _Proven(actor, self._clock()))
        return actor

    def _stale_actor(self, mark: bytes) -> str | None:
        proven = self._proven.get(mark)
        if proven is None or self._clock() - proven.at >= self._stale:
            return None
        self._watch.identified("stale")
        return proven.actor

    # --- groups -----------------------------------------------------------------------------------

    def _is_known(self, actor: str) -> bool:
        member = self._members.get(actor)
        return member is not None and self._is_fresh(member.at)

    def _with_groups(self, sender: Sender, *, wait: bool) -> Answer | None:
        """The sender with their groups; None when the directory has to be asked, and `wait` allows it."""
        if not sender.actor:
            return sender
        listed = self._files.groups
        groups = None if listed is None else listed.value[sender.actor]
        if self._directory is None:
            if sender.how == "password" and not self._is_listed(sender.actor):
                return Unproven(sender.source_ip, "wrong")
            return replace(sender, groups=groups)
        member = self._members.get(sender.actor)
        now = self._clock()
        if member is None or now - member.at >= self._fresh:
            if wait and now >= self._away_until:
                return None
            if member is None or now - member.at >= self._stale:
                return replace(sender, groups=None)
        member.used = now
        if member.entry is None:
            if sender.how == "password" and not self._is_listed(sender.actor):
                return Unproven(sender.source_ip, "wrong")
            # Whom the directory does not know may have another name there: that is no group less.
            return replace(sender, groups=groups or None)
        return replace(sender, groups=member.entry.groups | (groups or frozenset()))

    def _is_listed(self, actor: str) -> bool:
        return self._files.htpasswd is not None and actor in self._files.htpasswd.value

    def _remember(self, entry: Entry) -> None:
        now = self._clock()
        _put(self._members, entry.name, _Member(entry, now, now))

    async def _learn(self, actor: str) -> None:
        """Ask for the groups of somebody; when the directory is away, what was known stays."""
        before = self._members.get(actor)
        dn = before.entry.dn if before is not None and before.entry is not None else ""
        try:
            entry = await self._ask_directory("find", actor, dn)
        except Away:
            return
        now = self._clock()
        _put(self._members, actor, _Member(entry, now, now if before is None else before.used))

    async def _ask_directory(self, what: Literal["check", "find"], *said: str) -> Entry | None:
        assert self._directory is not None  # noqa: S101  # its callers looked
        if self._clock() < self._away_until:
            raise Away("paused")
        try:
            return await self._in_thread(getattr(self._directory, what), *said)
        except Away as away:
            if self._clock() >= self._away_until:
                logger.warning("the directory cannot be asked: %s", away)
            self._away_until = self._clock() + PAUSE
            self._watch.identified("directory_away")
            raise

    async def _in_thread[**P, T](
        self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        def run() -> T:
            return work(*arguments, **named)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    @property
    def revoked(self) -> tuple[x509.CertificateRevocationList, ...] | None:
        """The revocation lists of clients' certificates as they are now; None where none are looked at."""
        lists = self._files.revoked
        return None if lists is None else lists.value

    # --- life -------------------------------------------------------------------------------------

    async def tend(self) -> None:
        """Follow the files, and ask for the groups of those who were here lately, again and again."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                before = self._files.passwords
                await self._in_thread(self._files.look)
                if self._files.passwords is not before:
                    self._proven.clear()
                await self.refresh()
            except Exception as error:  # noqa: BLE001  # what is known goes on; it grows old by itself
                logger.error("who is who could not be looked up: %s", type(error).__name__)  # noqa: TRY400  # no traceback: it may quote names

    async def refresh(self) -> None:
        """Ask for the groups of all who were here lately and whose groups grow old."""
        now = self._clock()
        # Before they are old, so that no request has to wait.
        due = [
            actor
            for actor, member in self._members.items()
            if now - member.at > self._fresh * 0.7 and now - member.used < self._stale
        ]
        for actor in due:
            if self._clock() < self._away_until:
                return
            await self._learn(actor)

    def close(self) -> None:
        """Wait for no one."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files that are followed, as far as they are set."""

    htpasswd: Followed[files.Htpasswd] | None
    groups: Followed[files.Groups] | None
    addresses: Followed[files.Addresses] | None
    revoked: Followed[tuple[x509.CertificateRevocationList, ...]] | None

    @classmethod
    def read(cls, settings: document.Identity) -> _Files:
        problems: list[Problem] = []

        def followed[T](make: Callable[[], Followed[T]] | None) -> Followed[T] | None:
            try:
                return make() if make is not None else None
            except DocumentError as error:
                problems.extend(error.problems)
                return None

        listed = settings.passwords.htpasswd if settings.passwords else None
        holders = settings.address_map.file if settings.address_map else None
        groups = settings.groups
        lists = settings.certificates.crl_file if settings.certificates else None
        found = cls(
            followed(None if listed is None else lambda: Followed(listed, files.htpasswd)),
            followed(None if groups is None else lambda: Followed(groups, files.groups)),
            followed(None if holders is None else lambda: Followed(holders, files.addresses)),
            followed(None if lists is None else lambda: Followed(lists, files.revocations)),
        )
        if problems:
            raise DocumentError(problems)
        return found

    def look(self) -> None:
        """Read again what has changed."""
        for each in (self.htpasswd, self.groups, self.addresses, self.revoked):
            if each is not None:
                each.look()

    @property
    def passwords(self) -> object:
        """What is another object once passwords have changed."""
        return self.htpasswd and self.htpasswd.value


def _put[K, V](kept: OrderedDict[K, V], key: K, value: V) -> None:
    """Remember, and forget what was touched longest ago."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


def _basic(values: tuple[str, ...]) -> tuple[str, str] | None:
    """Name and password (RFC 7617); None for anything else, and for two of them."""
    if len(values) != 1:
        return None
    scheme, _, coded = values[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon and canonical(user) and password else None
