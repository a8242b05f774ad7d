"""How are rules read that stand in YAML files? Law: every problem of all files is told at once, at
its line, and a folder with one loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field

from gateway.documents import DocumentError, Marks, Problem, Strict, load, read

PROVED = "proved"
"""What validators are told of files that ship: tests prove them, once and for all.

To compile what hundreds of rules say takes seconds, of each start and of each process.
"""


class Identified(Strict):
    """What every rule has: an `id` that no other rule of its folder has."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class _File[R: Identified](Strict):
    rules: Annotated[tuple[R, ...], Field(min_length=1)]


def read_rules[R: Identified](
    folder: Path,
    kind: type[R],
    *,
    wrong: Callable[[R], Iterable[tuple[str, str]]] = lambda _: (),
    proved: bool = False,
) -> tuple[R, ...]:
    """All rules of `kind` in the files of `folder`, sorted by id.

    `wrong` tells of a rule what only others know: keys, and what is wrong with their values. What
    is `proved` is only read. Raises `DocumentError`.
    """
    shape: type[_File[R]] = cast("Any", _File)[kind]
    rules: dict[str, R] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        text = read(path)
        try:
            file = load(text, shape, source=path.name, context=PROVED if proved else None)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        marks = Marks(text, path.name)
        for index, rule in enumerate(file.rules):
            place = ("rules", index)
            if rule.id in rules:
                message = f"rule `{rule.id}` exists already"
                problems.append(marks.problem((*place, "id"), message))
            problems.extend(marks.problem((*place, key), message) for key, message in wrong(rule))
            rules[rule.id] = rule
    if problems:
        raise DocumentError(problems)
    return tuple(rules[name] for name in sorted(rules))
