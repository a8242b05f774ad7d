"""A folder of rules loads as a whole, or tells everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.detectors.rule_files import Identified, read_rules
from gateway.documents import DocumentError


class Word(Identified):
    size: int = 0


def folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return path


def test_rules_of_all_files_come_sorted_by_id(tmp_path):
    made = folder(tmp_path, a="rules:\n  - id: z\n", b="rules:\n  - {id: c, size: 2}\n")
    assert read_rules(made, Word) == (Word(id="c", size=2), Word(id="z"))


def test_every_problem_of_every_file_is_told_at_its_place(tmp_path):
    made = folder(
        tmp_path,
        a="rules:\n  - id: x\n  - id: y\n    seize: 3\n",
        b="rules:\n  - id: x\n  - id: x\n    size: 9\n",
        c="rules: []\n",
    )

    def wrong(word: Word) -> list[tuple[str, str]]:
        return [("size", "is too large")] if word.size > 8 else []

    with pytest.raises(DocumentError) as error:
        read_rules(made, Word, wrong=wrong)
    assert [str(problem).partition(", did")[0] for problem in error.value.problems] == [
        "a.yaml:4:5: unknown key `seize`",
        "b.yaml:3:5: rule `x` exists already",
        "b.yaml:4:5: is too large",
        "c.yaml:1:1: " + str(error.value.problems[-1]).partition(": ")[2],
    ]
    assert "did you mean `size`?" in str(error.value)
