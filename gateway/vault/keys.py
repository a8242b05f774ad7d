"""Which keys are tokens minted with, and sealed with in the vault? Those of one file, the newest first.

Law: a key is never changed, only added in front or dropped; a file that is not exactly as described
here is an error with its line, and never quoted, for it holds secrets. A new key comes into force
only after `SETTLING`, so that every gateway has read it when the first token of it is met.

    lookup 2026-11-26T09:00:00Z jUz…=
    k3f09a1c2 2026-11-26T09:00:00Z 5pQ…=

The line `lookup` keys the digests of actors and tokens, by which rows are found. It never rotates: an
actor's rows could not be found any more. Alone it opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.documents import DocumentError, Problem

KEY_BYTES = 32
DIGEST_BYTES = 16
"""128 bits: no two actors or tokens of a company agree by accident, and nobody can make them agree
without the key."""

ID_CHARS = 32
MAX_KEYS = 100
MAX_FILE_BYTES = 64 << 10

SETTLING = timedelta(minutes=10)
"""How long a new key waits before tokens are minted with it, if there is another one."""

LOOKUP = "lookup"
"""What stands in place of an id on the line of the secret that never rotates."""

_ID = re.compile(rf"[a-z][a-z0-9-]{{0,{ID_CHARS - 1}}}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_FEW_BYTES = 8
"""Fewer different bytes than this are no chance (below 10^-20) but a mistake, such as zeros."""

_HEAD = """\
# Leakgate's token keys. Whoever has this file and the database can read the vault; without this file
# nobody can. The newest key stands first; `leakgate tokens rotate` adds one.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what tokens are minted with and rows are sealed with, both derived from `secret`."""

    id: str
    created: datetime
    secret: bytes = field(repr=False)

    def minting(self) -> bytes:
        """The key that makes tokens from values, 32 bytes."""
        return _derived(self.secret, b"mint", KEY_BYTES)

    def sealing(self) -> bytes:
        """The key that closes rows, 64 bytes: AES-SIV takes two keys of 256 bits."""
        return _derived(self.secret, b"seal", 2 * KEY_BYTES)


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys, the newest first. `lookup` keys the digests by which rows are found.

    INVARIANT: at least one key; ids and secrets are distinct; no key is older than the one below it.
    """

    keys: tuple[Key, ...]
    lookup: bytes = field(repr=False)
    lookup_created: datetime

    def current(self, now: datetime) -> Key:
        """The key that new conversations are minted with: the newest that has settled."""
        settled = (key for key in self.keys if key.created + SETTLING <= now)
        return next(settled, self.keys[-1])

    def get(self, identity: str) -> Key | None:
        """The key with this id, or None when there is none (any more, or yet)."""
        return next((key for key in self.keys if key.id == identity), None)

    def left(self, identity: str) -> datetime | None:
        """When this key's successor came into force; None when it has none, or is not there."""
        for newer, key in zip(self.keys, self.keys[1:], strict=False):
            if key.id == identity:
                return newer.created + SETTLING
        return None

    def minting(self) -> Mapping[str, bytes]:
        """The minting key of every id, for the processes that make tokens."""
        return {key.id: key.minting() for key in self.keys}

    def looking_up(self) -> bytes:
        """The key of digests of actors and tokens, 32 bytes."""
        return _derived(self.lookup, b"lookup", KEY_BYTES)


def _derived(secret: bytes, purpose: bytes, size: int) -> bytes:
    """HKDF (RFC 5869); what is derived for one purpose tells nothing about another."""
    info = b"leakgate tokens 1: " + purpose
    return HKDF(algorithm=SHA256(), length=size, salt=None, info=info).derive(secret)


# --- the file ------------------------------------------------------------------------------------


def ensure(path: Path, now: datetime) -> Keyring:
    """The keys of `path`, made if there is no such file. Raises `DocumentError` or `OSError`.

    Gateways that start together on one folder make one file: who comes second reads the first's.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Keyring((_new_key(now),), secrets.token_bytes(KEY_BYTES), _whole(now))
        with _written(path, _text(made)) as name, contextlib.suppress(FileExistsError):
            os.link(name, path)  # unlike a rename, it never replaces
    return load(path)


def load(path: Path) -> Keyring:
    """The keys of `path`. `DocumentError` tells every problem; it never quotes the file."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DocumentError([_whole_file(path, f"cannot be read: {error.strerror}")]) from None
    # The group may read: so secrets are mounted into containers that do not run as root.
    if mode & 0o037:
        told = f"others may read or change it; `chmod 600 {path}`"
        raise DocumentError([_whole_file(path, told)])
    return parse(data, str(path))


def rotate(path: Path, now: datetime) -> Key:
    """Put a new key in front; the old ones stay. Raises `DocumentError`."""

    def turned(ring: Keyring) -> Keyring:
        if len(ring.keys) >= MAX_KEYS:
            raise DocumentError([_whole_file(path, f"holds {MAX_KEYS} keys; drop old ones first")])
        # A clock that was put back must not make a file that is refused.
        key = _new_key(max(now, ring.keys[0].created))
        return Keyring((key, *ring.keys), ring.lookup, ring.lookup_created)

    return _changed(path, turned).keys[0]


def drop(path: Path, identity: str) -> Keyring:
    """Take a key out: what was sealed with it can be read by nobody any more, in no copy.

    Raises `DocumentError` when there is no such key, or no other.
    """

    def reduced(ring: Keyring) -> Keyring:
        if ring.get(identity) is None:
            raise DocumentError([_whole_file(path, "holds no key of that id")])
        if len(ring.keys) == 1:
            told = f"`{identity}` is the only key; `leakgate tokens rotate` first"
            raise DocumentError([_whole_file(path, told)])
        rest = tuple(key for key in ring.keys if key.id != identity)
        return Keyring(rest, ring.lookup, ring.lookup_created)

    return _changed(path, reduced)


def _changed(path: Path, change: Callable[[Keyring], Keyring]) -> Keyring:
    """Read, change and replace the file, while nobody else does."""
    try:
        target = path.resolve(strict=True)  # a mounted secret is reached through links
        with _alone(target.parent):
            made = change(load(target))
            with _written(target, _text(made), like=target.stat()) as name:
                os.replace(name, target)  # noqa: PTH105  # atomic rename
    except OSError as error:
        told = f"cannot be changed: {error.strerror}; change it where it comes from"
        raise DocumentError([_whole_file(path, told)]) from None
    return made


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder; it goes with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _written(path: Path, text: str, *, like: os.stat_result | None = None) -> Iterator[str]:
    """The name of a file beside `path` that holds `text` on the disk; gone at the end.

    What is done with the name inside is on the disk at the end, too. The owner and rights are those
    of `like`: root may rotate the keys of a gateway that runs as somebody else.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".token.keys-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            if like is not None:
                if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(descriptor, like.st_uid, like.st_gid)
                os.fchmod(descriptor, like.st_mode & 0o640)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        yield name
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _new_key(now: datetime) -> Key:
    return Key(f"k{secrets.token_hex(4)}", _whole(now), secrets.token_bytes(KEY_BYTES))


def _whole(now: datetime) -> datetime:
    """UTC in whole seconds, as the file has it."""
    return now.astimezone(UTC).replace(microsecond=0)


def _text(ring: Keyring) -> str:
    lines = [(LOOKUP, ring.lookup_created, ring.lookup)]
    lines += [(key.id, key.created, key.secret) for key in ring.keys]
    return _HEAD + "".join(
        f"{name} {created:{_TIME}} {base64.b64encode(secret).decode('ascii')}\n"
        for name, created, secret in lines
    )


# --- the parser ----------------------------------------------------------------------------------


def parse(data: bytes, source: str) -> Keyring:
    """The keys of a file's bytes. Raises `DocumentError` with every problem, quoting no secret."""
    if len(data) > MAX_FILE_BYTES:
        raise DocumentError([Problem(source, 0, 0, "is too large to be a file of token keys")])
    problems: list[Problem] = []
    entries: list[tuple[int, str, datetime, bytes]] = []
    # By bytes and by "\n" alone: line numbers as editors count them.
    for number, line in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), start=1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            entries.append((number, *_entry(line)))
        except ValueError as error:
            problems.append(Problem(source, number, 1, str(error)))
    names: dict[str, int] = {}
    known: dict[bytes, int] = {}
    keys: list[Key] = []
    lookup: Key | None = None
    for number, name, created, secret in entries:
        told = ""
        if name in names:
            told = f"`{name}` stands on line {names[name]} already"
        elif secret in known:
            told = f"is the same secret as on line {known[secret]}"
        elif name == LOOKUP:
            lookup = Key(name, created, secret)
        elif keys and created > keys[-1].created:
            told = f"`{name}` is newer than the key above it; the newest stands first"
        else:
            keys.append(Key(name, created, secret))
        names.setdefault(name, number)
        known.setdefault(secret, number)
        if told:
            problems.append(Problem(source, number, 1, told))
    if not problems:
        if len(keys) > MAX_KEYS:
            problems.append(
                Problem(source, 0, 0, f"holds more than {MAX_KEYS} keys; drop old ones")
            )
        if not keys:
            problems.append(Problem(source, 0, 0, "holds no key"))
        if lookup is None:
            problems.append(Problem(source, 0, 0, f"has no line `{LOOKUP}`"))
    if problems or lookup is None:
        raise DocumentError(problems)
    return Keyring(tuple(keys), lookup.secret, lookup.created)


def _entry(line: bytes) -> tuple[str, datetime, bytes]:
    """Id, time and secret of a line. `ValueError` says what is wrong, without quoting it."""
    fields = line.split(b" ")
    if len(fields) != 3:
        raise ValueError("is not `ID TIME BASE64`, with one space between")
    try:
        name, moment = fields[0].decode("ascii"), fields[1].decode("ascii")
    except UnicodeDecodeError:
        raise ValueError("id and time are plain ASCII") from None
    if not _ID.fullmatch(name):
        raise ValueError(f"an id is a-z, then at most {ID_CHARS - 1} of a-z, 0-9 and -")
    try:
        created = datetime.strptime(moment, _TIME).replace(tzinfo=UTC)
        if f"{created:{_TIME}}" != moment:
            raise ValueError  # noqa: TRY301  # `2026-1-1…`, and years before 1000
    except ValueError:
        raise ValueError("a time is written `2026-11-26T09:00:00Z`") from None
    try:
        secret = base64.b64decode(fields[2], validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != KEY_BYTES or base64.b64encode(secret) != fields[2]:
        raise ValueError(f"a secret is {KEY_BYTES} bytes in base64")
    if len(set(secret)) < _FEW_BYTES:
        raise ValueError("a secret is random bytes")
    return name, created, secret


def _whole_file(path: Path, message: str) -> Problem:
    return Problem(str(path), 0, 0, message)
