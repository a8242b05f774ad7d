"""What can be asked of Leakgate from a shell? One command per verb.

Law: exit status 0 is success, 1 a finding or a failed check, 2 bad input or nothing done. Errors go
to standard error, one per line, `file:line:column: message` where there is a place.
"""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import __version__
from gateway.documents import DocumentError, Problem, span, suggest
from gateway.settings import Settings, gather

# Each command imports what it needs: detectors, proxy and database take a second to load, and
# most commands need one of them.
if TYPE_CHECKING:
    from gateway import bootstrap, detectors
    from gateway.audit.chain import Entry
    from gateway.audit.log import Log as AuditLog
    from gateway.coaching.store import State as CoachingState
    from gateway.exporters.ledger import Ledger
    from gateway.incidents.crowds import Crowds
    from gateway.incidents.desk import Desk
    from gateway.incidents.record import Incident
    from gateway.incidents.states import State
    from gateway.model import Match
    from gateway.registers.folder import Registers
    from gateway.services import Catalogue
    from gateway.shadow.ledger import Ledger as Suspects
    from gateway.shadow.ledger import Suspect
    from gateway.vault import keys as token_keys
    from gateway.vault.store import Vault

BAD_INPUT = 2

_folder = click.Path(path_type=Path, file_okay=False)


class _Main(click.Group):
    """Turns every expected error into lines on standard error and status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DocumentError as error:
            for problem in error.problems:
                click.echo(_line(problem), err=True)
            ctx.exit(BAD_INPUT)


def _line(problem: Problem) -> str:
    if problem.line:
        return str(problem)
    return f"{problem.source}: {problem.message}"


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Leakgate: stop company data from leaking into AI services."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


# --- run ------------------------------------------------------------------------------------------


def _settings_options[F: Callable[..., Any]](command: F) -> F:
    for option in (
        click.option("--admin", metavar="HOST:PORT", help="Where metrics and health are served."),
        click.option("--listen", metavar="HOST:PORT", help="Where the proxy listens."),
        click.option("--policies", type=_folder, help="Folder of the policy files."),
        click.option("--state", type=_folder, help="Folder of CA, keys, database and spool."),
        click.option("--config", type=click.Path(path_type=Path), help="YAML file of settings."),
    ):
        command = option(command)
    return command


def _settings(config: Path | None = None, **command: Any) -> Settings:
    import os  # noqa: PLC0415  # the environment is read here only

    return gather(config, os.environ, command)


@main.command("api-keys")
@click.argument("path", metavar="[FILE]", default="-")
@_settings_options
def api_keys(path: str, **options: Any) -> None:
    """Print fingerprints of the API keys in FILE, for `api_keys` in a policy; `-` is standard input.

    One key per line; words before it are a note, which is printed beside its fingerprint. The keys
    are not kept. Fingerprints hold for gateways with the same `fingerprint.key`.
    """
    from gateway import bootstrap  # noqa: PLC0415

    settings = _settings(**options)
    key = bootstrap.known_key(settings.state)
    if key is None:
        click.echo(
            f"leakgate: no `fingerprint.key` in `{settings.state}`; name the gateway's folder with"
            " --state, and start the gateway once before",
            err=True,
        )
        sys.exit(BAD_INPUT)
    lines = [line.split() for line in _text(path).splitlines() if line.strip()]
    if not lines:
        click.echo("leakgate: no key was given", err=True)
        sys.exit(BAD_INPUT)
    for *note, value in lines:
        click.echo(
            f"- {bootstrap.key_fingerprint(value, key)}" + (f"  # {' '.join(note)}" if note else "")
        )


@main.command()
@_settings_options
def run(**options: Any) -> None:
    """Start the gateway; Ctrl-C stops it."""
    from gateway import workers  # noqa: PLC0415  # other commands need none

    settings = _settings(**options)
    workers.prepare()  # loads the detectors while the proxy is loaded here
    gc.disable()  # nothing that is loaded is garbage: to look for some takes a quarter of the time
    from gateway import daemon  # noqa: PLC0415
    from gateway.proxy.server import StartError  # noqa: PLC0415

    gc.enable()
    try:
        daemon.run(settings, announce=_announce)
    except StartError as error:
        click.echo(f"leakgate: {error}", err=True)
        sys.exit(BAD_INPUT)


def _announce(up: Any, settings: Settings) -> None:
    certificate = up.authority.certificate_path
    scheme = "http" if settings.admin_tls is None else "https"
    admin = f"{scheme}://{up.admin[0]}:{up.admin[1]}"
    listening = ", ".join(f"{host}:{port}" for host, port in up.proxies)
    program = "leakgate" if shutil.which("leakgate") else sys.argv[0]
    rules = up.rules()
    enforced = sum(rule.mode == "enforce" for rule in rules.policy.every_rule)
    click.echo(
        f"""Leakgate {__version__} is running.

  proxy         {listening} ({", ".join(settings.mode)})
  admin         {admin}/metrics  /healthz  /readyz  /proxy.pac  /ca.pem
  console       {settings.console.url or admin + "/console/" if up.console else "off"}
  CA            {certificate}
  policies      {settings.policies} ({len(rules.policy.every_rule)} rules, {enforced} enforced, revision {rules.policy.revision})
  services      {len(rules.catalogue.services())} in the catalogue
  state         {settings.state}
"""
    )
    if up.first_password is not None:
        click.echo(
            f"""The console's first account, shown once; choose a password of your own within three days:

  name          admin
  password      {up.first_password}
"""
        )
    if settings.mode[0] == "regular":
        host, port = up.proxies[0]
        click.echo(
            f"""Try it. This prompt holds a social security number: the service gets it without the number, and
`{program} incidents list --state {settings.state}` shows what happened.

  curl --proxy http://{host}:{port} --cacert {certificate} https://api.openai.com/v1/chat/completions \\
       -H 'content-type: application/json' -H 'authorization: Bearer none' \\
       -d '{{"model":"gpt-5","messages":[{{"role":"user","content":"My social security number is 219-09-9876, is it valid?"}}]}}'
"""
        )
    click.echo("Ctrl-C stops it.")
    sys.stdout.flush()


@main.command()
@click.option("--keep", is_flag=True, help="Leave the demo's state folder in place.")
def demo(*, keep: bool) -> None:
    """Show the gateway at work, without internet: what was sent, what left, what came back."""
    from gateway import demo as show  # noqa: PLC0415  # loads the proxy

    sys.exit(show.run(keep=keep))


# --- scan -----------------------------------------------------------------------------------------


@main.command()
@click.argument("path", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
@click.option("--jsonl", is_flag=True, help='Read lines {"id", "text"} on standard input.')
@click.option("--policies", type=_folder, help="Take the detector settings of these policies.")
@click.option("--state", type=_folder, help="Folder of compiled detectors.")
def scan(
    path: str | None, *, as_json: bool, jsonl: bool, policies: Path | None, state: Path | None
) -> None:
    """Print the findings in a file (`-` for standard input).

    Status 0: clean, 1: findings, 2: could not be read. The values themselves are not printed.
    """
    if (path is None) != jsonl:
        raise click.UsageError("give a PATH, or --jsonl without one")
    text = "" if path is None else _text(path)
    from gateway import detectors  # noqa: PLC0415

    settings = _settings(policies=policies, state=state)
    rules = _rules_if_any(settings)
    chosen = rules.detectors if rules is not None else detectors.Settings()
    engine = _engine(settings, chosen)
    if path is None:
        sys.exit(_scan_lines(engine))
    result = engine.scan(text)
    if result.failures:
        click.echo(f"{path}: detectors failed: {', '.join(result.failures)}", err=True)
        sys.exit(BAD_INPUT)
    if as_json:
        click.echo(json.dumps({"path": path, "findings": [_plain(m) for m in result.matches]}))
    else:
        for match in result.matches:
            line = text.count("\n", 0, match.start) + 1
            column = match.start - (text.rfind("\n", 0, match.start) + 1) + 1
            click.echo(
                f"{path}:{line}:{column}: {match.entity} ({match.confidence:.2f}, {match.detector})"
            )
    sys.exit(1 if result.matches else 0)


def _known(settings: Settings, chosen: detectors.Settings) -> Registers | None:
    """What is registered; what is not is told, and commands do without."""
    from gateway import bootstrap  # noqa: PLC0415

    known, problems = bootstrap.registered(settings, chosen.registered)
    for problem in problems:
        click.echo(_line(problem), err=True)
    return known


def _engine(settings: Settings, chosen: detectors.Settings) -> detectors.Engine:
    """The detectors, with what is registered."""
    from gateway import bootstrap  # noqa: PLC0415

    if not chosen.registered:
        return bootstrap.build_engine(chosen, settings.state)
    return bootstrap.build_engine(chosen, settings.state, _known(settings, chosen))


def _bytes(path: str) -> bytes:
    """What is in a file, `-` for standard input; ends the command when it cannot be read."""
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        click.echo(f"{path}: cannot be read: {error.strerror}", err=True)
        sys.exit(BAD_INPUT)


def _text(path: str) -> str:
    """The text of a file, `-` for standard input; ends the command when it cannot be read."""
    from gateway.content import text_encoding  # noqa: PLC0415

    data = _bytes(path)
    encoding = text_encoding(data)
    if encoding is None:
        click.echo(f"{path}: is not text; files of this type cannot be read yet", err=True)
        sys.exit(BAD_INPUT)
    return data.decode(encoding)


def _scan_lines(engine: detectors.Engine) -> int:
    """The JSON lines contract: one answer per line, in order; a bad line is told and counted."""
    failed = False
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            identity, text = record["id"], record["text"]
            if not isinstance(text, str):
                raise TypeError  # noqa: TRY301  # same end as the other shapes
        except (ValueError, KeyError, TypeError, RecursionError):
            click.echo(f"-:{number}:1: is not an object with `id` and `text`", err=True)
            failed = True
            continue
        result = engine.scan(text)
        if result.failures:
            click.echo(f"-:{number}:1: detectors failed: {', '.join(result.failures)}", err=True)
            failed = True
        answer = {"id": identity, "findings": [_plain(match) for match in result.matches]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()  # whoever asks line by line waits for it
    return BAD_INPUT if failed else 0


def _plain(match: Match) -> dict[str, object]:
    return {
        "entity": match.entity,
        "start": match.start,
        "end": match.end,
        "confidence": round(match.confidence, 4),
        "detector": match.detector,
    }


# --- evaluate -------------------------------------------------------------------------------------

_CORPUS = Path("tests/corpus")
_BASELINE, _BUDGET = "baseline.json", "budget.yaml"


@main.command()
@click.argument("corpora", metavar="[CORPUS]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--policies", type=_folder, help="Take the detector settings of these policies.")
@click.option("--state", type=_folder, help="Folder of compiled detectors.")
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Figures to hold; `{_BASELINE}` of the first folder when left out.",
)
@click.option("--update-baseline", is_flag=True, help="Write the figures of this run to it.")
@click.option("--by", type=click.Choice(["entity", "group", "document"]), default="entity")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def evaluate(
    corpora: tuple[Path, ...],
    *,
    policies: Path | None,
    state: Path | None,
    baseline: Path | None,
    update_baseline: bool,
    by: str,
    as_json: bool,
) -> None:
    """Measure detection on annotated texts: precision, recall, F1 and F2.

    CORPUS is a file of JSON lines, or a folder of such files (`tests/corpus` when left out).
    Status 0: as good as the baseline, 1: something became worse, 2: could not be read. No value is
    ever printed, only ids of documents and places in them.
    """
    from gateway import detectors, evaluation  # noqa: PLC0415
    from gateway.evaluation import page  # noqa: PLC0415

    corpora = corpora or (_CORPUS,)
    sets = evaluation.gather(corpora)
    folder = next((each for each in corpora if each.is_dir()), None)
    if baseline is None and folder is not None and (folder / _BASELINE).exists() | update_baseline:
        baseline = folder / _BASELINE
    if baseline is None and update_baseline:
        raise click.UsageError("--update-baseline needs --baseline FILE")
    old = None
    if baseline is not None and not update_baseline:
        old = evaluation.Baseline.read(baseline)
    rules = _rules_if_any(_settings(policies=policies)) if policies is not None else None
    chosen = rules.detectors if rules is not None else detectors.Settings()
    engine = _engine(_settings(state=state), chosen)
    reports: list[evaluation.Report] = []
    budgets: dict[Path, list[evaluation.Report]] = {}
    failed = False
    for corpus in sets:
        found = []
        for document in corpus.documents:
            result = engine.scan(document.text)
            found.append(result.matches)
            if result.failures:
                failed = True
                what = ", ".join(result.failures)
                click.echo(f"{corpus.path}: `{document.id}`: detectors failed: {what}", err=True)
        report = evaluation.evaluate(
            corpus.name, corpus.documents, found, looked_for=engine.entities
        )
        reports.append(report)
        budgets.setdefault(corpus.path.parent / _BUDGET, []).append(report)
    if as_json:
        click.echo(json.dumps([page.plain(each) for each in reports], indent=2))
    else:
        click.echo(page.show(reports, by=by))
    if failed:
        sys.exit(BAD_INPUT)
    if update_baseline and baseline is not None:
        baseline.write_text(evaluation.Baseline.of(reports).text(), encoding="utf-8")
        click.echo(f"{baseline}: written", err=True)
    worse = [str(fall) for fall in evaluation.falls(reports, old)] if old else []
    for path, among in budgets.items():
        if path.exists():
            worse += map(str, evaluation.overdrawn(among, evaluation.Budget.read(path)))
    for line in worse:
        click.echo(line, err=True)
    sys.exit(1 if worse else 0)


# --- policy ---------------------------------------------------------------------------------------


@main.group()
def policy() -> None:
    """Check and test policies."""


def _policy_folder(folder: Path | None) -> Path:
    return folder if folder is not None else _settings().policies


@policy.command("check")
@click.argument("folder", metavar="[DIR]", required=False, type=_folder)
@click.option(
    "--strict",
    is_flag=True,
    help="Status 1 when an exception has ended; tell those without owner, reason or end, too.",
)
def policy_check(folder: Path | None, *, strict: bool) -> None:
    """Check the policy files; every problem is told with its place.

    Exceptions that have ended, or end within 14 days, are told on standard error.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway import bootstrap  # noqa: PLC0415
    from gateway.policy import exceptions  # noqa: PLC0415

    rules = bootstrap.load_rules(_policy_folder(folder))
    told = [
        notice
        for notice in exceptions.notices(rules.policy, datetime.now(UTC).date())
        if strict or notice.kind != "incomplete"
    ]
    for notice in told:
        click.echo(_line(notice.problem), err=True)
    if rules.detectors.registered:
        # Policies are checked in other places than where data is registered: told, and no more.
        _known(_settings(), rules.detectors)
    for source in rules.policy.sources:
        click.echo(source)
    ended = sum(notice.kind == "ended" for notice in told)
    verdict = f"ok, {ended} exception{'' if ended == 1 else 's'} ended" if ended else "ok"
    click.echo(f"{len(rules.policy.every_rule)} rules, revision {rules.policy.revision}: {verdict}")
    sys.exit(1 if strict and ended else 0)


@policy.command("test")
@click.argument("folder", metavar="[DIR]", required=False, type=_folder)
def policy_test(folder: Path | None) -> None:
    """Run the cases beside the policies (`*_test.yaml`)."""
    from gateway import bootstrap  # noqa: PLC0415
    from gateway.policy import cases  # noqa: PLC0415

    where = _policy_folder(folder)
    rules = bootstrap.load_rules(where)
    engine = _engine(_settings(), rules.detectors)
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

    words = bootstrap.vocabulary(_catalogue())
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
@_settings_options
def policy_diff(old: str, new: str, *, with_cases: bool, as_json: bool, **options: Any) -> None:
    """Tell what differs between two folders of policies, key by key.

    What is no folder is a git revision of the policies: of the other folder's, or of the one that
    the settings name. Cases are those of NEW.
    """
    from dataclasses import asdict  # noqa: PLC0415

    from gateway import bootstrap  # noqa: PLC0415
    from gateway.policy import compile as compiled  # noqa: PLC0415
    from gateway.policy import differences  # noqa: PLC0415

    settings = _settings(**options)
    given = [Path(each) for each in (old, new)]
    home = next((each for each in given if each.is_dir()), settings.policies)
    with contextlib.ExitStack() as stack:
        before, after = (
            each if each.is_dir() else stack.enter_context(_revision(str(each), home))
            for each in given
        )
        rules = bootstrap.load_rules(before), bootstrap.load_rules(after)
        found = differences.differences(
            compiled.written(before),
            compiled.written(after),
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
@_settings_options
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
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway import bootstrap, rehearsal  # noqa: PLC0415

    settings = _settings(**options)
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
            _bytes(what),
            sending,
            state=settings.state,
            limits=bootstrap.file_limits(settings),
            looking=bootstrap.picture_settings(settings),
            known=_known(settings, rules.detectors),
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
        [incident] = map(Pseudonyms(_person_key(settings)).masked, crowds.named([incident]))
    if as_json:
        click.echo(json.dumps(rehearsal.incident_data(incident, told, rule), indent=2))
        return
    click.echo("\n".join(rehearsal.incident_lines(incident, told, rule)))


@policy.command("simulate")
@click.option("--since", default="30d", show_default=True, help="How far back, e.g. `12h`.")
@click.option("--policies", type=_folder, help="Changed policies; those in use when left out.")
@click.option("--against", type=_folder, help="Policies in use; the setting when left out.")
@click.option("--top", default=10, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--json", "as_json", is_flag=True)
@click.option("--state", type=_folder, help="Folder of CA, keys, database and spool.")
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
    from datetime import UTC, datetime  # noqa: PLC0415

    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from gateway import bootstrap, rehearsal  # noqa: PLC0415
    from gateway.incidents.crowds import Crowds  # noqa: PLC0415
    from gateway.policy import page  # noqa: PLC0415

    now = datetime.now(UTC)
    try:
        start = now - span(since)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--since: {error}") from None
    settings = _settings(config, state=state)
    before = bootstrap.load_rules(against or settings.policies)
    after = bootstrap.load_rules(policies) if policies is not None else before
    try:
        with _store(settings) as store:
            simulation = rehearsal.simulate(
                store,
                before,
                after,
                since=start,
                until=now,
                sender_of=_masked_sender(settings),
                teams_of=_shown_teams(Crowds(store.engine, smallest=settings.small_group)),
            )
    except SQLAlchemyError as error:
        message = f"the database cannot be used: {type(error).__name__}"
        raise DocumentError([Problem("setting database", 0, 0, message)]) from None
    if as_json:
        click.echo(json.dumps(page.tally(simulation), indent=2))
        return
    for line in page.tally_lines(simulation, top=top):
        click.echo(line)


def _masked_sender(settings: Settings) -> Callable[[Incident], str]:
    """Who sent an incident, by pseudonym, and by network where nobody is known."""
    from gateway import rehearsal  # noqa: PLC0415
    from gateway.incidents.people import Pseudonyms  # noqa: PLC0415

    pseudonyms = Pseudonyms(_person_key(settings))

    def sender(incident: Incident) -> str:
        return pseudonyms.person(incident.actor) or rehearsal.sender(incident)

    return sender


def _shown_teams(crowds: Crowds) -> Callable[[Incident], Iterable[str]]:
    """The groups of an incident's sender, with one name for all that are small."""

    def teams(incident: Incident) -> Iterable[str]:
        [shown] = crowds.named([incident])
        return shown.teams or ()

    return teams


# --- services -------------------------------------------------------------------------------------


@main.group()
def services() -> None:
    """The catalogue of AI services."""


@services.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--category", help="Only services of this category.")
def services_list(*, as_json: bool, category: str | None) -> None:
    """List the services that the gateway knows."""
    found = [
        service
        for service in _catalogue().services()
        if category is None or service.category == category
    ]
    if as_json:
        click.echo(json.dumps([service.summary() for service in found], indent=2, default=str))
        return
    _table(
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
    catalogue = _catalogue()
    service = catalogue.get(identity)
    if service is None:
        near = suggest(identity, [each.id for each in catalogue.services()])
        click.echo(f"no service `{identity}`{near}", err=True)
        sys.exit(BAD_INPUT)
    summary = service.summary()
    click.echo(json.dumps(summary, indent=2, default=str) if as_json else _outline(summary))


def _catalogue() -> Catalogue:
    from gateway.services import Catalogue  # noqa: PLC0415

    rules = _rules_if_any(_settings())
    return rules.catalogue if rules is not None else Catalogue.load()


def _rules_if_any(settings: Settings) -> bootstrap.Rules | None:
    """The rules of the policy folder; None when none was named and the default is not there."""
    if "policies" not in settings.model_fields_set and not settings.policies.is_dir():
        return None
    from gateway import bootstrap  # noqa: PLC0415

    return bootstrap.load_rules(settings.policies)


# --- shadow AI ------------------------------------------------------------------------------------


@main.group()
def shadow() -> None:
    """Hosts that look like AI services and are in no catalogue."""


@shadow.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650))
@click.option("--dismissed", is_flag=True, help="Those of which somebody said that they are none.")
@_settings_options
def shadow_list(*, as_json: bool, days: int, dismissed: bool, **options: Any) -> None:
    """List them: those that most people use first, then by bytes."""
    settings = _settings(**options)
    catalogue = _known_services(settings)
    with _suspects(settings) as (ledger, _):
        found = ledger.ranked(days=days, dismissed=dismissed, known=catalogue.knows)
    if as_json:
        click.echo(json.dumps([_suspect_data(each) for each in found], indent=2))
        return
    _table(
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
@_settings_options
def shadow_draft(host: str, **options: Any) -> None:
    """Print a policy file that makes HOST a service, to begin with. Read it over before you use it."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway.shadow import drafts  # noqa: PLC0415

    settings = _settings(**options)
    taken = _known_services(settings).names()
    with _suspects(settings) as (ledger, _):
        _, text = drafts.draft(ledger.get(host), taken, datetime.now(UTC).date())
    click.echo(text, nl=False)


@shadow.command("dismiss")
@click.argument("host", metavar="HOST")
@click.option("--reason", required=True, help="Why it is none, or none that matters; it is noted.")
@_settings_options
def shadow_dismiss(host: str, *, reason: str, **options: Any) -> None:
    """Say that HOST is no AI service, or none that matters."""
    with _suspects(_settings(**options)) as (ledger, log):
        ledger.dismiss(host, log, who=_me(), reason=reason)


@shadow.command("restore")
@click.argument("host", metavar="HOST")
@_settings_options
def shadow_restore(host: str, **options: Any) -> None:
    """Take that back."""
    with _suspects(_settings(**options)) as (ledger, log):
        ledger.restore(host, log, who=_me())


@contextlib.contextmanager
def _suspects(settings: Settings) -> Iterator[tuple[Suspects, AuditLog]]:
    """What the gateways have seen, and the audit log; expected errors end the command."""
    from gateway.shadow.ledger import Ledger, NotSeen  # noqa: PLC0415

    with _desk(settings) as desk:
        try:
            yield Ledger(desk.store.engine), desk.audit
        except NotSeen as error:
            click.echo(f"leakgate: {error}", err=True)
            sys.exit(BAD_INPUT)


def _known_services(settings: Settings) -> Catalogue:
    from gateway.services import Catalogue  # noqa: PLC0415

    rules = _rules_if_any(settings)
    return rules.catalogue if rules is not None else Catalogue.load()


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


# --- incidents ------------------------------------------------------------------------------------


@main.group()
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
@_settings_options
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
    with _desk(_settings(**options)) as desk:
        people = desk.people
        if unmask:
            if actor is not None:
                filters = people.searched(filters, who=_me(), reason=reason)
            found = desk.store.list(filters, limit=limit)
            found = people.unmasked(found, who=_me(), reason=reason)
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
    _table(
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
@_settings_options
def incidents_show(
    identity: str, *, as_json: bool, unmask: bool, reason: str, **options: Any
) -> None:
    """Show one incident. What was sent is not stored: findings are counted and masked.

    Where a second person has to agree to unmasking, ask with `incidents ask` first.
    """
    from dataclasses import replace  # noqa: PLC0415

    from gateway.incidents import record  # noqa: PLC0415

    with _desk(_settings(**options)) as desk:
        incident = desk.store.get(identity)
        if incident is None:
            click.echo(f"no incident `{identity}`", err=True)
            sys.exit(BAD_INPUT)
        if unmask:
            person = desk.people.unmask(identity, who=_me(), reason=reason)
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
            "history": [_entry_data(entry) for entry in desk.work.history(identity)],
        }
    click.echo(json.dumps(data, indent=2) if as_json else _outline(data))


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
@_settings_options
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
    with _desk(_settings(**options)) as desk:
        done = desk.work.bulk(identities, change, who=_me(), reason=reason)
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
@_settings_options
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

    with _desk(_settings(**options)) as desk:
        incident = desk.store.get(identity)
        if incident is None:
            click.echo(f"no incident `{identity}`", err=True)
            sys.exit(BAD_INPUT)
        _, text = desk.work.false_alarm(
            incident,
            rule,
            who=_me(),
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
@_settings_options
def incidents_note(identity: str, text: str, **options: Any) -> None:
    """Write a note about an incident. Leave names and values out of it."""
    with _desk(_settings(**options)) as desk:
        note = desk.work.note(identity, text, who=_me())
    click.echo(f"note {note.number} is written.")


@incidents.command("repeats")
@click.option("--service", help="Only this service.")
@click.option("--rule", help="Only this rule.")
@click.option("--entity", help="Only this entity.")
@click.option("--at-least", default=2, show_default=True, type=click.IntRange(1))
@click.option("--latest", is_flag=True, help="The latest first, not the most frequent.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@_settings_options
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
    with _desk(_settings(**options)) as desk:
        found = desk.counts.repeats(
            service=service,
            rule=rule,
            entity=entity,
            at_least=at_least,
            order="last" if latest else "count",
            limit=limit,
        )
    _table(
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


@main.group()
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
@_settings_options
def coaching_list(*, answer: CoachingState | None, rule: str, limit: int, **options: Any) -> None:
    """List who was coached, the newest first. People have pseudonyms."""
    from gateway.incidents.coached import Coached  # noqa: PLC0415  # loads the database

    with _desk(_settings(**options)) as desk:
        coached = Coached(desk.store.engine, desk.people.pseudonyms, lambda: datetime.now(UTC))
        found = coached.list(state=answer, rule=rule, limit=limit)
    _table(
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
@_settings_options
def coaching_withdraw(identity: str, *, reason: str, **options: Any) -> None:
    """Take back what somebody may send on the reason that they gave at coaching ID.

    From then on they are asked again, at every gateway of the database.
    """
    from gateway.audit.chain import LEAST_REASON  # noqa: PLC0415
    from gateway.coaching.store import NotGranted  # noqa: PLC0415
    from gateway.incidents.coached import Coached  # noqa: PLC0415  # loads the database

    if len(reason.strip()) < LEAST_REASON:
        raise click.BadParameter("say why it is taken back", param_hint="`--reason`")
    with _desk(_settings(**options)) as desk:
        coached = Coached(desk.store.engine, desk.people.pseudonyms, lambda: datetime.now(UTC))
        try:
            line = coached.withdraw(identity, desk.audit, who=_me(), reason=reason)
        except NotGranted as error:
            click.echo(f"leakgate: {error}", err=True)
            sys.exit(BAD_INPUT)
    click.echo(f"{line.person} is asked again about what was coached on {line.at:%Y-%m-%d %H:%M}.")


@incidents.command("precision")
@_settings_options
def incidents_precision(**options: Any) -> None:
    """Show how often each rule was right, by the verdicts on its incidents; the worst first."""
    with _desk(_settings(**options)) as desk:
        found = desk.work.precision()
    _table(
        ("rule", "true positives", "false positives", "precision"),
        (
            (each.rule, each.true_positives, each.false_positives, f"{each.precision:.0%}")
            for each in found
        ),
    )


@incidents.command("ask")
@click.argument("identity", metavar="ID")
@click.option("--reason", default="", help="Why the name has to be known.")
@_settings_options
def incidents_ask(identity: str, *, reason: str, **options: Any) -> None:
    """Ask to see whom an incident is about; a second person answers with `incidents answer`."""
    with _desk(_settings(**options)) as desk:
        asked = desk.people.ask(identity, who=_me(), reason=reason)
    click.echo(f"request {asked.id} waits until {asked.valid_until:%Y-%m-%d %H:%M} UTC.")


@incidents.command("answer")
@click.argument("request", metavar="REQUEST")
@click.option("--grant/--deny", required=True)
@click.option("--reason", default="")
@_settings_options
def incidents_answer(request: str, *, grant: bool, reason: str, **options: Any) -> None:
    """Agree that somebody sees whom an incident is about, or deny it."""
    with _desk(_settings(**options)) as desk:
        decided = desk.people.decide(request, who=_me(), grant=grant, reason=reason)
    click.echo(f"request {decided.id} of {decided.asked_by} is {decided.decided}.")


@incidents.command("requests")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided.")
@_settings_options
def incidents_requests(*, everything: bool, **options: Any) -> None:
    """List who asks to see whom an incident is about."""
    with _desk(_settings(**options)) as desk:
        found = desk.people.requests(waiting=not everything)
    _table(
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


@contextlib.contextmanager
def _desk(settings: Settings) -> Iterator[Desk]:
    """The database with everything that works on incidents; expected errors end the command."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from gateway.audit.chain import AuditError  # noqa: PLC0415
    from gateway.database.engines import StoreError  # noqa: PLC0415
    from gateway.incidents.desk import open_desk  # noqa: PLC0415
    from gateway.incidents.states import WorkError  # noqa: PLC0415

    _needs_database(settings)
    try:
        desk = open_desk(
            settings.database_url,
            audit_key=settings.audit_key_path,
            seen=settings.audit_seen_path,
            person_key=_person_key(settings),
            second_person=settings.unmask_second_person,
            agreed_for=settings.unmask_for,
            smallest=settings.small_group,
            make_key=False,  # the gateway could not read one that somebody else owns
        )
        with contextlib.closing(desk):
            yield desk
    except WorkError as error:
        click.echo(str(error), err=True)
        sys.exit(BAD_INPUT)
    except AuditError as error:
        raise DocumentError([Problem("audit log", 0, 0, str(error))]) from None
    except (SQLAlchemyError, StoreError) as error:
        told = str(error) if isinstance(error, StoreError) else type(error).__name__
        message = f"the database cannot be used: {told}"
        raise DocumentError([Problem("setting database", 0, 0, message)]) from None


def _person_key(settings: Settings) -> bytes:
    """What keys pseudonyms: the gateway's key of fingerprints. None is made here."""
    from gateway import bootstrap  # noqa: PLC0415

    key = bootstrap.known_key(settings.state)
    if key is None:
        message = "holds no `fingerprint.key` that can be read; pseudonyms need it"
        raise DocumentError([Problem(str(settings.state), 0, 0, message)])
    return key


def _me() -> str:
    """Who acts, as the audit log names them: the account of this machine, not of the environment."""
    import os  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    identity = os.getuid()
    try:
        name = pwd.getpwuid(identity).pw_name
    except KeyError:
        name = f"uid {identity}"
    # What root says of itself cannot be checked, but tells colleagues apart.
    behind = os.environ.get("SUDO_USER", "") if identity == 0 else ""
    return f"{behind} ({name}) at the shell" if behind else f"{name} at the shell"


def _store(settings: Settings) -> Any:
    from gateway.incidents.store import Store  # noqa: PLC0415

    _needs_database(settings)
    return contextlib.closing(Store.open(settings.database_url))


def _has_database(settings: Settings) -> bool:
    return bool(settings.database) or (settings.state / "leakgate.db").exists()


def _needs_database(settings: Settings) -> None:
    if not _has_database(settings):
        raise DocumentError(
            [Problem(str(settings.state), 0, 0, "holds no database; has the gateway run there?")]
        )


# --- exports --------------------------------------------------------------------------------------


@main.group()
def exports() -> None:
    """Who else is told of incidents."""


@exports.command("status")
@_settings_options
def exports_status(**options: Any) -> None:
    """Show how far each export is. `over 99999` means that no more were counted."""
    from gateway.exporters.ledger import COUNTED  # noqa: PLC0415  # loads the database

    settings = _settings(**options)
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
    _table(head, ((*row, *("",) * (len(head) - len(row))) for row in rows))


@exports.command("test")
@click.argument("name", metavar="NAME")
@_settings_options
def exports_test(name: str, **options: Any) -> None:
    """Send one incident that is marked as a test to NAME, now, and tell what came of it."""
    import asyncio  # noqa: PLC0415
    import secrets  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway.exporters import building, probe  # noqa: PLC0415
    from gateway.exporters.reach import Reach  # noqa: PLC0415
    from gateway.exporters.sink import Undelivered  # noqa: PLC0415
    from gateway.proxy.routing import HostList  # noqa: PLC0415

    settings = _settings(**options)
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
@_settings_options
def exports_forget(name: str, **options: Any) -> None:
    """Forget how far NAME is: what waits for it is not told, and it starts anew from now."""
    with _ledger(_settings(**options)) as ledger:
        known = ledger.forget(name)
    if not known:
        click.echo(f"no export `{name}`", err=True)
        sys.exit(BAD_INPUT)
    click.echo(f"{name} is forgotten.")


@contextlib.contextmanager
def _ledger(settings: Settings) -> Iterator[Ledger]:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from gateway.database.engines import StoreError  # noqa: PLC0415
    from gateway.exporters.ledger import Ledger  # noqa: PLC0415

    _needs_database(settings)
    try:
        with contextlib.closing(Ledger.open(settings.database_url, "command")) as ledger:
            yield ledger
    except (SQLAlchemyError, StoreError) as error:
        told = str(error) if isinstance(error, StoreError) else type(error).__name__
        message = f"the database cannot be used: {told}"
        raise DocumentError([Problem("setting database", 0, 0, message)]) from None


# --- evidence -------------------------------------------------------------------------------------


@main.group()
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
@_settings_options
def evidence_take(identity: str, *, reason: str, **options: Any) -> None:
    """Print the sealed evidence of an incident, for `evidence open` where the private key is."""
    import base64  # noqa: PLC0415

    with _desk(_settings(**options)) as desk:
        sealed = desk.work.evidence(identity, who=_me(), reason=reason)
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
        given = json.loads(_bytes(file))
        sealed, incident = base64.b64decode(given["sealed"]), str(given["incident"])
    except (ValueError, KeyError, TypeError):
        click.echo(f"{file}: is not what `evidence take` prints", err=True)
        sys.exit(BAD_INPUT)
    try:
        found = kept.unseal(sealed, incident, _bytes(str(key)), word.encode())
    except kept.EvidenceError as error:
        click.echo(f"{file}: {error}", err=True)
        sys.exit(BAD_INPUT)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


# --- register -------------------------------------------------------------------------------------


@main.group()
def register() -> None:
    """Make the company's own data known, without keeping it."""


@register.command("pictures")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def register_pictures(folder: Path, file: Path) -> None:
    """Write FILE, which makes the pictures in FOLDER known: name it by the setting `picture_register`.

    It holds hashes and the files' names, no pictures.
    """
    from gateway import bootstrap  # noqa: PLC0415

    text, count, others = bootstrap.register_of(folder)
    for other in others:
        click.echo(f"leakgate: {other} is no picture that can be known again", err=True)
    if not count:
        click.echo("leakgate: no picture was found", err=True)
        sys.exit(BAD_INPUT)
    file.write_text(text, "utf-8")
    click.echo(f"{count} picture{'' if count == 1 else 's'} in {file}")


@contextlib.contextmanager
def _registering(settings: Settings) -> Iterator[Callable[[str, str, dict[str, str]], None]]:
    """Gives what puts an action on record; expected errors end the command.

    Whether the audit log can be written is known before anything is read.
    """
    from gateway.registers.store import RegisterError  # noqa: PLC0415

    try:
        if not _has_database(settings):
            click.echo(
                "leakgate: there is no database yet, so this is not in the audit log", err=True
            )
            yield lambda *_: None
            return
        with _desk(settings) as desk:
            with desk.audit.writing():
                pass

            def note(action: str, name: str, detail: dict[str, str]) -> None:
                desk.audit.note(_me(), f"register.{action}", target=name, detail=detail)

            yield note
    except RegisterError as error:
        click.echo(f"leakgate: {error}", err=True)
        sys.exit(BAD_INPUT)


_REGISTER_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_ENCODING = click.option("--encoding", help="Of the file; UTF-8 when left out.")


def _register(settings: Settings, kind: Any, name: str, make: Callable[[Any, Any], Any]) -> None:
    """Make a register, put it on record and in force, and tell what there is to know."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway import registering  # noqa: PLC0415

    described = registering.described(settings, name, kind)
    with _registering(settings) as note:
        prints = registering.prints(settings)
        made = make(described, prints)
        note(kind, name, dict(made.detail))
        path = registering.put(settings, name, made, prints, datetime.now(UTC))
    for line in made.notes:
        click.echo(f"leakgate: {line}", err=True)
    click.echo(f"{made.size} registered as `{name}`: {described.says}, {path}")


@register.command("table")
@click.argument("name")
@click.argument("file", type=_REGISTER_FILE)
@click.option(
    "--column",
    "columns",
    metavar="COLUMN=HEADER",
    multiple=True,
    help="What a column is called in FILE.",
)
@_ENCODING
@_settings_options
def register_table(
    name: str, *, file: Path, columns: tuple[str, ...], encoding: str | None, **options: Any
) -> None:
    """Make the rows of FILE known (CSV, TSV or a workbook); policies describe the table NAME.

    FILE is read once and not kept; a register holds keyed digests.
    """
    from gateway import registering  # noqa: PLC0415

    headers = dict(column.partition("=")[::2] for column in columns)
    if not all(headers.values()):
        raise click.UsageError("--column: write COLUMN=HEADER, such as `--column email=E-Mail`")
    _register(
        _settings(**options),
        "table",
        name,
        lambda described, prints: registering.table(
            described, file, prints, headers=headers, encoding=encoding
        ),
    )


@register.command("dictionary")
@click.argument("name")
@click.argument("file", type=_REGISTER_FILE)
@_ENCODING
@_settings_options
def register_dictionary(name: str, *, file: Path, encoding: str | None, **options: Any) -> None:
    """Make the terms in FILE known, one in a line; policies describe the dictionary NAME."""
    from gateway import registering  # noqa: PLC0415

    _register(
        _settings(**options),
        "dictionary",
        name,
        lambda described, prints: registering.dictionary(
            described, file, prints, encoding=encoding
        ),
    )


@register.command("documents")
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A template: what stands in it is nobody's own.",
)
@click.option(
    "--common",
    default=10,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="What stands in more documents is nobody's own.",
)
@_settings_options
def register_documents(
    name: str, *, files: tuple[Path, ...], ignored: tuple[Path, ...], common: int, **options: Any
) -> None:
    """Make documents known by their passages: PDF, Office, text; folders with all that is in them."""
    from gateway import registering  # noqa: PLC0415

    _register(
        _settings(**options),
        "documents",
        name,
        lambda _, prints: registering.documents(files, prints, ignored=ignored, common=common),
    )


@register.command("list")
@click.option("--json", "as_json", is_flag=True)
@_settings_options
def register_list(*, as_json: bool, **options: Any) -> None:
    """List what is registered, and what policies describe."""
    from gateway import registering  # noqa: PLC0415

    found = registering.listed(_settings(**options))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for each in found:
        parts = [each["name"], each["kind"], each["entity"] or "", each["size"], each["at"]]
        line = "  ".join(part for part in parts if part)
        click.echo(f"{line}  ({each['problem']})" if "problem" in each else line)


@register.command("verify")
@_settings_options
def register_verify(**options: Any) -> None:
    """Check every register: whether it is whole, and fits what policies describe."""
    from gateway import registering  # noqa: PLC0415

    found = registering.listed(_settings(**options))
    for each in found:
        click.echo(f"{each['name']}: {each.get('problem', 'ok')}", err="problem" in each)
    sys.exit(1 if any("problem" in each for each in found) else 0)


@register.command("remove")
@click.argument("name")
@_settings_options
def register_remove(name: str, **options: Any) -> None:
    """Forget what is registered as NAME; a gateway whose policies describe it does not start then."""
    from gateway import registering  # noqa: PLC0415
    from gateway.registers import folder  # noqa: PLC0415

    settings = _settings(**options)
    with _registering(settings) as note:
        if name not in folder.names(settings.registers_path):
            near = suggest(name, folder.names(settings.registers_path))
            click.echo(f"leakgate: nothing is registered as `{name}`{near}", err=True)
            sys.exit(BAD_INPUT)
        note("remove", name, {})
        registering.remove(settings, name)
    click.echo(f"`{name}` is not known any more")


# --- audit ----------------------------------------------------------------------------------------


@main.group()
def audit() -> None:
    """Who did what, and whether somebody has changed the log of it."""


@audit.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--target", help="Only what was done to this, e.g. an incident.")
@click.option("--who", help="Only what this account did.")
@click.option("--action", help="Only this action; `unmask.*` for all that begin so.")
@click.option("--since", help="How far back, e.g. `30d`.")
@_settings_options
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
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        start = None if since is None else datetime.now(UTC) - span(since)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"--since: {error}") from None
    with _desk(_settings(**options)) as desk:
        found = desk.audit.list(target=target, who=who, action=action, since=start, limit=limit)
    if as_json:
        click.echo(json.dumps([_entry_data(entry) for entry in found], indent=2))
        return
    _table(
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


def _entry_data(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.seq,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "action": entry.action,
        "target": entry.target,
        "reason": entry.reason,
        "detail": dict(entry.detail),
    }


@audit.command("verify")
@click.option(
    "--head", "heads", multiple=True, help="A head that was noted before; it must be there."
)
@_settings_options
def audit_verify(*, heads: tuple[str, ...], **options: Any) -> None:
    """Check that nobody has altered, removed, inserted, moved or cut off entries.

    Status 0: the log is whole, 1: it is not. Note the head that is printed where nobody who can reach
    the database and the key can change it, and give it with --head the next time.
    """
    from gateway.audit.chain import Head  # noqa: PLC0415

    with _desk(_settings(**options)) as desk:
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
@_settings_options
def audit_restart(*, reason: str, **options: Any) -> None:
    """Begin the log anew behind what there is, after its key was lost or its end was damaged.

    What is there stays, and cannot be verified any more. Find out first what happened.
    """
    with _desk(_settings(**options)) as desk:
        entry = desk.audit.restart(_me(), reason)
    click.echo(f"the log begins anew with entry {entry.seq}.")


# --- tokens ---------------------------------------------------------------------------------------


@main.group()
def tokens() -> None:
    """The vault that tokens are restored from, and its keys."""


@tokens.command("status")
@_settings_options
def tokens_status(**options: Any) -> None:
    """Show the keys, which one new conversations get, and how many tokens each one has sealed."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway.vault import keys  # noqa: PLC0415  # loads the cipher

    settings = _settings(**options)
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
    _table(("key", "created", "state", "tokens"), table)


@tokens.command("rotate")
@_settings_options
def tokens_rotate(**options: Any) -> None:
    """Add a new key. Conversations that have tokens keep the key they have."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway.vault import keys  # noqa: PLC0415

    made = keys.rotate(_settings(**options).token_keys_path, datetime.now(UTC))
    start = made.created + keys.SETTLING
    click.echo(f"{made.id} is used for new conversations from {start:%Y-%m-%d %H:%M:%S} UTC on.")
    click.echo("Gateways with a copy of the file need the new one before.")


@tokens.command("drop")
@click.argument("key", metavar="KEY")
@_settings_options
def tokens_drop(key: str, **options: Any) -> None:
    """Drop KEY: what was sealed with it cannot be restored any more, by nobody."""
    from gateway.vault import keys  # noqa: PLC0415

    keys.drop(_settings(**options).token_keys_path, key)
    click.echo(f"{key} is dropped.")


@tokens.command("forget")
@click.argument("actor", metavar="ACTOR")
@_settings_options
def tokens_forget(actor: str, **options: Any) -> None:
    """Delete everything that the vault holds for ACTOR, named as in `incidents list`."""
    with _vault(_settings(**options)) as vault:
        gone = vault.forget(actor)
    click.echo(f"{gone} token{'' if gone == 1 else 's'} deleted.")


@tokens.command("purge")
@_settings_options
def tokens_purge(**options: Any) -> None:
    """Delete what has expired; the gateway does so by itself every few minutes."""
    gone = 0
    with _vault(_settings(**options)) as vault:
        while batch := vault.purge():
            gone += batch
    click.echo(f"{gone} token{'' if gone == 1 else 's'} deleted.")


@contextlib.contextmanager
def _vault(settings: Settings) -> Iterator[Vault]:
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from gateway.database.engines import StoreError  # noqa: PLC0415
    from gateway.vault import keys  # noqa: PLC0415
    from gateway.vault.store import Vault  # noqa: PLC0415

    _needs_database(settings)
    ring = keys.load(settings.token_keys_path)  # none is made here: the gateway's is wanted
    try:
        vault = Vault.open(settings.database_url, ring, ttl=settings.token_ttl)
        with contextlib.closing(vault):
            yield vault
    except (SQLAlchemyError, StoreError) as error:
        told = str(error) if isinstance(error, StoreError) else type(error).__name__
        message = f"the database cannot be used: {told}"
        raise DocumentError([Problem("setting database", 0, 0, message)]) from None


# --- console --------------------------------------------------------------------------------------


@main.group()
def console() -> None:
    """The web console."""


@console.command("password")
@click.argument("name", metavar="ACCOUNT")
@_settings_options
def console_password(name: str, **options: Any) -> None:
    """Print a one-time password for ACCOUNT, whose sessions and API keys end.

    For whoever is locked out. The account `admin` is made if there is no account yet.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from gateway.console.accounts import NotSo  # noqa: PLC0415
    from gateway.console.app import make_door  # noqa: PLC0415
    from gateway.console.door import ADMIN  # noqa: PLC0415

    settings = _settings(**options)
    with _desk(settings) as desk:
        door = make_door(settings.console, desk.audit, clock=lambda: datetime.now(UTC))
        try:
            first = door.first() if name == ADMIN else None
            password = first or door.reset(_me(), name)
        except NotSo as why:
            click.echo(f"leakgate: {why}", err=True)
            sys.exit(BAD_INPUT)
    click.echo(password)


# --- ca -------------------------------------------------------------------------------------------


@main.group()
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
@_settings_options
def ca_path(**options: Any) -> None:
    """Print where the CA certificate is (made if there is none)."""
    from gateway.proxy import authority  # noqa: PLC0415

    click.echo(_authority(_settings(**options), authority.ensure).certificate_path.absolute())


@ca.command("export")
@_settings_options
def ca_export(**options: Any) -> None:
    """Print the CA certificate in PEM, with the one before the last rotation."""
    from gateway.proxy import authority  # noqa: PLC0415

    click.echo(_authority(_settings(**options), authority.ensure).certificates(), nl=False)


@ca.command("rotate")
@_settings_options
def ca_rotate(**options: Any) -> None:
    """Make a new CA. Clients need the new certificate before the gateway is restarted."""
    from gateway.proxy import authority  # noqa: PLC0415

    made = _authority(_settings(**options), authority.rotate)
    click.echo(f"{made.certificate_path.absolute()}")
    click.echo(f"SHA-256 {made.fingerprint}, valid until {made.not_after:%Y-%m-%d}")
    click.echo("Give `leakgate ca export` to the clients, then restart the gateway.")


# --- printing -------------------------------------------------------------------------------------


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> None:
    lines = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _short(values: Any) -> str:
    listed = [str(value) for value in values]
    return ", ".join(listed[:3]) + (f" (+{len(listed) - 3})" if len(listed) > 3 else "")


def _outline(data: Any, indent: int = 0) -> str:
    """Plain data as indented lines, as YAML would have it."""
    import yaml  # noqa: PLC0415

    return yaml.safe_dump(
        json.loads(json.dumps(data, default=str)), sort_keys=False, indent=2 + indent
    ).rstrip()


if __name__ == "__main__":
    main()
