from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.services.paths import PathPattern, normalise

CHAT = "/v1/chat/completions"

SPELLINGS = [
    "/v1/chat/completions",
    "//v1/chat/completions",
    "/v1//chat///completions",
    "/v1/./chat/completions",
    "/v1/x/../chat/completions",
    "/../../v1/chat/completions",
    "/v1/%2e/chat/completions",
    "/v1/x/%2E%2e/chat/completions",
    "/v1/%63hat/completions",
    "/v1/%2563hat/completions",
    "/v1/%252563hat/completions",
    "/v1%2Fchat%2fcompletions",
    "/v1%5Cchat%5ccompletions",
    "/v1\\chat\\completions",
    "/v1/chat/completions/",
    "/v1/chat/completions//",
    "/v1/chat/completions/.",
    "/v1/chat/completions;v=1",
    "/v1;a/chat;b=c/completions;",
    "/v1/chat/completions?a=b/c",
    "/v1/chat/completions?",
    "/v1/chat/completions#top",
    "/v1/chat/completions%3Fa=b",
    "/v1/chat/completions%20",
    "/v1/chat/completions%00",
    "/v1/chat/%09completions",
    "/V1/Chat/COMPLETIONS",
    "v1/chat/completions",
    "https://api.openai.com/v1/chat/completions",
    "HTTP://user@api.openai.com:80//v1/chat/completions?x",
]


@pytest.mark.parametrize("target", SPELLINGS)
def test_a_path_has_one_normal_form(target):
    assert normalise(target) == CHAT


@pytest.mark.parametrize(
    "target", ["", "/", "*", "?x", "//", "/%2e%2e/..", "https://api.openai.com"]
)
def test_the_root_and_odd_targets_are_no_error(target):
    assert normalise(target) in {"/", "/*"}


@pytest.mark.parametrize(
    "target", ["/v1/chat/completions/x", "/v2/chat/completions", "/v1/chat", "/v1/chatcompletions"]
)
def test_different_paths_stay_different(target):
    assert normalise(target) != CHAT


@given(st.text(max_size=120))
@settings(max_examples=examples(300), deadline=None)
def test_normalising_any_target_gives_a_clean_path(target):
    path = normalise(target)
    assert path.startswith("/")
    segments = path.split("/")[1:]
    assert path == "/" or not {"", ".", ".."} & set(segments)


@given(st.data())
@settings(max_examples=examples(200), deadline=None)
def test_escaping_any_characters_changes_nothing(data):
    chosen = data.draw(st.sets(st.integers(0, len(CHAT) - 1)))
    rounds = data.draw(st.integers(1, 4))
    spelt = ""
    for index, character in enumerate(CHAT):
        piece = character
        if index in chosen:
            piece = f"%{ord(character):02x}"
            for _ in range(rounds - 1):
                piece = quote(piece, safe="")
        spelt += piece
    assert normalise(spelt) == CHAT


@pytest.mark.parametrize(
    ("pattern", "matching", "not_matching"),
    [
        ("/v1/files", ["/v1/files"], ["/v1/files/x", "/v1", "/"]),
        ("/v1/{x}/parts", ["/v1/a/parts"], ["/v1/parts", "/v1/a/b/parts"]),
        ("/v1/models/{m}:generate", ["/v1/models/a.b:generate"], ["/v1/models/:generate"]),
        (
            "/model/**/invoke",
            ["/model/invoke", "/model/a/b/invoke"],
            ["/model/a/invoked", "/modelx/invoke"],
        ),
        ("/**", ["/", "/a", "/a/b"], []),
        ("/a/**", ["/a", "/a/b/c"], ["/", "/ab"]),
        ("/", ["/"], ["/a"]),
        ("/V1/{Model}".replace("Model", "model"), ["/v1/x"], ["/v1"]),
    ],
)
def test_patterns_match_what_they_say(pattern, matching, not_matching):
    compiled = PathPattern.parse(pattern)
    for path in matching:
        assert compiled.matches(path), path
        if compiled.length is not None:
            assert compiled.length == (path.count("/") if path != "/" else 0)
    for path in not_matching:
        assert not compiled.matches(path), path


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("v1/files", "must start with"),
        ("/v1?x", "query"),
        ("/v1/*", "`\\*\\*`"),
        ("/v1/a**", "alone"),
        ("/**/a/**", "more than one"),
        ("/{a}-{b}", "more than one"),
        ("/v1//x", "not a plain segment"),
        ("/v1/../x", "not a plain segment"),
        ("/v1/{x", "not a plain segment"),
        ("/v1/%41", "not a plain segment"),
    ],
)
def test_a_wrong_pattern_says_what_is_wrong(pattern, message):
    with pytest.raises(ValueError, match=message):
        PathPattern.parse(pattern)


@pytest.mark.parametrize(
    "target",
    [
        "/models" * 9_000,
        "/" + "a:" * 32_000,
        "/v1/models/" + ":predict" * 8_000,
        "/%2e%2e" * 9_000,
        "/" + "%25" * 20_000 + "41",
        "/" * 64_000,
    ],
    ids=["many segments", "colons", "tails", "dots", "escapes", "slashes"],
)
def test_hostile_targets_take_linear_time(target):
    patterns = [
        PathPattern.parse(text)
        for text in ("/**/models/{m}:predict", "/{v}/models/{m}:predict", "/models/**/predict")
    ]
    start = time.process_time()
    path = normalise(target)
    for pattern in patterns:
        pattern.matches(path)
    assert time.process_time() - start < 0.5  # measured: under 0.05; quadratic would take minutes
