"""How do compiled patterns come to be, and how are they kept between starts?

Law: only what this gateway wrote is ever loaded. A compiled database is code to its matcher
(Hyperscan), so a file is authenticated with the gateway's key; one that is damaged or somebody else's
is passed over, and compiled anew. A folder that cannot be written costs time, nothing else.

Each database is kept by itself, under a digest of its patterns: settings that change some patterns
make none of the others wait for the compiler.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import hmac
import importlib.metadata
import os
import secrets
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import hyperscan

_MAGIC = b"LGSEAL2\0"
_MAC = 32
_SUFFIX = ".hsdb"

KEPT = 30 * 86_400
"""Seconds by which a file may be older than the one used last before it is deleted."""

type Form = tuple[bytes, int]
"""A pattern and its flags, as the matcher takes them."""


class Database(NamedTuple):
    """A database, ready to scan: it tells of a pattern by its place among those that were given.

    `matcher` is None where there is nothing to look for; `rejected` are the places of patterns that
    the matcher does not take. A database has one scratch space: two threads must not scan at once.
    """

    matcher: Any
    rejected: tuple[int, ...] = ()


def database(forms: Sequence[Form], *, key: bytes, cache_dir: Path | None) -> Database:
    """The database of `forms`: from a file in `cache_dir`, or compiled and kept there.

    `cache_dir` None compiles in memory.
    """
    path = None if cache_dir is None else cache_dir / f"{_digest(forms)}{_SUFFIX}"
    kept = None if path is None else _load(path, key=key)
    if kept is not None:
        try:
            return _unpacked(kept)
        except (struct.error, hyperscan.error):
            pass  # made for another processor
    rejected: list[int] = []
    blob = _compile(forms)
    if blob is None:
        rejected = [place for place, form in enumerate(forms) if _compile([form]) is None]
        blob = _compile(forms, without=frozenset(rejected))
        if blob is None:
            blob, rejected = b"", list(range(len(forms)))
    payload = struct.pack(f"<I{len(rejected)}I", len(rejected), *rejected) + blob
    if path is not None:
        _store(path, payload, key=key)
    return _unpacked(payload)


def tidy(cache_dir: Path) -> None:
    """Delete what no start has used for long."""
    with contextlib.suppress(OSError):
        used = {path: path.stat().st_mtime for path in cache_dir.glob(f"*{_SUFFIX}")}
        latest = max(used.values(), default=0.0)
        for path, when in used.items():
            if when < latest - KEPT:
                path.unlink(missing_ok=True)


def _compile(forms: Sequence[Form], *, without: frozenset[int] = frozenset()) -> bytes | None:
    """A database as bytes, empty when nothing is in it; None for what the matcher does not take."""
    places = [place for place in range(len(forms)) if place not in without]
    if not places:
        return b""
    made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        made.compile(
            expressions=[forms[place][0] for place in places],
            ids=places,
            flags=[forms[place][1] for place in places],
            elements=len(places),
        )
    except hyperscan.error:
        return None
    return bytes(hyperscan.dumpb(made))


def _unpacked(payload: bytes) -> Database:
    (count,) = struct.unpack_from("<I", payload)
    rejected = struct.unpack_from(f"<{count}I", payload, 4)
    blob = payload[4 + 4 * count :]
    if not blob:
        return Database(None, rejected)
    made = hyperscan.loadb(blob, hyperscan.HS_MODE_BLOCK)
    made.scratch = hyperscan.Scratch(made)
    return Database(made, rejected)


@functools.cache
def _version() -> str:
    return importlib.metadata.version("hyperscan")


def _digest(forms: Sequence[Form]) -> str:
    state = hashlib.blake2b(digest_size=16)
    state.update(_version().encode())
    for pattern, flags in forms:
        state.update(struct.pack("<II", len(pattern), flags) + pattern)
    return state.hexdigest()


def _load(path: Path, *, key: bytes) -> bytes | None:
    """What `_store` put there with the same key; None for anything else."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head, payload = data[: len(_MAGIC) + _MAC], data[len(_MAGIC) + _MAC :]
    if not hmac.compare_digest(head, _MAGIC + _mac(key, path.name, payload)):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # it is in use: see `tidy`
    return payload


def _store(path: Path, payload: bytes, *, key: bytes) -> None:
    """Keep `payload`, if that can be done."""
    draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + _mac(key, path.name, payload) + payload)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _mac(key: bytes, name: str, payload: bytes) -> bytes:
    state = hashlib.blake2b(key=key[:64], person=b"leakgate-sealed", digest_size=_MAC)
    state.update(name.encode() + b"\0" + payload)
    return state.digest()
