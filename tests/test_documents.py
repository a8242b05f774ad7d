"""Strict YAML: every mistake is told, at its line, with the rest of the file's mistakes."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field
from support.thorough import examples

from gateway.documents import (
    MAX_DOCUMENT_BYTES,
    DocumentError,
    Marks,
    Problem,
    Strict,
    check,
    load,
    read,
    suggest,
)


def even(value: int) -> int:
    if value % 2:
        raise ValueError(f"`{value}` is odd")
    return value


class Leaf(Strict):
    colour: Literal["red", "green"] = "red"
    size: Annotated[int, AfterValidator(even)] = 0


class Branch(Strict):
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = Field(default_factory=dict)
    either: Leaf | Literal["none"] = "none"


class Tree(Strict):
    version: Literal[1]
    branches: tuple[Branch, ...] = ()
    note: str = Field("", alias="remark")


def told(text, shape=Tree):
    with pytest.raises(DocumentError) as caught:
        load(text, shape, source="t.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_good_document_is_a_value():
    tree = load(
        "version: 1\nremark: x\nbranches:\n  - leaves: [{size: 2}]\n", Tree, source="t.yaml"
    )
    assert tree == Tree(version=1, remark="x", branches=(Branch(leaves=(Leaf(size=2),)),))


def test_values_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load("version: 1", Tree, source="t").version = 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("versoin: 1\nversion: 1\n", "t.yaml:1:1: unknown key `versoin`, did you mean `version`?"),
        ("version: 1\nversion: 1\n", "t.yaml:2:1: duplicate key `version`"),
        ("remark: x\n", "t.yaml:1:1: key `version` is missing"),
        ("", "t.yaml:1:1: key `version` is missing"),
        (
            "version: 1\nbranches:\n  - leaves:\n      - colour: gren\n",
            "t.yaml:4:9: `gren` is not one of red, green, did you mean `green`?",
        ),
        (
            "version: 1\nbranches:\n  - leaves:\n      - size: 3\n",
            "t.yaml:4:9: `3` is odd",
        ),
        (
            "version: 1\nbranches:\n  - by_name:\n      oak: {sise: 2}\n",
            "t.yaml:4:13: unknown key `sise`, did you mean `size`?",
        ),
        (
            "version: 1\nbranches:\n  - by_name: {oak: {size: 2}, oak: {size: 4}}\n",
            "t.yaml:3:31: duplicate key `oak`",
        ),
        ("version: 1\nremrak: x\n", "t.yaml:2:1: unknown key `remrak`, did you mean `remark`?"),
    ],
)
def test_a_mistake_is_told_at_its_place(text, problem):
    assert problem in told(text)


def test_all_mistakes_of_a_file_are_told_in_order():
    found = told("version: 2\nbranches:\n  - leaves: [{size: 1}, {size: 2, x: 1}]\n  - oops: 1\n")
    assert [each.split(": ")[0] for each in found] == [
        "t.yaml:1:1",
        "t.yaml:3:15",
        "t.yaml:3:35",
        "t.yaml:4:5",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("version: [1\n", 2),
        ("version: 1\n\tbranches: 2\n", 2),
        ("version: 1\nremark: *nowhere\n", 2),
        ("version: 1\nremark: !!python/object:os.system x\n", 2),
        ("version: 1\n? [a, b]\n: c\n", 2),
        ("version: 1\nremark: 2026-13-45\n", 2),
        ("version: 1\nremark: !!int\n", 2),
        ("version: 1\nremark: !!bool maybe\n", 2),
        ("version: 1\n---\nversion: 1\n", 2),
        ("version: 1\nremark: \x07\n", 1),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3),
    ],
)
def test_what_is_no_plain_yaml_is_told(text, line):
    (problem,) = told(text)
    assert problem.startswith(f"t.yaml:{line}:")


@pytest.mark.parametrize("text", ["[" * 2000, "- " * 2000, "{a: " * 2000])
def test_deep_nesting_is_an_error_and_no_crash(text):
    assert told(text)


@pytest.mark.parametrize("text", ["- 1\n", "words\n", "12\n"])
def test_another_shape_is_an_error(text):
    assert told(text)


@pytest.mark.parametrize(
    ("word", "tail"),
    [("US_SNN", ", did you mean `US_SSN`?"), ("ZZZZ", ""), ("", "")],
)
def test_suggestions_are_near_or_none(word, tail):
    assert suggest(word, ["US_SSN", "CREDIT_CARD"]) == tail


def test_a_part_is_checked_at_its_place_in_the_whole():
    text = "version: 1\nparts:\n  - name: a\n    leaf: {size: 2, colour: blue}\n"
    with pytest.raises(DocumentError) as caught:
        check(
            {"size": 2, "colour": "blue"},
            Leaf,
            text=text,
            source="t.yaml",
            at=("parts", 0, "leaf"),
        )
    assert str(caught.value).startswith("t.yaml:4:21: `blue` is not one of red, green")
    assert check({"size": 2}, Leaf, text=text, source="t.yaml") == Leaf(size=2)


def test_a_place_that_is_not_there_is_told_at_the_nearest_parent():
    marks = Marks("a:\n  b: 1\n", "t.yaml")
    assert marks.problem(("a", "b"), "x") == Problem("t.yaml", 2, 3, "x")
    assert marks.problem(("a", "c"), "x") == Problem("t.yaml", 1, 1, "x")
    assert marks.problem((), "x") == Problem("t.yaml", 1, 1, "x")
    assert Marks("", "t.yaml").problem(("a",), "x") == Problem("t.yaml", 1, 1, "x")


def test_reading_files(tmp_path):
    path = tmp_path / "a.yaml"
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        read(path)
    with pytest.raises(DocumentError, match="cannot be read"):
        read(tmp_path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DocumentError, match="is not UTF-8"):
        read(path)
    path.write_bytes(b"#" * (MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(DocumentError, match="too large"):
        read(path)
    path.write_text("ä: 1\n", encoding="utf-8")
    assert read(path) == "ä: 1\n"


@settings(max_examples=examples(300), deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.text("{}[]:,-?!&*<>|'\"%@`#~ \n\tab01.=_", max_size=80),
        st.lists(
            st.sampled_from(
                ["version: 1", "branches:", "  - leaves: [{}]", "? ", ": ", "&a ", "*a", "!!int ",
                 "!!float ", "!!set ", "!!omap ", "!!binary ", "!!timestamp ", "<<", "2026-99-99",
                 "0b", "0o9", "1e999", "1:99", "~", "\n"]
            ),
            max_size=12,
        ).map("".join),
    )
)  # fmt: skip
def test_any_text_is_a_document_or_told(text):
    try:
        load(text, Tree, source="t.yaml")
    except DocumentError as error:
        told_at = [(each.source, each.line >= 0) for each in error.problems]
        assert told_at
        assert set(told_at) == {("t.yaml", True)}
