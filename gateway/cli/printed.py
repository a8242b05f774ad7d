"""How does a command print what it found? As a table, as lines, a problem with its place.

Law: pure but for `print_table`; what is printed comes as it shall be seen, masked or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from gateway.documents import Problem

if TYPE_CHECKING:
    from gateway.audit.chain import Entry


def problem_line(problem: Problem) -> str:
    """`file:line:column: message`, or without the place where there is none."""
    if problem.line:
        return str(problem)
    return f"{problem.source}: {problem.message}"


def print_table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    """Print rows under a head, in columns as wide as they need."""
    lines = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def outline(data: Any, indent: int = 0) -> str:
    """Plain data as indented lines, as YAML would have it."""
    import yaml  # noqa: PLC0415

    return yaml.safe_dump(
        json.loads(json.dumps(data, default=str)), sort_keys=False, indent=2 + indent
    ).rstrip()


def entry_data(entry: Entry) -> dict[str, Any]:
    """An entry of the audit log as plain data."""
    return {
        "entry": entry.seq,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "action": entry.action,
        "target": entry.target,
        "reason": entry.reason,
        "detail": dict(entry.detail),
    }
