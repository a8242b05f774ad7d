"""What can be set about the console, and when it stays off."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from support.tables import sqlite

from gateway import bootstrap, cli
from gateway.audit import keeping
from gateway.audit.log import Log
from gateway.console.accounts import Accounts
from gateway.daemon import _is_private
from gateway.database.engines import open_engine
from gateway.documents import DocumentError
from gateway.settings import Settings, gather

OIDC = {"issuer": "https://login.example.com", "client_id": "x", "roles": {"admin": "a"}}


@pytest.mark.parametrize(
    ("console", "said"),
    [
        ({"url": "http://console.example.com"}, "must begin with `https://`"),
        ({"url": "https://console.example.com/console"}, "has more than a host"),
        ({"url": "console.example.com"}, "is not an address"),
        ({"url": "https://a:b@c.example"}, "has more than a host"),
        ({"local_accounts": False}, "nobody could sign in"),
        ({"oidc": OIDC}, "`oidc` needs `url`"),
        (
            {"url": "https://c.example", "oidc": {**OIDC, "issuer": "http://login.example"}},
            "address",
        ),
        ({"url": "https://c.example", "oidc": {**OIDC, "roles": {"root": "a"}}}, "privacy_officer"),
        ({"url": "https://c.example", "oidc": {**OIDC, "scopes": "email"}}, "`openid`"),
        ({"url": "https://c.example", "oidc": {**OIDC, "client_secret": "s3cret"}}, "secret"),
        ({"idle": "1s"}, "greater than or equal"),
        ({"enable": True}, "Extra inputs"),
    ],
)
def test_a_setting_that_makes_no_sense_is_an_error(console, said):
    with pytest.raises(DocumentError, match=re.escape(said)) as caught:
        gather(None, {}, {"console": console})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "private"),
    [
        ({}, True),
        ({"admin": "[::1]:9090"}, True),
        ({"admin": "localhost:9090"}, True),
        ({"admin": "0.0.0.0:9090"}, False),
        ({"admin": ":9090"}, False),
        ({"admin": "10.0.0.1:9090"}, False),
        ({"admin": "0.0.0.0:9090", "console": {"url": "https://c.example"}}, True),
        ({"admin": "0.0.0.0:9090", "admin_tls": {"certificate": "c", "key": "k"}}, True),
    ],
)
def test_passwords_do_not_pass_in_clear_text(settings, private):
    assert _is_private(Settings(**settings)) is private


def test_whoever_is_locked_out_gets_a_password_from_the_shell(tmp_path):
    url = sqlite(tmp_path / "leakgate.db")
    keeping.key(tmp_path / "audit.key")
    bootstrap.fingerprint_key(tmp_path)

    def ask(*arguments):
        return CliRunner().invoke(
            cli.main, ["console", "password", *arguments, "--state", str(tmp_path)]
        )

    first = ask("admin")
    assert first.exit_code == 0, first.output
    second = ask("admin").output.strip()
    assert second != first.output.strip()
    missing = ask("nobody")
    assert (missing.exit_code, "`nobody`" in missing.output) == (2, True)
    engine = open_engine(url)
    from datetime import UTC, datetime

    accounts = Accounts(engine, lambda: datetime.now(UTC))
    assert accounts.verify("admin", first.output.strip()) is None
    assert accounts.verify("admin", second).must_change
    log = Log(engine, keeping.key(tmp_path / "audit.key"))
    assert [entry.action for entry in log.list()] == ["account.reset", "account.created"]
    engine.dispose()
