"""Which AI services does the gateway know? `services`.

Law: what the policies add to the catalogue is in it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from gateway.cli.given import BAD_INPUT, settings_of
from gateway.cli.opened import catalogue_of
from gateway.cli.printed import outline, print_table
from gateway.documents import suggest


@click.group()
def services() -> None:
    """The catalogue of AI services."""


@services.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--category", help="Only services of this category.")
def services_list(*, as_json: bool, category: str | None) -> None:
    """List the services that the gateway knows."""
    found = [
        service
        for service in catalogue_of(settings_of()).services()
        if category is None or service.category == category
    ]
    if as_json:
        click.echo(json.dumps([service.summary() for service in found], indent=2, default=str))
        return
    print_table(
        ("id", "category", "name", "hosts"),
        (
            (service.id, service.category, service.name, _short(service.summary()["hosts"]))
            for service in found
        ),
    )


@services.command("show")
@click.argument("identity", metavar="ID")
@click.option("--json", "as_json", is_flag=True)
def services_show(identity: str, *, as_json: bool) -> None:
    """Show one service: hosts, operations and facts."""
    catalogue = catalogue_of(settings_of())
    service = catalogue.get(identity)
    if service is None:
        near = suggest(identity, [each.id for each in catalogue.services()])
        click.echo(f"no service `{identity}`{near}", err=True)
        sys.exit(BAD_INPUT)
    summary = service.summary()
    click.echo(json.dumps(summary, indent=2, default=str) if as_json else outline(summary))


def _short(values: Any) -> str:
    listed = [str(value) for value in values]
    return ", ".join(listed[:3]) + (f" (+{len(listed) - 3})" if len(listed) > 3 else "")
