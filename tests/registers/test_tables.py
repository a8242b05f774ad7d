"""Is a cell found where it stands, and nothing else?"""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.registers import tables
from gateway.registers.chunks import chunks
from gateway.registers.prints import REACH, Gate, Prints
from gateway.registers.store import RegisterError, Stored
from gateway.registers.tables import Column, Table
from gateway.registers.together import Together, matched
from gateway.registers.words import Words

PRINTS = Prints(bytes(range(32)))
COLUMNS = [Column("email"), Column("name", "name"), Column("birth", "date"), Column("account")]
ROWS = [
    ["ann.miller@example.com", "Ann Miller", "1987-03-02", "DE89 3704 0044 0532 0130 00"],
    ["jo@corp.example", "José Müller-Lüdenscheid", "1990-02-01", "GB33BUKB20201555555555"],
    ["wang@corp.example", "王小明", "2001-12-24", "AC-77-90123"],
    ["ann.smith@corp.example", "Ann Smith", "1987-03-02", "AC-77-90999"],
]
TABLE = Table.of(tables.build(COLUMNS, ROWS, PRINTS))


def found(text, table=TABLE):
    words = Words.of(text)
    return [cell for chunk in chunks(words, PRINTS) for cell in table.cells(chunk, text)]


def said(text, table=TABLE):
    return {(text[c.start : c.end], table.columns[c.column]) for c in found(text, table)}


def test_cells_are_found_in_every_spelling():
    text = (
        "MILLER, Ann (2 March 1987), <Ann.Miller@EXAMPLE.com>; DE89370400440532013000\n"
        "jose mu\u0308ller  ludenscheid 1/2/1990 GB33 BUKB 2020 1555 5555 55 客户王小明的"
    )
    assert said(text) == {
        ("MILLER, Ann", "name"),
        ("2 March 1987", "birth"),
        ("Ann.Miller", "name"),
        ("Ann.Miller@EXAMPLE.com", "email"),
        ("DE89370400440532013000", "account"),
        ("jose mu\u0308ller  ludenscheid", "name"),
        ("1/2/1990", "birth"),
        ("GB33 BUKB 2020 1555 5555 55", "account"),
        ("王小明", "name"),
    }


@given(st.integers(0, 3 * REACH), st.sampled_from(ROWS), st.integers(0, 3))
def test_a_cell_is_found_wherever_it_stands(before, row, column):
    filling = random.Random(before).choices(
        ["word ", "a ", "supercalifragilistic ", "1 "], k=before // 6
    )
    text = f"{''.join(filling)}{row[column]} after"
    start = len(text) - len(" after") - len(row[column])
    assert any(
        (cell.start, cell.end) == (start, start + len(row[column])) and cell.column == column
        for cell in found(text)
    )


@pytest.mark.parametrize(
    "text",
    ["Annmiller", "Ann Millers", "xGB33BUKB20201555555555", "GB33BUKB202015555555550", "Miller Anna",
     "Ann, the Miller", ""],
)  # fmt: skip
def test_what_is_not_a_cell_is_not_found(text):
    assert found(text) == []


def test_letters_only_are_not_joined_over_words():
    table = Table.of(tables.build([Column("term")], [["therapist"]], PRINTS))
    assert found("a Therapist", table)
    assert not found("the rapist", table)


def test_short_common_and_empty_cells_are_left_out_and_told():
    rows = [[f"person{n}@corp.example", "Springfield", "AB", ""] for n in range(1_500)]
    stored = tables.build([Column(name) for name in "abcd"], rows, PRINTS)
    assert stored.about["values"] == [1_500, 0, 0, 0]
    left = stored.about["left"]
    assert (left[1]["common"], left[1]["common_values"]) == (1_500, 1)
    assert left[2]["short"] == left[3]["empty"] == 1_500
    assert not found("in Springfield", Table.of(stored))
    assert len(found("person77@corp.example", Table.of(stored))) == 1


def test_letter_case_counts_where_it_is_asked_for():
    terms = [["Project Apollo"], ["ICE"], ["ßigma"]]
    table = Table.of(tables.build([Column("term", shortest=3)], terms, PRINTS, cased=True))
    assert said("ICE, Project  Apollo and ßigma", table) == {
        ("ICE", "term"), ("Project  Apollo", "term"), ("ßigma", "term")
    }  # fmt: skip
    assert not found("ice, project Apollo", table)


# --- together -------------------------------------------------------------------------------------

RULE = (Together.parse("2 of name, birth, account within 60"),)


def together(text, rules=RULE, table=TABLE):
    return {(text[c.start : c.end]) for c in matched(table, rules, found(text, table))}


def test_two_fields_of_one_row_are_a_match():
    assert together("Ann Miller, born 02.03.1987") == {"Ann Miller", "02.03.1987"}
    assert together("AC-77-90999 is of Ann Smith") == {"AC-77-90999", "Ann Smith"}


def test_two_fields_of_different_rows_are_none():
    assert together("Ann Miller, born 1 February 1990, AC-77-90999") == set()
    assert together("Ann Miller and Ann Smith") == set()


def test_fields_that_are_far_apart_are_none():
    assert together(f"Ann Miller{' ' * 60}02.03.1987")
    assert not together(f"Ann Miller{' ' * 61}02.03.1987")


def test_three_of_a_row_have_to_be_of_the_same_row():
    rule = (Together.parse("3 of name, birth, account within 200"),)
    assert together("Ann Miller 1987-03-02 AC-77-90999", rule) == set()
    assert together("Ann Smith 1987-03-02 AC-77-90999", rule) == {
        "Ann Smith", "1987-03-02", "AC-77-90999"
    }  # fmt: skip


def test_one_place_is_not_two_fields():
    table = Table.of(tables.build([Column("a"), Column("b")], [["Somebody", "Somebody"]], PRINTS))
    rule = (Together.parse("2 of a, b within 100"),)
    assert together("Somebody", rule, table) == set()
    assert together("Somebody, Somebody", rule, table) == {"Somebody"}


@given(st.lists(st.sampled_from([cell for row in ROWS for cell in row]), max_size=6))
def test_what_matches_together_is_what_a_plain_look_would_say(cells):
    text = " / ".join(cells)
    hits = found(text)
    wanted = set()
    named = {TABLE.columns.index(name) for name in RULE[0].columns}
    for one in hits:
        for other in hits:
            apart = one.end <= other.start <= one.end + RULE[0].within
            same = set(TABLE.rows(one.value).tolist()) & set(TABLE.rows(other.value).tolist())
            if (
                apart
                and one.column != other.column
                and same
                and {one.column, other.column} <= named
            ):
                wanted |= {one, other}
    assert matched(TABLE, RULE, hits) == wanted


@pytest.mark.parametrize(
    "text", ["", "two of a, b", "1 of a, b", "3 of a, b", "2 of a, a", "2 of a, b within 9999"]
)
def test_a_rule_that_is_none_is_an_error(text):
    with pytest.raises(ValueError, match="`"):
        Together.parse(text)


# --- gates and files ------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**64 - 1), max_size=300), st.lists(st.integers(0, 2**64 - 1)))
def test_a_gate_lets_through_all_that_is_registered(known, others):
    gate = Gate.of(np.array(known, np.uint64))
    asked = np.array(known + others, np.uint64)
    assert set(range(len(known))) <= set(gate.passing(asked).tolist())


def test_few_strangers_pass_a_gate():
    rng = np.random.default_rng(1)
    gate = Gate.of(rng.integers(0, 2**64, 50_000, np.uint64))
    assert len(gate.passing(rng.integers(0, 2**64, 50_000, np.uint64))) < 1_500


@given(st.data())
def test_arrays_of_any_numbers_are_a_table_or_refused(data):
    stored = tables.build(COLUMNS, ROWS[:2], PRINTS)
    name = data.draw(st.sampled_from(sorted(stored.arrays)))
    array = stored.arrays[name]
    numbers = data.draw(st.lists(st.integers(0, int(np.iinfo(array.dtype).max)), max_size=8))
    arrays = {**stored.arrays, name: np.array(numbers, array.dtype)}
    try:
        table = Table.of(Stored(stored.about, arrays))
    except RegisterError:
        return
    for cell in found("Ann Miller, 02.03.1987, ann.miller@example.com", table):
        table.rows(cell.value)
