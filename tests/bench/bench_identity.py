"""What does it cost to know who sends, by a directory that has answered before?

    python tests/bench/bench_identity.py [--requests 400] [--tunnels 150]

Two gateways run side by side, one that asks nobody and one that asks a real slapd (LDAPS, nested
groups) and keeps its answers; requests go to both in turn, so that whatever else the machine does
falls on both. Then the password itself: the first request of somebody, and one that is wrong. Last,
what the answer from memory takes by itself. Milliseconds, median and 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import http.client
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.gateway import GatewayProcess
from support.slapd import Slapd
from support.upstream import Upstream, certificate

from gateway.identity.document import Identity
from gateway.identity.identify import Evidence, Identities
from gateway.metrics import NullMeter

HOST = "api.openai.com"
POLICY = """\
version: 1
rules:
  - {id: cards, when: {entity: CREDIT_CARD}, unless: {group: top}, action: block}
  - {id: secrets, when: {entity_group: secret, min_confidence: 0.6}, action: block}
"""
BODY = b'{"model":"m","messages":[{"role":"user","content":"What is the capital of France?"}]}'
PEOPLE = {f"p{number}": f"pw-{number}" for number in range(200)}
GROUPS = {"top": ["@middle"], "middle": ["@low"], "low": list(PEOPLE)}


def basic(user: str, password: str) -> dict[str, str]:
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {coded}"}


class Client:
    """Requests through one gateway, as somebody or as nobody."""

    def __init__(self, gateway: GatewayProcess, headers: dict[str, str]) -> None:
        self.gateway, self.headers = gateway, headers
        self._context = ssl.create_default_context(cafile=str(gateway.ca))
        self._kept = self.open()

    def open(self, headers: dict[str, str] | None = None) -> http.client.HTTPSConnection:
        made = http.client.HTTPSConnection("127.0.0.1", self.gateway.port, context=self._context)
        made.set_tunnel(HOST, 443, headers=self.headers if headers is None else headers)
        return made

    @staticmethod
    def post(connection: http.client.HTTPSConnection) -> None:
        connection.request("POST", "/v1/x", BODY, {"content-type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    def again(self) -> None:
        """A request in a tunnel that is open."""
        self.post(self._kept)

    def anew(self) -> None:
        """A tunnel and one request in it."""
        with contextlib.closing(self.open()) as connection:
            self.post(connection)

    def first(self, user: str) -> None:
        """The first tunnel of somebody."""
        with contextlib.closing(self.open(basic(user, PEOPLE[user]))) as connection:
            connection.connect()

    def wrong(self, user: str) -> None:
        """A tunnel that is refused."""
        with contextlib.closing(self.open(basic(user, "wrong"))) as connection:
            with contextlib.suppress(OSError):
                connection.connect()
                raise AssertionError("let in")


def took(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1e3


def shown(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} ({statistics.quantiles(times, n=20)[-1]:.2f})"


@contextlib.contextmanager
def running() -> Iterator[tuple[GatewayProcess, GatewayProcess, Slapd]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tls = certificate(folder, "127.0.0.1", "localhost")
        with (
            Upstream(tls[0]) as upstream,
            Slapd(folder / "slapd", tls, PEOPLE, GROUPS) as directory,
        ):
            identity = {"passwords": {"directory": True}, "directory": directory.settings()}
            common = {
                "policies": POLICY, "upstreams": {HOST: upstream.url}, "trusted_ca": tls[1],
            }  # fmt: skip
            with (
                GatewayProcess(folder / "plain", **common) as plain,
                GatewayProcess(
                    folder / "known", **common, settings={"identity": identity}
                ) as known,
            ):
                yield plain, known, directory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--tunnels", type=int, default=150)
    arguments = parser.parse_args()
    with running() as (plain, known, directory):
        nobody, somebody = Client(plain, {}), Client(known, basic("p0", PEOPLE["p0"]))
        for _ in range(20):
            nobody.anew(), somebody.anew(), nobody.again(), somebody.again()
        print("| | nobody is asked | known by the directory | ratio of medians |")
        print("|---|---|---|---|")
        for label, name, count in (
            ("request in an open tunnel", "again", arguments.requests),
            ("new tunnel and one request", "anew", arguments.tunnels),
        ):
            one: list[float] = []
            other: list[float] = []
            for _ in range(count):
                one.append(took(getattr(nobody, name)))
                other.append(took(getattr(somebody, name)))
            ratio = statistics.median(other) / statistics.median(one)
            print(f"| {label} | {shown(one)} | {shown(other)} | {ratio:.3f} |")
        people = list(PEOPLE)[1:61]
        firsts = [took(lambda user=user: somebody.first(user)) for user in people]
        wrongs = [took(lambda user=user: somebody.wrong(user)) for user in people]
        print(
            f"\nfirst tunnel of a person: {shown(firsts)} ms; a wrong password: {shown(wrongs)} ms"
        )
        settings = Identity.model_validate(
            {"passwords": {"directory": True}, "directory": directory.settings()}
        )
        identities = Identities(settings, key=b"k" * 32, watch=NullMeter())
        header = basic("p0", PEOPLE["p0"])["Proxy-Authorization"]
        evidence = Evidence("10.0.0.1", (header,))
        asyncio.run(identities.ask(evidence))
        began = time.process_time()
        for _ in range(20_000):
            assert identities.known(evidence) is not None
        spent = (time.process_time() - began) / 20_000 * 1e6
        print(f"the answer from memory: {spent:.1f} µs of CPU")
        identities.close()


if __name__ == "__main__":
    main()
