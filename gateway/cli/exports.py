"""Who else is told of incidents, and how far are they? `exports`.

Law: what is sent as a test is marked as one, and stored nowhere here.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.cli.opened import database_errors, needs_database
from gateway.cli.printed import print_table
from gateway.documents import DocumentError, Problem, suggest
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.exporters.ledger import Ledger


@click.group()
def exports() -> None:
    """Who else is told of incidents."""


@exports.command("status")
@settings_options
def exports_status(**options: Any) -> None:
    """Show how far each export is. `over 99999` means that no more were counted."""
    from gateway.exporters.ledger import COUNTED  # noqa: PLC0415  # loads the database

    settings = settings_of(**options)
    known = {export.name: export for export in settings.exports}
    with _ledger(settings) as ledger:
        found = ledger.status({name: export.min_severity for name, export in known.items()})
    rows: list[tuple[object, ...]] = []
    for item in found:
        export = known.pop(item.export, None)
        rows.append(
            (
                item.export,
                f"{export.kind} {export.to}" if export else "not in the settings",
                f"{item.started_at:%Y-%m-%d %H:%M:%S}",
                item.waiting if item.waiting < COUNTED else f"over {COUNTED - 1}",
                f"{item.oldest:%Y-%m-%d %H:%M:%S}" if item.oldest else "",
                item.holder,
            )
        )
    rows += [(name, f"{export.kind} {export.to}", "never") for name, export in known.items()]
    head = ("name", "to", "since", "waiting", "oldest", "told by")
    print_table(head, ((*row, *("",) * (len(head) - len(row))) for row in rows))


@exports.command("test")
@click.argument("name", metavar="NAME")
@settings_options
def exports_test(name: str, **options: Any) -> None:
    """Send one incident that is marked as a test to NAME, now, and tell what came of it."""
    import asyncio  # noqa: PLC0415
    import secrets  # noqa: PLC0415

    from gateway.exporters import building, probe  # noqa: PLC0415
    from gateway.exporters.reach import Reach  # noqa: PLC0415
    from gateway.exporters.sink import Undelivered  # noqa: PLC0415
    from gateway.proxy.routing import HostList  # noqa: PLC0415

    settings = settings_of(**options)
    export = next((export for export in settings.exports if export.name == name), None)
    if export is None:
        near = suggest(name, [export.name for export in settings.exports])
        raise DocumentError([Problem("setting exports", 0, 0, f"no export `{name}`{near}")])
    if problems := building.problems([export]):
        raise DocumentError(problems)
    incident = probe.incident(secrets.token_hex(8), datetime.now(UTC))
    export = building.linked(export, settings.console.url)
    sink = building.sink(export, Reach(HostList.of(settings.deny_destinations)))

    async def send() -> None:
        try:
            async with asyncio.timeout(30):
                await sink.send([incident])
        finally:
            await sink.close()

    try:
        asyncio.run(send())
    except Undelivered as failure:
        click.echo(f"`{name}` was not reached: {failure.cause}", err=True)
        sys.exit(1)
    except TimeoutError:
        click.echo(f"`{name}` was not reached: timeout", err=True)
        sys.exit(1)
    click.echo(f"`{name}` took incident {incident.id}.")


@exports.command("forget")
@click.argument("name", metavar="NAME")
@settings_options
def exports_forget(name: str, **options: Any) -> None:
    """Forget how far NAME is: what waits for it is not told, and it starts anew from now."""
    with _ledger(settings_of(**options)) as ledger:
        known = ledger.forget(name)
    if not known:
        click.echo(f"no export `{name}`", err=True)
        sys.exit(BAD_INPUT)
    click.echo(f"{name} is forgotten.")


@contextlib.contextmanager
def _ledger(settings: Settings) -> Iterator[Ledger]:
    from gateway.exporters.ledger import Ledger  # noqa: PLC0415

    needs_database(settings)
    with (
        database_errors(),
        contextlib.closing(Ledger.open(settings.database_url, "command")) as ledger,
    ):
        yield ledger
