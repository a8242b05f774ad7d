"""Which hosts look like AI services and are in no catalogue? `shadow`.

Law: what somebody says of a host is in the audit log.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.cli.opened import catalogue_of, desk_of, me
from gateway.cli.printed import print_table
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.audit.log import Log as AuditLog
    from gateway.shadow.ledger import Ledger as Suspects
    from gateway.shadow.ledger import Suspect


@click.group()
def shadow() -> None:
    """Hosts that look like AI services and are in no catalogue."""


@shadow.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650))
@click.option("--dismissed", is_flag=True, help="Those of which somebody said that they are none.")
@settings_options
def shadow_list(*, as_json: bool, days: int, dismissed: bool, **options: Any) -> None:
    """List them: those that most people use first, then by bytes."""
    settings = settings_of(**options)
    catalogue = catalogue_of(settings)
    with _suspects(settings) as (ledger, _):
        found = ledger.ranked(days=days, dismissed=dismissed, known=catalogue.knows)
    if as_json:
        click.echo(json.dumps([_suspect_data(each) for each in found], indent=2))
        return
    print_table(
        ("host", "people", "sent", "received", "unopened", "opened", "chance", "why"),
        (
            (
                each.host,
                each.people,
                each.sent,
                each.received,
                each.tunnels,
                each.requests,
                f"{each.chance:.2f}",
                "; ".join(each.reasons[:2]),
            )
            for each in found
        ),
    )


@shadow.command("draft")
@click.argument("host", metavar="HOST")
@settings_options
def shadow_draft(host: str, **options: Any) -> None:
    """Print a policy file that makes HOST a service, to begin with. Read it over before you use it."""
    from gateway.shadow import drafts  # noqa: PLC0415

    settings = settings_of(**options)
    taken = catalogue_of(settings).names()
    with _suspects(settings) as (ledger, _):
        _, text = drafts.draft(ledger.get(host), taken, datetime.now(UTC).date())
    click.echo(text, nl=False)


@shadow.command("dismiss")
@click.argument("host", metavar="HOST")
@click.option("--reason", required=True, help="Why it is none, or none that matters; it is noted.")
@settings_options
def shadow_dismiss(host: str, *, reason: str, **options: Any) -> None:
    """Say that HOST is no AI service, or none that matters."""
    with _suspects(settings_of(**options)) as (ledger, log):
        ledger.dismiss(host, log, who=me(), reason=reason)


@shadow.command("restore")
@click.argument("host", metavar="HOST")
@settings_options
def shadow_restore(host: str, **options: Any) -> None:
    """Take that back."""
    with _suspects(settings_of(**options)) as (ledger, log):
        ledger.restore(host, log, who=me())


@contextlib.contextmanager
def _suspects(settings: Settings) -> Iterator[tuple[Suspects, AuditLog]]:
    """What the gateways have seen, and the audit log; expected errors end the command."""
    from gateway.shadow.ledger import Ledger, NotSeen  # noqa: PLC0415

    with desk_of(settings) as desk:
        try:
            yield Ledger(desk.store.engine), desk.audit
        except NotSeen as error:
            click.echo(f"leakgate: {error}", err=True)
            sys.exit(BAD_INPUT)


def _suspect_data(suspect: Suspect) -> dict[str, Any]:
    settled = suspect.dismissed
    return {
        "host": suspect.host,
        "people": suspect.people,
        "tunnels": suspect.tunnels,
        "requests": suspect.requests,
        "sent": suspect.sent,
        "received": suspect.received,
        "first_at": suspect.first_at.isoformat(),
        "last_at": suspect.last_at.isoformat(),
        "chance": suspect.chance,
        "reasons": list(suspect.reasons),
        "dismissed": None
        if settled is None
        else {"at": settled.at.isoformat(), "who": settled.who, "reason": settled.reason},
    }
