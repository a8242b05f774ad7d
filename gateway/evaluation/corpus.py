"""What does an annotated document look like? JSON lines, one document each.

Two forms, which can stand in one file:

    {"id": "a1", "text": "mail bo@corp.example", "spans": [{"entity": "EMAIL_ADDRESS", "start": 5, "end": 20}]}
    {"id": "a2", "template": "mail [[EMAIL_ADDRESS:bo@corp.example]], token [[GITHUB_TOKEN:ghp_<<alnum:36>>]]"}

A template is written by hand without counting: `[[ENTITY:` and `]]` enclose what is to be found,
and `<<hex:32>>` is filled with random characters (see `secret_rules.expand`), the same ones each
time, so that no file holds a key in live shape. Spans count code points, the end is not included.

Law: a bad line is an error with its number, all of a file at once; none is passed over.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from gateway.detectors import secret_rules
from gateway.documents import DocumentError, Problem, Strict, suggest

_MARK = re.compile(r"\[\[([A-Z][A-Z0-9_]*):|\]\]")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Code points `start:end` of a text are a value of `entity`."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class Document:
    """One annotated text.

    `spans` is all that should be found in it. `unlabelled` names entities that nobody annotated
    there: what is found of them is neither right nor wrong. `source` says who wrote the text,
    `kind` what it is (a mail, a log, a table …).
    """

    id: str
    text: str = field(repr=False)
    spans: tuple[Span, ...]
    source: str = ""
    kind: str = ""
    unlabelled: frozenset[str] = frozenset()


type _Name = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""Of an entity, or of a group in capitals. Need not be known: what nobody looks for is told."""


class _Span(Strict):
    entity: _Name
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]


class _Line(Strict):
    id: Annotated[str | int, Field(union_mode="left_to_right")]
    text: str | None = None
    template: str | None = None
    spans: tuple[_Span, ...] | None = None
    source: str = ""
    kind: str = ""
    unlabelled: tuple[_Name, ...] = ()

    @model_validator(mode="after")
    def _one_form(self) -> _Line:
        if (self.text is None) == (self.template is None):
            raise ValueError("give either `text` with `spans`, or `template`")
        if self.template is not None and self.spans is not None:
            raise ValueError("a `template` marks its spans itself: leave `spans` out")
        for span in self.spans or ():
            if not span.start < span.end <= len(self.text or ""):
                raise ValueError(f"span {span.start}:{span.end} is not within the text")
        return self


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents of one file. `name` is its path below the folder that was named."""

    name: str
    path: Path
    documents: tuple[Document, ...]


def gather(paths: Sequence[Path]) -> tuple[Corpus, ...]:
    """The corpora in `paths`: files of JSON lines, and folders of `*.jsonl` files.

    Raises `DocumentError` with the mistakes of all files, and for a path that holds none.
    """
    found: dict[str, Corpus] = {}
    problems: list[Problem] = []
    for path in paths:
        files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
        if not files:
            problems.append(Problem(str(path), 0, 0, "holds no `*.jsonl` file"))
        for file in files:
            name = file.relative_to(path).with_suffix("").as_posix() if path.is_dir() else file.stem
            if name in found:
                message = f"two corpora are called `{name}`; the other is {found[name].path}"
                problems.append(Problem(str(file), 0, 0, message))
                continue
            try:
                found[name] = Corpus(name, file, load_corpus(file))
            except DocumentError as error:
                problems.extend(error.problems)
    if problems:
        raise DocumentError(problems)
    return tuple(found.values())


def load_corpus(path: Path) -> tuple[Document, ...]:
    """The documents of a JSON lines file, in order.

    Raises `DocumentError` with every bad line: broken JSON, unknown keys, spans
    outside of their text, an id that was there before.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise DocumentError(
            [Problem(str(path), 0, 0, f"cannot be read: {error.strerror}")]
        ) from None
    except UnicodeDecodeError:
        raise DocumentError([Problem(str(path), 0, 0, "is not UTF-8 text")]) from None
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            document = _document(line)
            if document.id in documents:
                raise ValueError(f"id `{document.id}` was there before")  # noqa: TRY301  # same end as the other mistakes
            documents[document.id] = document
        except ValidationError as error:
            problems.extend(Problem(str(path), number, 1, text) for text in _messages(error))
        except RecursionError:
            problems.append(Problem(str(path), number, 1, "nests too deeply"))
        except json.JSONDecodeError as error:
            problems.append(Problem(str(path), number, error.colno, f"is not JSON: {error.msg}"))
        except ValueError as error:
            problems.append(Problem(str(path), number, 1, str(error)))
    if problems:
        raise DocumentError(problems)
    return tuple(documents.values())


def _messages(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(step) for step in item["loc"])
        match item["type"]:
            case "extra_forbidden":
                hint = suggest(str(item["loc"][-1]), _Line.model_fields)
                yield f"unknown key `{where}`{hint}"
            case "missing":
                yield f"key `{where}` is missing"
            case "value_error":
                yield item["msg"].removeprefix("Value error, ")
            case _:
                yield f"`{where}`: {item['msg']}" if where else item["msg"]


def _document(line: str) -> Document:
    record = _Line.model_validate(json.loads(line))
    if record.template is not None:
        text, spans = fill(record.template, seed=str(record.id))
    else:
        text = record.text or ""
        spans = tuple(sorted(Span(s.start, s.end, s.entity) for s in record.spans or ()))
    return Document(
        id=str(record.id),
        text=text,
        spans=spans,
        source=record.source,
        kind=record.kind,
        unlabelled=frozenset(record.unlabelled),
    )


def fill(template: str, *, seed: str) -> tuple[str, tuple[Span, ...]]:
    """The text of a template and the spans that it marks, by place. Marks may be nested.

    Blanks are filled from a generator seeded with `seed`. Raises `ValueError` for a mark that is
    not closed and for an unknown blank.
    """
    filled = secret_rules.expand(template, random.Random(seed))  # noqa: S311  # samples, no keys
    pieces: list[str] = []
    size = at = 0
    open_marks: list[tuple[int, str]] = []
    spans: list[Span] = []
    for mark in _MARK.finditer(filled):
        if mark[1] is None and not open_marks:
            continue  # two closing brackets of the text itself
        pieces.append(filled[at : mark.start()])
        size += mark.start() - at
        at = mark.end()
        if mark[1] is not None:
            open_marks.append((size, mark[1]))
        else:
            start, entity = open_marks.pop()
            if start == size:
                raise ValueError(f"mark `{entity}` encloses nothing")
            spans.append(Span(start, size, entity))
    if open_marks:
        raise ValueError(f"mark `{open_marks[-1][1]}` is not closed by `]]`")
    pieces.append(filled[at:])
    return "".join(pieces), tuple(sorted(spans))
