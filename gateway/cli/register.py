"""How is the company's own data made known? `register`.

Law: what is registered is not kept, only digests of it. Whether the audit log can be written is
known before anything is read.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.cli.opened import desk_of, has_database, me
from gateway.documents import suggest
from gateway.settings import Settings


@click.group()
def register() -> None:
    """Make the company's own data known, without keeping it."""


@register.command("pictures")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def register_pictures(folder: Path, file: Path) -> None:
    """Write FILE, which makes the pictures in FOLDER known: name it by the setting `picture_register`.

    It holds hashes and the files' names, no pictures.
    """
    from gateway import bootstrap  # noqa: PLC0415

    text, count, others = bootstrap.register_of(folder)
    for other in others:
        click.echo(f"leakgate: {other} is no picture that can be known again", err=True)
    if not count:
        click.echo("leakgate: no picture was found", err=True)
        sys.exit(BAD_INPUT)
    file.write_text(text, "utf-8")
    click.echo(f"{count} picture{'' if count == 1 else 's'} in {file}")


@contextlib.contextmanager
def _registering(settings: Settings) -> Iterator[Callable[[str, str, dict[str, str]], None]]:
    """Gives what puts an action on record; expected errors end the command.

    Whether the audit log can be written is known before anything is read.
    """
    from gateway.registers.store import RegisterError  # noqa: PLC0415

    try:
        if not has_database(settings):
            click.echo(
                "leakgate: there is no database yet, so this is not in the audit log", err=True
            )
            yield lambda *_: None
            return
        with desk_of(settings) as desk:
            with desk.audit.writing():
                pass

            def note(action: str, name: str, detail: dict[str, str]) -> None:
                desk.audit.note(me(), f"register.{action}", target=name, detail=detail)

            yield note
    except RegisterError as error:
        click.echo(f"leakgate: {error}", err=True)
        sys.exit(BAD_INPUT)


_REGISTER_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


_ENCODING = click.option("--encoding", help="Of the file; UTF-8 when left out.")


def _register(settings: Settings, kind: Any, name: str, make: Callable[[Any, Any], Any]) -> None:
    """Make a register, put it on record and in force, and tell what there is to know."""
    from gateway import registering  # noqa: PLC0415

    described = registering.described(settings, name, kind)
    with _registering(settings) as note:
        prints = registering.prints(settings)
        made = make(described, prints)
        note(kind, name, dict(made.detail))
        path = registering.put(settings, name, made, prints, datetime.now(UTC))
    for line in made.notes:
        click.echo(f"leakgate: {line}", err=True)
    click.echo(f"{made.size} registered as `{name}`: {described.says}, {path}")


@register.command("table")
@click.argument("name")
@click.argument("file", type=_REGISTER_FILE)
@click.option(
    "--column",
    "columns",
    metavar="COLUMN=HEADER",
    multiple=True,
    help="What a column is called in FILE.",
)
@_ENCODING
@settings_options
def register_table(
    name: str, *, file: Path, columns: tuple[str, ...], encoding: str | None, **options: Any
) -> None:
    """Make the rows of FILE known (CSV, TSV or a workbook); policies describe the table NAME.

    FILE is read once and not kept; a register holds keyed digests.
    """
    from gateway import registering  # noqa: PLC0415

    headers = dict(column.partition("=")[::2] for column in columns)
    if not all(headers.values()):
        raise click.UsageError("--column: write COLUMN=HEADER, such as `--column email=E-Mail`")
    _register(
        settings_of(**options),
        "table",
        name,
        lambda described, prints: registering.table(
            described, file, prints, headers=headers, encoding=encoding
        ),
    )


@register.command("dictionary")
@click.argument("name")
@click.argument("file", type=_REGISTER_FILE)
@_ENCODING
@settings_options
def register_dictionary(name: str, *, file: Path, encoding: str | None, **options: Any) -> None:
    """Make the terms in FILE known, one in a line; policies describe the dictionary NAME."""
    from gateway import registering  # noqa: PLC0415

    _register(
        settings_of(**options),
        "dictionary",
        name,
        lambda described, prints: registering.dictionary(
            described, file, prints, encoding=encoding
        ),
    )


@register.command("documents")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A template: what stands in it is nobody's own.",
)
@click.option(
    "--common",
    default=10,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="What stands in more documents is nobody's own.",
)
@settings_options
def register_documents(
    name: str, *, files: tuple[Path, ...], ignored: tuple[Path, ...], common: int, **options: Any
) -> None:
    """Make documents known by their passages: PDF, Office, text; folders with all that is in them."""
    from gateway import registering  # noqa: PLC0415

    _register(
        settings_of(**options),
        "documents",
        name,
        lambda _, prints: registering.documents(files, prints, ignored=ignored, common=common),
    )


@register.command("list")
@click.option("--json", "as_json", is_flag=True)
@settings_options
def register_list(*, as_json: bool, **options: Any) -> None:
    """List what is registered, and what policies describe."""
    from gateway import registering  # noqa: PLC0415

    found = registering.listed(settings_of(**options))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        parts = [each["name"], each["kind"], each["entity"] or "", each["size"], each["at"]]
        line = "  ".join(part for part in parts if part)
        click.echo(f"{line}  ({each['problem']})" if "problem" in each else line)


@register.command("verify")
@settings_options
def register_verify(**options: Any) -> None:
    """Check every register: whether it is whole, and fits what policies describe."""
    from gateway import registering  # noqa: PLC0415

    found = registering.listed(settings_of(**options))
    for each in found:
        click.echo(f"{each['name']}: {each.get('problem', 'ok')}", err="problem" in each)
    sys.exit(1 if any("problem" in each for each in found) else 0)


@register.command("remove")
@click.argument("name")
@settings_options
def register_remove(name: str, **options: Any) -> None:
    """Forget what is registered as NAME; a gateway whose policies describe it does not start then."""
    from gateway import registering  # noqa: PLC0415
    from gateway.registers import folder  # noqa: PLC0415

    settings = settings_of(**options)
    with _registering(settings) as note:
        if name not in folder.names(settings.registers_path):
            near = suggest(name, folder.names(settings.registers_path))
            click.echo(f"leakgate: nothing is registered as `{name}`{near}", err=True)
            sys.exit(BAD_INPUT)
        note("remove", name, {})
        registering.remove(settings, name)
    click.echo(f"`{name}` is not known any more")
