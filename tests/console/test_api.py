"""The API holds what its description says, whatever is sent to it (Schemathesis)."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from support.console import ALL_ROLES, NOON, Place
from support.incidents import an_incident
from support.tables import sqlite
from support.thorough import FULL

from gateway.console.roles import MAY, Permission, Role

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    url = sqlite(tmp_path_factory.mktemp("api") / "console.db")
    place = Place(url, api_burst=100_000)
    place.desk.store.add(
        dataclasses.replace(an_incident(n), at=NOON - timedelta(minutes=n)) for n in range(3)
    )
    yield place
    place.close()


@pytest.fixture(scope="module")
def bearer(here):
    """For each call the key of a role that may make it: what is behind the permission is tried."""
    made = {role: here.program(role).headers["authorization"] for role in Role}
    keeper = here.program(Role.ADMIN, name="keeper")

    def of(needs):
        role = next(role for role in ALL_ROLES if Permission(needs) in MAY[role])
        return made[role]

    assert keeper.get("/api/v1/me").status_code == 200  # so that the last admin is never at stake
    return of


@pytest.fixture(scope="module")
def described(here):
    """The description as programs read it, through the console itself."""
    authorization = here.program(Role.VIEWER, name="describer").headers["authorization"]
    return schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json",
        here.built.app,
        headers={"authorization": authorization, "host": "127.0.0.1"},
    )


def holding(operation, authorization):
    """A property: whatever is sent to the call, right or wrong, its answer is one of those described."""

    @given(
        case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )
    @settings(
        max_examples=15 if FULL else 6,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def hold(case):
        response = case.call(headers={"authorization": authorization, "host": "127.0.0.1"})
        case.validate_response(response, checks=CHECKS)

    return hold


def test_every_call_holds_what_is_described(here, bearer, described):
    failed = []
    operations = [result.ok() for result in described.get_all_operations()]
    for operation in operations:
        needs = operation.definition.raw["x-needs"]
        try:
            holding(operation, bearer(needs))()
        except (Exception, ExceptionGroup) as error:
            causes = getattr(error, "exceptions", [error])
            failed += [f"{operation.label}: {cause}" for cause in causes]
    assert failed == [], "\n\n".join(failed)
    assert len(operations) == sum(map(len, here.built.api.openapi()["paths"].values()))


def test_the_description_is_for_those_with_a_key(here):
    assert here.browser().client.get("/api/v1/openapi.json").status_code == 401
    told = here.program(Role.VIEWER, name="reader").get("/api/v1/openapi.json").json()
    assert told == json.loads(json.dumps(here.built.api.openapi()))
    for path, methods in told["paths"].items():
        for method, what in methods.items():
            assert what["description"], (method, path)
            assert Permission(what["x-needs"])
            assert {"401", "403", "429", "503"} <= set(what["responses"])
