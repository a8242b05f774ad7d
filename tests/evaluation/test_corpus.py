"""Annotated documents are read strictly: every bad line is told, none is passed over."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.documents import DocumentError
from gateway.evaluation.corpus import Span, fill, gather, load_corpus

any_machine = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def read(tmp_path, *lines):
    path = tmp_path / "set.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return load_corpus(path)


def told(tmp_path, *lines):
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, *lines)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def test_a_text_stands_with_its_spans(tmp_path):
    line = {
        "id": 7,
        "text": "é bo@corp.example",
        "spans": [{"entity": "EMAIL_ADDRESS", "start": 2, "end": 17}],
        "source": "ours",
        "kind": "mail",
        "unlabelled": ["URL"],
    }
    (document,) = read(tmp_path, json.dumps(line), "")
    assert document.id == "7"
    assert document.spans == (Span(2, 17, "EMAIL_ADDRESS"),)
    assert (document.source, document.kind) == ("ours", "mail")
    assert document.unlabelled == {"URL"}
    assert "corp" not in repr(document)


def test_a_template_marks_its_spans():
    text, spans = fill("a [[URL:http://x:[[URL_PASSWORD:<<hex:8>>]]@h]] b]] [[US_SSN:1]]", seed="s")
    assert [(span.entity, text[span.start : span.end][:8]) for span in spans] == [
        ("URL", "http://x"),
        ("URL_PASSWORD", text[11:19]),
        ("US_SSN", "1"),
    ]
    assert text.endswith("@h b]] 1")


def test_blanks_are_the_same_each_time_and_other_in_another_document():
    once = fill("<<alnum:30>>", seed="a")
    assert fill("<<alnum:30>>", seed="a") == once
    assert fill("<<alnum:30>>", seed="b") != once


@any_machine
@given(st.lists(st.tuples(st.sampled_from(["", "US_SSN", "URL"]), st.text("ab é😀\n", min_size=1))))
def test_marks_count_code_points(pieces):
    template = "".join(f"[[{name}:{text}]]" if name else text for name, text in pieces)
    text, spans = fill(template, seed="s")
    assert text == "".join(piece for _, piece in pieces)
    assert [(s.entity, text[s.start : s.end]) for s in spans] == [p for p in pieces if p[0]]


def test_every_bad_line_is_told_with_its_number(tmp_path):
    good = json.dumps({"id": "a", "text": "x", "spans": []})
    assert told(
        tmp_path,
        good,
        "{",
        "[]",
        good,
        json.dumps({"id": "b", "text": "x", "spnas": []}),
        json.dumps({"id": "c", "text": "x", "spans": [{"entity": "URL", "start": 0, "end": 2}]}),
        json.dumps({"id": "d", "text": "x", "template": "x"}),
        json.dumps({"id": "e", "template": "[[URL:x"}),
        json.dumps({"id": "f", "template": "<<bogus:3>>"}),
        json.dumps({"id": "g", "text": "x", "spans": [{"entity": "url", "start": 0, "end": 1}]}),
        json.dumps({"text": "x"}),
        "[" * 100_000,
    ) == [
        (2, "is not JSON: Expecting property name enclosed in double quotes"),
        (3, "Input should be a valid dictionary or instance of _Line"),
        (4, "id `a` was there before"),
        (5, "unknown key `spnas`, did you mean `spans`?"),
        (6, "span 0:2 is not within the text"),
        (7, "give either `text` with `spans`, or `template`"),
        (8, "mark `URL` is not closed by `]]`"),
        (9, told_blank()),
        (10, "`spans.0.entity`: String should match pattern '^[A-Z][A-Z0-9_]*$'"),
        (11, "key `id` is missing"),
        (12, "nests too deeply"),
    ]


def told_blank():
    with pytest.raises(ValueError, match="unknown blank `<<bogus:3>>`") as caught:
        fill("<<bogus:3>>", seed="")
    return str(caught.value)


@any_machine
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "set.jsonl"
    path.write_bytes(data)
    try:
        load_corpus(path)
    except DocumentError:
        pass


def test_a_folder_gives_each_file_its_name(tmp_path):
    (tmp_path / "sub").mkdir()
    line = json.dumps({"id": "a", "text": "x"}) + "\n"
    (tmp_path / "one.jsonl").write_text("\ufeff" + line)
    (tmp_path / "sub" / "two.jsonl").write_text(line)
    assert [corpus.name for corpus in gather([tmp_path])] == ["one", "sub/two"]
    assert [corpus.name for corpus in gather([tmp_path / "sub" / "two.jsonl"])] == ["two"]
    with pytest.raises(DocumentError, match="two corpora are called `one`"):
        gather([tmp_path, tmp_path / "one.jsonl"])
    with pytest.raises(DocumentError, match="holds no"):
        gather([tmp_path / "sub", tmp_path / "none"]) if (tmp_path / "none").mkdir() is None else 0
    with pytest.raises(DocumentError, match="cannot be read"):
        gather([tmp_path / "missing.jsonl"])
