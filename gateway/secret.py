"""Where is a secret kept? In a file or a variable, never in the settings themselves.

Law: a setting names the place; the secret is read each time that it is needed, so that it can be
replaced, and is never quoted in an error. A key that the gateway makes for itself is made once, whole,
and for its owner's eyes.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from gateway.documents import Strict

MAX_SECRET = 4096
KEY_BYTES = 32

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class NoSecret(Exception):
    """There is no secret that could be used where the setting says."""


class NoKey(Exception):
    """There is no key in a file; the text says why, and names the file."""


def key_in(path: Path, *, make: bool = True) -> bytes:
    """The key of 32 random bytes in `path`; made if there is none and `make` says so.

    Whoever asks at the same time gets the same one. Raises `NoKey`.
    """
    if make and not path.exists():
        try:
            _make(path)
        except OSError as error:
            raise NoKey(f"`{path}` cannot be made: {error.strerror}") from None
    try:
        found = path.read_bytes()
    except OSError as error:
        raise NoKey(f"`{path}` cannot be read: {error.strerror}") from None
    if len(found) != KEY_BYTES:
        raise NoKey(f"`{path}` is not a key of {KEY_BYTES} bytes")
    return found


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    key = secrets.token_bytes(KEY_BYTES)
    _write(draft, key)
    try:
        # Linked, not renamed: who was first stays, and nobody ever sees half a key.
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    except OSError:  # as on some network shares, which know no links
        with contextlib.suppress(FileExistsError):
            _write(path, key)
    finally:
        draft.unlink()


def _write(path: Path, key: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())


class Secret(Strict):
    """Where a secret is: in the file `file`, or in the environment variable `env`."""

    file: Path | None = None
    env: str = ""

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if (self.file is None) == (not self.env):
            raise ValueError("write either `{file: PATH}` or `{env: NAME}`")
        if self.env and not _VARIABLE.fullmatch(self.env):
            raise ValueError("`env` is not the name of a variable")
        if self.env.startswith("LEAKGATE_"):
            raise ValueError(
                "variables that begin with `LEAKGATE_` are settings; take another name"
            )
        return self

    def value(self) -> str:
        """The secret as it is now. Raises `NoSecret`."""
        try:
            text = os.environ.get(self.env, "") if self.file is None else _read(self.file)
        except (OSError, UnicodeDecodeError):
            raise NoSecret from None
        text = text.strip()
        if not text or len(text) > MAX_SECRET or not text.isascii() or not text.isprintable():
            raise NoSecret
        return text


def _read(path: Path) -> str:
    with path.open(encoding="ascii") as file:
        return file.read(MAX_SECRET + 2)


def not_here(value: object) -> object:
    """Refuse a secret in the place of where it is."""
    if isinstance(value, str):
        # INVARIANT: not quoted, it may be the secret.
        raise ValueError("no secret stands here; write `{file: PATH}` or `{env: NAME}`")  # noqa: TRY004  # pydantic wants ValueError
    return value


type SecretRef = Annotated[Secret, BeforeValidator(not_here)]
"""A setting that names a secret; the secret itself in its place is an error that does not quote it."""
