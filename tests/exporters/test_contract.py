"""What holds for every sink, against real servers: the contract that a new one has to keep."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from support.kafka import Kafka
from support.receivers import Syslog, Web, server_context, until
from support.upstream import certificate

from gateway.exporters import building
from gateway.exporters.document import Export
from gateway.exporters.reach import Reach
from gateway.exporters.sink import CAUSES, Undelivered

SECRET = "s" + "3cret-" * 4
SHAPE: TypeAdapter[Any] = TypeAdapter(Export)

KINDS = [
    "syslog-tcp-cef",
    "syslog-tls-cef",
    "syslog-tcp-structured",
    "splunk-json",
    "splunk-ocsf",
    "webhook-json",
    "webhook-ocsf",
    "kafka-tcp-json",
    "kafka-tls-ocsf",
    "file-json",
    "file-ocsf",
]
SERVED = [kind for kind in KINDS if not kind.startswith("file")]
WEB = [kind for kind in KINDS if kind.startswith(("splunk", "webhook"))]
IDS = {
    "cef": re.compile(rb"externalId=(\S+)"),
    "structured": re.compile(rb'\[leakgate@32473 id="([^"]+)"'),
}


@dataclass
class Receiver:
    """One receiver of a kind, as the operator would name it, and what it got."""

    kind: str
    folder: Path
    server: Any = None
    port: int = 0
    ca: tuple[Path, Path] = field(default=(Path(), Path()))
    before: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name, *_, self.form = self.kind.split("-")
        self.tls = "tls" in self.kind or self.name in {"splunk", "webhook"}
        self.ca = certificate(self.folder, "127.0.0.1", "localhost")
        (self.folder / "secret").write_text(SECRET + "\n")
        self.start()

    def start(self) -> None:
        context = server_context(self.ca) if self.tls else None
        if self.name == "syslog":
            self.server = Syslog(context, self.port)
        elif self.name == "kafka":
            self.server = Kafka(context, self.port)
        elif self.name != "file":
            self.server = Web(context, self.port)
        if self.server:
            self.port = self.server.port

    def stop(self) -> None:
        if self.server:
            self.before += self.bodies(old=False)
            self.server.close()
            self.server = None

    def export(self, **changes: object) -> Any:
        values: dict[str, object] = {"name": "x", "kind": self.name, "format": self.form}
        match self.name:
            case "syslog" | "kafka":
                values["to"] = f"{'tls' if self.tls else 'tcp'}://127.0.0.1:{self.port}"
            case "splunk":
                values |= {"to": f"https://127.0.0.1:{self.port}"}
                values["token"] = {"file": self.folder / "secret"}
            case "webhook":
                values |= {"to": f"https://127.0.0.1:{self.port}/hook"}
                values["secret"] = {"file": self.folder / "secret"}
            case "file":
                values["to"] = self.folder / "out.jsonl"
        if self.tls:
            values["ca"] = self.ca[1]
        return SHAPE.validate_python(values | changes)

    def sink(self, **changes: object) -> Any:
        return building.sink(self.export(**changes), Reach())

    def bodies(self, *, old: bool = True) -> list[bytes]:
        """What was taken, each piece as it came."""
        now: list[bytes] = []
        if self.name == "file":
            path = self.folder / "out.jsonl"
            now = path.read_bytes().splitlines() if path.exists() else []
        elif self.name in {"syslog", "kafka"} and self.server:
            now = list(self.server.messages)
        elif self.server:
            now = list(self.server.accepted)
        return [*(self.before if old else ()), *now]

    def ids(self) -> list[str]:
        found = []
        for body in self.bodies():
            if self.name == "syslog":
                match = IDS[self.form].search(body)
                assert match, body
                found.append(match[1].decode())
                continue
            if self.name == "webhook":
                events = json.loads(body)["events"]
            elif self.name == "splunk":
                events = [json.loads(line)["event"] for line in body.decode().splitlines()]
            else:
                events = [json.loads(body)]
            found += [
                event["id"] if self.form == "json" else event["finding_info"]["uid"]
                for event in events
            ]
        return found


@pytest.fixture
def receiver(request, tmp_path):
    made = Receiver(request.param, tmp_path)
    yield made
    made.stop()


def every(kinds):
    return pytest.mark.parametrize("receiver", kinds, indirect=True)


async def undelivered(sink, incidents):
    with pytest.raises(Undelivered) as caught:
        await sink.send(incidents)
    assert caught.value.cause in CAUSES
    return caught.value


@every(KINDS)
def test_a_batch_arrives_whole_and_in_order(receiver, incident):
    async def story():
        sink = receiver.sink()
        await sink.send([incident(n) for n in range(sink.batch)])
        await sink.send([incident("last")])
        await sink.close()
        return sink.batch

    batch = asyncio.run(story())
    assert until(lambda: len(receiver.ids()) == batch + 1)
    assert receiver.ids() == [*(f"inc-{n}" for n in range(batch)), "inc-last"]


@every(KINDS)
def test_after_close_a_sink_goes_on(receiver, incident):
    async def story():
        sink = receiver.sink()
        await sink.close()
        await sink.send([incident(1)])
        await sink.close()
        await sink.close()
        await sink.send([incident(2)])
        await sink.close()

    asyncio.run(story())
    assert until(lambda: receiver.ids() == ["inc-1", "inc-2"])


@every(SERVED)
def test_a_receiver_that_is_away_is_told_later(receiver, incident):
    async def story():
        sink = receiver.sink()
        await sink.send([incident(1)])
        assert await asyncio.to_thread(until, lambda: receiver.ids() == ["inc-1"])
        await asyncio.to_thread(receiver.stop)
        for _ in range(2):
            failure = await undelivered(sink, [incident(2)])
            assert failure.cause in {"connect", "closed"}
            assert not failure.at_fault
        await asyncio.to_thread(receiver.start)
        await sink.send([incident(2)])
        await sink.close()

    asyncio.run(story())
    assert until(lambda: receiver.ids() == ["inc-1", "inc-2"])


@every(SERVED)
def test_a_receiver_that_hangs_up_is_told_again(receiver, incident):
    async def story():
        sink = receiver.sink()
        receiver.server.script[:] = ["close"]
        many = [incident(n) for n in range(50)]
        if receiver.name == "kafka":  # whose library begins again by itself
            await sink.send(many)
        else:
            failure = await undelivered(sink, many)
            assert failure.cause in {"closed", "connect"}
        await sink.send([incident("again")])
        await sink.close()

    asyncio.run(story())
    assert until(lambda: "inc-again" in receiver.ids())


@every(SERVED)
def test_a_receiver_that_hangs_is_left_and_told_again(receiver, incident):
    """Here as the task behind the sink does it: with a limit of time around `send`."""
    many = [incident(n, actor="a" * 200) for n in range(200)]

    async def press(sink):
        for _ in range(1000):  # until what systems hold between them is full
            await sink.send(many[: sink.batch])

    async def story():
        sink = receiver.sink()
        receiver.server.script[:] = ["hang"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(press(sink), 0.4)
        await sink.close()
        await sink.send([incident("again")])
        await sink.close()

    asyncio.run(story())
    assert until(lambda: "inc-again" in receiver.ids())


@every(KINDS)
def test_what_is_told_holds_no_preview_and_no_secret(receiver, incident):
    async def story():
        sink = receiver.sink()
        await sink.send([incident(1)])
        await sink.close()
        return repr(sink) + repr(vars(sink)) + repr(receiver.export())

    shown = asyncio.run(story())
    assert until(lambda: receiver.ids() == ["inc-1"])
    told = b"".join(receiver.bodies()).decode()
    assert "6789" not in told
    assert "\\u2022" not in told
    assert "•" not in told
    assert SECRET not in told + shown


@every([kind for kind in SERVED if "tcp" not in kind])
def test_a_receiver_that_cannot_be_verified_is_told_nothing(receiver, incident):
    async def story():
        failure = await undelivered(receiver.sink(ca=None), [incident(1)])
        assert failure.cause == "tls"

    asyncio.run(story())
    assert receiver.bodies() == []


@every([kind for kind in SERVED if "tcp" not in kind])
def test_a_certificate_for_another_name_is_refused(receiver, incident, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    receiver.stop()
    receiver.ca = certificate(folder, "siem.example.com")
    receiver.start()

    async def story():
        failure = await undelivered(receiver.sink(), [incident(1)])
        assert failure.cause == "tls"

    asyncio.run(story())
    assert receiver.bodies() == []


@every(WEB)
@pytest.mark.parametrize(
    ("status", "cause", "at_fault"),
    [
        (301, "redirect", False),
        (302, "redirect", False),
        (307, "redirect", False),
        (401, "auth", False),
        (403, "auth", False),
        (404, "refused", False),
        (413, "refused", True),
        (422, "refused", True),
        (429, "busy", False),
        (500, "server", False),
        (502, "server", False),
        (503, "busy", False),
    ],
)
def test_every_answer_but_success_is_a_failure(receiver, incident, status, cause, at_fault):
    receiver.server.headers = {
        "location": f"https://127.0.0.1:{receiver.port}/elsewhere",
        "retry-after": "7",
    }

    async def story():
        sink = receiver.sink()
        receiver.server.script[:] = [status]
        failure = await undelivered(sink, [incident(1)])
        assert (failure.cause, failure.at_fault, failure.after) == (cause, at_fault, 7.0)
        await sink.send([incident(2)])
        await sink.close()

    asyncio.run(story())
    assert len(receiver.server.requests) == 2  # no redirect was followed
    assert {path for path, _, _ in receiver.server.requests} == {receiver.server.requests[0][0]}
    assert receiver.ids() == ["inc-2"]


@every(WEB)
def test_an_answer_without_end_does_not_fill_the_memory(receiver, incident):
    receiver.server.answer_body = b"x" * (8 << 20)

    async def story():
        sink = receiver.sink()
        await sink.send([incident(1)])
        await sink.close()

    asyncio.run(story())
    assert receiver.ids() == ["inc-1"]


@every(WEB)
def test_a_secret_that_is_gone_or_replaced_is_noticed(receiver, incident):
    async def story():
        sink = receiver.sink()
        file = receiver.folder / "secret"
        file.write_text("another\r\nX-Injected: 1")
        assert (await undelivered(sink, [incident(1)])).cause == "secret"
        file.unlink()
        assert (await undelivered(sink, [incident(1)])).cause == "secret"
        file.write_text("another")
        await sink.send([incident(1)])
        await sink.close()

    asyncio.run(story())
    (request,) = receiver.server.requests
    assert "x-injected" not in request[1]
    assert SECRET not in str(request[1])


@every(SERVED)
def test_no_proxy_of_the_environment_is_used(receiver, incident, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def story():
        sink = receiver.sink()
        await sink.send([incident(1)])
        await sink.close()

    asyncio.run(story())
    assert until(lambda: receiver.ids() == ["inc-1"])


@every(SERVED)
@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "100.100.100.200"]
)
def test_a_name_that_leads_to_metadata_is_not_connected_to(
    receiver, incident, monkeypatch, address
):
    async def rebound(self, host, port, **_):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            (socket.AF_INET, 1, 6, "", ("127.0.0.1", port)),
            (family, 1, 6, "", (address, port)),
        ]

    async def story():
        sink = receiver.sink(to=receiver.export().to.replace("127.0.0.1", "localhost"))
        monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", rebound)
        assert (await undelivered(sink, [incident(1)])).cause == "denied"

    asyncio.run(story())
    assert receiver.bodies() == []


@every(SERVED)
def test_what_the_operator_denies_is_not_connected_to(receiver, incident):
    async def story():
        sink = building.sink(receiver.export(), Reach(frozenset({"127.0.0.1"})))
        assert (await undelivered(sink, [incident(1)])).cause == "denied"

    asyncio.run(story())
    assert receiver.bodies() == []
