"""What happened, and how far is the work on it? `incidents`.

Law: people have pseudonyms until somebody says why they have to be known, and that is noted, as is
every change.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.given import BAD_INPUT, settings_of, settings_options
from gateway.cli.opened import desk_of, me
from gateway.cli.printed import entry_data, outline, print_table

if TYPE_CHECKING:
    from gateway.incidents.states import State


@click.group()
def incidents() -> None:
    """What happened."""


_ASKED_BY_STATUS = click.Choice(["open", "in_progress", "closed"])


_RESOLUTIONS = click.Choice(
    ["true_positive", "false_positive", "accepted_risk", "duplicate", "test"]
)


_SEVERITIES = click.Choice(["info", "low", "medium", "high", "critical"])


def _unmask_options[F: Callable[..., Any]](command: F) -> F:
    for option in (
        click.option("--reason", default="", help="Why the name has to be known; it is noted."),
        click.option("--unmask", is_flag=True, help="Show people by name, not by pseudonym."),
    ):
        command = option(command)
    return command


@incidents.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--service", help="Only this service.")
@click.option("--rule", help="Only incidents of this rule.")
@click.option("--entity", help="Only incidents with a finding of this entity.")
@click.option("--fingerprint", help="Only incidents with this value.")
@click.option("--actor", help="Only incidents of this pseudonym; of this name with --unmask.")
@click.option("--status", type=_ASKED_BY_STATUS, help="Only incidents that are so far.")
@click.option("--assignee", help="Only incidents of this colleague; nobody's if empty.")
@click.option("--label", help="Only incidents with this label.")
@click.option("--team", help="Only incidents of people in this group.")
@_unmask_options
@settings_options
def incidents_list(
    *,
    as_json: bool,
    limit: int,
    service: str | None,
    rule: str | None,
    entity: str | None,
    fingerprint: str | None,
    actor: str | None,
    status: str | None,
    assignee: str | None,
    label: str | None,
    team: str | None,
    unmask: bool,
    reason: str,
    **options: Any,
) -> None:
    """List incidents, the newest first. People have pseudonyms."""
    from gateway.incidents import record  # noqa: PLC0415  # loads the database
    from gateway.incidents.filters import Filters  # noqa: PLC0415
    from gateway.incidents.states import Status  # noqa: PLC0415

    filters = Filters(
        service=service,
        rule=rule,
        entity=entity,
        fingerprint=fingerprint,
        actor=actor,
        status=Status(status) if status else None,
        assignee=assignee,
        label=label,
        team=team,
    )
    with desk_of(settings_of(**options)) as desk:
        people = desk.people
        if unmask:
            if actor is not None:
                filters = people.searched(filters, who=me(), reason=reason)
            found = desk.store.list(filters, limit=limit)
            found = people.unmasked(found, who=me(), reason=reason)
        else:
            found = desk.store.list(people.translated(filters), limit=limit)
            found = people.masked(found)
        states = desk.work.states([incident.id for incident in found])
    if as_json:
        told = [
            record.to_data(incident) | {"work": _work_data(states[incident.id])}
            for incident in found
            if incident.id in states
        ]
        click.echo(json.dumps(told, indent=2))
        return
    print_table(
        ("id", "time", "from", "service", "severity", "enforcement", "status", "rules"),
        (
            (
                incident.id,
                f"{incident.at:%Y-%m-%d %H:%M:%S}",
                incident.actor or incident.source_ip,
                incident.service,
                states[incident.id].severity.name.lower(),
                incident.enforcement,
                states[incident.id].resolution or states[incident.id].status,
                ", ".join(rule.rule for rule in incident.rules),
            )
            for incident in found
            if incident.id in states
        ),
    )


@incidents.command("show")
@click.argument("identity", metavar="ID")
@click.option("--json", "as_json", is_flag=True)
@_unmask_options
@settings_options
def incidents_show(
    identity: str, *, as_json: bool, unmask: bool, reason: str, **options: Any
) -> None:
    """Show one incident. What was sent is not stored: findings are counted and masked.

    Where a second person has to agree to unmasking, ask with `incidents ask` first.
    """
    from dataclasses import replace  # noqa: PLC0415

    from gateway.incidents import record  # noqa: PLC0415

    with desk_of(settings_of(**options)) as desk:
        incident = desk.store.get(identity)
        if incident is None:
            click.echo(f"no incident `{identity}`", err=True)
            sys.exit(BAD_INPUT)
        if unmask:
            person = desk.people.unmask(identity, who=me(), reason=reason)
            incident = replace(
                incident, actor=person.actor, source_ip=person.source_ip, device=person.device
            )
        else:
            [incident] = desk.people.masked([incident])
        data = record.to_data(incident)
        data["work"] = _work_data(desk.work.state(identity)) | {
            "notes": [
                {"at": f"{note.at:%Y-%m-%d %H:%M:%S}", "who": note.who, "text": note.text}
                for note in desk.work.notes(identity)
            ],
            "history": [entry_data(entry) for entry in desk.work.history(identity)],
        }
    click.echo(json.dumps(data, indent=2) if as_json else outline(data))


def _work_data(state: State) -> dict[str, Any]:
    return {
        "status": state.status.value,
        "severity": state.severity.name.lower(),
        "assignee": state.assignee,
        "resolution": state.resolution.value if state.resolution else "",
        "labels": sorted(state.labels),
        "version": state.version,
    }


@incidents.command("set")
@click.argument("identities", metavar="ID...", nargs=-1, required=True)
@click.option("--status", type=_ASKED_BY_STATUS)
@click.option("--severity", type=_SEVERITIES)
@click.option("--assignee", help="Whose they are; empty for nobody's.")
@click.option("--resolution", type=_RESOLUTIONS, help="Closes them.")
@click.option("--rule", "rules", multiple=True, help="The rule that was right or wrong.")
@click.option("--label", "add", multiple=True, help="Put this label on.")
@click.option("--unlabel", "remove", multiple=True, help="Take this label off.")
@click.option("--reason", default="", help="Why; it is noted.")
@settings_options
def incidents_set(
    identities: tuple[str, ...],
    *,
    status: str | None,
    severity: str | None,
    assignee: str | None,
    resolution: str | None,
    rules: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    reason: str,
    **options: Any,
) -> None:
    """Change how far the work on incidents is. Every change is in the audit log."""
    from gateway.incidents.states import Change, Resolution, Status  # noqa: PLC0415
    from gateway.model import Severity  # noqa: PLC0415

    change = Change(
        status=Status(status) if status else None,
        severity=Severity[severity.upper()] if severity else None,
        assignee=assignee,
        resolution=Resolution(resolution) if resolution else None,
        rules=rules or None,
        add_labels=frozenset(add),
        remove_labels=frozenset(remove),
    )
    if change == Change():
        raise click.UsageError("give at least one of --status, --severity, --assignee, …")
    with desk_of(settings_of(**options)) as desk:
        done = desk.work.bulk(identities, change, who=me(), reason=reason)
    click.echo(
        f"{done.changed} changed, {done.unchanged} were so already, {done.missing} not found"
    )
    sys.exit(1 if done.missing else 0)


@incidents.command("except")
@click.argument("identity", metavar="ID")
@click.argument("rule", metavar="RULE")
@click.option("--until", required=True, type=click.DateTime(("%Y-%m-%d",)), help="Last day (UTC).")
@click.option("--owner", required=True, help="Who answers for the exception.")
@click.option("--reason", required=True, help="Why it is a false alarm.")
@click.option("--fingerprint", "fingerprints", multiple=True, help="Which values; the only one.")
@settings_options
def incidents_except(
    identity: str,
    rule: str,
    *,
    until: datetime,
    owner: str,
    reason: str,
    fingerprints: tuple[str, ...],
    **options: Any,
) -> None:
    """Close an incident as a false positive of RULE, and print an exception for your policies.

    It is about the value, the rule and the service, and ends. Commit it beside your policies.
    """
    from gateway.incidents import exceptions  # noqa: PLC0415

    with desk_of(settings_of(**options)) as desk:
        incident = desk.store.get(identity)
        if incident is None:
            click.echo(f"no incident `{identity}`", err=True)
            sys.exit(BAD_INPUT)
        _, text = desk.work.false_alarm(
            incident,
            rule,
            who=me(),
            version=desk.work.state(identity).version,
            owner=owner,
            reason=reason,
            until=until.date(),
            fingerprints=fingerprints or None,
        )
    click.echo(f"# policies/{exceptions.file_name(incident, rule)}")
    click.echo(text, nl=False)


@incidents.command("note")
@click.argument("identity", metavar="ID")
@click.argument("text", metavar="TEXT")
@settings_options
def incidents_note(identity: str, text: str, **options: Any) -> None:
    """Write a note about an incident. Leave names and values out of it."""
    with desk_of(settings_of(**options)) as desk:
        note = desk.work.note(identity, text, who=me())
    click.echo(f"note {note.number} is written.")


@incidents.command("repeats")
@click.option("--service", help="Only this service.")
@click.option("--rule", help="Only this rule.")
@click.option("--entity", help="Only this entity.")
@click.option("--at-least", default=2, show_default=True, type=click.IntRange(1))
@click.option("--latest", is_flag=True, help="The latest first, not the most frequent.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@settings_options
def incidents_repeats(
    *,
    service: str | None,
    rule: str | None,
    entity: str | None,
    at_least: int,
    latest: bool,
    limit: int,
    **options: Any,
) -> None:
    """List values that the same rule met again on the way to the same service."""
    with desk_of(settings_of(**options)) as desk:
        found = desk.counts.repeats(
            service=service,
            rule=rule,
            entity=entity,
            at_least=at_least,
            order="last" if latest else "count",
            limit=limit,
        )
    print_table(
        ("fingerprint", "entity", "preview", "rule", "service", "times", "first", "last"),
        (
            (
                each.fingerprint,
                each.entity,
                each.preview,
                each.rule,
                each.service,
                each.count,
                f"{each.first_at:%Y-%m-%d %H:%M}",
                f"{each.last_at:%Y-%m-%d %H:%M}",
            )
            for each in found
        ),
    )


@incidents.command("precision")
@settings_options
def incidents_precision(**options: Any) -> None:
    """Show how often each rule was right, by the verdicts on its incidents; the worst first."""
    with desk_of(settings_of(**options)) as desk:
        found = desk.work.precision()
    print_table(
        ("rule", "true positives", "false positives", "precision"),
        (
            (each.rule, each.true_positives, each.false_positives, f"{each.precision:.0%}")
            for each in found
        ),
    )


@incidents.command("ask")
@click.argument("identity", metavar="ID")
@click.option("--reason", default="", help="Why the name has to be known.")
@settings_options
def incidents_ask(identity: str, *, reason: str, **options: Any) -> None:
    """Ask to see whom an incident is about; a second person answers with `incidents answer`."""
    with desk_of(settings_of(**options)) as desk:
        asked = desk.people.ask(identity, who=me(), reason=reason)
    click.echo(f"request {asked.id} waits until {asked.valid_until:%Y-%m-%d %H:%M} UTC.")


@incidents.command("answer")
@click.argument("request", metavar="REQUEST")
@click.option("--grant/--deny", required=True)
@click.option("--reason", default="")
@settings_options
def incidents_answer(request: str, *, grant: bool, reason: str, **options: Any) -> None:
    """Agree that somebody sees whom an incident is about, or deny it."""
    with desk_of(settings_of(**options)) as desk:
        decided = desk.people.decide(request, who=me(), grant=grant, reason=reason)
    click.echo(f"request {decided.id} of {decided.asked_by} is {decided.decided}.")


@incidents.command("requests")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
@settings_options
def incidents_requests(*, everything: bool, **options: Any) -> None:
    """List who asks to see whom an incident is about."""
    with desk_of(settings_of(**options)) as desk:
        found = desk.people.requests(waiting=not everything)
    print_table(
        ("request", "incident", "asked", "by", "decided", "reason"),
        (
            (
                each.id,
                each.incident,
                f"{each.asked_at:%Y-%m-%d %H:%M}",
                each.asked_by,
                f"{each.decided} by {each.decided_by}" if each.decided else "waits",
                each.reason,
            )
            for each in found
        ),
    )
