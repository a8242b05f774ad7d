"""Settings: three sources, strict, and every error at its place."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import bootstrap
from gateway.content import FileLimits
from gateway.documents import DocumentError
from gateway.settings import PREFIX, Settings, gather, split


def problems(config=None, environment=None, command=None):
    with pytest.raises(DocumentError) as caught:
        gather(config, environment or {}, command or {})
    return [str(each) for each in caught.value.problems]


def file(folder, text):
    path = folder / "leakgate.yaml"
    path.write_text(text)
    return path


def test_the_defaults_listen_on_this_machine_only():
    settings = gather(None, {}, {})
    assert split(settings.listen)[0] == "127.0.0.1"
    assert split(settings.admin)[0] == "127.0.0.1"
    assert settings.on_spool_failure == "refuse"
    assert settings.pass_through == []


def test_what_is_given_later_wins(tmp_path):
    config = file(tmp_path, "deadline: 5\nworkers: 3\nlog_level: debug\n")
    environment = {"LEAKGATE_WORKERS": "4", "LEAKGATE_LOG_LEVEL": "error"}
    settings = gather(config, environment, {"log_level": "warning", "state": None})
    assert (settings.deadline, settings.workers, settings.log_level) == (5.0, 4, "warning")


def test_limits_of_files_are_those_of_the_reader(tmp_path):
    """Defaults agree, and each setting reaches the limit that it names."""
    assert bootstrap.file_limits(gather(None, {}, {})) == FileLimits()
    given = {
        "seconds": 3.0, "expanded": 1, "ratio": 2, "text": 3, "entries": 4, "depth": 5,
        "pages": 6, "pictures": 7, "frames": 8, "pixels": 9, "memory": 10,
    }  # fmt: skip
    config = file(tmp_path, "".join(f"file_{key}: {value}\n" for key, value in given.items()))
    given["files"] = given.pop("entries")
    assert bootstrap.file_limits(gather(config, {}, {})) == FileLimits(**given)
    assert {*given, "ratio_floor"} == {each.name for each in dataclasses.fields(FileLimits)}


def test_the_file_can_be_named_in_the_environment(tmp_path):
    config = file(tmp_path, "deadline: 5\n")
    assert gather(None, {"LEAKGATE_CONFIG": str(config)}, {}).deadline == 5.0
    other = tmp_path / "other.yaml"
    other.write_text("deadline: 6\n")
    assert gather(other, {"LEAKGATE_CONFIG": str(config)}, {}).deadline == 6.0


def test_all_errors_of_all_sources_are_told_at_once(tmp_path):
    config = file(tmp_path, "listne: 1.2.3.4:80\nworkers: 0\nmax_body: big\n")
    found = problems(config, {"LEAKGATE_DEADLIN": "1", "LEAKGATE_WORKERS": "many"})
    assert f"{config}:1:1: unknown key `listne`, did you mean `listen`?" in found
    assert any(each.startswith(f"{config}:2:1: ") for each in found)
    assert f"{config}:3:1: `big` is not a size such as `64m`" in found
    assert any("unknown setting, did you mean `deadline`?" in each for each in found)
    assert any(each.startswith("environment LEAKGATE_WORKERS:") for each in found)
    assert len(found) == 5


def test_a_key_given_twice_is_an_error(tmp_path):
    assert "duplicate key `state`" in problems(file(tmp_path, "state: a\nstate: b\n"))[0]


@pytest.mark.parametrize("text", ["- a\n", "just words\n", "a: [\n", "a: b: c\n", "\tx: 1\n"])
def test_a_file_that_is_no_mapping_is_an_error(tmp_path, text):
    assert problems(file(tmp_path, text))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    assert "cannot be read" in problems(tmp_path / "none.yaml")[0]


def test_a_bad_option_is_named_as_people_type_it():
    assert problems(command={"listen": "everywhere"}) == [
        "option --listen:0:0: `everywhere` is not HOST:PORT"
    ]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        (" 90M ", timedelta(minutes=90)),
        ("61s", timedelta(seconds=61)),
        ("3600", timedelta(hours=1)),
    ],
)
def test_spans_of_time(text, span):
    assert gather(None, {"LEAKGATE_TOKEN_TTL": text}, {}).token_ttl == span


@pytest.mark.parametrize(
    "text", ["", "30", "0d", "soon", "1.5h", "-1d", "30d12h", "4000d", "999999999d", "yes", "[1]"]
)
def test_what_is_no_span_of_time_that_tokens_may_live(text):
    assert len(problems(environment={"LEAKGATE_TOKEN_TTL": text})) == 1


def test_token_keys_are_in_the_state_folder_unless_said_otherwise():
    settings = gather(None, {"LEAKGATE_STATE": "there"}, {})
    assert settings.token_keys_path == Path("there/token.keys")
    settings = gather(None, {"LEAKGATE_TOKEN_KEYS": "/run/secrets/token.keys"}, {})
    assert settings.token_keys_path == Path("/run/secrets/token.keys")


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("64m", 64 << 20), ("64MB", 64 << 20), (" 2g ", 2 << 30), ("10k", 10240), ("7b", 7)],
)
def test_sizes(text, size):
    assert gather(None, {"LEAKGATE_MAX_BODY": text}, {}).max_body == size


@pytest.mark.parametrize("text", ["", "m", "0", "-1", "1.5g", "64 m b", "1t", "²m", "٣m", "9mk"])
def test_what_is_no_size(text):
    assert problems(environment={"LEAKGATE_MAX_BODY": text})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        (":8080", ("0.0.0.0", 8080)),
        ("[::1]:8080", ("::1", 8080)),
        ("[::]:8080", ("::", 8080)),
    ],
)
def test_addresses_may_come_from_the_environment_without_quotes(text, address):
    assert split(gather(None, {"LEAKGATE_LISTEN": text}, {}).listen) == address


@pytest.mark.parametrize(
    "text",
    ["8080", "127.0.0.1", "127.0.0.1:", "h.example:80", "1.2.3.4:65536", "1.2.3.4:²", "a:b:c"],
)
def test_what_is_no_address(text):
    assert problems(command={"listen": text})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("mode", "socks5", ["socks5"]),
        ("mode", "[regular, 'socks5@1080']", ["regular", "socks5@1080"]),
        ("pass_through", "pins.example.com", ["pins.example.com"]),
        ("upstreams", "{api.openai.com: 'https://ai.example.com'}", {"api.openai.com": "https://ai.example.com"}),
        ("state", "007", Path("007")),
        ("state", "2026-13-01", Path("2026-13-01")),  # no date, and YAML says so by an exception
        ("database", "", ""),
        ("database", "postgresql://u:p@h/db", "postgresql://u:p@h/db"),
        ("deadline", "2.5", 2.5),
        ("trusted_ca", "", None),
    ],
)  # fmt: skip
def test_values_from_the_environment(name, text, value):
    assert getattr(gather(None, {f"{PREFIX}{name.upper()}": text}, {}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("upstreams", "api.openai.com"),
        ("workers", "two"),
        ("workers", "257"),
        ("deadline", ".inf"),
        ("on_spool_failure", "ignore"),
        ("mode", "[]"),
        ("log_level", "[debug]"),
    ],
)
def test_bad_values_in_the_environment(name, text):
    assert problems(environment={f"{PREFIX}{name.upper()}": text})


def test_a_password_is_not_in_an_error():
    found = problems(
        environment={
            "LEAKGATE_DATABASE": "{url: postgresql://u:hunter2@h}",
            "LEAKGATE_WORKERS": "hunter2",
        }
    )
    assert "hunter2" not in "".join(found)


def test_other_programs_variables_are_left_alone():
    assert gather(None, {"PATH": "/bin", "LEAKGATEX": "1"}, {}) == gather(None, {}, {})


@given(
    st.sampled_from(sorted(Settings.model_fields)),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)
def test_any_variable_is_taken_or_told(name, text):
    with contextlib.suppress(DocumentError):
        gather(None, {f"{PREFIX}{name.upper()}": text}, {})


def test_every_setting_says_what_it_is():
    missing = [name for name, field in Settings.model_fields.items() if not field.description]
    assert missing == []
