"""Which files of a folder are policies, which are lessons, and have they changed?

Law: a file that looks like a policy or a lesson is never passed over in silence.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from gateway import documents
from gateway.documents import DocumentError, Problem
from gateway.policy.document import PolicyDocument
from gateway.policy.executable import Lesson

LESSONS = "lessons"
"""The folder of lessons, beside the policy files."""

LESSON_BYTES = 20_000
"""A longer lesson is no lesson."""

TEST_SUFFIX = "_test.yaml"
"""Files that hold test cases, not policies."""


def policy_files(directory: Path) -> tuple[Path, ...]:
    """The policy files of `directory` in the order of merging; `DocumentError` when none."""
    if not directory.is_dir():
        raise DocumentError([Problem(str(directory), 0, 0, "is not a directory of policies")])
    names = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    # INVARIANT: a file that looks like a policy is never passed over in silence.
    odd = [path for path in names if path.suffix.lower() in {".yml", ".yaml"} - {path.suffix}]
    odd += [path for path in names if path.suffix == ".yml"]
    if odd:
        raise DocumentError(
            Problem(str(path), 0, 0, "would not be read; name policy files `*.yaml`")
            for path in set(odd)
        )
    files = tuple(
        path for path in names if path.suffix == ".yaml" and not path.name.endswith(TEST_SUFFIX)
    )
    if not files:
        raise DocumentError(
            [Problem(str(directory), 0, 0, "holds no policy; put at least one `*.yaml` there")]
        )
    return files


def fingerprint(directory: Path) -> str:
    """A cheap mark of the directory's state: changes when any policy file does. Never raises.

    Made of names, sizes, times and inodes, not of contents; equal marks mean "nothing to reload".
    """
    state = hashlib.blake2b(digest_size=16)
    try:
        lessons = directory / LESSONS
        inside = lessons.iterdir() if lessons.is_dir() else ()
        for path in sorted((*directory.iterdir(), *inside)):
            if path.suffix.lower() in {".yaml", ".yml", ".md"}:
                info = path.stat()
                mark = (path.name, info.st_mtime_ns, info.st_size, info.st_ino)
                state.update(repr(mark).encode())
    except OSError as error:
        state.update(f"unreadable {error.errno}".encode())
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class File:
    """A policy file: its path, its text, and what stands in it."""

    source: str
    text: str
    document: PolicyDocument


_LESSON_FILE = re.compile(r"([a-z0-9][a-z0-9_-]{0,39})\.([a-z]{2})\.md")


def lessons_in(folder: Path, problems: list[Problem]) -> tuple[Lesson, ...]:
    """The lessons of a folder; what is wrong with their files goes to `problems`."""
    lessons: list[Lesson] = []
    if not folder.is_dir():
        return ()
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        found = _LESSON_FILE.fullmatch(path.name)
        if found is None:
            message = "is not a lesson; name it by lesson and language, e.g. `secrets.en.md`"
            problems.append(Problem(str(path), 0, 0, message))
            continue
        try:
            text = documents.read(path)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        if len(text) > LESSON_BYTES or not text.strip():
            message = f"a lesson has 1 to {LESSON_BYTES} characters, this one {len(text.strip())}"
            problems.append(Problem(str(path), 1, 1, message))
        lessons.append(Lesson(found[1], found[2], text, str(path)))
    return tuple(lessons)
