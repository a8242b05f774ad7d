"""What do the detectors find in a text? `scan`, of a file or line by line.

Law: a value that was found is never printed, only its entity and place. A detector that failed is
told, and the text is not called clean.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.given import BAD_INPUT, FOLDER, settings_of, text_of
from gateway.cli.opened import engine_of, rules_if_any

if TYPE_CHECKING:
    from gateway import detectors
    from gateway.model import Match


@click.command()
@click.argument("path", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
@click.option("--jsonl", is_flag=True, help='Read lines {"id", "text"} on standard input.')
@click.option("--policies", type=FOLDER, help="Take the detector settings of these policies.")
@click.option("--state", type=FOLDER, help="Folder of compiled detectors.")
def scan(
    path: str | None, *, as_json: bool, jsonl: bool, policies: Path | None, state: Path | None
) -> None:
    """Print the findings in a file (`-` for standard input).

    Status 0: clean, 1: findings, 2: could not be read. The values themselves are not printed.
    """
    if (path is None) != jsonl:
        raise click.UsageError("give a PATH, or --jsonl without one")
    text = "" if path is None else text_of(path)
    from gateway import detectors  # noqa: PLC0415

    settings = settings_of(policies=policies, state=state)
    rules = rules_if_any(settings)
    chosen = rules.detectors if rules is not None else detectors.Settings()
    engine = engine_of(settings, chosen)
    if path is None:
        sys.exit(_scan_lines(engine))
    result = engine.scan(text)
    if result.failures:
        click.echo(f"{path}: detectors failed: {', '.join(result.failures)}", err=True)
        sys.exit(BAD_INPUT)
    if as_json:
        click.echo(json.dumps({"path": path, "findings": [_plain(m) for m in result.matches]}))
    else:
        for match in result.matches:
            line = text.count("\n", 0, match.start) + 1
            column = match.start - (text.rfind("\n", 0, match.start) + 1) + 1
            click.echo(
                f"{path}:{line}:{column}: {match.entity} ({match.confidence:.2f}, {match.detector})"
            )
    sys.exit(1 if result.matches else 0)


def _scan_lines(engine: detectors.Engine) -> int:
    """The JSON lines contract: one answer per line, in order; a bad line is told and counted."""
    failed = False
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            identity, text = record["id"], record["text"]
            if not isinstance(text, str):
                raise TypeError  # noqa: TRY301  # same end as the other shapes
        except (ValueError, KeyError, TypeError, RecursionError):
            click.echo(f"-:{number}:1: is not an object with `id` and `text`", err=True)
            failed = True
            continue
        result = engine.scan(text)
        if result.failures:
            click.echo(f"-:{number}:1: detectors failed: {', '.join(result.failures)}", err=True)
            failed = True
        answer = {"id": identity, "findings": [_plain(match) for match in result.matches]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()  # whoever asks line by line waits for it
    return BAD_INPUT if failed else 0


def _plain(match: Match) -> dict[str, object]:
    return {
        "entity": match.entity,
        "start": match.start,
        "end": match.end,
        "confidence": round(match.confidence, 4),
        "detector": match.detector,
    }
