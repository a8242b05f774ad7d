"""Who may do what: every page and call, for every role, as the table says and not otherwise.

All of it is derived: from the pages that there are, the OpenAPI description, and the table.
"""

from __future__ import annotations

import re

import pytest
from support.console import ORIGIN, Place
from support.tables import sqlite

from gateway.console.roles import MAY, Permission, Role

MADE_UP = {"{key}": "0" * 12, "{name}": "nobody-here"}


def filled(path):
    """A path with made-up names in it: what is asked first is who may, then whether it is there."""
    return re.sub(r"\{[^}]+\}", lambda found: MADE_UP.get(found[0], "none-such"), path)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    url = sqlite(tmp_path_factory.mktemp("permissions") / "console.db")
    place = Place(url)
    yield place
    place.close()


@pytest.fixture(scope="module")
def programs(here):
    return {role: here.program(role) for role in Role}


@pytest.fixture(scope="module")
def browsers(here):
    return {role: here.browser(role) for role in Role}


def calls(place):
    """Every call of the API: method, path, permission."""
    return [
        (method.upper(), path, Permission(what["x-needs"]))
        for path, methods in place.built.api.openapi()["paths"].items()
        for method, what in methods.items()
    ]


def test_the_table_is_whole():
    assert set(MAY) == set(Role)
    assert frozenset().union(*MAY.values()) == set(Permission)


def test_nobody_sees_people_and_manages_accounts_at_once():
    for role, may in MAY.items():
        if Permission.MANAGE_ACCOUNTS in may:
            assert not may & {Permission.ASK_PERSON, Permission.GRANT_PERSON}, role
    assert Permission.GRANT_PERSON not in MAY[Role.ANALYST]


def test_every_permission_guards_something(here):
    guarded = {page.access for page in here.built.pages} | {need for _, _, need in calls(here)}
    assert guarded >= set(Permission)


def test_nothing_is_changed_by_who_may_only_see(here):
    for page in here.built.pages:
        if page.method == "POST" and isinstance(page.access, Permission):
            assert not page.access.value.startswith("see_"), page.path
    for method, path, needs in calls(here):
        assert (method == "GET") or not needs.value.startswith("see_"), path


def test_only_signing_in_is_for_anybody(here):
    assert {page.path for page in here.built.pages if page.access == "anybody"} == {
        "/console/sign-in",
        "/console/oidc",
        "/console/oidc/back",
    }


def test_a_role_gets_the_pages_of_its_permissions_and_no_others(here, browsers):
    for role, browser in browsers.items():
        form = browser.form()
        for page in here.built.pages:
            if page.access in {"anybody", "somebody"}:
                continue
            path = filled(page.path)
            if page.method == "GET":
                status = browser.open(path).status_code
            else:
                status = browser.send(path, form=form).status_code
            if page.access in MAY[role]:
                assert status in {200, 303, 400, 404, 409}, (role, page.method, path, status)
            else:
                assert status == 403, (role, page.method, path, status)


def test_a_role_gets_the_calls_of_its_permissions_and_no_others(here, programs):
    for role, program in programs.items():
        for method, path, needs in calls(here):
            body = {} if method in {"POST", "PATCH"} else None
            status = program.request(method, filled(path), json=body).status_code
            if needs in MAY[role]:
                assert status in {200, 400, 404, 409, 422}, (role, method, path, status)
            else:
                assert status == 403, (role, method, path, status)


def test_nobody_gets_nothing(here):
    stranger = here.browser()
    for page in here.built.pages:
        if page.access == "anybody":
            continue
        path = filled(page.path)
        if page.method == "GET":
            answer = stranger.open(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
        else:
            assert stranger.send(path, form="x").status_code == 403
    for method, path, _ in calls(here):
        answer = stranger.client.request(method, filled(path), json={})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_browser_s_session_opens_no_call(here, browsers):
    client = browsers[Role.ADMIN].client
    assert client.get("/api/v1/accounts").status_code == 401


def test_a_key_opens_no_page(here, programs):
    answer = programs[Role.ADMIN].get("/console/accounts", follow_redirects=False)
    assert answer.status_code == 303


def test_roles_of_one_account_add_up(here):
    both = here.browser(Role.ADMIN, Role.ANALYST)
    assert both.open("/console/accounts").status_code == 200
    assert both.open("/console/scratch").status_code == 200


def test_the_menu_shows_what_one_may_see(here, browsers):
    from gateway.console.pages import MENU

    for role, browser in browsers.items():
        shown = set(re.findall(r'<li><a href="([^"]+)"', browser.open("/console/").text))
        assert shown >= {path for path, _, needs in MENU if needs in MAY[role]}
        assert not shown & {path for path, _, needs in MENU if needs not in MAY[role]}


def test_a_form_from_elsewhere_is_refused(here, browsers):
    browser = browsers[Role.ANALYST]
    form = browser.form()
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
    ):
        answer = browser.send("/console/policies/tests", form=form, headers=headers)
        assert answer.status_code == 403, headers
    assert here.gateway.fault == ""
    assert browser.send("/console/policies/tests", form=form).status_code == 303


def test_a_form_needs_the_word_of_its_session(here, browsers):
    for word in ("", "x", browsers[Role.ADMIN].form()):
        answer = browsers[Role.ANALYST].send("/console/policies/tests", form=word)
        assert answer.status_code == 403
