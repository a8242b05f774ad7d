"""Are the files of `deploy/` whole, safe, and in step with the gateway's settings?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.settings import Settings, gather

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"


def files(*endings: str) -> list[Path]:
    return sorted(path for path in DEPLOY.rglob("*") if path.name.endswith(endings))


def name(path: Path) -> str:
    return str(path.relative_to(DEPLOY))


@pytest.mark.parametrize("path", files(".yaml", ".yml"), ids=name)
def test_yaml_is_read(path):
    assert yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", files(".json"), ids=name)
def test_json_is_read(path):
    assert json.loads(path.read_text())


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, **options
    )  # type: ignore[call-overload, no-any-return]


def program(wanted: str, why: str) -> str:
    beside = Path(sys.executable).parent / wanted
    found = str(beside) if beside.exists() else shutil.which(wanted)
    if found is None:
        pytest.skip(why)
    return found


# --- settings ------------------------------------------------------------------------------------


def test_the_sample_settings_are_valid():
    settings = gather(DEPLOY / "leakgate.yaml", {}, {})
    assert settings.spool_max_bytes == 256 << 20
    assert settings.state == Path("/var/lib/leakgate")


def test_settings_that_are_commented_out_are_valid_too(tmp_path):
    lines = (DEPLOY / "leakgate.yaml").read_text().splitlines()
    # A setting in a comment is `# key: value`; prose never starts so.
    text = "\n".join(re.sub(r"^# (\w+: )", r"\1", line) for line in lines)
    path = tmp_path / "all.yaml"
    path.write_text(text)
    settings = gather(path, {}, {})
    assert settings.database.startswith("postgresql://")
    assert settings.pass_through == ["updates.example.com"]


@pytest.mark.parametrize("path", [DEPLOY / "Dockerfile", DEPLOY / "compose.yaml"], ids=name)
def test_environment_variables_are_settings(path):
    named = {
        word.removeprefix("LEAKGATE_").lower()
        for word in re.findall(r"(?<!\{)\bLEAKGATE_[A-Z_]+(?=[=:] ?\S)", path.read_text())
    }
    assert named
    assert named <= set(Settings.model_fields) | {"config"}


def test_the_guide_names_every_setting():
    text = (TOP / "docs" / "operations.md").read_text()
    assert [field for field in Settings.model_fields if f"`{field}`" not in text] == []


# --- container -----------------------------------------------------------------------------------


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text()


def test_hadolint_has_nothing_to_say():
    hadolint = program("hadolint", "hadolint is a development dependency")
    done = run(hadolint, "--failure-threshold", "style", DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_an_ordinary_user_and_watches_itself():
    final = dockerfile().rsplit("\nFROM ", 1)[1]
    (user,) = re.findall(r"^USER (\S+)", final, re.MULTILINE)
    assert user == "10001:10001"
    assert "/readyz" in final
    assert "HEALTHCHECK" in final
    assert "VOLUME /var/lib/leakgate" in final


def test_what_the_image_copies_exists_and_is_let_through():
    allowed = {
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile(), re.MULTILINE)
    for source in " ".join(copied).split():
        if source != "README.md":  # written last
            assert (TOP / source).exists(), source
        assert any(source == entry or source.startswith(f"{entry}/") for entry in allowed), source


def compose() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_refers_to_what_it_declares():
    document = compose()
    for service, body in document["services"].items():
        for network in body.get("networks", ()):  # type: ignore[attr-defined]
            assert network in document["networks"], service
        for other in body.get("depends_on", ()):  # type: ignore[attr-defined]
            assert other in document["services"], service
        for volume in body.get("volumes", ()):  # type: ignore[attr-defined]
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
            else:
                assert source in document["volumes"], source
        if "image" in body and "build" not in body:
            assert re.search(r":v?\d+[\w.\-]*$", str(body["image"])), "pin the version"


def test_the_gateway_in_compose_is_locked_down_and_alone_has_a_way_out():
    document = compose()
    gateway = document["services"]["leakgate"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in gateway["security_opt"]  # type: ignore[operator]
    assert document["networks"]["inside"]["internal"] is True
    assert [
        service
        for service, body in document["services"].items()
        if "egress" in body["networks"]  # type: ignore[operator]
    ] == ["leakgate"]
    for service in ("prometheus", "grafana"):
        for port in document["services"][service]["ports"]:  # type: ignore[attr-defined]
            assert port.startswith("127.0.0.1:")


def test_no_password_is_committed():
    text = (DEPLOY / "compose.yaml").read_text() + (DEPLOY / "compose.env.example").read_text()
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert re.search(r"\$\{\w+:\?|PASSWORD=$", line), line


def test_compose_and_prometheus_agree_on_where_the_gateway_is():
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = scrape["scrape_configs"]
    assert job["job_name"] == "leakgate"  # alerts select it by this name
    (target,) = job["static_configs"][0]["targets"]
    host, port = target.split(":")
    assert host in compose()["services"]
    assert f"LEAKGATE_ADMIN=0.0.0.0:{port}" in dockerfile()


# --- systemd, clients, firewall ------------------------------------------------------------------


def test_systemd_accepts_the_unit(tmp_path):
    analyze = program("systemd-analyze", "systemd is not installed")
    unit = tmp_path / "leakgate.service"
    text = (DEPLOY / "systemd" / "leakgate.service").read_text()
    # The program is not installed here; everything else is checked as it is.
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    done = run(analyze, "verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_little_exposed(tmp_path):
    analyze = program("systemd-analyze", "systemd is not installed")
    unit = tmp_path / "leakgate.service"
    shutil.copy(DEPLOY / "systemd" / "leakgate.service", unit)
    done = run(analyze, "security", "--offline=true", "--no-pager", "--threshold=25", unit)
    if "nrecognized option" in done.stderr or "nknown command" in done.stderr:
        pytest.skip("this systemd cannot judge units offline")
    assert done.returncode == 0, done.stdout[-200:]


def test_the_unit_starts_the_gateway_with_options_that_it_has():
    from click.testing import CliRunner

    from gateway.cli import main

    text = (DEPLOY / "systemd" / "leakgate.service").read_text()
    (line,) = re.findall(r"^ExecStart=\S+ (.+)$", text, re.MULTILINE)
    command, *options = line.split()
    help_text = CliRunner().invoke(main, [command, "--help"]).output
    for option in options:
        if option.startswith("--"):
            assert option in help_text
    # The gateway makes its state private and needs to write nowhere else.
    assert "ProtectSystem=strict" in text
    assert "StateDirectory=leakgate" in text


def test_the_firewall_file_is_accepted():
    nft = program("nft", "nftables is not installed")
    done = run(nft, "-c", "-f", DEPLOY / "firewall" / "nftables.conf")
    if "Operation not permitted" in done.stderr or "not supported" in done.stderr:
        pytest.skip("the kernel does not let us check nftables here")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", files(".sh"), ids=name)
def test_scripts_are_shell(path):
    assert run("sh", "-n", path).returncode == 0
    assert path.stat().st_mode & 0o100


def test_the_environment_of_clients_names_both_spellings():
    lines = (DEPLOY / "clients" / "leakgate.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for key in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        assert given[key] == given[key.lower()]
    # The one that adds gets the certificate alone; those that replace get the whole bundle.
    assert given["NODE_EXTRA_CA_CERTS"] not in {
        given["SSL_CERT_FILE"], given["REQUESTS_CA_BUNDLE"], given["CURL_CA_BUNDLE"]
    }  # fmt: skip


def test_every_file_of_clients_is_in_their_guide():
    guide = (DEPLOY / "clients" / "README.md").read_text()
    for path in (DEPLOY / "clients").iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in guide, path.name
