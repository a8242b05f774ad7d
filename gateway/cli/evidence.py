"""How is evidence sealed, taken and opened? `evidence`.

Law: the private key is never wanted where the gateway is; that evidence was taken is noted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.given import BAD_INPUT, bytes_of, settings_of, settings_options
from gateway.cli.opened import desk_of, me


@click.group()
def evidence() -> None:
    """What was kept of what was sent, sealed to your key."""


@evidence.command("keygen")
@click.argument("private", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("public", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--passphrase", is_flag=True, help="Ask for one that the private key is closed with.")
def evidence_keygen(private: Path, public: Path, *, passphrase: bool) -> None:
    """Make a pair of keys. Not on the gateway: it gets PUBLIC only, by the setting `evidence`."""
    import os  # noqa: PLC0415

    from gateway import evidence as kept  # noqa: PLC0415

    word = (
        click.prompt("Passphrase", hide_input=True, confirmation_prompt=True) if passphrase else ""
    )
    made, given = kept.make_keys(word.encode())
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
        public.write_bytes(given)
    except OSError as error:
        click.echo(f"{error.filename}: cannot be written: {error.strerror}", err=True)
        sys.exit(BAD_INPUT)
    click.echo(
        f"{private} opens what is sealed to {public}. Keep it off the gateway, and a copy safe."
    )


@evidence.command("take")
@click.argument("identity", metavar="INCIDENT")
@click.option("--reason", required=True, help="Why it has to be looked at; it is noted.")
@settings_options
def evidence_take(identity: str, *, reason: str, **options: Any) -> None:
    """Print the sealed evidence of an incident, for `evidence open` where the private key is."""
    import base64  # noqa: PLC0415

    with desk_of(settings_of(**options)) as desk:
        sealed = desk.work.evidence(identity, who=me(), reason=reason)
    click.echo(json.dumps({"incident": identity, "sealed": base64.b64encode(sealed).decode()}))


@evidence.command("open")
@click.argument("file", metavar="FILE")
@click.option("--key", required=True, type=click.Path(path_type=Path), help="The private key.")
@click.option("--passphrase", is_flag=True, help="Ask for the private key's passphrase.")
def evidence_open(file: str, *, key: Path, passphrase: bool) -> None:
    """Open what `evidence take` printed (`-` for standard input). It prints what was sent.

    Needs neither gateway nor database: do it where the private key is.
    """
    import base64  # noqa: PLC0415

    from gateway import evidence as kept  # noqa: PLC0415

    word = click.prompt("Passphrase", hide_input=True, err=True) if passphrase else ""
    try:
        given = json.loads(bytes_of(file))
        sealed, incident = base64.b64decode(given["sealed"]), str(given["incident"])
    except (ValueError, KeyError, TypeError):
        click.echo(f"{file}: is not what `evidence take` prints", err=True)
        sys.exit(BAD_INPUT)
    try:
        found = kept.unseal(sealed, incident, bytes_of(str(key)), word.encode())
    except kept.EvidenceError as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(BAD_INPUT)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
