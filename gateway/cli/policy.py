"""What do policies say, are they sound, and what would they do? `policy`.

Law: nothing is changed, neither the policies nor what is recorded. People have pseudonyms.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.given import BAD_INPUT, FOLDER, bytes_of, settings_of, settings_options
from gateway.cli.opened import (
    catalogue_of,
    database_errors,
    engine_of,
    known_registers,
    needs_database,
    person_key,
)
from gateway.cli.printed import problem_line
from gateway.documents import DocumentError, Problem, span, suggest
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway import bootstrap
    from gateway.incidents.crowds import Crowds
    from gateway.incidents.record import Incident


@click.group()
def policy() -> None:
    """Check and test policies."""


def _policy_folder(folder: Path | None) -> Path:
    return folder if folder is not None else settings_of().policies


@policy.command("check")
@click.argument("folder", metavar="[DIR]", required=False, type=FOLDER)
@click.option(
    "--strict",
    is_flag=True,
    help="Status 1 when an exception has ended; tell those without owner, reason or end, too.",
)
def policy_check(folder: Path | None, *, strict: bool) -> None:
    """Check the policy files; every problem is told with its place.

    Exceptions that have ended, or end within 14 days, are told on standard error.
    """
    from gateway import bootstrap  # noqa: PLC0415
    from gateway.policy import exceptions  # noqa: PLC0415

    rules = bootstrap.load_rules(_policy_folder(folder))
    told = [
        notice
        for notice in exceptions.notices(rules.policy, datetime.now(UTC).date())
        if strict or notice.kind != "incomplete"
    ]
    for notice in told:
        click.echo(problem_line(notice.problem), err=True)
    if rules.detectors.registered:
        # Policies are checked in other places than where data is registered: told, and no more.
        known_registers(settings_of(), rules.detectors)
    for source in rules.policy.sources:
        click.echo(source)
    ended = sum(notice.kind == "ended" for notice in told)
    verdict = f"ok, {ended} exception{'' if ended == 1 else 's'} ended" if ended else "ok"
    click.echo(f"{len(rules.policy.every_rule)} rules, revision {rules.policy.revision}: {verdict}")
    sys.exit(1 if strict and ended else 0)


@policy.command("test")
@click.argument("folder", metavar="[DIR]", required=False, type=FOLDER)
def policy_test(folder: Path | None) -> None:
    """Run the cases beside the policies (`*_test.yaml`)."""
    from gateway import bootstrap  # noqa: PLC0415
    from gateway.policy import cases  # noqa: PLC0415

    where = _policy_folder(folder)
    rules = bootstrap.load_rules(where)
    engine = engine_of(settings_of(), rules.detectors)
    results = bootstrap.run_cases(where, rules, engine)
    for result in results:
        click.echo(str(result))
    for rule in cases.untested(rules.policy, results):
        click.echo(f"rule `{rule}` is matched by no case", err=True)
    failed = sum(not result.passed for result in results)
    click.echo(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


@policy.command("schema")
@click.option("--tests", is_flag=True, help="The schema of the test files instead.")
def policy_schema(*, tests: bool) -> None:
    """Print the JSON Schema of policy files, for editors."""
    from gateway import bootstrap  # noqa: PLC0415
    from gateway.detectors import Settings  # noqa: PLC0415
    from gateway.policy import schema  # noqa: PLC0415

    words = bootstrap.vocabulary(catalogue_of(settings_of()))
    shape = (
        schema.cases_schema(words)
        if tests
        else schema.policy_schema(words, Settings.model_json_schema())
    )
    click.echo(json.dumps(shape, indent=2))


@policy.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--cases", "with_cases", is_flag=True, help="Tell which test cases come out otherwise."
)
@click.option("--json", "as_json", is_flag=True)
@settings_options
def policy_diff(old: str, new: str, *, with_cases: bool, as_json: bool, **options: Any) -> None:
    """Tell what differs between two folders of policies, key by key.

    What is no folder is a git revision of the policies: of the other folder's, or of the one that
    the settings name. Cases are those of NEW.
    """
    from dataclasses import asdict  # noqa: PLC0415

    from gateway import bootstrap  # noqa: PLC0415
    from gateway.policy import differences  # noqa: PLC0415
    from gateway.policy.written import written  # noqa: PLC0415

    settings = settings_of(**options)
    given = [Path(each) for each in (old, new)]
    home = next((each for each in given if each.is_dir()), settings.policies)
    with contextlib.ExitStack() as stack:
        before, after = (
            each if each.is_dir() else stack.enter_context(_revision(str(each), home))
            for each in given
        )
        rules = bootstrap.load_rules(before), bootstrap.load_rules(after)
        found = differences.differences(
            written(before),
            written(after),
            compiled=(rules[0].policy, rules[1].policy),
        )
        cases = bootstrap.case_changes(after, *rules, settings.state) if with_cases else ()
    if as_json:
        told = {"differences": [asdict(each) for each in found]}
        told |= {"cases": [asdict(each) for each in cases]} if with_cases else {}
        click.echo(json.dumps(told, indent=2, default=str))
        return
    for line in differences.lines(found):
        click.echo(line)
    if with_cases:
        click.echo(f"{len(cases)} case{' comes' if len(cases) == 1 else 's come'} out otherwise")
        for line in differences.case_lines(cases):
            click.echo(line)
    elif not found:
        click.echo("no difference")


@contextlib.contextmanager
def _revision(name: str, home: Path) -> Iterator[Path]:
    """A folder with the policy files of `home` as they were in a git revision."""
    import io  # noqa: PLC0415
    import subprocess  # noqa: PLC0415
    import tarfile  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    wrong = DocumentError(
        [Problem(name, 0, 0, f"is neither a folder nor a git revision of `{home}`")]
    )
    git = shutil.which("git")
    if git is None or name.startswith("-") or not home.is_dir():
        raise wrong
    done = subprocess.run(  # noqa: S603  # no shell, and no option: a leading `-` was refused
        [git, "-C", str(home), "archive", "--format=tar", name], capture_output=True, check=False
    )
    if done.returncode:
        raise wrong
    with tempfile.TemporaryDirectory(prefix="leakgate-") as folder:
        inside = Path(folder) / name.replace("/", "_")
        inside.mkdir()
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            for member in archive:
                if member.isfile() and "/" not in member.name:
                    archive.extract(member, inside, filter="data")
        yield inside


@policy.command("explain")
@click.argument("what", metavar="FILE|INCIDENT")
@click.option("--service", default="unknown", show_default=True, help="Where a file would go.")
@click.option("--operation", default="", help="Operation of the service.")
@click.option("--upload", is_flag=True, help="Send a text by itself too, not as a prompt.")
@click.option("--actor", default="", help="Who sends the file.")
@click.option("--group", "groups", multiple=True, help="A group that they are in.")
@click.option("--device", default="", help="What it is sent with.")
@click.option("--api-key", default="", help="A list of `api_keys` that its key is in.")
@click.option("--address", default="192.0.2.1", show_default=True, help="Where it comes from.")
@click.option(
    "--at",
    type=click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M")),
    help="When it comes (UTC); now when left out.",
)
@click.option("--rule", help="Only this rule.")
@click.option("--json", "as_json", is_flag=True)
@settings_options
def policy_explain(
    what: str,
    *,
    service: str,
    operation: str,
    upload: bool,
    actor: str,
    groups: tuple[str, ...],
    device: str,
    api_key: str,
    address: str,
    at: datetime | None,
    rule: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Tell which rules match a file or an incident, which do not, and why.

    FILE goes through the real inspection (`-` for standard input). Of an INCIDENT only what was
    recorded is known, and what is not known is said. No value is printed.
    """
    from gateway import bootstrap, rehearsal  # noqa: PLC0415

    settings = settings_of(**options)
    rules = bootstrap.load_rules(settings.policies)
    if rule is not None and rule not in {each.id for each in rules.policy.rules}:
        near = suggest(rule, [each.id for each in rules.policy.rules])
        click.echo(f"no rule `{rule}`{near}", err=True)
        sys.exit(BAD_INPUT)
    if what != "-" and not Path(what).is_file():
        _explain_incident(settings, rules, what, rule=rule, as_json=as_json)
        return
    moment = (at.replace(tzinfo=UTC) if at is not None else datetime.now(UTC)).timestamp()
    sending = rehearsal.Sending(
        service,
        operation,
        upload,
        Path(what).name,
        actor,
        address,
        moment,
        # Somebody of whom no group is named is in none; of nobody nothing is known.
        frozenset(groups) if actor or groups else None,
        device,
        api_key,
    )
    try:
        trial = rehearsal.try_file(
            rules,
            bytes_of(what),
            sending,
            state=settings.state,
            limits=bootstrap.file_limits(settings),
            looking=bootstrap.picture_settings(settings),
            known=known_registers(settings, rules.detectors),
        )
    except LookupError as error:
        click.echo(f"no service or operation `{error.args[0]}`", err=True)
        sys.exit(BAD_INPUT)
    told = rehearsal.trial_data(trial, rule) if as_json else None
    click.echo(
        json.dumps(told, indent=2)
        if told is not None
        else "\n".join(rehearsal.trial_lines(what, trial, rule))
    )


def _explain_incident(
    settings: Settings, rules: bootstrap.Rules, identity: str, *, rule: str | None, as_json: bool
) -> None:
    from gateway import rehearsal  # noqa: PLC0415
    from gateway.incidents.crowds import Crowds  # noqa: PLC0415
    from gateway.incidents.people import Pseudonyms  # noqa: PLC0415

    with _store(settings) as store:
        incident = store.get(identity)
        if incident is None:
            click.echo(f"no file and no incident `{identity}`", err=True)
            sys.exit(BAD_INPUT)
        told = rehearsal.explain_incident(rules, incident)
        crowds = Crowds(store.engine, smallest=settings.small_group)
        [incident] = map(Pseudonyms(person_key(settings)).masked, crowds.named([incident]))
    if as_json:
        click.echo(json.dumps(rehearsal.incident_data(incident, told, rule), indent=2))
        return
    click.echo("\n".join(rehearsal.incident_lines(incident, told, rule)))


@policy.command("simulate")
@click.option("--since", default="30d", show_default=True, help="How far back, e.g. `12h`.")
@click.option("--policies", type=FOLDER, help="Changed policies; those in use when left out.")
@click.option("--against", type=FOLDER, help="Policies in use; the setting when left out.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True)
@click.option("--state", type=FOLDER, help="Folder of CA, keys, database and spool.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file of settings.")
def policy_simulate(
    *,
    since: str,
    policies: Path | None,
    against: Path | None,
    top: int,
    as_json: bool,
    state: Path | None,
    config: Path | None,
) -> None:
    """Tell what changed policies would have done to the recorded exchanges.

    Counts new and lifted blocks and changed redactions by service, sender, team and rule, from what the
    incidents hold; what they do not tell is counted by itself.
    """
    from gateway import bootstrap, rehearsal  # noqa: PLC0415
    from gateway.incidents.crowds import Crowds  # noqa: PLC0415
    from gateway.policy import page  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        start = now - span(since)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--since: {error}") from None
    settings = settings_of(config, state=state)
    before = bootstrap.load_rules(against or settings.policies)
    after = bootstrap.load_rules(policies) if policies is not None else before
    with database_errors(), _store(settings) as store:
        simulation = rehearsal.simulate(
            store,
            before,
            after,
            since=start,
            until=now,
            sender_of=_masked_sender(settings),
            teams_of=_shown_teams(Crowds(store.engine, smallest=settings.small_group)),
        )
    if as_json:
        click.echo(json.dumps(page.tally(simulation), indent=2))
        return
    for line in page.tally_lines(simulation, top=top):
        click.echo(line)


def _masked_sender(settings: Settings) -> Callable[[Incident], str]:
    """Who sent an incident, by pseudonym, and by network where nobody is known."""
    from gateway import rehearsal  # noqa: PLC0415
    from gateway.incidents.people import Pseudonyms  # noqa: PLC0415

    pseudonyms = Pseudonyms(person_key(settings))

    def sender(incident: Incident) -> str:
        return pseudonyms.person(incident.actor) or rehearsal.sender(incident)

    return sender


def _shown_teams(crowds: Crowds) -> Callable[[Incident], Iterable[str]]:
    """The groups of an incident's sender, with one name for all that are small."""

    def teams(incident: Incident) -> Iterable[str]:
        [shown] = crowds.named([incident])
        return shown.teams or ()

    return teams


def _store(settings: Settings) -> Any:
    from gateway.incidents.store import Store  # noqa: PLC0415

    needs_database(settings)
    return contextlib.closing(Store.open(settings.database_url))
