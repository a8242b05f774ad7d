"""Where in a text is source code, and in which language? Law: one finding per stretch of code.

Lines of code look like code: they end in `;`, begin with `def`, hold `->`. The cues of
`code_cues.yaml` are looked for all at once; lines that hold some and stand together are a stretch,
and what the cues say of languages, taken together, is its language. A block between fences of
Markdown is a stretch of its own, in the language that it names. Time grows with the text and with
the cues in it; ordinary prose holds hardly any.

Findings name the detector `code:python`, `config:yaml`, `markup:html` …; the names are closed.
"""

from __future__ import annotations

import functools
import math
import re
import string
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hyperscan

from gateway.detectors import databases
from gateway.documents import DocumentError, Marks, Strict, load, read
from gateway.model import Match

ENTITY = "SOURCE_CODE"

_FILE = Path(__file__).with_name("code_cues.yaml")

_GROUP = 70
"""Cues per database; see `prefilter.GROUP`."""

TELLING = 0.3
"""Lines whose cues score less say nothing by themselves."""

AT_MOST = 4.0
"""What one line counts at most."""

LEAST, VARIED, DENSE = 2.0, 1.2, 0.3
"""A stretch of code has at least this score, this score of different cues, and this share of its
lines tells something."""

FENCED_LEAST, FENCED_DENSE = 0.9, 0.2
"""The same for a block between fences that names no language."""

HARD, SOFT, FAR = 3, 40, 4_000
"""What may stand within a stretch without a cue: lines that begin like prose, all lines, bytes."""

SURE = 0.95
"""The most that a stretch is worth."""

DIFF = 5.0
"""A stretch with so much of a diff is one, whatever it changes."""

_FENCE = re.compile(rb"^[ \t>]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*$", re.MULTILINE)

_TAGS = {
    "py": "python", "python3": "python", "pycon": "python", "ipython": "python",
    "js": "javascript", "jsx": "javascript", "node": "javascript", "mjs": "javascript",
    "ts": "typescript", "tsx": "typescript", "kt": "kotlin", "h": "c", "c++": "cpp", "cc": "cpp",
    "cxx": "cpp", "hpp": "cpp", "cs": "csharp", "c#": "csharp", "golang": "go", "rs": "rust",
    "rb": "ruby", "pl": "perl", "sh": "shell", "bash": "shell", "zsh": "shell", "console": "shell",
    "shell-session": "shell", "shellsession": "shell", "terminal": "shell", "ps1": "powershell",
    "pwsh": "powershell", "psql": "sql", "mysql": "sql", "plsql": "sql", "tsql": "sql",
    "postgresql": "sql", "scss": "css", "less": "css", "make": "makefile", "mk": "makefile",
    "patch": "diff", "yml": "yaml", "json5": "json", "jsonc": "json", "cfg": "ini", "conf": "ini",
    "properties": "ini", "env": "ini", "dotenv": "ini", "docker": "dockerfile", "tf": "terraform",
    "hcl": "terraform", "htm": "html", "vue": "html", "svelte": "html", "svg": "xml", "hs": "haskell",
}  # fmt: skip
"""What people call languages at a fence, beside their names."""

_NO_CODE = frozenset(
    [
        "text",
        "txt",
        "plain",
        "plaintext",
        "none",
        "output",
        "log",
        "logs",
        "md",
        "markdown",
        "csv",
        "tsv",
        "math",
        "latex",
        "tex",
        "mermaid",
        "quote",
        "diagram",
        "ascii",
        "prompt",
        "email",
        "http",
    ]
)
"""Tags of blocks that are none, unless their lines say otherwise."""


class _Document(Strict):
    kinds: dict[str, tuple[str, ...]]
    cues: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True)
class _Cues:
    """The cues by number: pattern, score, and what each says of languages; names by language."""

    patterns: tuple[str, ...]
    scores: tuple[float, ...]
    says: tuple[tuple[tuple[str, float], ...], ...]
    names: Mapping[str, str]


@functools.cache
def _cues() -> _Cues:
    text = read(_FILE)
    document = load(text, _Document, source=_FILE.name)
    names = {
        language: f"{kind}:{language}"
        for kind, languages in document.kinds.items()
        for language in languages
    }
    says, problems = [], []
    for number, (_, said, _) in enumerate(document.cues):
        words = said.split()
        pairs = tuple(zip(words[::2], map(float, words[1::2]), strict=True))
        problems += [
            Marks(text, _FILE.name).problem(("cues", number), f"unknown language `{language}`")
            for language, _ in pairs
            if language not in names
        ]
        says.append(pairs)
    if problems:
        raise DocumentError(problems)
    return _Cues(
        patterns=tuple(pattern for _, _, pattern in document.cues),
        scores=tuple(score for score, _, _ in document.cues),
        says=tuple(says),
        names=names,
    )


def detectors() -> tuple[str, ...]:
    """The names of detectors that findings may bear."""
    return tuple(_cues().names.values())


@dataclass(slots=True)
class _Stretch:
    """Lines that stand together, while they are gathered."""

    start: int
    end: int
    score: float
    telling: int
    lines: int
    cues: dict[int, int]
    """How many lines hold each cue."""


class SourceCode:
    """Finds stretches of code."""

    def __init__(self, *, key: bytes, cache_dir: Path | None) -> None:
        """`key` seals the compiled cues in `cache_dir`; None compiles in memory."""
        self._cues = _cues()
        patterns = self._cues.patterns
        self._databases = [
            (first, _matcher(patterns[first : first + _GROUP], key=key, cache_dir=cache_dir))
            for first in range(0, len(patterns), _GROUP)
        ]
        self._lock = threading.Lock()  # a database has one scratch space

    def find(self, flat: bytes) -> list[Match]:
        """Stretches of code in the flat copy of a text (see `prefilter.flatten`), by place."""
        hits: list[int] = []
        before = 0

        def hit(place: int, _begin: int, end: int, _flags: int, _context: object) -> None:
            hits.append(end << 8 | before + place)

        with self._lock:
            for before, database in self._databases:  # noqa: B007  # `hit` reads it
                database.scan(flat, match_event_handler=hit)
        fences = _fences(flat) if b"```" in flat or b"~~~" in flat else []
        if not fences and len(hits) < 2:
            return []
        hits.sort()
        found: list[Match | None] = []
        at = 0
        for start, end, tag in fences:
            left, right = bisect_left(hits, start + 1 << 8), bisect_left(hits, end + 1 << 8)
            found.extend(map(self._plain, self._stretches(flat, hits[at:left])))
            found.append(self._fenced(flat, start, end, tag, hits[left:right]))
            at = right
        found.extend(map(self._plain, self._stretches(flat, hits[at:])))
        return [match for match in found if match is not None]

    def _stretches(self, flat: bytes, hits: Sequence[int]) -> Iterator[_Stretch]:
        """Lines with cues (`hits` by place) that stand together."""
        current: _Stretch | None = None
        for start, end, score, cues in self._lines(flat, hits):
            if score < TELLING:
                continue
            between: int | None = 0
            if current is not None and start > current.end + 1:
                between = _between(flat, current.end + 1, start)
            if current is None or between is None:
                if current is not None:
                    yield current
                current = _Stretch(start, end, 0.0, 0, 0, {})
                between = 0
            current.end = end
            current.score += min(score, AT_MOST)
            current.telling += 1
            current.lines += between + 1
            for cue in cues:
                current.cues[cue] = current.cues.get(cue, 0) + 1
        if current is not None:
            yield current

    def _lines(
        self, flat: bytes, hits: Sequence[int]
    ) -> Iterator[tuple[int, int, float, list[int]]]:
        """Each line with cues: where it stands, their score, and the cues."""
        scores = self._cues.scores
        start, end, score, seen = 0, -1, 0.0, 0
        cues: list[int] = []
        for hit in hits:
            at, cue = (hit >> 8) - 1, hit & 255
            if at > end:
                if cues:
                    yield start, end, score, cues
                start = flat.rfind(b"\n", 0, max(0, at)) + 1
                end = flat.find(b"\n", max(start, at))
                if end < 0:
                    end = len(flat)
                score, seen, cues = 0.0, 0, []
            # A repeat in a pattern ends in several places.
            if not seen >> cue & 1:
                seen |= 1 << cue
                score += scores[cue]
                cues.append(cue)
        if cues:
            yield start, end, score, cues

    def _plain(self, stretch: _Stretch) -> Match | None:
        varied = sum(self._cues.scores[cue] for cue in stretch.cues)
        if stretch.score < LEAST or varied < VARIED or stretch.telling < DENSE * stretch.lines:
            return None
        sure = min(SURE, 0.5 + 0.05 * stretch.score)
        name = self._cues.names[self._language(stretch.cues)]
        return Match(ENTITY, stretch.start, stretch.end, round(sure, 2), name)

    def _fenced(
        self, flat: bytes, start: int, end: int, tag: str, hits: Sequence[int]
    ) -> Match | None:
        """The block `start:end` between fences."""
        block = flat[start:end]
        first = start + len(block) - len(block.lstrip())
        last = end - len(block) + len(block.rstrip())
        if first >= last:
            return None
        language, sure = _TAGS.get(tag, tag), SURE
        if language not in self._cues.names:
            score, cues = 0.0, dict[int, int]()
            for _, _, line, held in self._lines(flat, hits):
                score += line
                for cue in held:
                    cues[cue] = cues.get(cue, 0) + 1
            if tag and tag not in _NO_CODE:
                language, sure = "other", 0.8
            elif score < FENCED_LEAST or score < FENCED_DENSE * block.count(b"\n"):
                return None
            else:
                language, sure = self._language(cues), min(SURE, 0.6 + 0.05 * score)
        return Match(ENTITY, first, last, round(sure, 2), self._cues.names[language])

    def _language(self, cues: Mapping[int, int]) -> str:
        said: dict[str, float] = {}
        for cue, lines in cues.items():
            # Different cues say more than the same one again.
            times = math.log1p(lines)
            for language, weight in self._cues.says[cue]:
                said[language] = said.get(language, 0.0) + times * weight
        if said.get("diff", 0.0) >= DIFF:
            return "diff"
        best = max(said, key=lambda language: said[language], default="other")
        return best if said.get(best, 0.0) >= 1.0 else "other"


_WORDS = frozenset(string.ascii_letters.encode() + string.digits.encode() + b"_")
_CAPITALS = frozenset(string.ascii_uppercase.encode() + b"_")


def _between(flat: bytes, start: int, end: int) -> int | None:
    """How many lines without cues stand between two lines of a stretch; None ends the stretch."""
    if start >= end:
        return 0
    if end - start > FAR:
        return None
    hard = lines = 0
    for line in flat[start:end].split(b"\n"):
        if not line or line == b"\r":
            continue
        lines += 1
        if line[0] in _WORDS:
            # A long line that begins like a sentence ends a stretch by itself.
            hard += 1 + HARD * (line[0] in _CAPITALS and len(line) >= 40)
        if hard > HARD or lines > SOFT:
            return None
    return lines


def _fences(flat: bytes) -> list[tuple[int, int, str]]:
    """Where the blocks between fences stand, and the tag, if there is one.

    CommonMark 0.31.2, section 4.5: the closing fence is of the same character, at least as long,
    and bears no tag; a block that is not closed goes on to the end.
    """
    found: list[tuple[int, int, str]] = []
    opened: tuple[bytes, int, str] | None = None
    for fence in _FENCE.finditer(flat):
        mark, tag = fence[1], fence[2].decode().strip("{}.").lower()
        if opened is None:
            opened = (mark, fence.end() + 1, tag)
        elif mark.startswith(opened[0]) and not tag:
            found.append((opened[1], fence.start(), opened[2]))
            opened = None
    if opened is not None:
        found.append((opened[1], len(flat), opened[2]))
    return [(start, end, tag) for start, end, tag in found if start < end]


def _matcher(patterns: Sequence[str], *, key: bytes, cache_dir: Path | None) -> Any:
    forms = [(pattern.encode(), hyperscan.HS_FLAG_MULTILINE) for pattern in patterns]
    return databases.database(forms, key=key, cache_dir=cache_dir).matcher
