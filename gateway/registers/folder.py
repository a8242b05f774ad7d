"""What is registered here? A file per register in one folder, and the key of them all.

Law: the key is its owner's alone, and made once; a register is looked up under the name that stands
in it, so that none can be put in the place of another.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.registers import store
from gateway.registers.passages import Documents
from gateway.registers.prints import Prints
from gateway.registers.store import RegisterError, Stored
from gateway.registers.tables import Table
from gateway.secret import NoKey, key_in

NAME = r"^[a-z][a-z0-9-]{0,28}$"
_SUFFIX = ".register"
_HELD = ".in-use"


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """One register, ready to look things up. `mark` changes with every registering."""

    name: str
    data: Table | Documents
    about: Mapping[str, Any]
    mark: str


@dataclass(frozen=True, slots=True)
class RegisterPlan:
    """What a worker needs to load registers: the key, and of each its name, file and mark.

    `about` is what is told of each.
    """

    key: bytes = field(repr=False)
    files: tuple[tuple[str, Path, str], ...] = ()
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What changes when something is registered."""
        return tuple((name, mark) for name, _, mark in self.files)


@dataclass(frozen=True, slots=True, eq=False)
class Registers:
    """Registers by name, and the digests of their key."""

    prints: Prints = field(repr=False)
    by_name: Mapping[str, Register]


def key(path: Path, *, make: bool = False) -> bytes:
    """The key of registers; made if there is none and `make` says so. Raises `RegisterError`."""
    fresh = make and not path.exists()
    try:
        found = key_in(path, make=make)
    except NoKey as error:
        raise RegisterError(str(error)) from None
    if fresh:
        store.give(path, path.parent)
    return found


def path_of(folder: Path, name: str) -> Path:
    """Where the register `name` is."""
    return folder / f"{name}{_SUFFIX}"


def names(folder: Path) -> tuple[str, ...]:
    """What is registered in a folder."""
    found = (path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    return tuple(sorted(name for name in found if re.fullmatch(NAME, name)))


def put(folder: Path, name: str, stored: Stored, prints: Prints, *, now: datetime) -> Path:
    """Register it, in the place of what was registered under this name. Raises `RegisterError`."""
    path = path_of(folder, name)
    told = {"name": name, "at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    store.write(path, Stored({**stored.about, **told}, stored.arrays), prints)
    return path


def load(path: Path, name: str, prints: Prints) -> Register:
    """The register in a file. Raises `RegisterError`."""
    stored = store.read(path, prints)
    if stored.about.get("name") != name:
        raise RegisterError(f"`{path}` holds another register; register `{name}` again")
    try:
        match stored.about.get("kind"):
            case "table":
                data: Table | Documents = Table.of(stored)
            case "documents":
                data = Documents.of(stored)
            case _:
                raise RegisterError("is of a kind that is not known")  # noqa: TRY301  # as of the others
    except RegisterError as error:
        raise RegisterError(f"`{path}` {error}; register `{name}` again") from None
    return Register(name, data, stored.about, stored.mark)


def load_all(plan: RegisterPlan) -> Registers:
    """All registers of a plan. Raises `RegisterError`, also for one that is another by now."""
    prints = Prints(plan.key)
    found = {}
    for name, path, mark in plan.files:
        register = load(path, name, prints)
        if register.mark != mark:
            raise RegisterError(f"`{path}` is another register than a moment ago")
        found[name] = register
    return Registers(prints, found)


# --- what is in use -------------------------------------------------------------------------------


def hold(folder: Path, name: str, mark: str) -> Path:
    """A path at which a register stays what it is when another takes its place.

    Workers that start later find what the others have, also when what was registered since is no good.
    """
    path = path_of(folder, name)
    held = folder / _HELD / f"{name}.{mark}"
    if held.exists():
        return held
    draft = held.with_name(f".{held.name}.{secrets.token_hex(4)}")
    try:
        held.parent.mkdir(mode=0o700, exist_ok=True)
        # A copy: what is written over the file in place would change under those who read it.
        shutil.copyfile(path, draft)
        draft.chmod(0o600)
        draft.replace(held)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        return path
    return held


def release(folder: Path, but: Iterable[Path]) -> None:
    """Let go of what is in use no more. Whoever still reads it keeps it."""
    kept = set(but)
    with contextlib.suppress(OSError):
        for path in (folder / _HELD).iterdir():
            if path not in kept:
                path.unlink(missing_ok=True)
