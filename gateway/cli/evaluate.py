"""How good is detection, and has it become worse? `evaluate`, over annotated texts.

Law: status 1 when a figure falls below the baseline or a budget is overdrawn. No value is printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from gateway.cli.given import BAD_INPUT, FOLDER, settings_of
from gateway.cli.opened import engine_of, rules_if_any

_CORPUS = Path("tests/corpus")


_BASELINE, _BUDGET = "baseline.json", "budget.yaml"


@click.command()
@click.argument("corpora", metavar="[CORPUS]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--policies", type=FOLDER, help="Take the detector settings of these policies.")
@click.option("--state", type=FOLDER, help="Folder of compiled detectors.")
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
    rules = rules_if_any(settings_of(policies=policies)) if policies is not None else None
    chosen = rules.detectors if rules is not None else detectors.Settings()
    engine = engine_of(settings_of(state=state), chosen)
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
