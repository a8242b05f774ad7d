"""Is what was compiled loaded again, and only what this gateway compiled?"""

import os
import secrets
import stat

import hyperscan
import pytest
from support.gateway import KEY

from gateway.detectors import Custom, Engine, Settings, databases
from gateway.detectors.databases import KEPT, database, tidy
from gateway.detectors.settings import Internal, Nlp

FORMS = [(rb"\d{3}-\d{2}-\d{4}", 0), (b"passport", hyperscan.HS_FLAG_CASELESS)]
TEXT = b"Passport 123-45-6789"


@pytest.fixture
def compiled(monkeypatch):
    """How many patterns each compilation had."""
    counts = []
    real = databases._compile

    def spy(forms, **given):
        counts.append(len(forms))
        return real(forms, **given)

    monkeypatch.setattr(databases, "_compile", spy)
    return counts


def hits(made):
    found = []
    made.matcher.scan(TEXT, match_event_handler=lambda *hit: found.append((hit[0], hit[2])))
    return sorted(found)


def test_a_pattern_is_told_by_its_place_compiled_or_loaded(tmp_path, compiled):
    for _ in range(2):
        made = database(FORMS, key=b"k", cache_dir=tmp_path)
        assert hits(made) == [(0, 20), (1, 8)]
        assert made.rejected == ()
    assert compiled == [2]
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_the_matcher_does_not_take_is_told_each_time(tmp_path, compiled):
    bad = (rb"(?P<x>a)(?(x)b|c){1,99999}", 0)
    for _ in range(2):
        made = database([bad, *FORMS], key=b"k", cache_dir=tmp_path)
        assert made.rejected == (0,)
        assert hits(made) == [(1, 20), (2, 8)]
        assert database([bad], key=b"k", cache_dir=tmp_path) == (None, (0,))
        count = len(compiled)
    assert count == len(compiled)  # the second time nothing was compiled
    assert database([], key=b"k", cache_dir=None) == (None, ())


def test_damaged_and_foreign_files_are_compiled_anew(tmp_path, compiled):
    database(FORMS, key=b"k", cache_dir=tmp_path)
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    for damaged in (
        b"",
        data[:40],
        data[:-1] + bytes([data[-1] ^ 1]),
        b"X" + data[1:],
        data + b"more",
    ):
        file.write_bytes(damaged)
        compiled.clear()
        assert hits(database(FORMS, key=b"k", cache_dir=tmp_path)) == [(0, 20), (1, 8)]
        assert compiled, len(damaged)
        assert len(file.read_bytes()) > 40
    compiled.clear()
    database(FORMS, key=b"another key", cache_dir=tmp_path)
    assert compiled
    # Under another name it is not what it says.
    other = [(b"iban", 0)]
    database(other, key=b"k", cache_dir=tmp_path)
    (name,) = set(tmp_path.iterdir()) - {file}
    database(FORMS, key=b"k", cache_dir=tmp_path)
    name.write_bytes(file.read_bytes())
    compiled.clear()
    database(other, key=b"k", cache_dir=tmp_path)
    assert compiled


def test_a_database_for_another_processor_is_compiled_anew(tmp_path, compiled, monkeypatch):
    database(FORMS, key=b"k", cache_dir=tmp_path)
    compiled.clear()
    load = hyperscan.loadb
    answers = iter([hyperscan.error("other platform")])

    def refuse(*given):
        for answer in answers:
            raise answer
        return load(*given)

    monkeypatch.setattr(hyperscan, "loadb", refuse)
    assert hits(database(FORMS, key=b"k", cache_dir=tmp_path)) == [(0, 20), (1, 8)]
    assert compiled


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    for _ in range(2):
        assert hits(database(FORMS, key=b"k", cache_dir=blocked / "below"))
    tidy(blocked / "below")


def test_what_no_start_has_used_for_long_is_deleted(tmp_path):
    made = []
    for pattern in (b"old", b"used", b"new"):
        database([(pattern, 0)], key=b"k", cache_dir=tmp_path)
        (file,) = set(tmp_path.iterdir()) - set(made)
        made.append(file)
    other = tmp_path / "notes.txt"
    other.write_text("")
    for path in (*made[:2], other):
        os.utime(path, (1e9, 1e9))
    database([(b"used", 0)], key=b"k", cache_dir=tmp_path)
    tidy(tmp_path)
    assert set(tmp_path.iterdir()) == {made[1], made[2], other}
    os.utime(made[1], (1e9, 1e9))
    os.utime(made[2], (1e9 + KEPT, 1e9 + KEPT))
    tidy(tmp_path)
    assert set(tmp_path.iterdir()) == {made[1], made[2], other}


def test_another_own_pattern_leaves_what_ships_compiled(cache, compiled):
    quiet = Nlp(engine="blank")
    Engine.build(Settings(nlp=quiet), key=KEY, cache_dir=cache)
    compiled.clear()
    number = secrets.randbelow(10**6)  # or the databases of an earlier run are loaded
    settings = Settings(
        nlp=quiet,
        custom=(
            Custom(
                entity="PROJECT", regex=(rf"PRJ{number}-\d{{6}}",), hits=(f"PRJ{number}-123456",),
                misses=("PRJ",),
            ),
        ),
        internal=Internal(hosts=(f"acme{number}.example",), packages=(f"com.acme{number}",)),
    )  # fmt: skip
    engine = Engine.build(settings, key=KEY, cache_dir=cache)
    assert 1 <= sum(compiled) <= 3
    text = f"see PRJ{number}-123456 at wiki.acme{number}.example in com.acme{number}.billing"
    assert {match.entity for match in engine.scan(text).matches} >= {
        "PROJECT",
        "INTERNAL_HOST",
        "INTERNAL_PACKAGE",
    }
