"""Which certificate do clients have to trust? `ca`.

Law: the private key is never printed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.settings import Settings


@click.group()
def ca() -> None:
    """The certificate authority that clients have to trust."""


def _authority(settings: Settings, act: Callable[[Path], Any]) -> Any:
    from gateway.proxy import authority  # noqa: PLC0415

    try:
        return act(settings.state / "ca")
    except authority.AuthorityError as error:
        click.echo(f"leakgate: {error}", err=True)
        sys.exit(BAD_INPUT)


@ca.command("path")
@settings_options
def ca_path(**options: Any) -> None:
    """Print where the CA certificate is (made if there is none)."""
    from gateway.proxy import authority  # noqa: PLC0415

    click.echo(_authority(settings_of(**options), authority.ensure).certificate_path.absolute())


@ca.command("export")
@settings_options
def ca_export(**options: Any) -> None:
    """Print the CA certificate in PEM, with the one before the last rotation."""
    from gateway.proxy import authority  # noqa: PLC0415

    click.echo(_authority(settings_of(**options), authority.ensure).certificates(), nl=False)


@ca.command("rotate")
@settings_options
def ca_rotate(**options: Any) -> None:
    """Make a new CA. Clients need the new certificate before the gateway is restarted."""
    from gateway.proxy import authority  # noqa: PLC0415

    made = _authority(settings_of(**options), authority.rotate)
    click.echo(f"{made.certificate_path.absolute()}")
    click.echo(f"SHA-256 {made.fingerprint}, valid until {made.not_after:%Y-%m-%d}")
    click.echo("Give `leakgate ca export` to the clients, then restart the gateway.")
