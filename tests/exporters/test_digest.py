"""Digests, to a real SMTP server: what they tell, when, and that each comes once."""

from __future__ import annotations

import asyncio
import email
import email.policy
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import TypeAdapter, ValidationError
from support.incidents import an_incident
from support.receivers import server_context
from support.upstream import certificate

from gateway.exporters import building, digest
from gateway.exporters.document import Export
from gateway.exporters.ledger import Ledger
from gateway.exporters.reach import Reach
from gateway.exporters.running import Digester, Pace
from gateway.exporters.sink import Undelivered
from gateway.incidents.record import FindingGroup
from gateway.incidents.store import Store
from gateway.model import Severity

PASSWORD = "w0rd-" * 4
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
SHAPE = TypeAdapter(Export)


class Box:
    """What a mail server took; `script` holds answers for the next mails."""

    def __init__(self):
        self.mails = []
        self.script = []
        self.no_such = set()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802  # the library's name
        if address in self.no_such:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, session, envelope):  # noqa: N802  # as above
        if self.script:
            return self.script.pop(0)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((mail, tuple(envelope.rcpt_tos), session.ssl is not None))
        return "250 taken"


def authenticate(_server, _session, _envelope, _mechanism, data):
    good = (data.login, data.password) == (b"gateway", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("mail"), "localhost")


@contextmanager
def served(tls, kind="starttls"):
    box, context = Box(), server_context(tls)
    how = {"hostname": "127.0.0.1", "port": 0, "authenticator": authenticate}
    match kind:
        case "starttls":
            how |= {"tls_context": context, "require_starttls": True}
        case "smtps":
            how |= {"ssl_context": context, "auth_require_tls": False}
    controller = _Controller(box, **how)
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


class _Controller(Controller):
    def _trigger_server(self):
        """Port 0 was some port in the end."""
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def export(tls, port, kind="starttls", **changes):
    values = {
        "name": "soc",
        "kind": "email",
        "to": "soc@example.com, legal@example.com",
        "sender": "leakgate@example.com",
        "server": f"{'smtps' if kind == 'smtps' else 'smtp'}://localhost:{port}",
        "console": "https://gate.example.com:9090",
        "ca": tls[1],
    }
    return SHAPE.validate_python(values | changes)


def sent(made, incidents):
    asyncio.run(building.sink(made, Reach()).send(incidents))


@pytest.mark.parametrize("kind", ["starttls", "smtps"])
def test_a_digest_counts_and_names_nobody(tls, monkeypatch, kind):
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    nasty = an_incident(3, severity=Severity.CRITICAL, service="<b>&", enforcement="refuse")
    with served(tls, kind) as (box, port):
        login = {"user": "gateway", "password": {"env": "MAIL_PASSWORD"}}
        sent(export(tls, port, kind, **login), [an_incident(1), an_incident(2), nasty])
    ((mail, receivers, encrypted),) = box.mails
    # The port of `smtps` speaks nothing else; the server notes STARTTLS only.
    assert encrypted == (kind == "starttls")
    assert receivers == ("soc@example.com", "legal@example.com")
    assert mail["subject"] == "Leakgate soc: 3 incidents, 1 critical"
    assert mail["auto-submitted"] == "auto-generated"
    plain = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    assert "3 in all: 2 sent without what was found, 1 not sent." in plain
    assert "      3  block-ssn" in plain
    link = "https://gate.example.com:9090/console/incidents?rule=block-ssn&since=2026-03-01"
    assert link in plain
    assert link.replace("&", "&amp;") in html
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
    for told in (plain, html, str(mail)):
        for secret in ("6789", "ann@", "192.0.2.7", PASSWORD, "•"):
            assert secret not in told


@pytest.mark.parametrize(
    ("answer", "cause"), [("451 later", "busy"), ("554 no", "refused"), ("421 gone", "busy")]
)
def test_a_server_that_takes_none_is_told_of(tls, answer, cause):
    with served(tls) as (box, port):
        box.script = [answer]
        with pytest.raises(Undelivered) as caught:
            sent(export(tls, port), [an_incident()])
        assert caught.value.cause == cause
        assert box.mails == []


def test_what_is_wrong_with_the_way_is_told(tls, tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", "another")
    login = {"user": "gateway", "password": {"env": "MAIL_PASSWORD"}}

    def cause(made, reach=None):
        with pytest.raises(Undelivered) as caught:
            asyncio.run(building.sink(made, reach or Reach()).send([an_incident()]))
        return caught.value.cause

    with served(tls) as (box, port):
        assert cause(export(tls, port, **login)) == "auth"
        (tmp_path / "x").mkdir()
        assert cause(export(certificate(tmp_path / "x", "localhost"), port)) == "tls"
        wrong = export(tls, port, server=f"smtp://127.0.0.1:{port}")
        assert cause(wrong) == "tls", "the certificate is for another name"
        assert cause(export(tls, port), Reach(frozenset({"localhost"}))) == "denied"
        box.no_such = {"soc@example.com", "legal@example.com"}
        assert cause(export(tls, port)) == "refused"
        assert box.mails == []
    assert cause(export(tls, port)) == "connect"
    with served(tls, "plain") as (box, port):
        assert cause(export(tls, port)) == "protocol", "no STARTTLS is offered"
        assert box.mails == []
        sent(export(tls, port, ca=None), [an_incident()])
        assert len(box.mails) == 1, "to this machine it goes without"


# --- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "now", "ends"),
    [
        ({"every": "hour"}, "2026-03-04T12:30+00:00", "2026-03-04T12:00+00:00"),
        ({"every": "hour"}, "2026-03-04T12:01+00:00", "2026-03-04T11:00+00:00"),
        ({}, "2026-03-04T12:00+00:00", "2026-03-04T07:00+00:00"),
        ({"at": "13:00"}, "2026-03-04T12:00+00:00", "2026-03-03T13:00+00:00"),
        ({"every": "week"}, "2026-03-04T12:00+00:00", "2026-03-02T07:00+00:00"),
        ({"every": "week"}, "2026-03-02T06:00+00:00", "2026-02-23T07:00+00:00"),
        # A day of 23 hours, and one of 25.
        ({"zone": "Europe/Berlin"}, "2026-03-28T12:00+00:00", "2026-03-28T06:00+00:00"),
        ({"zone": "Europe/Berlin"}, "2026-03-29T12:00+00:00", "2026-03-29T05:00+00:00"),
        ({"zone": "Europe/Berlin"}, "2026-10-25T12:00+00:00", "2026-10-25T06:00+00:00"),
    ],
)
def test_a_digest_ends_at_its_hour(tls, changes, now, ends):
    made = export(tls, 25, **changes)
    assert digest.due(made, datetime.fromisoformat(now)) == datetime.fromisoformat(ends)


@pytest.fixture
def clock():
    at = [NOON]

    def now():
        return at[0]

    now.forward = lambda **span: at.__setitem__(0, at[0] + timedelta(**span))
    return now


def tasks(made, ledgers, notes, clock):
    threads = ThreadPoolExecutor(2)
    return [
        Digester(
            made,
            building.sink(made, Reach()),
            ledger,
            meter=notes,
            threads=threads,
            pace=Pace(look=0.01, standby=0.01, first=0.01, longest=0.02),
            clock=lambda: clock().timestamp(),
        )
        for ledger in ledgers
    ]


async def turned(some, times=3):
    for _ in range(times):
        for each in some:
            await each._guarded()


def test_each_digest_comes_once_whichever_gateway_sends_it(migrated_url, tls, notes, clock):
    store = Store.open(migrated_url, clock=clock)
    ledgers = [Ledger.open(migrated_url, name, clock=clock) for name in ("one", "two")]
    values = {
        "fingerprints": ("f" * 32,), "entity": "US_SSN", "path": "p", "role": "user", "kind": "text",
        "detector": "d", "count": 1, "distinct": 1, "confidence": 0.9, "preview": "•••6789",
    }  # fmt: skip
    again = (FindingGroup(**values),)
    with served(tls) as (box, port):
        made = export(tls, port, min_severity="medium", services=["openai-api"])
        ledgers[0].begin([made.name])
        store.add([an_incident(n, at=NOON, findings=again) for n in (1, 2)])
        store.add([an_incident(3, severity=Severity.LOW), an_incident(4, service="other")])
        both = tasks(made, ledgers, notes, clock)
        asyncio.run(turned(both))
        assert box.mails == [], "the day is not over"
        clock.forward(hours=20)
        box.script = ["451 later"]
        asyncio.run(turned(both))
        assert len(box.mails) == 1
        assert notes.failures == {("soc", "busy"): 1}
        assert notes.counts["soc", "delivered"] == 1
        ((mail, _, _),) = box.mails
        assert mail["subject"] == "Leakgate soc: 2 incidents, 2 high"
        plain = mail.get_body(("plain",)).get_content()
        assert "from 2026-03-04 12:00 to 2026-03-05 07:00 (UTC)" in plain
        assert "2  US_SSN by block-ssn to openai-api" in plain
        assert "6789" not in plain
        # After a restart nothing is sent anew, and an empty day is no mail.
        clock.forward(days=1)
        asyncio.run(turned(tasks(made, ledgers, notes, clock)))
        assert len(box.mails) == 1
        # What comes later is in the next one; a gateway that died is followed by the other.
        store.add([an_incident(5, at=NOON)])
        clock.forward(days=1)
        asyncio.run(turned(tasks(made, ledgers[1:], notes, clock)))
        assert [mail["subject"] for mail, _, _ in box.mails[1:]] == [
            "Leakgate soc: 1 incident, 1 high"
        ]
        assert len({mail["message-id"] for mail, _, _ in box.mails}) == 2
    for ledger in ledgers:
        ledger.close()
    store.close()


def test_what_a_dead_gateway_may_have_sent_is_repeated_as_it_was(
    migrated_url, tls, notes, clock, monkeypatch
):
    store = Store.open(migrated_url, clock=clock)
    ledgers = [Ledger.open(migrated_url, name, clock=clock) for name in ("one", "two")]
    with served(tls) as (box, port):
        made = export(tls, port)
        ledgers[0].begin([made.name])
        store.add([an_incident(1, at=NOON)])
        clock.forward(hours=20)
        (dying,) = tasks(made, ledgers[:1], notes, clock)
        with monkeypatch.context() as patched:
            # Killed when the server has the mail, and before that is noted.
            patched.setattr(dying, "_settle", lambda: asyncio.sleep(0))
            asyncio.run(turned([dying], times=1))
        assert len(box.mails) == 1
        # The other takes over when the next digest is due already.
        store.add([an_incident(2, at=NOON), an_incident(3, at=NOON)])
        clock.forward(days=1)
        asyncio.run(turned(tasks(made, ledgers[1:], notes, clock)))
    first, again, later = (mail for mail, _, _ in box.mails)
    assert again["message-id"] == first["message-id"] != later["message-id"]
    assert again["subject"] == first["subject"] == "Leakgate soc: 1 incident, 1 high"
    assert later["subject"] == "Leakgate soc: 2 incidents, 2 high"
    for ledger in ledgers:
        ledger.close()
    store.close()


def test_an_empty_digest_comes_where_it_is_wanted(migrated_url, tls, notes, clock):
    ledger = Ledger.open(migrated_url, "one", clock=clock)
    with served(tls) as (box, port):
        made = export(tls, port, empty=True, every="hour")
        ledger.begin([made.name])
        clock.forward(hours=2)
        asyncio.run(turned(tasks(made, [ledger], notes, clock)))
        ((mail, _, _),) = box.mails
        assert mail["subject"] == "Leakgate soc: no incidents"
    ledger.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"to": "soc@example.com\r\nBcc: x@example.com"}, "is not an address"),
        ({"to": "a@b, c"}, "is not an address"),
        ({"sender": "Leak Gate <a@b>"}, "is not an address"),
        ({"server": "https://a"}, "is not `smtps://HOST` or `smtp://HOST`"),
        ({"at": "7:00"}, "pattern"),
        ({"zone": "Berlin"}, "is not a time zone"),
        ({"user": "u"}, "go together"),
        ({"console": "http://gate.example.com"}, "in clear text"),
    ],
)
def test_settings_that_cannot_work_are_refused(tls, changes, told):
    with pytest.raises(ValidationError) as caught:
        export(tls, 25, **changes)
    assert told in str(caught.value)
