import os
from pathlib import Path

import pytest

from gateway.documents import DocumentError
from gateway.policy import fingerprint, load


def test_nothing_that_looks_like_a_policy_is_passed_over(tmp_path: Path, vocabulary):
    with pytest.raises(DocumentError, match="holds no policy"):
        load(tmp_path, vocabulary)
    with pytest.raises(DocumentError, match="not a directory"):
        load(tmp_path / "none", vocabulary)
    (tmp_path / "a.yaml").write_text("version: 1")
    (tmp_path / "b.yml").write_text("version: 1")
    with pytest.raises(DocumentError, match="would not be read"):
        load(tmp_path, vocabulary)


def test_the_fingerprint_shows_each_change_and_never_raises(tmp_path: Path):
    marks = [fingerprint(tmp_path), fingerprint(tmp_path / "none")]
    file = tmp_path / "a.yaml"
    file.write_text("a")
    marks.append(fingerprint(tmp_path))
    file.write_text("ab")
    marks.append(fingerprint(tmp_path))
    os.utime(file, ns=(1, 1))
    marks.append(fingerprint(tmp_path))
    file.unlink()
    assert len(set(marks)) == len(marks)
    assert fingerprint(tmp_path) == marks[0]
