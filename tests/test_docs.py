"""Documentation that can be checked is: links, the list of dependencies, and examples."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway import bootstrap, policy

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")


def prose(path):
    """The text of a page without its code, where brackets mean something else."""
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """The names that headings of a page have on GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip().lower().replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    assert [p.name for p in (ROOT / "docs").glob("*.md") if f"({p.name})" not in index] == [
        "README.md"
    ]


def test_every_decision_is_in_its_index():
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    for page in (ROOT / "docs" / "adr").glob("0*.md"):
        assert f"({page.name})" in index


def test_every_dependency_is_described():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.match(r"[A-Za-z0-9_.-]+", requirement)[0] for requirement in wanted}
    table = (ROOT / "docs" / "dependencies.md").read_text()
    assert {name for name in names if f"\n| {name} | " not in table} == set()
    described = set(re.findall(r"^\| ([A-Za-z0-9_.-]+) \| ", table, flags=re.MULTILINE))
    assert described - names == {"Package"}


def test_the_first_policy_of_the_readme_is_sound(tmp_path):
    blocks = re.findall(
        r"```yaml\n# policies/(\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert [name for name, _ in blocks] == ["60-ours.yaml", "60-ours_test.yaml"]
    for path in [*(ROOT / "policies").glob("*.yaml")]:
        (tmp_path / path.name).write_text(path.read_text())
    for name, text in blocks:
        (tmp_path / name).write_text(text)
    rules = bootstrap.load_rules(tmp_path)
    assert "addresses-in-writing-helpers" in {rule.id for rule in rules.policy.rules}
    results = bootstrap.run_cases(tmp_path, rules, _Mail())
    ours = [result for result in results if "60-ours_test" in str(result)]
    assert len(ours) == 2
    assert all(result.passed for result in ours), [str(result) for result in ours]


class _Mail:
    """Stands in for the detectors, which take seconds to build: finds addresses only."""

    def scan(self, text, *, label=""):  # noqa: ARG002  # called by name
        from gateway.detectors import ScanResult
        from gateway.model import Match

        found = re.finditer(r"\S+@\S+\.com", text)
        return ScanResult(
            tuple(Match("EMAIL_ADDRESS", m.start(), m.end(), 1.0, "stand-in") for m in found), ()
        )


def test_the_packs_that_the_demo_uses_are_the_shipped_ones():
    from gateway.demo import PACKS

    assert policy.fingerprint(PACKS) is not None
    assert PACKS.resolve() == (ROOT / "policies").resolve()
