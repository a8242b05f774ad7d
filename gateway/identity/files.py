"""What do the files say that operators keep: passwords, groups, addresses, revoked certificates?

Law: a file is taken whole or not at all. A broken one leaves the last good one in force, and the first
one must be good. No name and no hash of a file is quoted in a message.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import bcrypt
from cryptography import x509
from passlib.hash import sha256_crypt, sha512_crypt
from pydantic import RootModel

from gateway.documents import DocumentError, Problem, load
from gateway.policy.rollout import address_of

logger = logging.getLogger("leakgate.identity")

MAX_BYTES = 64 << 20
MAX_NAME = 256


def canonical(name: str) -> str:
    """The one spelling of a name, for directories do not tell letter case apart; empty for none.

    A name that could not be shown, or is longer than what incidents keep, is none.
    """
    name = name.strip().casefold()
    return name if len(name) <= MAX_NAME and name.isprintable() else ""


class Followed[T]:
    """A file that is read again when it changes. `value` is what it last said in full."""

    def __init__(self, path: Path, parse: Callable[[str, str, float], T]) -> None:
        """Read it. `parse` takes text, name and time of change. `DocumentError` tells what is wrong."""
        self.path = path
        self._parse = parse
        self._mark, self.value = self._read()

    def look(self) -> bool:
        """Read it again if it has changed; whether all is well."""
        try:
            if self._seen() == self._mark:
                return True
            self._mark, self.value = self._read()
        except (DocumentError, OSError) as error:
            count = len(error.problems) if isinstance(error, DocumentError) else 1
            logger.error("`%s` is not taken over, %d problems", self.path, count)  # noqa: TRY400  # told without a traceback
            return False
        logger.info("`%s` was read again", self.path)
        return True

    def _seen(self) -> tuple[int, int, int]:
        info = self.path.stat()
        return info.st_mtime_ns, info.st_size, info.st_ino

    def _read(self) -> tuple[tuple[int, int, int], T]:
        source = str(self.path)
        try:
            # Before it is read: a change meanwhile is a change.
            mark = self._seen()
            if mark[1] > MAX_BYTES:
                raise DocumentError([Problem(source, 0, 0, "file is too large")])
            text = self.path.read_text("utf-8")
        except OSError as error:
            problem = Problem(source, 0, 0, f"cannot be read: {error.strerror}")
            raise DocumentError([problem]) from None
        except UnicodeDecodeError:
            raise DocumentError([Problem(source, 0, 0, "is not UTF-8 text")]) from None
        return mark, self._parse(text, source, mark[0] / 1e9)


# --- passwords ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Htpasswd:
    """Names and hashes of passwords."""

    hashes: Mapping[str, str] = field(repr=False)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a person."""
        return name in self.hashes

    def check(self, name: str, password: str) -> bool:
        """Whether this is their password. Takes a tenth of a second: that is what a hash is for."""
        known = self.hashes.get(name, "")
        # bcrypt looks at 72 bytes, and its library refuses more.
        secret = password.encode()
        if not secret or b"\0" in secret:
            return False
        if known.startswith("$2"):
            return len(secret) <= 72 and bcrypt.checkpw(secret, known.encode())
        kind = sha512_crypt if known.startswith("$6$") else sha256_crypt
        return bool(known) and bool(kind.verify(password, known))


def htpasswd(text: str, source: str, _: float) -> Htpasswd:
    """Read a file of `htpasswd`. MD5, SHA-1, DES and clear text are refused."""
    hashes: dict[str, str] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, known = line.partition(":")
        name, known = canonical(name), known.strip()

        def wrong(message: str, number: int = number) -> None:
            problems.append(Problem(source, number, 1, message))

        if not colon or not name:
            wrong("is not `NAME:HASH`")
        elif name in hashes:
            wrong("the name was given before; letter case does not tell people apart")
        elif not _is_hash(known):
            wrong(
                "is no hash that protects a password; make it with `htpasswd -B` (bcrypt)"
                " or `htpasswd -5` (SHA-512)"
            )
        else:
            hashes[name] = known
    if problems:
        raise DocumentError(problems)
    return Htpasswd(MappingProxyType(hashes))


def _is_hash(known: str) -> bool:
    if known.startswith(("$2y$", "$2b$", "$2a$")):
        return len(known) == 60 and known.isascii()
    kind = {"$5$": sha256_crypt, "$6$": sha512_crypt}.get(known[:3])
    try:
        return kind is not None and bool(kind.from_string(known).checksum)
    except (ValueError, TypeError):
        return False


# --- groups ---------------------------------------------------------------------------------------


class _Groups(RootModel[dict[str, tuple[str, ...] | None]]):
    """A name to its members."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Who is in which group, nested ones worked out."""

    of: Mapping[str, frozenset[str]] = field(repr=False)

    def __getitem__(self, name: str) -> frozenset[str]:
        """The groups of a person."""
        return self.of.get(name, frozenset())


def groups(text: str, source: str, _: float) -> Groups:
    """Read a YAML file of groups: members by name, `@other` for those of another group."""
    written = load(text, _Groups, source=source).root
    members = {name.strip().lower(): names or () for name, names in written.items()}
    problems = [
        Problem(source, 0, 0, f"group `{name}`: there is no group `{member[1:]}`")
        for name, names in members.items()
        for member in names
        if member.startswith("@") and member[1:].strip().lower() not in members
    ]
    if len(members) < len(written):
        problems.append(Problem(source, 0, 0, "two groups differ in letter case only"))
    if problems:
        raise DocumentError(problems)
    parents: dict[str, set[str]] = {}
    of: dict[str, set[str]] = {}
    for name, names in members.items():
        for member in names:
            if member.startswith("@"):
                parents.setdefault(member[1:].strip().lower(), set()).add(name)
            else:
                of.setdefault(canonical(member), set()).add(name)
    return Groups(
        MappingProxyType({person: _all(direct, parents) for person, direct in of.items()})
    )


def _all(direct: set[str], parents: Mapping[str, set[str]]) -> frozenset[str]:
    """`direct` and all groups that hold one of them, however deep; a circle ends where it began."""
    found: set[str] = set()
    left = list(direct)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += parents.get(name, ())
    return frozenset(found)


# --- addresses ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holder:
    """Who had an address, or what, when they were last `seen` there (Unix time)."""

    user: str
    device: str
    seen: float


@dataclass(frozen=True, slots=True)
class Addresses:
    """Who has which address."""

    holders: Mapping[str, Holder] = field(repr=False)

    def __getitem__(self, address: str) -> Holder | None:
        """Who has `address`, as `address_of` writes it."""
        return self.holders.get(address)


_COLUMNS = ("address", "user", "device", "seen")


def addresses(text: str, source: str, changed: float) -> Addresses:
    """Read CSV with the columns `address` and `user` or `device`, and `seen`, if any.

    A line without `seen` was seen when the file was changed; of two for an address the later holds.
    """
    rows = csv.reader(io.StringIO(text))
    try:
        head = [name.strip().lower() for name in next(rows, [])]
    except csv.Error:
        head = []
    if "address" not in head or not {"user", "device"} & {*head} or {*head} - {*_COLUMNS}:
        message = "begins with no line such as `address,user,device,seen`"
        raise DocumentError([Problem(source, 1, 1, message)])
    problems: list[Problem] = []
    holders: dict[str, Holder] = {}
    try:
        for row in rows:
            if not any(row):
                continue
            values = dict(zip(head, (value.strip() for value in row), strict=False))
            address = address_of(values.get("address", ""))
            seen = _moment(values.get("seen", ""), changed)
            wrong = (
                "has another number of columns than the first line"
                if len(row) != len(head)
                else "has no IP address"
                if address is None
                else "`seen` is neither Unix time nor such as `2027-01-31T08:00:00Z`"
                if seen is None
                else ""
            )
            if wrong or address is None or seen is None:
                problems.append(Problem(source, rows.line_num, 1, wrong))
                continue
            before = holders.get(str(address))
            if before is None or before.seen <= seen:
                holders[str(address)] = Holder(
                    canonical(values.get("user", "")), canonical(values.get("device", "")), seen
                )
    except csv.Error:
        problems.append(Problem(source, rows.line_num, 1, "is not CSV"))
    if problems:
        raise DocumentError(problems)
    return Addresses(MappingProxyType(holders))


def _moment(text: str, default: float) -> float | None:
    if not text:
        return default
    try:
        if text.replace(".", "", 1).isdecimal():
            return float(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


# --- revoked certificates -------------------------------------------------------------------------

_CRL = re.compile("-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)


def revocations(text: str, source: str, _: float) -> tuple[x509.CertificateRevocationList, ...]:
    """Read a PEM file of revocation lists. One that has run out is taken: it lets nobody in."""
    found: list[x509.CertificateRevocationList] = []
    problems: list[Problem] = []
    for block in _CRL.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        try:
            found.append(x509.load_pem_x509_crl(block[0].encode()))
        except ValueError:
            problems.append(Problem(source, line, 1, "is no revocation list"))
    if not found and not problems:
        how = "openssl crl -inform DER -in LIST -out FILE"
        problems.append(Problem(source, 0, 0, f"holds no PEM revocation list; from DER: `{how}`"))
    if problems:
        raise DocumentError(problems)
    for each in found:
        if each.next_update_utc is not None and each.next_update_utc <= datetime.now(UTC):
            logger.error(
                "`%s`: the list of `%s` ran out at %s; certificates of that authority are refused",
                source,
                each.issuer.rfc4514_string(),
                each.next_update_utc.isoformat(),
            )
    return tuple(found)
