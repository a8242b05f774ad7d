"""Who did what, and has anybody changed that since? `audit`.

Law: a log that is not whole is status 1, and nothing here mends it: it can only begin anew.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import click

from gateway.cli.given import settings_of, settings_options
from gateway.cli.opened import desk_of, me
from gateway.cli.printed import entry_data, print_table
from gateway.documents import span


@click.group()
def audit() -> None:
    """Who did what, and whether somebody has changed the log of it."""


@audit.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--target", help="Only what was done to this, e.g. an incident.")
@click.option("--who", help="Only what this account did.")
@click.option("--action", help="Only this action; `unmask.*` for all that begin so.")
@click.option("--since", help="How far back, e.g. `30d`.")
@settings_options
def audit_list(
    *,
    as_json: bool,
    limit: int,
    target: str | None,
    who: str | None,
    action: str | None,
    since: str | None,
    **options: Any,
) -> None:
    """List what was done, the newest first."""
    try:
        start = None if since is None else datetime.now(UTC) - span(since)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--since: {error}") from None
    with desk_of(settings_of(**options)) as desk:
        found = desk.audit.list(target=target, who=who, action=action, since=start, limit=limit)
    if as_json:
        click.echo(json.dumps([entry_data(entry) for entry in found], indent=2))
        return
    print_table(
        ("entry", "time", "who", "action", "target", "detail", "reason"),
        (
            (
                entry.seq,
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                entry.who,
                entry.action,
                entry.target,
                ", ".join(f"{name}: {value}" for name, value in entry.detail.items()),
                entry.reason,
            )
            for entry in found
        ),
    )


@audit.command("verify")
@click.option(
    "--head", "heads", multiple=True, help="A head that was noted before; it must be there."
)
@settings_options
def audit_verify(*, heads: tuple[str, ...], **options: Any) -> None:
    """Check that nobody has altered, removed, inserted, moved or cut off entries.

    Status 0: the log is whole, 1: it is not. Note the head that is printed where nobody who can reach
    the database and the key can change it, and give it with --head the next time.
    """
    from gateway.audit.chain import Head  # noqa: PLC0415

    with desk_of(settings_of(**options)) as desk:
        report = desk.audit.verify(*map(Head.parse, heads))
    for trouble in report.troubles:
        where = f"entry {trouble.seq}" if trouble.seq else "the log"
        click.echo(f"{where}: {trouble.kind}: {trouble.said}", err=True)
    if report.uncovered:
        many = report.uncovered
        click.echo(f"{many} entries are of before the log was begun anew: nothing is known of them")
    click.echo(f"{report.checked} entries from {report.floor + 1} on, head {report.head.text}")
    click.echo("the log is whole" if report.whole else "THE LOG IS NOT WHOLE")
    sys.exit(0 if report.whole else 1)


@audit.command("restart")
@click.option("--reason", required=True, help="Why; it is the first entry.")
@settings_options
def audit_restart(*, reason: str, **options: Any) -> None:
    """Begin the log anew behind what there is, after its key was lost or its end was damaged.

    What is there stays, and cannot be verified any more. Find out first what happened.
    """
    with desk_of(settings_of(**options)) as desk:
        entry = desk.audit.restart(me(), reason)
    click.echo(f"the log begins anew with entry {entry.seq}.")
