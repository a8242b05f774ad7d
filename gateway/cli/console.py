"""How does somebody who is locked out get into the console again? `console`.

Law: a password is printed once and ends every session and API key of its account.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.cli.opened import desk_of, me


@click.group()
def console() -> None:
    """The web console."""


@console.command("password")
@click.argument("name", metavar="ACCOUNT")
@settings_options
def console_password(name: str, **options: Any) -> None:
    """Print a one-time password for ACCOUNT, whose sessions and API keys end.

    For whoever is locked out. The account `admin` is made if there is no account yet.
    """
    from gateway.console.accounts import NotSo  # noqa: PLC0415
    from gateway.console.app import make_door  # noqa: PLC0415
    from gateway.console.door import ADMIN  # noqa: PLC0415

    settings = settings_of(**options)
    with desk_of(settings) as desk:
        door = make_door(settings.console, desk.audit, clock=lambda: datetime.now(UTC))
        try:
            first = door.first() if name == ADMIN else None
            password = first or door.reset(me(), name)
        except NotSo as why:
            click.echo(f"leakgate: {why}", err=True)
            sys.exit(BAD_INPUT)
    click.echo(password)
