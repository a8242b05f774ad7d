"""How are compiled patterns kept between starts? Law: only what this gateway wrote is ever loaded.

A compiled database is code to its matcher, so a file is authenticated with the gateway's key; one
that is damaged or somebody else's is passed over, and compiled anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

_MAGIC = b"LGSEAL1\0"
_MAC = 32


def load(path: Path, *, key: bytes) -> bytes | None:
    """What `store` put there with the same key; None for anything else."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head, payload = data[: len(_MAGIC) + _MAC], data[len(_MAGIC) + _MAC :]
    if not hmac.compare_digest(head, _MAGIC + _mac(key, path.name, payload)):
        return None
    return payload


def store(path: Path, payload: bytes, *, key: bytes) -> None:
    """Keep `payload`; a folder that cannot be written costs time at the next start, no more."""
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
