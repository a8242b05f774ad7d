"""How does a register stand in a file? As arrays of numbers behind a manifest, sealed with the key.

Law: the file holds no clear text, and is one that this key sealed or it is refused: what is cut,
changed, made with another key or of another format is `RegisterError`, and nothing else is raised.
Written beside the old one and put in its place at once. Its arrays are mapped, so all workers share
one copy in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import math
import mmap
import os
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.registers.prints import Prints

_MAGIC = b"LGREG01\n"
_HEAD = struct.Struct("<8s16sI")
"""Magic, name of the key, length of the manifest."""

_SEAL = 32
_ALIGN = 64
_MOST = 16
_TYPES = frozenset({"|u1", "<u2", "<u4", "<u8"})
_PIECE = 1 << 22
_LONGEST = 1 << 20


class RegisterError(Exception):
    """A register cannot be used; the text says why and what to do, and names no content."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What stands in a file: what is told of it, and its arrays by name. `mark` tells it from others."""

    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    mark: str = ""


def write(path: Path, stored: Stored, prints: Prints) -> None:
    """Put a register in the place of what was there. Raises `RegisterError`."""
    listed, at = [], 0
    arrays = {name: np.ascontiguousarray(array) for name, array in stored.arrays.items()}
    for name, array in arrays.items():
        listed.append([name, array.dtype.newbyteorder("<").str, len(array), at])
        at += _rounded(array.nbytes)
    manifest = json.dumps({"about": stored.about, "arrays": listed}, sort_keys=True).encode()
    head = _HEAD.pack(_MAGIC, prints.mark.encode(), len(manifest)) + manifest
    head += bytes(_rounded(len(head)) - len(head))
    state = hashlib.blake2b(head, key=prints.seal, digest_size=_SEAL)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(head)
            for array in arrays.values():
                data = memoryview(array.astype(array.dtype.newbyteorder("<"), copy=False)).cast("B")
                padding = bytes(_rounded(array.nbytes) - array.nbytes)
                for piece in (data, padding):
                    state.update(piece)
                    file.write(piece)
            file.write(state.digest())
            file.flush()
            os.fsync(file.fileno())
        give(draft, path.parent)
        draft.replace(path)
    except OSError as error:
        raise RegisterError(f"`{path}` cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def read(path: Path, prints: Prints) -> Stored:
    """The register in a file, its arrays mapped. Raises `RegisterError`."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _HEAD.size + _SEAL:
                raise RegisterError(_damaged(path))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise RegisterError(f"`{path}` is missing") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is empty"
        raise RegisterError(f"`{path}` cannot be read: {why}") from None
    magic, mark, length = _HEAD.unpack_from(mapped)
    if magic != _MAGIC:
        raise RegisterError(f"`{path}` is no register, or of another version; register again")
    if mark != prints.mark.encode():
        raise RegisterError(f"`{path}` was made with another `register.key`; register again")
    body = memoryview(mapped)[:-_SEAL]
    state = hashlib.blake2b(key=prints.seal, digest_size=_SEAL)
    for first in range(0, len(body), _PIECE):
        state.update(body[first : first + _PIECE])
    if not hmac.compare_digest(state.digest(), mapped[-_SEAL:]) or length > _LONGEST:
        raise RegisterError(_damaged(path))
    return _parsed(body, length, path, mark=mapped[-_SEAL:].hex()[:16])


def _parsed(body: memoryview, length: int, path: Path, *, mark: str) -> Stored:
    begin = _rounded(_HEAD.size + length)
    try:
        manifest = json.loads(bytes(body[_HEAD.size : _HEAD.size + length]))
        about, listed = manifest["about"], manifest["arrays"]
        arrays: dict[str, NDArray[Any]] = {}
        if not isinstance(about, dict) or not 0 < len(listed) <= _MOST:
            raise RegisterError(_damaged(path))
        for name, kind, count, at in listed:
            if kind not in _TYPES or not all(isinstance(one, int) for one in (count, at)):
                raise RegisterError(_damaged(path))
            arrays[str(name)] = np.frombuffer(body, np.dtype(kind), count, begin + at)
            if count < 0 or at < 0:
                raise RegisterError(_damaged(path))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, AttributeError):
        raise RegisterError(_damaged(path)) from None
    return Stored(about, arrays, mark)


def give(path: Path, folder: Path) -> None:
    """What root writes belongs to whom the folder belongs: the gateway has to read it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _rounded(size: int) -> int:
    return math.ceil(size / _ALIGN) * _ALIGN


def _damaged(path: Path) -> str:
    return f"`{path}` is damaged; register again, or put a copy back"
