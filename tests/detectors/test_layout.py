"""A heading speaks for the values under it, however far below, and asking takes linear time."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import Engine
from gateway.detectors.layout import Layout

VALUE = "457555462"
"""Nine digits that are reported only where something speaks for them."""

ROWS = 40


def _csv(by: str, head: list[str], fill: list[str], last: list[str]) -> str:
    rows = [head, *([fill] * ROWS), last]
    return "".join(by.join(row) + "\n" for row in rows)


_HEAD = ["name", "city", "ssn", "x"]
_FILL, _LAST = ["Ann", "Oslo", "7", "3"], ["Eve", "Bonn", VALUE, "4"]

TABLES = {
    "comma": _csv(",", _HEAD, _FILL, _LAST),
    "tab": _csv("\t", _HEAD, _FILL, _LAST),
    "semicolon": _csv(";", _HEAD, _FILL, _LAST),
    "pipe": _csv("|", _HEAD, _FILL, _LAST),
    "carriage returns": _csv(",", _HEAD, _FILL, _LAST).replace("\n", "\r\n"),
    "quoted cells": _csv(",", ['"full, name"', '"city"', '"Tax ID / SSN"'],
                         ['"Ann ""A"", Oslo"', '"N"', '"7"'], ['"Eve, B"', '"B, D"', f'"{VALUE}"']),
    "Markdown": "| name | city | ssn |\n|---|:--|--:|\n"
    + "| Ann | Oslo | 7 |\n" * ROWS + f"| Eve | Bonn | {VALUE} |\n",
    "Jira": "||name||city||ssn||\n" + "|Ann|Oslo|7|\n" * ROWS + f"|Eve|Bonn|{VALUE}|\n",
    "MediaWiki": '{| class="wikitable"\n! name !! city !! ssn\n'
    + "|-\n| Ann || Oslo || 7\n" * ROWS + f"|-\n| Eve || Bonn || {VALUE}\n|}}\n",
    "DokuWiki": "^ name ^ city ^ ssn ^\n" + "| Ann | Oslo | 7 |\n" * ROWS
    + f"| Eve | Bonn | {VALUE} |\n",
    "psql": " name | city | ssn \n------+------+-----\n"
    + " Ann  | Oslo | 7 \n" * ROWS + f" Eve  | Bonn | {VALUE} \n",
    "mysql": "+------+------+-----+\n| name | city | ssn |\n+------+------+-----+\n"
    + "| Ann  | Oslo | 7   |\n" * ROWS + f"| Eve  | Bonn | {VALUE} |\n",
    "drawn": "\u2502 name \u2502 ssn \u2502\n" + "\u2502 Ann \u2502 7 \u2502\n" * ROWS
    + f"\u2502 Eve \u2502 {VALUE} \u2502\n",
    "aligned": "NAME  CITY  SSN        X\n" + "Ann   Oslo  1          5\n" * ROWS
    + f"Eve   Bonn  {VALUE}  7\n",
    "aligned to the right": "NAME  CITY        SSN  X\n" + "Ann   Oslo          1  5\n" * ROWS
    + f"Eve   Bonn  {VALUE}  7\n",
    "HTML": "<table><tr><th>Name</th><th>City</th><th>SSN</th></tr>"
    + "<tr><td>Ann</td><td>far away in the north of it all</td><td>x</td></tr>" * ROWS
    + f"<tr><td>Eve</td><td>far away in the north of it all</td><td>{VALUE}</td></tr></table>",
    "HTML without th": "<TABLE><TR><TD>Name</TD><TD>City</TD><TD>SSN</TD></TR>"
    + "<TR><TD>Ann</TD><TD>far away in the north of it all</TD><TD>x</TD></TR>" * ROWS
    + f"<TR><TD>Eve</TD><TD>far away in the north of it all</TD><TD>{VALUE}</TD></TR></TABLE>",
    "CSV in a string": '{"data": "name,city,ssn\\n' + "Bob,Rome,x\\n" * ROWS + f'Eve,Bonn,{VALUE}\\n"}}',
    "SQL": "INSERT INTO t (name, city, ssn) VALUES "
    + "('Bob', 'Rome, of all places in the world', 'x'), " * ROWS
    + f"('Eve', 'Bonn, of all places in the world', '{VALUE}');",
    "columns and rows in JSON": '{"columns": ["name","city","ssn"], "data": ['
    + '["Bob","Rome of all places in the world","x"], ' * ROWS
    + f'["Eve","Bonn of all places in the world","{VALUE}"]]}}',
    "JSON array": '{"ssns": [' + '"not a number at all", ' * ROWS + f'"{VALUE}"]}}',
    "JSON array on lines": '{\n "ssns": [\n' + '  "111111111",\n' * ROWS + f'  "{VALUE}"\n ]\n}}',
    "assignment": "SSNS = [" + "'not a number at all', " * ROWS + f"'{VALUE}']",
    "YAML list": "ssns:\n" + "  - 111111111\n" * ROWS + f"  - {VALUE}\n",
    "column of values": "SSN\n" + "111111111\n" * ROWS + f"{VALUE}\n",
    "bullets": "The social security numbers of our staff:\n\n"
    + "- Bob Smith of London and Rome 4\n" * ROWS + f"- Eve Adams of Bonn and of Paris {VALUE}\n",
    "numbered": "## SSN of each:\n" + "1. Bob Smith of London and Rome 4\n" * ROWS
    + f"41. Eve Adams of Bonn and of Paris {VALUE}\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_a_heading_speaks_for_what_stands_under_it(engine: Engine, kind: str):
    text = TABLES[kind]
    assert VALUE in {
        text[m.start : m.end] for m in engine.scan(text).matches if m.entity == "US_SSN"
    }
    for name in ("ssns", "SSNS", "SSN", "ssn", "social security numbers"):
        text = text.replace(name, "zzzzz")
    assert [m for m in engine.scan(text).matches if m.entity == "US_SSN"] == []


@pytest.mark.parametrize(
    "text",
    [
        _csv(",", ["ssn", "city", "name", "x"], _FILL, _LAST),  # another column
        _csv(",", ["a", "b", "c", "d"], _FILL, _LAST) + "\nThe ssn column is gone.\n",
        "I like my ssn, truly.\n\nRed blue green black white number, 457555462, too.\n" * 2,
        "ssn = get(a, b)\n" * 3 + f"red = green(black, white, {VALUE})\n",
        '{"ssns": ["a", "b"], "others": [' + '"not a number at all", ' * 9 + f'"{VALUE}"]}}',
        f"<table><tr><th>SSN<th>N</tr><tr><td>Ann and a lot of words here</td><td>{VALUE}</td></tr>",
        "There is a story about the ssn and it was long and told in many words to all of us here\n"
        + "- a first point of it that goes on\n" * 9 + f"- the last point is {VALUE}\n",
    ],
)  # fmt: skip
def test_a_heading_of_something_else_does_not_speak(engine: Engine, text: str):
    assert [m for m in engine.scan(text).matches if m.entity == "US_SSN"] == []


def test_rows_that_were_seen_before_are_judged_by_their_own_heading(engine: Engine):
    rng = random.Random(3)
    rows = "".join(
        f"row {i},{rng.choice(['Oslo', 'Rome'])} is where it is,{457110000 + 17 * i}\n"
        for i in range(3_000)
    )
    assert len(rows) > 100_000

    def found(head: str) -> int:
        matches = engine.scan(f"id,place,{head}\n{rows}").matches
        return sum(1 for m in matches if m.entity == "US_SSN")

    assert found("code") == 0
    many = found("ssn")
    assert many > 2_900
    assert found("part") == 0
    assert found("SSN") == many


@pytest.mark.parametrize(
    "unit",
    ["a,b,457555462\n", "a\tb\t457555462\n", "457555462\n", "- 457555462\n", "a  457555462\n",
     "[457555462, ", '["457555462"], ', "<td>457555462</td>", "(457555462),\n", "a,\n457555462\n",
     "a,457555462\\n", "|457555462\n\n", "INSERT INTO a (b) VALUES (457555462)\n", "457555462 "],
)  # fmt: skip
def test_questions_about_a_text_take_linear_work(unit: str):
    def work(count: int, *, backwards: bool) -> int:
        text = "ssn,a,b\n" + unit * count
        layout = Layout(text)
        places = [i for i in range(len(text)) if text.startswith("457555462", i)]
        for at in reversed(places) if backwards else places:
            layout.headings(at)
        return layout.work

    for backwards in (False, True):
        small, large = work(500, backwards=backwards), work(2_000, backwards=backwards)
        assert large <= 4.2 * small + 100
        assert large <= 150 * 2_000


_PIECES = st.sampled_from(
    ["ssn", "name", ",", "\t", "|", ";", "  ", "\n", "\\n", "\r\n", '"', "'", "[", "]", "{", "(", ")",
     ": ", " = ", "457555462", "- ", "1. ", "<table>", "<tr>", "<th>", "<td>", "</table>", "---",
     "columns: [", "INSERT INTO t (a,b) VALUES (", "\u2502", "\ud800"]
)  # fmt: skip


@settings(max_examples=examples(300), deadline=None)
@given(text=st.lists(_PIECES | st.text(max_size=3), max_size=40).map("".join))
def test_any_text_can_be_asked(text: str):
    layout = Layout(text)
    for at in range(len(text) + 1):
        for heading in layout.headings(at):
            assert heading
            assert heading in text
    again = Layout(text)
    for at in reversed(range(len(text) + 1)):
        # The order of questions does not matter.
        assert again.headings(at) == layout.headings(at)


_ROWS = st.lists(_PIECES | st.just("ssn") | st.just("\n"), max_size=16).map("".join)


@settings(max_examples=examples(600), deadline=None)
@given(before=_ROWS, row=st.lists(_PIECES, max_size=4).map("".join), after=_ROWS)
def test_a_word_in_a_heading_stands_where_one_may_be(before: str, row: str, after: str):
    """What is not looked at for headings has none."""
    text = before + "\n" + row + VALUE + after
    layout, at = Layout(text), len(before) + 1 + len(row)
    if any("ssn" in heading for heading in layout.headings(at)):
        assert any(layout.may_head(word.end()) for word in re.finditer("ssn", text[:at]))


def test_a_text_is_not_gone_through_for_each_word():
    through = []

    class Watched(str):
        __slots__ = ()

        def __contains__(self, part: object) -> bool:
            through.append(part)
            return part in str(self)

    layout = Layout(Watched("a ssn here\n" * 100))
    layout.may_head(5)
    before = len(through)
    assert before  # it is watched
    for at in range(100):
        layout.may_head(at)
    assert len(through) == before
