"""How many of the secrets that other people's rules describe do ours find?

    python tests/bench/secrets_recall.py FOLDER [--half develop|held-out] [--misses]

FOLDER holds a folder per rule set, with the files as their projects publish them: TOML with
`[[rules]]` of `regex`, `keywords` and `secretGroup`, or YAML with `rules:` of `pattern` and
`examples`. None of it belongs in this repository.

Positives: the examples that a rule carries, or, for a rule without any, values drawn from its
expression and put where a person would write them (`ACME_API_KEY="..."`). A text counts only if
the foreign rule itself finds its value there; rules that their own tools do not report (hosts, account
names, that only serve another rule) are left out. Found means that a finding of the group `secret`
overlaps the value; `named` means that one of them comes from a rule for a vendor or a format
rather than a generic one.

Law: who looks at misses while writing rules looks at one half. Rules are halved by a digest of the
vendor's name, so that one vendor's rules in all sets are in the same half: `--misses` shows texts
of the half `develop` only, and the figure that counts is that of `held-out`.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import string
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]  # names of the parse tree's nodes
from re import _parser  # type: ignore[attr-defined]  # the parse tree that values are drawn from
from typing import Any

import regex
import yaml

from gateway.detectors import Engine, Settings, catalogue
from gateway.detectors.secret_checks import entropy

DRAWS, TRIES = 4, 60
GENERIC = frozenset(
    {"PASSWORD", "GENERIC_SECRET", "API_KEY_HEADER", "BEARER_TOKEN", "BASIC_AUTH", "URL_PASSWORD",
     "CONNECTION_STRING_PASSWORD", "COMMAND_LINE_PASSWORD", "QUERY_SECRET", "SESSION_COOKIE",
     "SERVICE_KEY"}
)  # fmt: skip
PLACES = (
    '{0}_API_KEY="{1}"',
    "{0}_token: {1}\n",
    '  "{0}_secret": "{1}",',
    "export {0}_KEY={1}\n",
    "const {0}Token = '{1}';",
    "{1}\n",
    '"{1}"',
)


@dataclass(frozen=True, slots=True)
class Positive:
    """A text of which `start:end` is a secret, as the foreign rule `rule` of `vendor` has it."""

    rule: str
    vendor: str
    text: str
    start: int
    end: int


def vendor(rule: str) -> str:
    """The vendor that a rule's id begins with: `kingfisher.aws.1` and `aws-access-token` are one."""
    parts = re.split(r"[.\-_ ]", rule.lower())
    known = {"kingfisher", "np", "betterleaks", "veles"}
    return next((part for part in parts if part not in known), rule)


def held_out(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 1


def draw(tree: Any, rng: random.Random, groups: dict[int, str]) -> str:
    """A random text that the parse tree of an expression describes, look-arounds left aside."""
    out = []
    for kind, argument in tree:
        match kind:
            case op.LITERAL:
                out.append(chr(argument))
            case op.NOT_LITERAL:
                out.append(rng.choice([c for c in string.ascii_letters if ord(c) != argument]))
            case op.ANY:
                out.append(rng.choice(string.ascii_letters + string.digits))
            case op.IN:
                out.append(rng.choice(_members(argument)))
            case op.BRANCH:
                out.append(draw(rng.choice(argument[1]), rng, groups))
            case op.SUBPATTERN:
                number, _, _, inner = argument
                text = draw(inner, rng, groups)
                groups[number] = text
                out.append(text)
            case op.MAX_REPEAT | op.MIN_REPEAT | op.POSSESSIVE_REPEAT:
                least, most, inner = argument
                most = min(int(most), least + (24 if least else 3))
                out.extend(draw(inner, rng, groups) for _ in range(rng.randint(least, most)))
            case op.ATOMIC_GROUP:
                out.append(draw(argument, rng, groups))
            case op.GROUPREF:
                out.append(groups.get(argument, ""))
            case _:  # anchors and look-arounds: the check against the expression settles them
                pass
    return "".join(out)


_CATEGORIES = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_WORD: string.ascii_letters + string.digits + "_",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_SPACE: string.ascii_letters + string.digits,
    op.CATEGORY_NOT_WORD: " ",
    op.CATEGORY_NOT_DIGIT: string.ascii_letters,
}


def _members(argument: Any) -> str:
    chosen: set[str] = set()
    negated = False
    for kind, value in argument:
        if kind is op.NEGATE:
            negated = True
        elif kind is op.LITERAL:
            chosen.add(chr(value))
        elif kind is op.RANGE:
            chosen.update(chr(c) for c in range(value[0], min(value[1], 0x7E) + 1))
        elif kind is op.CATEGORY:
            chosen.update(_CATEGORIES[value])
    if negated:
        chosen = set(string.ascii_letters + string.digits) - chosen
    return "".join(sorted(chosen)) or "a"


def from_expression(rule: dict[str, Any]) -> Iterator[Positive]:
    """Values drawn from the expression of a rule, where a person would write them."""
    source = rule["regex"].replace(r"\z", r"\Z").replace("[[:alnum:]]", "[a-zA-Z0-9]")
    name, who = rule["id"], vendor(rule["id"])
    try:
        pattern = regex.compile(source)
        tree = _parser.parse(re.sub(r"\(\?[is]+\)", "", source).replace("(?i:", "(?:"))
    except (regex.error, re.error, OverflowError):
        return
    number = rule.get("secretGroup") or (1 if pattern.groups else 0)
    rng = random.Random(name)
    keyword = next((k for k in rule.get("keywords", ()) if k.isidentifier()), who)
    least = float(rule.get("entropy", 0) or 0)
    found = 0
    for attempt in range(TRIES):
        groups: dict[int, str] = {}
        whole = draw(tree, rng, groups)
        value = groups.get(number, whole) if number else whole
        if entropy(value) <= least:
            continue
        place = PLACES[attempt % len(PLACES)]
        word = keyword.upper() if place.startswith(("{0}_API", "export")) else keyword
        texts = [place.format(word, value)]
        if attempt >= TRIES // 2:
            texts.append(whole)  # a rule that wants more around it than an assignment
        for text in texts:
            match = pattern.search(text)
            if match is None or not match[number]:
                continue
            yield Positive(name, who, text, *match.span(number))
            found += 1
            break
        if found == DRAWS:
            return


def from_examples(rule: dict[str, Any]) -> Iterator[Positive]:
    """The examples that a rule carries."""
    name, who = str(rule["id"]), vendor(str(rule["id"]))
    try:
        pattern = regex.compile(str(rule.get("pattern", "")))
    except regex.error:
        pattern = None
    for example in rule.get("examples") or ():
        text = str(example)
        match = pattern.search(text) if pattern is not None else None
        if match is None:
            yield Positive(name, who, text, 0, len(text))
            continue
        yield Positive(name, who, text, *match.span(_value(match)))


def _value(match: regex.Match[str]) -> str | int:
    """The group of a foreign rule that is the secret; others are hosts, accounts, checksums."""
    named = {group.lower(): group for group in match.re.groupindex if match[group]}
    return next(
        (named[name] for name in ("password", "secret", "private_key", "token") if name in named), 0
    )


def positives(folder: Path) -> list[Positive]:
    found: list[Positive] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".toml":
            for rule in tomllib.loads(path.read_text("utf-8")).get("rules", ()):
                if rule.get("regex") and not rule.get("skipReport"):
                    found.extend(from_expression(rule))
        elif path.suffix in {".yml", ".yaml"}:
            for rule in (yaml.safe_load(path.read_text("utf-8")) or {}).get("rules", ()):
                if rule.get("visible", True):
                    found.extend(from_examples(rule))
    return found


def judge(engine: Engine, positive: Positive) -> tuple[bool, bool]:
    """Whether the secret is found, and whether it is named."""
    secret = catalogue.groups()["secret"]
    over = [
        m
        for m in engine.scan(positive.text).matches
        if m.entity in secret and m.start < positive.end and m.end > positive.start
    ]
    return bool(over), any(m.entity not in GENERIC for m in over)


def report(engine: Engine, name: str, chosen: Sequence[Positive], *, misses: bool) -> None:
    """One line: rules, texts, and the mean over rules of the part found and the part named."""
    by_rule: dict[str, list[tuple[bool, bool]]] = {}
    for positive in chosen:
        found, named = judge(engine, positive)
        by_rule.setdefault(positive.rule, []).append((found, named))
        if misses and not found:
            print(f"MISS {positive.rule}: {positive.text[:300]!r}")
        elif misses and not named:
            print(f"GENERIC {positive.rule}: {positive.text[:160]!r}")
    if not by_rule:
        return
    means = [
        sum(sum(row[column] for row in rows) / len(rows) for rows in by_rule.values())
        / len(by_rule)
        for column in (0, 1)
    ]
    texts = sum(map(len, by_rule.values()))
    print(f"{name:28} {len(by_rule):5} {texts:6}  found {means[0]:.3f}  named {means[1]:.3f}")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--half", choices=("develop", "held-out"))
    options.add_argument("--misses", action="store_true", help="print misses of the develop half")
    chosen = options.parse_args()
    engine = Engine.build(Settings(), key=b"bench", cache_dir=None)
    print(f"{'set and half':28} rules  texts")
    for folder in sorted(path for path in chosen.folder.iterdir() if path.is_dir()):
        texts = positives(folder)
        for half in ("develop", "held-out"):
            if chosen.half in (None, half):
                part = [p for p in texts if held_out(p.vendor) == (half == "held-out")]
                show = chosen.misses and half == "develop"
                report(engine, f"{folder.name} {half}", part, misses=show)


if __name__ == "__main__":
    main()
