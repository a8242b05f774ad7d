"""How is the company's own data made known? Read once, turned into digests, and put on record.

Law: what is read is never copied, told or logged; what could not be taken is counted and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from gateway import bootstrap, content, detectors
from gateway.documents import DocumentError, Problem, suggest
from gateway.model import BlobPart, Locator, TextPart
from gateway.registers import folder, passages, rows, tables
from gateway.registers.prints import Prints
from gateway.registers.store import RegisterError, Stored
from gateway.settings import Settings

type Kind = Literal["table", "dictionary", "documents"]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: how much of it, and what to know about it. `detail` is for the audit log."""

    stored: Stored
    size: str
    notes: tuple[str, ...]
    detail: Mapping[str, str]


@dataclass(slots=True)
class _Reading:
    """Documents that were read, and those that could not be."""

    read: int = 0
    notes: list[str] = field(default_factory=list)


def described(settings: Settings, name: str, kind: Kind) -> detectors.Registered:
    """What the policies say of the register `name`. Raises `DocumentError`."""
    rules = bootstrap.load_rules(settings.policies)
    known = {each.name: each for each in rules.detectors.registered}
    found = known.get(name)
    if found is None:
        message = (
            f"the policies in `{settings.policies}` describe no register `{name}`"
            f"{suggest(name, known)}; add it under `detectors: registered:`"
        )
        raise DocumentError([Problem("register", 0, 0, message)])
    if found.kind != kind:
        message = (
            f"`{name}` is a {found.kind} by the policies: `leakgate register {found.kind} {name} …`"
        )
        raise DocumentError([Problem("register", 0, 0, message)])
    return found


def prints(settings: Settings) -> Prints:
    """The digests of this gateway; their key is made with the first register."""
    return Prints(folder.key(settings.register_key_path, make=True))


def put(settings: Settings, name: str, made: Made, known: Prints, now: datetime) -> Path:
    """Put a register in force. Raises `RegisterError`."""
    return folder.put(settings.registers_path, name, made.stored, known, now=now)


# --- tables and dictionaries ----------------------------------------------------------------------


def table(
    registered: detectors.Registered,
    path: Path,
    known: Prints,
    *,
    headers: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> Made:
    """The register of a table. Raises `DocumentError` for its columns, `RegisterError` for the file."""
    columns = detectors.columns_of(registered)
    headers = headers or {}
    names, found, bad = rows.read(path, encoding=encoding)
    problems = [
        Problem("option --column", 0, 0, f"`{registered.name}` has no column `{name}`"
                f"{suggest(name, columns)}")
        for name in headers
        if name not in columns
    ]  # fmt: skip
    there = {name.casefold(): position for position, name in reversed(list(enumerate(names)))}
    places = []
    for name, column in columns.items():
        header = headers.get(name) or column.header or name
        if header.casefold() not in there:
            told = f"has no column `{header}`{suggest(header, names)}; say which one `{name}` is: `--column {name}=…`"
            problems.append(Problem(str(path), 1, 1, told))
        else:
            places.append(there[header.casefold()])
    if problems:
        raise DocumentError(problems)
    stored = tables.build(
        [
            tables.Column(name, each.kind, each.order, each.region, each.shortest)
            for name, each in columns.items()
        ],
        ([cells[place] for place in places] for cells in found),
        known,
    )
    return _of_table(registered, stored, bad)


def dictionary(
    registered: detectors.Registered, path: Path, known: Prints, *, encoding: str | None = None
) -> Made:
    """The register of the terms in a file, one in a line. Raises `RegisterError`."""
    bad = rows.Bad()
    [(name, column)] = detectors.columns_of(registered).items()
    stored = tables.build(
        [tables.Column(name, shortest=column.shortest)],
        rows.terms(path, bad, encoding=encoding),
        known,
        cased=registered.match_case,
        all_common=True,
    )
    return _of_table(registered, stored, bad)


def _of_table(registered: detectors.Registered, stored: Stored, bad: rows.Bad) -> Made:
    about = stored.about
    what = "row" if registered.kind == "table" else "term"
    notes = []
    if bad.count:
        where = ", ".join(map(str, bad.first)) + (", …" if bad.count > len(bad.first) else "")
        notes.append(
            f"{bad.count} {what}{'' if bad.count == 1 else 's'} left out, not like the header or not"
            f" readable as text (lines {where}); is `--encoding` right?"
        )
    columns = detectors.columns_of(registered)
    for (name, _), left, count in zip(
        about["columns"], about["left"], about["values"], strict=True
    ):
        notes += _left(name, columns[name], left)
        if not count:
            notes.append(f"`{name}`: nothing was registered")
    if not any(about["values"]):
        raise RegisterError("nothing in it can be registered")
    size = f"{about['rows']:,} {what}{'' if about['rows'] == 1 else 's'}"
    detail = {"rows": str(about["rows"]), "values": str(sum(about["values"]))}
    return Made(stored, size, tuple(notes), detail)


def _left(name: str, column: detectors.Column, left: Mapping[str, int]) -> Iterator[str]:
    for key, why in (
        ("short", f"have fewer than {column.shortest} letters and digits"),
        ("long", f"have more than {tables.LONGEST} letters and digits"),
    ):
        if left[key]:
            yield f"`{name}`: {left[key]:,} cells left out, for they {why}"
    if left["common"]:
        yield (
            f"`{name}`: {left['common_values']:,} values in {left['common']:,} rows left out, for too"
            " many rows have them"
        )
    if left["not_of_kind"]:
        yield (
            f"`{name}`: {left['not_of_kind']:,} values are no {column.kind}, and are known as they"
            " stand"
        )
    if column.alone and left["weak"] and name != detectors.TERM:
        yield (
            f"`{name}`: {left['weak']:,} values have fewer than {tables.WEAK} letters and digits, and"
            " are `alone`: others may have the same; `match` asks for more"
        )


# --- documents ------------------------------------------------------------------------------------


def documents(
    files: Sequence[Path],
    known: Prints,
    *,
    ignored: Sequence[Path] = (),
    common: int = passages.COMMON,
    tell: Callable[[int], None] | None = None,
) -> Made:
    """The register of documents: of files, and of all in folders. Raises `RegisterError`."""
    content.prepare(None)
    reading, templates = _Reading(), _Reading()
    stored = passages.build(
        ([text] for text in _texts(files, reading, tell)),
        known,
        ignored=_texts(ignored, templates, None),
        common=common,
    )
    about = stored.about
    if not about["prints"]:
        raise RegisterError("nothing in the documents can be registered: no text of their own")
    notes = [*reading.notes, *templates.notes]
    if about["nothing"]:
        notes.append(
            f"{about['nothing']} documents have no passage of their own: too short, or all of it"
            " stands in many"
        )
    if about["left"]:
        notes.append(
            f"{about['left']:,} of {about['left'] + about['prints']:,} passages left out, for they"
            f" stand in more than {common} documents or in those to ignore"
        )
    size = f"{about['documents']:,} document{'' if about['documents'] == 1 else 's'}"
    detail = {"documents": str(about["documents"]), "passages": str(about["prints"])}
    return Made(stored, size, tuple(notes), detail)


def _texts(
    files: Sequence[Path], reading: _Reading, tell: Callable[[int], None] | None
) -> Iterator[str]:
    for path in _files(files):
        text, why = _text(path)
        if why:
            reading.notes.append(f"{path}: {why}")
        if text.strip():
            reading.read += 1
            if tell is not None:
                tell(reading.read)
            yield text
        elif not why:
            reading.notes.append(f"{path}: holds no text")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        else:
            yield path


_LOOKING = content.PictureSettings(ocr=False, faces=False, codes=False)
_MOST_BYTES = 200_000_000


def _text(path: Path) -> tuple[str, str]:
    """What a document says, and what of it could not be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return "", f"cannot be read: {error.strerror}"
    blob = BlobPart(Locator("file"), data, filename=path.name)
    opened = content.open_blob(blob, max_bytes=_MOST_BYTES, looking=_LOOKING)
    texts = [part.text for part in opened.parts if isinstance(part, TextPart)]
    reasons = dict.fromkeys(str(each.reason) for each in opened.unread)
    return "\n".join(texts), f"not all was read: {', '.join(reasons)}" if reasons else ""


# --- what there is --------------------------------------------------------------------------------


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Every register that is in the folder or described by the policies, as plain data."""
    rules = bootstrap.load_rules(settings.policies)
    wanted = {each.name: each for each in rules.detectors.registered}
    where = settings.registers_path
    found = []
    there = folder.names(where)
    for name in sorted({*wanted, *there}):
        told: dict[str, Any] = {"name": name, "entity": None, "kind": "", "size": "", "at": ""}
        each = wanted.get(name)
        if each is not None:
            told |= {"entity": each.says, "kind": each.kind}
        if name in there:
            told |= _about(settings, name, each)
        else:
            told["problem"] = "not registered"
        if each is None:
            told.setdefault("problem", "no policy describes it")
        found.append(told)
    return found


def _about(settings: Settings, name: str, each: detectors.Registered | None) -> dict[str, Any]:
    path = folder.path_of(settings.registers_path, name)
    try:
        known = Prints(folder.key(settings.register_key_path))
        register = folder.load(path, name, known)
    except RegisterError as error:
        return {"problem": str(error)}
    about = register.about
    told: dict[str, Any] = {
        "at": str(about.get("at", "")),
        "size": size_of(about),
        "bytes": path.stat().st_size,
    }
    if each is not None and (why := detectors.misfit(each, about)) is not None:
        told["problem"] = why
    return told


def size_of(about: Mapping[str, Any]) -> str:
    """How much a register holds, for people."""
    if about.get("kind") == "documents":
        return f"{about.get('documents', 0):,} documents"
    terms = [name for name, _ in about.get("columns", ())] == [detectors.TERM]
    return f"{about.get('rows', 0):,} {'terms' if terms else 'rows'}"


def remove(settings: Settings, name: str) -> bool:
    """Take a register away; False when there is none. Raises `RegisterError`."""
    path = folder.path_of(settings.registers_path, name)
    if name not in folder.names(settings.registers_path):
        return False
    try:
        path.unlink()
    except OSError as error:
        raise RegisterError(f"`{path}` cannot be removed: {error.strerror}") from None
    return True
