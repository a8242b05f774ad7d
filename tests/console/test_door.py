"""Coming in: passwords, sessions, keys, and what stands in the audit log afterwards."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient
from support.console import ORIGIN, PASSWORD, Place
from support.tables import sqlite

from gateway.console.accounts import NotSo
from gateway.console.roles import Role
from gateway.console.sessions import Sessions


def sign_in(browser, name, password, **headers):
    return browser.send("/console/sign-in", form="", name=name, password=password, headers=headers)


def test_the_first_account_is_made_once_and_its_password_opens_once(place):
    first = place.door.first()
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", first)
    assert place.door.first() is None
    browser = place.browser()
    answer = sign_in(browser, "admin", first)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    # Nothing but the page that replaces it.
    for path in ("/console/", "/console/accounts", "/console/me"):
        assert browser.open(path).headers["location"] == "/console/password"
    form = browser.form("/console/password")
    short = browser.send("/console/password", form=form, old=first, new="short", again="short")
    assert "at least 12" in short.text
    changed = browser.send("/console/password", form=form, old=first, new=PASSWORD, again=PASSWORD)
    assert changed.status_code == 303
    assert browser.open("/console/accounts").status_code == 200
    assert sign_in(place.browser(), "admin", first).status_code == 403
    assert sign_in(place.browser(), "admin", PASSWORD).status_code == 303
    assert place.actions() == [
        "session.begun",
        "session.refused",
        "account.password",
        "session.begun",
        "account.created",
    ]


def test_a_one_time_password_ends(place):
    first = place.door.first()
    place.clock.forward(days=3)
    assert sign_in(place.browser(), "admin", first).status_code == 403


def test_names_and_passwords_that_are_wrong_look_the_same(place):
    place.account("ann", Role.ANALYST)
    place.account("bob", Role.ANALYST)
    place.account("root", Role.ADMIN)
    place.door.set("root", "bob", disabled=True)
    said = {
        sign_in(place.browser(), name, password).text
        for name, password in (("ann", "wrong"), ("nobody", "wrong"), ("bob", PASSWORD), ("", ""))
    }
    assert len(said) == 1
    # Nor is a password written down that somebody typed as a name.
    entries = [entry for entry in place.log.list() if entry.action == "session.refused"]
    assert [entry.target for entry in entries] == ["", "bob", "", "ann"]


def test_guessing_is_slowed_down_and_nobody_is_locked_out_for_good(place):
    place.account("ann", Role.ANALYST)
    browser = place.browser()
    statuses = [sign_in(browser, "ann", f"guess {n}").status_code for n in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    blocked = sign_in(browser, "ann", PASSWORD)
    assert blocked.status_code == 429
    assert int(blocked.headers["retry-after"]) > 0
    place.clock.forward(seconds=30)
    assert sign_in(browser, "ann", PASSWORD).status_code == 303


def test_many_people_of_one_address_get_in(place):
    place.account("ann", Role.ANALYST)
    for _ in range(30):
        assert sign_in(place.browser(), "ann", PASSWORD).status_code == 303
        assert place.door._tries.wait("from ?") == 0


def test_a_session_is_made_anew_at_each_sign_in(place):
    place.account("ann", Role.ANALYST)
    browser = place.browser()
    sign_in(browser, "ann", PASSWORD)
    first = browser.client.cookies["leakgate"]
    sign_in(browser, "ann", PASSWORD)
    assert browser.client.cookies["leakgate"] != first
    browser.show(first)
    assert browser.open("/console/").status_code == 303
    # A cookie that somebody else has put there is not taken over.
    planted = place.browser()
    planted.show("planted")
    sign_in(planted, "ann", PASSWORD)
    assert "planted" not in planted.client.cookies.values()


def test_a_session_ends_when_nobody_uses_it(place):
    browser = place.browser(Role.VIEWER)
    for _ in range(3):
        place.clock.forward(minutes=29)
        assert browser.open("/console/").status_code == 200
    place.clock.forward(minutes=30)
    assert browser.open("/console/").status_code == 303


def test_a_session_ends_whatever_somebody_does(place):
    browser = place.browser(Role.VIEWER)
    for _ in range(28):
        place.clock.forward(minutes=25)
        assert browser.open("/console/").status_code == 200
    place.clock.forward(minutes=25)
    assert browser.open("/console/").status_code == 303


def test_signing_out_ends_the_session_and_not_only_the_cookie(place):
    browser = place.browser(Role.VIEWER)
    token = browser.client.cookies["leakgate"]
    assert browser.send("/console/sign-out").status_code == 303
    browser.show(token)
    assert browser.open("/console/").status_code == 303


def test_the_cookie_is_out_of_reach(tmp_path):
    url = sqlite(tmp_path / "a.db")
    place = Place(url, url="https://console.example.com")
    place.account("ann", Role.ANALYST)
    client = TestClient(
        place.built.app, base_url="https://console.example.com", follow_redirects=False
    )
    answer = client.post(
        "/console/sign-in",
        data={"name": "ann", "password": PASSWORD},
        headers={"origin": "https://console.example.com"},
    )
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-leakgate=")
    for word in ("httponly", "secure", "samesite=strict", "path=/"):
        assert word in cookie
    assert "domain" not in cookie
    assert "strict-transport-security" in answer.headers
    place.close()


def test_what_somebody_may_is_asked_at_each_request(place):
    place.account("root", Role.ADMIN)
    browser = place.browser(Role.ANALYST, name="ann")
    program = place.program(Role.ANALYST, name="ann")
    assert browser.open("/console/scratch").status_code == 200
    place.door.set("root", "ann", roles=[Role.VIEWER])
    assert browser.open("/console/scratch").status_code == 303
    assert program.get("/api/v1/me").status_code == 401


def test_somebody_is_always_left_to_manage_accounts(place):
    place.account("root", Role.ADMIN)
    for change in ({"disabled": True}, {"roles": [Role.VIEWER]}):
        with pytest.raises(NotSo, match="nobody would be left"):
            place.door.set("root", "root", **change)
    assert place.door.accounts.get("root").roles == {Role.ADMIN}
    assert place.actions().count("account.changed") == 0


def test_a_key_acts_in_one_role_and_ends(place):
    place.account("ann", Role.ANALYST, Role.VIEWER)
    browser = place.browser(name="ann")
    made = browser.send("/console/me/keys", title="nightly", role="viewer", days="2")
    secret = re.search(r"lgk_[\w-]{43}", made.text)[0]
    assert secret not in browser.open("/console/me").text
    client = TestClient(place.built.app, base_url=ORIGIN)
    client.headers["authorization"] = f"Bearer {secret}"
    me = client.get("/api/v1/me").json()
    assert (me["account"], me["role"]) == ("ann", "viewer")
    assert client.post("/api/v1/policies/tests").status_code == 403
    # What it makes itself ends no later, and can do no more.
    more = client.post("/api/v1/keys", json={"title": "x", "role": "viewer", "days": 300})
    assert more.json()["key"]["expires_at"] == me["until"]
    higher = client.post("/api/v1/keys", json={"title": "x", "role": "analyst", "days": 1})
    assert higher.status_code == 400
    place.clock.forward(days=2)
    assert client.get("/api/v1/me").status_code == 401


def test_a_key_of_somebody_else_cannot_be_revoked_but_by_an_admin(place):
    place.account("ann", Role.ANALYST)
    ann, bob = place.browser(name="ann"), place.browser(Role.ANALYST, name="bob")
    ann.send("/console/me/keys", title="nightly", role="analyst", days="2")
    (key,) = place.door.keys.list()
    assert bob.send("/console/me/keys/revoke", key=key.id).status_code == 404
    assert place.door.keys.list() == (key,)
    root = place.browser(Role.ADMIN)
    assert root.send("/console/me/keys/revoke", key=key.id).status_code == 303
    assert place.door.keys.list() == ()


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer lgk_",
        "Bearer lgk_" + "a" * 43,
        "Basic YTpi",
        "Bearer \xe4".encode("latin-1"),
    ],
)
def test_what_is_no_key_opens_nothing(place, shown):
    client = TestClient(place.built.app, base_url=ORIGIN)
    assert client.get("/api/v1/me", headers={"authorization": shown}).status_code == 401


def test_nothing_that_opens_a_door_stands_in_the_database(place, tmp_path):
    first = place.door.first()
    browser = place.browser(Role.ANALYST, name="ann")
    made = browser.send("/console/me/keys", title="nightly", role="analyst", days="2")
    secrets = [
        first,
        PASSWORD,
        browser.client.cookies["leakgate"],
        browser.form(),
        re.search(r"lgk_[\w-]{43}", made.text)[0],
    ]
    place.engine.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"ann" in stored
    for secret in secrets:
        assert secret.encode() not in stored


def test_two_gateways_make_one_first_account(migrated_url):
    import threading

    places = [Place(migrated_url) for _ in range(4)]
    made = []
    threads = [threading.Thread(target=lambda p=p: made.append(p.door.first())) for p in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passwords = [each for each in made if each]
    assert len(made) == 4
    assert len(passwords) == 1
    assert places[0].door.accounts.verify("admin", passwords[0]) is not None
    for place in places:
        place.close()


def test_sessions_and_keys_work_on_both_databases(migrated_url):
    place = Place(migrated_url)
    browser = place.browser(Role.ANALYST, name="ann")
    program = place.program(Role.ANALYST, name="ann")
    assert browser.open("/console/").status_code == 200
    assert program.get("/api/v1/keys").json()[0]["account"] == "ann"
    assert program.get("/api/v1/overview").status_code == 200
    assert isinstance(place.door.sessions, Sessions)
    place.close()


def test_a_name_that_leads_here_by_somebody_s_dns_is_not_served(place):
    for host, served in (
        ("127.0.0.1:9090", True),
        ("localhost:9090", True),
        ("[::1]:9090", True),
        ("10.0.0.1", True),
        ("evil.example", False),
        ("", False),
        ("127.0.0.1.evil.example", False),
    ):
        answer = place.browser().client.get("/console/sign-in", headers={"host": host})
        assert answer.status_code == (200 if served else 421), host


def test_every_answer_has_the_headers(place):
    browser = place.browser(Role.VIEWER)
    for path in ("/console/", "/console/static/console.css", "/nothing", "/api/v1/me", "/"):
        answer = browser.open(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        wanted = "immutable" if "static" in path else "no-store"
        assert wanted in answer.headers["cache-control"]


def test_no_page_has_script_or_style_in_it(place):
    browser = place.browser(*Role)
    for page in place.built.pages:
        if page.method == "GET" and "{" not in page.path:
            text = browser.open(page.path).text
            assert not re.search(
                r"<style|\sstyle=|<script(?! type=\"module\" src=\"/console/)", text
            )
            assert not re.search(r"\son[a-z]+=", text)
            assert not re.search(r"(src|href)=\"(https?:)?//", text), page.path


def test_what_is_too_large_is_not_read(place):
    browser = place.browser(Role.ANALYST)
    assert browser.send("/console/policies/tests", x="a" * (1 << 20)).status_code == 413
    program = place.program(Role.ANALYST)
    assert program.post("/api/v1/policies/tests", content=b"a" * (2 << 20)).status_code == 413
    assert program.post("/api/v1/trials", content=iter([b" " * (1 << 20)] * 30)).status_code == 413


def test_a_database_that_is_away_is_said_so(place, tmp_path, caplog):
    browser = place.browser(Role.ANALYST)
    program = place.program(Role.ANALYST)
    with place.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE console_accounts RENAME TO gone")
    assert browser.open("/console/").status_code == 503
    assert program.get("/api/v1/me").status_code == 503
    assert "console_accounts" not in caplog.text
