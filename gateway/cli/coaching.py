"""Who was asked to think first, and what may they send since? `coaching`.

Law: people have pseudonyms; what is taken back is noted, with its reason.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.cli.opened import desk_of, me
from gateway.cli.printed import print_table

if TYPE_CHECKING:
    from gateway.coaching.store import State as CoachingState


@click.group()
def coaching() -> None:
    """Who was asked to think before they sent something, and what they may send since."""


@coaching.command("list")
@click.option(
    "--answer",
    type=click.Choice(["open", "justified", "withdrawn", "cancelled", "expired"]),
    help="Only those that ended so.",
)
@click.option("--rule", default="", help="Only this rule.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@settings_options
def coaching_list(*, answer: CoachingState | None, rule: str, limit: int, **options: Any) -> None:
    """List who was coached, the newest first. People have pseudonyms."""
    from gateway.incidents.coached import Coached  # noqa: PLC0415  # loads the database

    with desk_of(settings_of(**options)) as desk:
        coached = Coached(desk.store.engine, desk.people.pseudonyms, lambda: datetime.now(UTC))
        found = coached.list(state=answer, rule=rule, limit=limit)
    print_table(
        (
            "id",
            "at",
            "person",
            "service",
            "rules",
            "lesson",
            "answer",
            "until",
            "reason",
            "times",
            "incident",
        ),
        (
            (
                each.id,
                f"{each.at:%Y-%m-%d %H:%M}",
                each.person,
                each.service,
                ",".join(one.rule for one in each.concerns),
                each.lesson,
                each.state,
                f"{each.valid_until:%Y-%m-%d %H:%M}" if each.holds and each.valid_until else "",
                each.reason,
                each.times,
                each.incident,
            )
            for each in found
        ),
    )


@coaching.command("withdraw")
@click.argument("identity", metavar="ID")
@click.option("--reason", required=True, help="Why it is taken back; it is noted.")
@settings_options
def coaching_withdraw(identity: str, *, reason: str, **options: Any) -> None:
    """Take back what somebody may send on the reason that they gave at coaching ID.

    From then on they are asked again, at every gateway of the database.
    """
    from gateway.audit.chain import LEAST_REASON  # noqa: PLC0415
    from gateway.coaching.store import NotGranted  # noqa: PLC0415
    from gateway.incidents.coached import Coached  # noqa: PLC0415  # loads the database

    if len(reason.strip()) < LEAST_REASON:
        raise click.BadParameter("say why it is taken back", param_hint="`--reason`")
    with desk_of(settings_of(**options)) as desk:
        coached = Coached(desk.store.engine, desk.people.pseudonyms, lambda: datetime.now(UTC))
        try:
            line = coached.withdraw(identity, desk.audit, who=me(), reason=reason)
        except NotGranted as error:
            click.echo(f"leakgate: {error}", err=True)
            sys.exit(BAD_INPUT)
    click.echo(f"{line.person} is asked again about what was coached on {line.at:%Y-%m-%d %H:%M}.")
