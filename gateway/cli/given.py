"""What was a command given? Settings, and a file or standard input.

Law: what cannot be read ends the command with one line on standard error and status 2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.settings import Settings, gather

BAD_INPUT = 2
"""The exit status when there is nothing that a command could do."""

FOLDER = click.Path(path_type=Path, file_okay=False)


def settings_options[F: Callable[..., Any]](command: F) -> F:
    """The options of a command that works on what a gateway has; `settings_of` takes them."""
    for option in (
        click.option("--admin", metavar="HOST:PORT", help="Where metrics and health are served."),
        click.option("--listen", metavar="HOST:PORT", help="Where the proxy listens."),
        click.option("--policies", type=FOLDER, help="Folder of the policy files."),
        click.option("--state", type=FOLDER, help="Folder of CA, keys, database and spool."),
        click.option("--config", type=click.Path(path_type=Path), help="YAML file of settings."),
    ):
        command = option(command)
    return command


def settings_of(config: Path | None = None, **command: Any) -> Settings:
    """The settings: of the command, the environment, the file `config`, in this order."""
    import os  # noqa: PLC0415  # the environment is read here only

    return gather(config, os.environ, command)


def bytes_of(path: str) -> bytes:
    """What is in a file, `-` for standard input; ends the command when it cannot be read."""
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        click.echo(f"{path}: cannot be read: {error.strerror}", err=True)
        sys.exit(BAD_INPUT)


def text_of(path: str) -> str:
    """The text of a file, `-` for standard input; ends the command when it cannot be read."""
    from gateway.content import text_encoding  # noqa: PLC0415

    data = bytes_of(path)
    encoding = text_encoding(data)
    if encoding is None:
        click.echo(f"{path}: is not text; files of this type cannot be read yet", err=True)
        sys.exit(BAD_INPUT)
    return data.decode(encoding)
