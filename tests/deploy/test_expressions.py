"""Do dashboard and alerts speak of series and labels that exist?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCS = Path(__file__).parents[2] / "docs"

# What Prometheus adds to every series, and series of the process collector and of Prometheus.
SCRAPED = {"job", "instance"}
FOREIGN = {"up", "process_resident_memory_bytes"}
FUNCTIONS = {
    "sum", "min", "max", "avg", "count", "topk", "by", "without", "on", "and", "or", "unless",
    "rate", "increase", "histogram_quantile", "predict_linear", "avg_over_time", "changes",
    "vector", "time", "offset", "label_values",
}  # fmt: skip

WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    return {name: set(labels) for name, labels in Metrics(version="1").labels().items()}


def alerts() -> list[dict[str, str]]:
    document = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, object]:
    return json.loads((DEPLOY / "grafana" / "dashboards" / "leakgate.json").read_text())


def panels() -> Iterator[tuple[str, str, str]]:
    """Title, expression and legend of every query."""
    for panel in dashboard()["panels"]:  # type: ignore[union-attr]
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]


EXPRESSIONS = [
    *((f"alert {rule['alert']}", rule["expr"]) for rule in alerts()),
    *((f"panel {title}", expression) for title, expression, _ in panels()),
    *((f"annotation {note['name']}", note["expr"]) for note in dashboard()["annotations"]["list"]),  # type: ignore[index, call-overload]
    *((f"variable {v['name']}", v["query"]["query"]) for v in dashboard()["templating"]["list"]),  # type: ignore[index, call-overload]
]


def problems(expression: str, known: dict[str, set[str]]) -> list[str]:
    """Unknown series, labels that a series does not have, words that are neither."""
    found: list[str] = []
    used: set[str] = set()
    strings_out = re.sub(r'"[^"]*"', '""', expression)
    durations_out = re.sub(r"\[[0-9a-z]+\]|\boffset [0-9a-z]+", " ", strings_out)
    # Matchers: name{label="", …}
    for name, matchers in re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", durations_out):
        labels = set(re.findall(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)", matchers))
        allowed = known.get(name, SCRAPED) | SCRAPED
        found += [f"{name} has no label {label}" for label in labels - allowed]
    without_matchers = re.sub(r"\{[^}]*\}", "", durations_out)
    groupings = re.findall(r"\b(?:by|without|on)\s*\(([^)]*)\)", without_matchers)
    bare = re.sub(r"\b(?:by|without|on)\s*\([^)]*\)", " ", without_matchers)
    bare = re.sub(r"label_values\(([^,]*),[^)]*\)", r"\1", bare)
    for word in WORD.findall(re.sub(r"\b[0-9.]+\b", " ", bare)):
        if word in known:
            used |= known[word]
        elif word not in FUNCTIONS | FOREIGN:
            found.append(f"unknown series {word}")
    for grouping in groupings:
        labels = {label.strip() for label in grouping.split(",") if label.strip()}
        found += [f"no series has label {label}" for label in labels - used - SCRAPED]
    return found


@pytest.mark.parametrize(
    ("where", "expression"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS]
)
def test_every_expression_speaks_of_series_and_labels_that_exist(where, expression, known):
    assert problems(expression, known) == [], where


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("rate(leakgate_request_total[5m])", "unknown series leakgate_request_total"),
        ('leakgate_refusals_total{reason="x"}', "leakgate_refusals_total has no label reason"),
        ("sum by (entity) (leakgate_refusals_total)", "no series has label entity"),
        ("leakgate_spool_bytes / nonsense", "unknown series nonsense"),
    ],
)
def test_the_check_itself_notices_mistakes(expression, told, known):
    assert told in problems(expression, known)


@pytest.mark.parametrize(("title", "expression", "legend"), list(panels()))
def test_legends_name_labels_that_the_query_keeps(title, expression, legend, known):
    wanted = set(re.findall(r"\{\{(\w+)\}\}", legend))
    kept = {
        label.strip()
        for grouping in re.findall(r"\bby \(([^)]*)\)", expression)
        for label in grouping.split(",")
    }
    if not kept:
        kept = SCRAPED.union(
            *(known.get(name, set()) for name in WORD.findall(expression)),
        )
        if expression.startswith("sum("):
            kept = set()
    assert wanted <= kept, title


def test_every_series_of_the_gateway_is_on_the_dashboard_or_in_an_alert(known):
    text = " ".join(expression for _, expression in EXPRESSIONS)
    unseen = {
        name
        for name in known
        if name not in text and not name.endswith(("_sum", "_count", "_bucket"))
    }
    assert unseen == {"leakgate_stream_bytes_total"}


def test_panels_do_not_overlap_and_have_ids_of_their_own():
    taken: dict[tuple[int, int], str] = {}
    ids = [panel["id"] for panel in dashboard()["panels"]]  # type: ignore[union-attr]
    assert len(ids) == len(set(ids))
    for panel in dashboard()["panels"]:  # type: ignore[union-attr]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_the_dashboard_asks_the_provisioned_data_source():
    folder = DEPLOY / "grafana" / "provisioning" / "datasources"
    (source,) = yaml.safe_load((folder / "prometheus.yaml").read_text())["datasources"]
    uids = set(re.findall(r'"uid": "([^"]+)"', json.dumps(dashboard()["panels"])))
    assert uids == {source["uid"]}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_is_wrong_how_bad_and_what_to_do(rule):
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/operations.md"
    headings = re.findall(r"^#+ (.+)$", (DOCS / "operations.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert anchor in anchors
    for label in re.findall(r"\$labels\.(\w+)", json.dumps(rule)):
        grouping = re.findall(r"sum by \(([^)]*)\)", rule["expr"])
        assert not grouping or any(label in names for names in grouping), label


def test_promtool_agrees(tmp_path):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: package `prometheus`)")
    # The dashboard's expressions as rules, so that their syntax is checked too.
    queries = [
        {"record": f"panel:{number}", "expr": expression.replace("$instance", ".*")}
        for number, (_, expression, _) in enumerate(panels())
    ]
    rules = tmp_path / "panels.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": queries}]}))
    for command in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["check", "rules", str(rules)],
    ):
        done = subprocess.run(
            [promtool, *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
