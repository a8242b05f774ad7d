"""How is a YAML file that people write read? Strictly, with every error at its line.

Law: an unknown key, a duplicate key, a wrong type or a bad value is an error with file, line and
column; all errors of a file are reported at once; a near miss gets a "did you mean". Nothing is
ever ignored silently.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

MAX_DOCUMENT_BYTES = 4_000_000
"""A file over this size is refused: nobody writes such a file by hand."""


MAX_DEPTH = 100
"""A file that nests deeper is refused: nobody writes such a file by hand."""


class Strict(BaseModel):
    """Base of every document model: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a document. `line` and `column` count from 1; 0 means the whole file."""

    source: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`file:line:column: message`, as editors and compilers print it."""
        return f"{self.source}:{self.line}:{self.column}: {self.message}"


class DocumentError(Exception):
    """One or more problems in documents; `problems` holds them all, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_Loader):  # type: ignore[misc]  # the C loader has no usable type
    """A safe loader that refuses duplicate keys; YAML leaves them undefined."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # signature of the base class
        if not isinstance(node, yaml.MappingNode):  # `!!set` before anything
            raise yaml.constructor.ConstructorError(None, None, "is not a mapping", node.start_mark)
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict | set):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a plain word", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key `{key}`", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  # signature of the base class
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:
            # A date such as 2026-13-01, or a number with thousands of digits.
            message = f"is not a value: {error}"
        except (LookupError, AttributeError, TypeError):
            # PyYAML trusts explicit tags: `!!int` with nothing, `!!bool maybe`, `!!timestamp x`.
            message = f"is not a value of type `{node.tag.rpartition(':')[2]}`"
        raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)


_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(value: object) -> timedelta:
    """A span of time: seconds as a number, or text such as `12h` or `30d`, as a `timedelta`."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", str(value).strip().lower())
    if isinstance(value, bool) or match is None:
        raise ValueError(f"`{value}` is not a span of time such as `12h` or `30d`")
    try:
        return timedelta(seconds=int(match[1]) * _SPANS[match[2] or "s"])
    except OverflowError:
        raise ValueError(f"`{value}` is too long") from None


def suggest(word: str, known: Iterable[str]) -> str:
    """The tail `, did you mean `x`?` for an unknown word, or nothing when no word is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean `{near[0]}`?" if near else ""


def read(path: Path) -> str:
    """The text of a document file; `DocumentError` when it cannot be read as UTF-8."""
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise DocumentError([Problem(str(path), 0, 0, "file is too large")])
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(
            [Problem(str(path), 0, 0, f"cannot be read: {error.strerror}")]
        ) from None
    except UnicodeDecodeError:
        raise DocumentError([Problem(str(path), 0, 0, "is not UTF-8 text")]) from None


def load[T](text: str, shape: type[T], *, source: str, context: object = None) -> T:
    """Parse one YAML document and check it against `shape` (a `Strict` model or any type).

    `context` is what its validators must know beside the text.

    Raises `DocumentError` with every problem found. An empty document is an empty mapping.
    """
    try:
        _check_depth(text)
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506  # derives from the safe loader
    except yaml.YAMLError as error:
        raise DocumentError([_syntax_problem(error, source)]) from None
    except UnicodeEncodeError:
        raise DocumentError([Problem(source, 1, 1, "holds a lone surrogate")]) from None
    try:
        return TypeAdapter(shape).validate_python({} if data is None else data, context=context)
    except ValidationError as error:
        marks = Marks(text, source)
        raise DocumentError(_problems(error, shape, marks)) from None


def _check_depth(text: str) -> None:
    """Refuse what nests too deeply before it is built: the C library recurses, and would crash."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark: Any = event.start_mark  # the stubs know two kinds of mark
                raise yaml.MarkedYAMLError(None, None, "nests too deeply", mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def check[T](
    value: object,
    shape: type[T],
    *,
    text: str,
    source: str,
    at: Sequence[str | int] = (),
    context: object = None,
) -> T:
    """Check `value`, which stands at path `at` of the document `text`, against `shape`.

    For parts of a document whose shape another stage knows; `context` is what its validators must
    know beside the value. Raises `DocumentError` with every problem at its line of the whole
    document.
    """
    try:
        return TypeAdapter(shape).validate_python(value, context=context)
    except ValidationError as error:
        raise DocumentError(_problems(error, shape, Marks(text, source), at)) from None


class Marks:
    """Where each value of a document stands, for errors that are found after parsing."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self._root: yaml.Node | None = yaml.compose(text, Loader=_Loader)

    def problem(self, location: Sequence[str | int], message: str) -> Problem:
        """A problem at `location`, a path of keys and positions; the nearest known parent else."""
        node = self._root
        mark: Any = node.start_mark if node else None
        for step in location:
            child = self._child(node, step)
            if child is None:
                continue  # pydantic adds names of union members: they are not in the document
            key, node = child
            mark = key.start_mark
        if mark is None:
            return Problem(self.source, 1, 1, message)
        return Problem(self.source, mark.line + 1, mark.column + 1, message)

    @staticmethod
    def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    return key, value
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step]
        return None


def _syntax_problem(error: yaml.YAMLError, source: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        message = error.problem or "is not valid YAML"
        if mark is not None:
            return Problem(source, mark.line + 1, mark.column + 1, message)
        return Problem(source, 1, 1, message)
    return Problem(source, 1, 1, "is not valid YAML")


def _problems(
    error: ValidationError, shape: Any, marks: Marks, at: Sequence[str | int] = ()
) -> list[Problem]:
    found = []
    for item in error.errors(include_url=False, include_input=True):
        location, message = item["loc"], item["msg"]
        if item["type"] == "extra_forbidden":
            word = str(location[-1])
            message = f"unknown key `{word}`{suggest(word, _keys_at(shape, location[:-1]))}"
        elif item["type"] in {"literal_error", "enum"}:
            expected = str(item.get("ctx", {}).get("expected", ""))
            choices = [choice.strip(" '") for choice in expected.replace(" or ", ", ").split(",")]
            word = str(item["input"])
            message = f"`{word}` is not one of {', '.join(choices)}{suggest(word, choices)}"
        elif item["type"] == "missing":
            message = f"key `{location[-1]}` is missing"
            location = location[:-1]
        elif item["type"] == "value_error":
            message = message.removeprefix("Value error, ")
        found.append(marks.problem((*at, *location), message))
    return found


def _keys_at(shape: Any, location: Sequence[str | int]) -> set[str]:
    """Keys that the models allow at `location`, for a "did you mean"."""
    shapes = [shape]
    for step in location:
        shapes = [inner for outer in shapes for inner in _inner(outer, step)]
    keys: set[str] = set()
    for model in shapes:
        for candidate in _flatten(model):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                for name, info in candidate.model_fields.items():
                    keys.add(info.alias or name)
    return keys


def _flatten(shape: Any) -> list[Any]:
    origin = typing.get_origin(shape)
    if isinstance(shape, typing.TypeAliasType):
        return _flatten(shape.__value__)
    if origin is typing.Annotated:
        return _flatten(typing.get_args(shape)[0])
    if origin in {typing.Union, types.UnionType}:
        return [part for option in typing.get_args(shape) for part in _flatten(option)]
    return [shape]


def _inner(shape: Any, step: str | int) -> list[Any]:
    result: list[Any] = []
    for candidate in _flatten(shape):
        arguments = typing.get_args(candidate)
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            for name, info in candidate.model_fields.items():
                if str(step) in {name, info.alias}:
                    result.append(info.annotation)
                elif candidate.__name__ == step:
                    result.append(candidate)
                    break
        elif arguments:
            result.append(arguments[-1] if arguments[-1] is not Ellipsis else arguments[0])
    return result or _flatten(shape)
