"""A console with a gateway that stands still: real rules and catalogue, made-up figures."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from starlette.testclient import TestClient

from gateway import bootstrap, rehearsal
from gateway.audit.log import Log
from gateway.console import app
from gateway.console.accounts import OneTime, hashed
from gateway.console.document import Console
from gateway.console.gateway import (
    CannotTry,
    ExportState,
    Known,
    Loaded,
    Part,
    PassedHost,
    Traffic,
    Use,
)
from gateway.console.roles import Role
from gateway.database.engines import open_engine
from gateway.incidents.counts import Counts
from gateway.incidents.desk import Desk
from gateway.incidents.people import People, Pseudonyms
from gateway.incidents.store import Store
from gateway.incidents.work import Work
from gateway.policy import page
from gateway.policy.cases import CaseResult
from gateway.policy.written import written as written_in

POLICIES = Path(__file__).parents[2] / "policies"
ORIGIN = "http://127.0.0.1:9090"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
KEY = bytes(range(32))


@cache
def kept():
    """The hash of `PASSWORD`; each takes a tenth of a second."""
    return hashed(PASSWORD)


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self, at=NOON):
        self.at = at

    def __call__(self):
        return self.at

    def forward(self, **span):
        self.at += timedelta(**span)


@cache
def rules():
    return bootstrap.load_rules(POLICIES)


@cache
def written():
    return written_in(POLICIES)


class Standing:
    """The gateway, as `gateway.console.gateway` has it."""

    version = "0.0.0"

    def __init__(self):
        loaded = rules()
        self.now = Loaded(
            loaded.policy,
            loaded.catalogue,
            written(),
            NOON,
            registers=(
                Known("customers", "table", "REGISTERED_CUSTOMERS", "1,000,000 rows", "2026-01-01"),
            ),
        )
        self.tried = []
        self.fault = ""

    def loaded(self):
        return self.now

    def traffic(self):
        return Traffic(
            NOON - timedelta(days=2),
            {
                "chatgpt": Use(1200, 80, 12),
                "midjourney": Use(40, 0, 9),
                "openai-api": Use(5310, 240, 3),
                "unknown": Use(17, 0, 0),
            },
            {"encrypted": 7, "too_large": 2, "charset": 0},
            {"policy": 24, "timeout": 1},
            734_003_200,
            {"cards": 50, "distinctive-ids": 241},
        )

    def passed(self):
        return [
            PassedHost("tunnel.example.com", "pass_through", 12, 4096, 1 << 20, 1.0, 2.0),
            PassedHost("ai.example.net", "not_catalogued", 3, 100, 2000, 1.0, 2.0),
        ]

    def parts(self):
        return [
            Part("Proxy", True, "127.0.0.1:8080"),
            Part("Database", False, "OperationalError, tried 3 times"),
        ]

    def exports(self):
        return [ExportState("siem", "syslog", True, "", 40, 0.0)]

    def try_out(self, attempt):
        if self.fault:
            raise CannotTry(self.fault)
        self.tried.append(attempt)
        return {
            "service": attempt.service,
            "category": "chat",
            "operation": attempt.operation or "other",
            "act": "prompt",
            "verdict": "redact",
            "if_all_were_enforced": "block",
            "deciding_rules": ["cards"],
            "enforcement": "rewrite",
            "message": "A card number was taken out.",
            "findings": [
                {
                    "entity": "CREDIT_CARD",
                    "confidence": 0.9,
                    "detector": "card",
                    "path": "body.messages[0].content",
                    "role": "user",
                    "part": "text",
                    "editable": True,
                    "preview": "••••1111",
                    "fingerprint": "f" * 24,
                }
            ],
            "unread": [{"path": "body.file", "reason": "encrypted"}],
            "files": [
                {
                    "path": "body.file",
                    "family": "document",
                    "media_type": "application/pdf",
                    "size": 2048,
                    "facts": {"pages": 2},
                }
            ],
            "rules": [
                {
                    "rule": "cards",
                    "title": "Cards",
                    "mode": "enforce",
                    "action": "redact",
                    "matched": True,
                    "why": "1 finding of CREDIT_CARD",
                    "notes": [],
                },
                {
                    "rule": "contact-data",
                    "title": "Contacts",
                    "mode": "monitor",
                    "action": "redact",
                    "matched": False,
                    "why": "nothing of EMAIL_ADDRESS was found",
                    "notes": [],
                },
            ],
        }

    def run_cases(self):
        if self.fault:
            raise CannotTry(self.fault)
        return [
            CaseResult("a case", "p_test.yaml", 3, (), frozenset({"cards"})),
            CaseResult("another", "p_test.yaml", 9, ("wanted block, came allow",), frozenset()),
        ]

    def explain(self, incident):
        told = rehearsal.explain_incident(rules(), incident)
        return [page.account(each) for each in told]


class Place:
    """A console on a database, and browsers and programs that use it."""

    def __init__(self, database, *, second_person=False, **settings):
        self.clock = Clock()
        self.gateway = Standing()
        self.engine = open_engine(database)
        self.log = Log(self.engine, KEY, clock=self.clock)
        people = People(
            self.engine,
            self.log,
            Pseudonyms(KEY),
            second_person=second_person,
            clock=self.clock,
        )
        self.desk = Desk(
            Store(self.engine, clock=self.clock),
            Work(self.engine, self.log, clock=self.clock),
            Counts(self.engine),
            people,
            self.log,
        )
        self.settings = Console(**settings)
        self.built = app.build(self.settings, self.gateway, self.desk, clock=self.clock)
        self.door = self.built.door
        self._made = set()

    def close(self):
        self.engine.dispose()

    def account(self, name, *roles):
        """An account with a password of its own."""
        if name not in self._made:
            with self.log.writing() as writing:
                accounts = self.door.accounts
                accounts.create(writing.connection, name, roles, OneTime(PASSWORD, kept()))
                accounts.put_password(writing.connection, name, kept())
                writing.note("gateway", "account.created", target=name)
            self._made.add(name)

    def browser(self, *roles, name=""):
        """A browser in which somebody with these roles is signed in; nobody without any."""
        browser = Browser(self.built.app)
        if roles or name:
            name = name or "-".join(sorted(roles))
            self.account(name, *roles)
            with self.log.writing() as writing:
                token = self.door.sessions.begin(writing.connection, name)
            browser.show(token)
        return browser

    def program(self, role, name=""):
        """A program with a key in this role."""
        name = name or f"key of {role}"
        self.account(name, role)
        caller = replace_roles(self.door, name)
        _, secret = self.door.make_key(caller, "tests", role, 30)
        client = TestClient(self.built.app, base_url=ORIGIN)
        client.headers["authorization"] = f"Bearer {secret}"
        return client

    def actions(self):
        return [entry.action for entry in self.log.list()]


def replace_roles(door, name):
    """A caller who is signed in as `name`."""
    from gateway.console.door import Caller

    account = door.accounts.get(name)
    return Caller(name, account.permissions, account.roles, "session")


class Browser:
    """What a browser does with pages and forms, without one."""

    def __init__(self, served):
        self.client = TestClient(served, base_url=ORIGIN, follow_redirects=False)

    def show(self, token):
        """Show this session, and no other."""
        self.client.cookies.clear()
        self.client.cookies.set("leakgate", token, domain="127.0.0.1", path="/")

    def open(self, path, **asked):
        return self.client.get(path, params=asked or None)

    def form(self, path="/console/"):
        """What forms of this session carry, from a page."""
        found = re.search(r'name="form" value="([^"]+)"', self.client.get(path).text)
        return found[1] if found else ""

    def send(self, path, *, form=None, files=None, headers=None, **fields):
        form = self.form() or self.form("/console/password") if form is None else form
        return self.client.post(
            path,
            data={"form": form, **fields},
            files=files,
            headers={"origin": ORIGIN, **(headers or {})},
        )


ALL_ROLES = tuple(Role)
__all__ = ["ALL_ROLES", "NOON", "ORIGIN", "PASSWORD", "Browser", "Clock", "Place"]
