"""What is a person told about a kind of data? A lesson in Markdown, in their language.

Law: whatever a lesson says, what comes out of it is a few harmless elements: no HTML of its own, no
pictures, no addresses but `https:`, `http:` and `mailto:`. One that the team wrote stands in the place
of ours, language by language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gateway.documents import Problem
from gateway.policy.executable import Lesson

FOLDER = Path(__file__).parent / "lessons"
FALLBACK = "en"

_TITLE = re.compile(r"\A\s*#[ \t]+\S")


@cache
def shipped() -> tuple[Lesson, ...]:
    """The lessons that come with the gateway."""
    lessons = []
    for path in sorted(FOLDER.glob("*.md")):
        name, language, _ = path.name.split(".")
        lessons.append(Lesson(name, language, path.read_text(encoding="utf-8"), str(path)))
    return tuple(lessons)


def names() -> frozenset[str]:
    """Their names."""
    return frozenset(lesson.name for lesson in shipped())


def problems(lessons: Iterable[Lesson]) -> list[Problem]:
    """What is wrong with lessons that a team wrote."""
    return [
        Problem(lesson.source, line, 1, message)
        for lesson in lessons
        for line, message in _wrong(lesson.text)
    ]


def _wrong(text: str) -> Iterable[tuple[int, str]]:
    if not _TITLE.match(text):
        yield 1, "begins without a title; write `# Title` in the first line"
    # Read as if HTML were allowed: what would be dropped in silence is told.
    for token in _flat(MarkdownIt("commonmark").parse(text)):
        line = (token.map[0] if token.map else 0) + 1
        if token.type in {"html_block", "html_inline"}:
            yield line, "holds HTML, which is shown as it is written; use Markdown"
        elif token.type == "image":
            yield line, "holds a picture, and pictures are not shown; leave it out"


def _flat(tokens: Sequence[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        for child in token.children or ():
            if child.map is None:
                child.map = token.map
            yield child


class Lessons:
    """Lessons by name and language: ours, and `own` in their place."""

    def __init__(self, own: Iterable[Lesson] = ()) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        for lesson in (*shipped(), *own):
            self._texts.setdefault(lesson.name, {})[lesson.language] = lesson.text

    def html(self, name: str, language: str) -> tuple[str, str]:
        """The language that lesson `name` is told in, and its HTML; both empty when there is none.

        `language` if there is one, else English, else any.
        """
        texts = self._texts.get(name, {})
        if not texts:
            return "", ""
        told = next((each for each in (language, FALLBACK) if each in texts), min(texts))
        return told, render(texts[told])

    @property
    def languages(self) -> Mapping[str, tuple[str, ...]]:
        """The languages of each lesson."""
        return {name: tuple(sorted(texts)) for name, texts in sorted(self._texts.items())}


def render(text: str) -> str:
    """HTML of Markdown; HTML in it is shown as text. Headings begin at the second level."""
    reader = MarkdownIt("commonmark", {"html": False}).disable("image")
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            # The page has a title of its own.
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("rel", "noreferrer noopener")
                child.attrSet("target", "_blank")
    html: str = reader.renderer.render(tokens, reader.options, {})
    return html
