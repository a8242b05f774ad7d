"""Stretches of code in texts: which language, where, and what is none."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gateway import KEY

from gateway.detectors import Engine, Settings
from gateway.detectors.prefilter import flatten
from gateway.detectors.source_code import ENTITY, SourceCode, detectors

SNIPPETS = {
    "code:python": (
        "import os\nfrom pathlib import Path\n\ndef sizes(folder):\n    for name in os.listdir(folder):\n"
        "        if name.endswith('.txt'):\n            yield Path(folder, name).stat().st_size\n"
    ),
    "code:javascript": (
        "const fs = require('fs');\n\nfunction read(path) {\n  const text = fs.readFileSync(path);\n"
        "  return text.toString().split('\\n').map((line) => line.trim());\n}\n\nmodule.exports = { read };\n"
    ),
    "code:typescript": (
        "interface User {\n  name: string;\n  age?: number;\n}\n\nexport function greet(user: User): string {\n"
        "  const first: string = user.name.split(' ')[0];\n  return `Hello ${first}`;\n}\n"
    ),
    "code:java": (
        "package org.example.bank;\n\nimport java.util.List;\n\npublic class Account {\n"
        "    private final List<String> owners;\n\n    public int size() {\n"
        "        return owners.size();\n    }\n}\n"
    ),
    "code:csharp": (
        "using System;\nusing System.Linq;\n\nnamespace Bank.Core\n{\n    public class Account\n    {\n"
        "        public string Name { get; set; }\n        public void Show() => Console.WriteLine(Name);\n    }\n}\n"
    ),
    "code:c": (
        "#include <stdio.h>\n#include <stdlib.h>\n\nstatic int add(int a, int b)\n{\n    return a + b;\n}\n\n"
        'int main(void)\n{\n    int *list = malloc(4 * sizeof(int));\n    printf("%d\\n", add(1, 2));\n    free(list);\n}\n'
    ),
    "code:cpp": (
        "#include <vector>\n#include <string>\n\ntemplate <typename T>\nclass Stack {\npublic:\n"
        "    void push(const T& item) { items.push_back(item); }\nprivate:\n    std::vector<T> items;\n};\n"
    ),
    "code:go": (
        'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tdata, err := os.ReadFile("x")\n'
        "\tif err != nil {\n\t\tfmt.Println(err)\n\t\treturn\n\t}\n\tfmt.Println(len(data))\n}\n"
    ),
    "code:rust": (
        "use std::collections::HashMap;\n\npub fn count(text: &str) -> HashMap<char, usize> {\n"
        "    let mut seen = HashMap::new();\n    for c in text.chars() {\n        *seen.entry(c).or_insert(0) += 1;\n"
        "    }\n    seen\n}\n"
    ),
    "code:ruby": (
        "require 'set'\n\nclass Basket\n  attr_reader :items\n\n  def initialize\n    @items = Set.new\n  end\n\n"
        "  def total\n    items.each do |item|\n      puts item.price\n    end\n  end\nend\n"
    ),
    "code:php": (
        "<?php\nnamespace App\\Shop;\n\nclass Cart {\n    private $items = array();\n\n"
        "    public function add($item) {\n        $this->items[] = $item;\n        return count($this->items);\n    }\n}\n"
    ),
    "code:perl": (
        "#!/usr/bin/perl\nuse strict;\nuse warnings;\n\nmy %seen;\nwhile (my $line = <STDIN>) {\n    chomp $line;\n"
        '    next unless $line =~ /^\\w+/;\n    $seen{$line}++;\n}\nprint "$_\\n" for sort keys %seen;\n'
    ),
    "code:shell": (
        '#!/bin/bash\nset -euo pipefail\n\nfor file in *.log; do\n  if [ -s "$file" ]; then\n    gzip "$file"\n  fi\ndone\n'
        'echo "done"\n'
    ),
    "code:sql": (
        "CREATE TABLE orders (\n  id INTEGER PRIMARY KEY,\n  total NUMERIC NOT NULL\n);\n\n"
        "SELECT c.name, SUM(o.total)\nFROM orders o\nJOIN customers c ON c.id = o.customer_id\nGROUP BY c.name;\n"
    ),
    "code:kotlin": (
        "package org.example\n\ndata class Point(val x: Int, val y: Int)\n\nfun distance(a: Point, b: Point): Int {\n"
        "    val dx = a.x - b.x\n    return when (dx) {\n        0 -> 1\n        else -> dx\n    }\n}\n"
    ),
    "code:diff": (
        "diff --git a/run.py b/run.py\nindex 1234567..89abcde 100644\n--- a/run.py\n+++ b/run.py\n@@ -1,3 +1,4 @@\n"
        " import os\n+import sys\n def main():\n-    return 1\n+    return sys.argv\n"
    ),
    "code:css": (
        ".menu li {\n  display: flex;\n  margin: 0 4px;\n}\n\n@media (max-width: 600px) {\n  .menu {\n    display: none;\n  }\n}\n"
    ),
    "config:terraform": (
        'resource "aws_instance" "web" {\n  ami           = var.ami\n  instance_type = "t3.micro"\n}\n\n'
        'output "address" {\n  value = aws_instance.web.public_ip\n}\n'
    ),
    "config:dockerfile": (
        "FROM python:3.12-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
        'EXPOSE 8080\nCMD ["python", "main.py"]\n'
    ),
    "config:yaml": (
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels:\n    app: web\nspec:\n  ports:\n    - port: 80\n"
    ),
    "config:json": (
        '{\n  "name": "thing",\n  "version": "1.0.0",\n  "scripts": {\n    "test": "jest"\n  },\n  "private": true\n}\n'
    ),
    "markup:html": (
        '<!DOCTYPE html>\n<html>\n<head><title>x</title></head>\n<body>\n<div class="a"><p>Hello</p></div>\n</body>\n</html>\n'
    ),
}  # fmt: skip

PROSE = [
    "The committee met on Thursday. Nobody had read the draft; the discussion was short.\n" * 12,
    "Dear Ann,\n\nplease import the figures from the sheet:\n- revenue\n- cost\n\nFor example:\nx = 5\n\nBest\nBob",
    "Natalia sold 48/2 = 24 clips in May.\nx + 5 = 10\nx = 5\nTherefore the answer is 5.\n",
    "Subject: Re: plan\nFrom: Ann <ann@example.com>\nTo: Bob\nDate: Mon\n\nClass of 1999 returns for lunch.",
    "Select the best answer from the list below and explain why:\n1. A dog\n2. A cat (see above)\n",
    "name,age,city\nAnn,34,Berlin\nBob,27,Paris\n" * 5,
    "# Shopping\n\n* milk\n* eggs\n* bread\n\n## Later\n\n1. Call mum\n2. Sleep\n",
    "2024-01-02 10:00:00 INFO started\n2024-01-02 10:00:01 WARN disk at 91%\n" * 5,
]


@pytest.fixture(scope="module")
def code():
    return SourceCode(key=b"test", cache_dir=None)


def found(code, text):
    return [(m.detector, text[m.start : m.end]) for m in code.find(flatten(text))]


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_file_is_one_stretch_in_its_language(code, name):
    ((told, held),) = found(code, SNIPPETS[name])
    assert told == name
    assert len(held) > 0.75 * len(SNIPPETS[name].strip())


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_amid_prose_is_found_without_the_prose(code, name):
    before = "Can you tell me why this does not work as it should, please?\n\n"
    after = "\nIt stops with an error that I have never seen before, and I am at a loss.\n"
    stretches = found(code, before + SNIPPETS[name] + after)
    assert [told for told, _ in stretches] == [name]
    assert "loss" not in stretches[0][1]
    assert "Can you" not in stretches[0][1]


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_no_code(code, text):
    assert found(code, text) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Run\n```bash\nls\n```\nplease", [("code:shell", "ls")]),
        ("```py\nx\n```\nand\n~~~ TS\ny\n~~~\n", [("code:python", "x"), ("code:typescript", "y")]),
        ("````\n```\nfoo\n```\n````\n", []),
        ("```\njust some words that somebody wanted to set apart\n```\n", []),
        ("```text\nplain\n```\n```zig\nconst x\n```", [("code:other", "const x")]),
        ("```\nfor x in range(3):\n    print(x)\n```", [("code:python", "for x in range(3):\n    print(x)")]),
        ("```sql\nselect 1\n", [("code:sql", "select 1")]),
        ("```\n\n```", []),
    ],
)  # fmt: skip
def test_blocks_between_fences_are_stretches_of_their_own(code, text, wanted):
    assert found(code, text) == wanted


def test_one_line_of_sql_is_code(code):
    text = "why is select name from users where id = 5 order by name; so slow?"
    assert [told for told, _ in found(code, text)] == ["code:sql"]


@given(st.text(st.characters(), max_size=300))
def test_any_text_is_looked_at(code, text):
    for match in code.find(flatten(text)):
        assert 0 <= match.start < match.end <= len(text)
        assert match.entity == ENTITY
        assert match.detector in detectors()
        assert 0 < match.confidence <= 1


def test_cues_that_were_kept_find_the_same(tmp_path, code):
    for _ in range(2):
        kept = SourceCode(key=b"test", cache_dir=tmp_path)
        assert found(kept, SNIPPETS["code:go"]) == found(code, SNIPPETS["code:go"])


def test_time_grows_with_the_text(code):
    rng = random.Random(1)
    names = [name for name in SNIPPETS if name.startswith("code:")]
    text = "\n".join(SNIPPETS[rng.choice(names)] for _ in range(2000)).encode("ascii")
    assert len(text) > 300_000
    started = time.thread_time()
    code.find(text)
    assert time.thread_time() - started < 10
    for hard in (b"{\n" * 50_000, b"```\n" * 50_000, b"x = 1\n\n" * 50_000, b"<a>" * 50_000):
        started = time.thread_time()
        code.find(hard)
        assert time.thread_time() - started < 15, hard[:4]


def test_code_silences_nothing_within_it(engine):
    text = SNIPPETS["code:python"] + 'SSN = "457-55-5462"  # social security\n'
    result = engine.scan(text)
    assert {m.entity for m in result.matches} >= {ENTITY, "US_SSN"}
    assert [m.detector for m in result.matches if m.entity == ENTITY] == ["code:python"]


def test_a_long_file_is_one_finding(engine):
    text = "".join(SNIPPETS["code:java"].replace("size", f"size{n}") for n in range(200))
    assert [m.entity for m in engine.scan(text).matches].count(ENTITY) == 1


def test_it_can_be_switched_off(cache):
    engine = Engine.build(Settings(disabled=frozenset({ENTITY})), key=KEY, cache_dir=cache)
    assert ENTITY not in engine.entities
    assert engine.scan(SNIPPETS["code:python"]).matches == ()


def test_a_failure_is_told(cache):
    engine = Engine.build(Settings(), key=KEY, cache_dir=cache)

    class Broken:
        def find(self, _flat):
            raise RuntimeError

    engine._code = Broken()
    assert engine.scan("x = 1").failures == ("source_code",)
