"""What is Kafka's own: keys, logins, what a cluster refuses, and where it says that its brokers are."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from pydantic import TypeAdapter, ValidationError
from support import kafka
from support.receivers import server_context, until
from support.upstream import certificate

from gateway.exporters import building
from gateway.exporters.document import Export
from gateway.exporters.reach import Reach
from gateway.exporters.sink import Undelivered

SHAPE = TypeAdapter(Export)
PASSWORD = "pass" * 4

MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS, TOPIC_AUTHORIZATION_FAILED = 10, 19, 29


@pytest.fixture
def cluster(request):
    made = kafka.Kafka(**getattr(request, "param", {}))
    yield made
    made.close()


def sink(cluster, **more):
    values = {"name": "x", "kind": "kafka", "to": f"tcp://localhost:{cluster.port}"}
    return building.sink(SHAPE.validate_python(values | more), Reach())


def sent(made, incidents):
    async def story():
        try:
            await made.send(incidents)
        finally:
            await made.close()

    asyncio.run(story())


def with_value(made, value):
    (first, *rest) = made.findings
    group = type(first)(
        **{name: getattr(first, name) for name in first.__slots__} | {"fingerprints": (value,)}
    )
    return (group, *rest)


@pytest.mark.parametrize("cluster", [{"partitions": 4}], indirect=True)
def test_what_is_about_one_value_stays_in_one_partition_and_in_order(cluster, incident):
    plain = incident(1)
    values = [f"{number % 7:032x}" for number in range(140)]
    many = [
        incident(number, findings=with_value(plain, value)) for number, value in enumerate(values)
    ]
    sent(sink(cluster), [*many, incident("bare", findings=())])
    assert until(lambda: len(cluster.records()) == 141)
    places: dict[bytes, set[int]] = {}
    order: dict[bytes, list[int]] = {}
    for record in cluster.records():
        key = record.key()
        told = json.loads(record.value())
        assert dict(record.headers()) == {"id": told["id"].encode()}
        places.setdefault(key, set()).add(record.partition())
        if key != b"inc-bare":
            order.setdefault(key, []).append(int(told["id"].removeprefix("inc-")))
    assert set(places) == {*(value.encode() for value in values), b"inc-bare"}
    assert all(len(each) == 1 for each in places.values())
    assert len({min(each) for each in places.values()}) > 1
    assert all(each == sorted(each) for each in order.values())


LOGIN = {"user": "gateway", "mechanism": "PLAIN"}


@pytest.mark.parametrize("cluster", [{"login": ("gateway", PASSWORD)}], indirect=True)
def test_a_login_is_given_and_a_refused_one_is_told(cluster, incident, monkeypatch):
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    login = LOGIN | {"password": {"env": "KAFKA_PASSWORD"}}
    sent(sink(cluster, **login), [incident(1)])
    assert until(lambda: len(cluster.records()) == 1)
    monkeypatch.setenv("KAFKA_PASSWORD", "another")
    with pytest.raises(Undelivered) as caught:
        sent(sink(cluster, **login), [incident(2)])
    assert caught.value.cause == "auth"
    assert PASSWORD not in repr(caught.value)
    monkeypatch.delenv("KAFKA_PASSWORD")
    with pytest.raises(Undelivered) as caught:
        sent(sink(cluster, **login), [incident(2)])
    assert caught.value.cause == "secret"
    assert len(cluster.records()) == 1


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("kafka"), "localhost", "127.0.0.1")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_over_tls_shows_no_password_and_a_wrong_one_is_told(
    tls, incident, monkeypatch, mechanism
):
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    login = {"user": "gateway", "mechanism": mechanism, "password": {"env": "KAFKA_PASSWORD"}}
    cluster = kafka.Kafka(server_context(tls), login=("gateway", PASSWORD), mechanism=mechanism)
    try:
        way = {"to": f"tls://localhost:{cluster.port}", "ca": tls[1]}
        sent(sink(cluster, **way, **login), [incident(1)])
        assert until(lambda: len(cluster.records()) == 1)
        assert len(cluster.logins) >= 2
        assert not [frame for frame in cluster.logins if PASSWORD.encode() in frame]
        other = {"SCRAM-SHA-256": "SCRAM-SHA-512", "SCRAM-SHA-512": "SCRAM-SHA-256"}[mechanism]
        for wrong in ({"user": "else"}, {"mechanism": other}, {"mechanism": "PLAIN"}):
            with pytest.raises(Undelivered) as caught:
                sent(sink(cluster, **way, **login | wrong), [incident(2)])
            assert caught.value.cause == "auth"
        monkeypatch.setenv("KAFKA_PASSWORD", "another")
        with pytest.raises(Undelivered) as caught:
            sent(sink(cluster, **way, **login), [incident(2)])
        assert caught.value.cause == "auth"
        assert len(cluster.records()) == 1
    finally:
        cluster.close()


@pytest.mark.parametrize(
    ("code", "cause", "at_fault"),
    [(MESSAGE_TOO_LARGE, "refused", True), (TOPIC_AUTHORIZATION_FAILED, "auth", False)],
)
def test_what_the_cluster_refuses_is_told(cluster, incident, code, cause, at_fault):
    cluster.fail(kafka.PRODUCE, *[code] * 3)
    with pytest.raises(Undelivered) as caught:
        sent(sink(cluster), [incident(1)])
    assert (caught.value.cause, caught.value.at_fault) == (cause, at_fault)


def test_what_passes_by_itself_is_waited_for(cluster, incident):
    cluster.fail(kafka.PRODUCE, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS)
    sent(sink(cluster), [incident(1)])
    assert until(lambda: len(cluster.records()) == 1)


def test_a_broker_that_the_cluster_names_is_checked_as_well(cluster, incident, monkeypatch):
    """`localhost` is named in the settings; the cluster says that its broker is at 127.0.0.1."""

    async def rebound(self, host, port, **_):
        address = {"localhost": "127.0.0.1", "127.0.0.1": "169.254.169.254"}[host]
        return [(socket.AF_INET, 1, 6, "", (address, port))]

    async def story():
        made = sink(cluster)
        monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", rebound)
        with pytest.raises(Undelivered) as caught:
            await made.send([incident(1)])
        assert caught.value.cause == "denied"
        await made.close()

    asyncio.run(story())
    assert cluster.records() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"to": "tls://a/x"}, "has a path"),
        ({"to": "https://a"}, "is not `tls://HOST` or `tcp://HOST`"),
        ({"to": "tls://a,u:p@b"}, "names a user or password"),
        ({"to": "tls://a,169.254.169.254:1"}, "no export goes to"),
        ({"to": "tls://a", "user": "u"}, "go together"),
        ({"to": "tcp://a", "user": "u", "password": {"env": "X"}}, "in clear text"),
        ({"to": "tls://a", "user": "u", "password": "s3cret"}, "no secret stands here"),
        ({"to": "tls://a", "topic": "a b"}, "pattern"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, told):
    with pytest.raises(ValidationError) as caught:
        SHAPE.validate_python({"name": "x", "kind": "kafka"} | changes)
    assert told in str(caught.value)
    assert "s3cret" not in "".join(error["msg"] for error in caught.value.errors())


def test_several_brokers_are_named_with_and_without_port():
    made = SHAPE.validate_python(
        {"name": "x", "kind": "kafka", "to": "tls://a.example.com, [::1]:9094"}
    )
    assert made.brokers == (("a.example.com", 9093), ("::1", 9094))
    assert made.encrypted
