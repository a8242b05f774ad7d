"""What does the vault hold, and under which keys? `tokens`.

Law: values are never printed, only counted. No key is made but by `rotate`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.given import settings_of, settings_options
from gateway.cli.opened import database_errors, needs_database
from gateway.cli.printed import print_table
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.vault import keys as token_keys
    from gateway.vault.store import Vault


@click.group()
def tokens() -> None:
    """The vault that tokens are restored from, and its keys."""


@tokens.command("status")
@settings_options
def tokens_status(**options: Any) -> None:
    """Show the keys, which one new conversations get, and how many tokens each one has sealed."""
    from gateway.vault import keys  # noqa: PLC0415  # loads the cipher

    settings = settings_of(**options)
    ring = keys.load(settings.token_keys_path)
    with _vault(settings) as vault:
        rows = dict(vault.per_key())
    now = datetime.now(UTC)
    current = ring.current(now).id

    def state(key: token_keys.Key) -> str:
        if key.id == current:
            return "current"
        if key.created + keys.SETTLING > now:
            return f"from {key.created + keys.SETTLING:%H:%M:%S} UTC"
        return "old"

    table = [
        (key.id, f"{key.created:%Y-%m-%d %H:%M:%S}", state(key), rows.pop(key.id, 0))
        for key in ring.keys
    ]
    table += [(key, "", "missing", number) for key, number in sorted(rows.items())]
    print_table(("key", "created", "state", "tokens"), table)


@tokens.command("rotate")
@settings_options
def tokens_rotate(**options: Any) -> None:
    """Add a new key. Conversations that have tokens keep the key they have."""
    from gateway.vault import keys  # noqa: PLC0415

    made = keys.rotate(settings_of(**options).token_keys_path, datetime.now(UTC))
    start = made.created + keys.SETTLING
    click.echo(f"{made.id} is used for new conversations from {start:%Y-%m-%d %H:%M:%S} UTC on.")
    click.echo("Gateways with a copy of the file need the new one before.")


@tokens.command("drop")
@click.argument("key", metavar="KEY")
@settings_options
def tokens_drop(key: str, **options: Any) -> None:
    """Drop KEY: what was sealed with it cannot be restored any more, by nobody."""
    from gateway.vault import keys  # noqa: PLC0415

    keys.drop(settings_of(**options).token_keys_path, key)
    click.echo(f"{key} is dropped.")


@tokens.command("forget")
@click.argument("actor", metavar="ACTOR")
@settings_options
def tokens_forget(actor: str, **options: Any) -> None:
    """Delete everything that the vault holds for ACTOR, named as in `incidents list`."""
    with _vault(settings_of(**options)) as vault:
        gone = vault.forget(actor)
    click.echo(f"{gone} token{'' if gone == 1 else 's'} deleted.")


@tokens.command("purge")
@settings_options
def tokens_purge(**options: Any) -> None:
    """Delete what has expired; the gateway does so by itself every few minutes."""
    gone = 0
    with _vault(settings_of(**options)) as vault:
        while batch := vault.purge():
            gone += batch
    click.echo(f"{gone} token{'' if gone == 1 else 's'} deleted.")


@contextlib.contextmanager
def _vault(settings: Settings) -> Iterator[Vault]:
    from gateway.vault import keys  # noqa: PLC0415
    from gateway.vault.store import Vault  # noqa: PLC0415

    needs_database(settings)
    ring = keys.load(settings.token_keys_path)  # none is made here: the gateway's is wanted
    with (
        database_errors(),
        contextlib.closing(
            Vault.open(settings.database_url, ring, ttl=settings.token_ttl)
        ) as vault,
    ):
        yield vault
