"""Whatever fails, nothing leaves uninspected and no incident is lost: a real gateway, real faults.

Each row of the table is a fault, what the client got, what left, and the incident on record. The
table is printed at the end (`-s` shows it).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import signal
import subprocess
import time
import zipfile

import brotli
import pytest
from support import faulty, golden
from support.gateway import GatewayProcess
from support.policies import POLICY
from support.postgres import Postgres
from support.thorough import FULL
from support.upstream import Upstream
from support.wire import ClosedError, GoneError, Http1, Http2, websocket

HOST = golden.HOSTS["openai"]
CHAT = "/v1/chat/completions"
JSON = ("Content-Type", "application/json")
DEADLINE = 8.0
"""The first picture in a worker loads the networks, and other tests compute at the same time."""
WORKERS = 3


FEW = """
detectors:
  countries: []
  secrets: false
"""
"""Few detectors: workers that are replaced again and again start faster."""


class Bench:
    """A gateway with stages that fail on command, and the recording upstream behind it."""

    def __init__(self, folder, tls, *, settings=None, faulty=True):
        self.upstream = Upstream(tls[0], http2=True)
        self.upstream.__enter__()
        self.gateway = GatewayProcess(
            folder,
            policies=POLICY.format(action="redact") + FEW,
            upstreams=dict.fromkeys(golden.HOSTS.values(), self.upstream.url),
            trusted_ca=tls[1],
            settings={
                "max_body": "1m",
                "max_decoded": "8m",
                "deadline": DEADLINE,
                "workers": WORKERS,
            }
            | (settings or {}),
            faulty=faulty,
        )

    def close(self):
        try:
            self.gateway.stop()
        finally:
            self.upstream.__exit__()

    def send(self, body, headers=(JSON,), *, http2=False, target=CHAT, **options):
        """One request on a connection of its own: (status, what the answer says)."""
        connection = (Http2 if http2 else Http1)(
            HOST, proxy=self.gateway.port, cafile=self.gateway.ca
        )
        try:
            answer = connection.request("POST", target, headers, body, **options)
        except (OSError, GoneError):
            return 0, ""
        finally:
            connection.close()
        return answer.status, answer.body.decode("latin-1")

    def clean(self, word="clean"):
        """Does an ordinary request go through, unchanged?"""
        self.upstream.seen.clear()
        body = prompt(word)
        status, _ = self.send(body)
        return status == 200 and [seen.body for seen in self.upstream.seen] == [body]

    def incident(self, text, seconds=30.0):
        """The incident that an answer names, once the database has it."""
        (name,) = re.findall(r"incident `([0-9a-f]{16})`", text)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.gateway.store() as store:
                found = store.get(name)
            if found is not None:
                return found
            time.sleep(0.05)
        return None

    def wait_for_workers(self, count=2, seconds=90.0):
        """Two are enough: an exchange that kills its worker is tried on one more."""
        deadline = time.monotonic() + seconds
        while self.gateway.metric("leakgate_workers") < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def prompt(text, **more):
    message = {"role": "user", "content": text}
    return json.dumps({"model": "gpt-5", "messages": [message], **more}).encode()


ROWS = []


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    head = ("fault", "the client got", "left", "on record")
    widths = [max(len(row[i]) for row in [head, *ROWS]) for i in range(4)]
    print()
    for row in [head, *ROWS]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


@pytest.fixture(scope="module")
def spool_disk(tmp_path_factory):
    """A folder for the spool on a disk of one megabyte, where tests may mount one."""
    state = tmp_path_factory.mktemp("faults") / "state"
    spool = state / "spool"
    spool.mkdir(parents=True)
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(spool)],
            capture_output=True,
        ).returncode
        == 0
    )
    yield state, mounted
    if mounted:
        subprocess.run(["umount", "-l", str(spool)], check=True)


@pytest.fixture(scope="module")
def bench(spool_disk, tls):
    bench = Bench(spool_disk[0].parent, tls)
    try:
        bench.gateway.start()
    except BaseException:
        bench.upstream.__exit__()
        raise
    yield bench
    bench.close()


def refused(bench, name, result, *, cause):
    """The fault ended in one refusal with a cause, nothing left, and it is on record."""
    status, text = result
    left = bench.upstream.everything()
    found = bench.incident(text) if text else None
    word = found.cause if found else "NOTHING"
    if found and found.unread:
        word += ", " + ", ".join(sorted({str(place.reason) for place in found.unread}))
    ROWS.append((name, f"{status}", f"{len(left)} bytes" if left else "nothing", word))
    assert bench.upstream.seen == []
    assert 400 <= status < 500
    assert found is not None
    assert found.enforcement == "refuse"
    assert word in (cause if isinstance(cause, tuple) else (cause,))


# --- a worker fails, at each stage ----------------------------------------------------------------

CAUSES = {"raise": "exception", "hang": "timeout", "kill": ("worker_died", "timeout")}
"""A killed worker's exchange is tried once more; on a slow machine that is over the deadline."""


ENDS = faulty.STAGES if FULL else ("match", "detect", "again")
"""Stages in which a worker hangs or is killed: the gateway sees it from outside, and then starts
another one, which takes seconds. Early, in the middle and late will do."""


@pytest.mark.parametrize(
    ("fault", "stage"),
    [(fault, stage) for fault in CAUSES for stage in (faulty.STAGES if fault == "raise" else ENDS)],
)
def test_worker_fails(bench, card, stage, fault):
    bench.wait_for_workers()
    bench.upstream.seen.clear()
    file = {"type": "file", "file": {"filename": "a.bin", "file_data": PICTURE}}
    body = prompt([{"type": "text", "text": f"card {card}, marker words"}, file])
    result = bench.send(body, (JSON, ("x-fault", f"{stage}/{fault}")))
    refused(bench, f"worker: {fault} in {stage}", result, cause=CAUSES[fault])
    assert b"marker words" not in bench.gateway.log().encode()


PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


@pytest.mark.parametrize("fault", CAUSES)
def test_worker_fails_on_a_websocket_message(bench, card, fault):
    """The message is dropped and the connection closed with a reason."""
    bench.wait_for_workers()
    bench.upstream.seen.clear()
    headers = [("x-message-fault", f"detect/{fault}")]
    where = {"proxy": bench.gateway.port, "cafile": bench.gateway.ca}
    with websocket(HOST, "/v1/realtime", headers, **where) as connection:
        connection.send(f"marker words {card}")
        with pytest.raises(ClosedError) as closed:
            connection.recv(timeout=20)
    assert "incident `" in connection.told
    assert card not in connection.told
    reason = closed.value.reason
    found = bench.incident(re.sub(r"incident (\w+)", r"incident `\1`", reason))
    left = bench.upstream.everything()
    ROWS.append(
        (
            f"worker: {fault} on a WebSocket message",
            f"closed, {closed.value.code}",
            "the handshake" if b"marker" not in left else "THE MESSAGE",
            found.cause if found else "NOTHING",
        )
    )
    assert closed.value.code == 1008
    assert bench.upstream.seen[0].messages in ([], [""])
    assert b"marker" not in left
    causes = CAUSES[fault]
    assert found.cause in (causes if isinstance(causes, tuple) else (causes,))


@pytest.mark.parametrize(
    ("fault", "cause"),
    [("memory", "exception"), ("exit", "worker_died"), ("partial", "policy, detector_failed")],
)
def test_detector_fails_otherwise(bench, card, fault, cause):
    """Out of memory, gone without a word, or one detector of many without an answer."""
    bench.wait_for_workers()
    bench.upstream.seen.clear()
    result = bench.send(prompt(f"words {card}"), (JSON, ("x-fault", f"detect/{fault}")))
    refused(bench, f"worker: {fault} in detect", result, cause=cause)


def test_all_workers_killed_from_outside(bench):
    """By an operator or the kernel: requests wait for new workers, or are refused; then all works."""
    bench.wait_for_workers(WORKERS)
    pids = bench.gateway.workers()
    assert len(pids) == WORKERS
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    bench.upstream.seen.clear()
    status, text = bench.send(prompt("words"))
    assert status == 200 or bench.incident(text).cause in {"timeout", "worker_died"}
    assert len(bench.upstream.seen) == (status == 200)
    ROWS.append(
        (
            "worker: all killed from outside",
            "200 after a wait, or 400",
            "inspected, or nothing",
            "as timeout, when refused",
        )
    )
    bench.wait_for_workers()
    assert bench.clean()


def test_gateway_works_after_all_that(bench, card):
    bench.wait_for_workers()
    assert bench.clean()
    bench.upstream.seen.clear()
    assert bench.send(prompt(f"card {card} it is"))[0] == 200
    (seen,) = bench.upstream.seen
    assert json.loads(seen.body)["messages"][0]["content"] == "card [CREDIT_CARD] it is"


# --- bodies that cannot be read -------------------------------------------------------------------


def bomb():
    """0.3 MB that become 300 MB."""
    return gzip.compress(bytes(300_000_000), 9)


def locked_zip(content):
    """An archive whose one member is marked as encrypted."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", content)
    data = bytearray(out.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def encoded(name):
    return (JSON, ("Content-Encoding", name))


UNREADABLE = {
    "gzip that is cut off": lambda b: (gzip.compress(b)[:-9], encoded("gzip"), "undecodable"),
    "gzip with bytes after it": lambda b: (
        gzip.compress(b) + b"tail",
        encoded("gzip"),
        "undecodable",
    ),
    "plain text labelled br": lambda b: (b, encoded("br"), "undecodable"),
    "br labelled gzip": lambda b: (brotli.compress(b), encoded("gzip"), "undecodable"),
    "unknown encoding": lambda b: (b, encoded("rot13"), "undecodable"),
    "unknown encoding below gzip": lambda b: (
        gzip.compress(b),
        encoded("rot13, gzip"),
        "undecodable",
    ),
    "decompression bomb, 0.3 to 300 MB": lambda _: (bomb(), encoded("gzip"), "expands_too_far"),
    "encoded five times": lambda b: (
        gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(b))))),
        encoded("gzip, gzip, gzip, gzip, gzip"),
        "expands_too_far",
    ),
    "broken JSON": lambda b: (b[:-1], (JSON,), "malformed"),
    "JSON 10,000 levels deep": lambda _: (b"[" * 10_000 + b"]" * 10_000, (JSON,), "too_deep"),
    "unknown content type": lambda b: (
        bytes(range(256)) + b,
        (("Content-Type", "application/x-quite-unknown"),),
        "unknown_type",
    ),
    "binary without a content type": lambda b: (b"\x01\x02\x80\xff" + b, (), "unknown_type"),
    "unknown character set": lambda b: (
        b"\xff\xfa\x80 words " + b,
        (("Content-Type", "text/plain; charset=klingon"),),
        "charset",
    ),
    "two content types": lambda b: (
        b,
        (JSON, ("Content-Type", "application/octet-stream")),
        "malformed",
    ),
}


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_body_that_cannot_be_read(bench, name, http2):
    bench.wait_for_workers()
    bench.upstream.seen.clear()
    body, headers, reason = UNREADABLE[name](prompt("words that nobody can read"))
    began = time.monotonic()
    result = bench.send(body, headers, http2=http2)
    assert time.monotonic() - began < DEADLINE
    refused(bench, f"body: {name}{', HTTP/2' if http2 else ''}", result, cause=f"policy, {reason}")


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_body_over_the_limit(bench, http2, chunked):
    bench.wait_for_workers()
    bench.upstream.seen.clear()
    result = bench.send(b"x" * (3 << 20), http2=http2, chunked=chunked)
    how = f"{', chunked' if chunked else ''}{', HTTP/2' if http2 else ''}"
    refused(bench, f"body: 3 MB where 1 MB is allowed{how}", result, cause="too_large")


# --- what stands around -----------------------------------------------------------------------


def test_bad_policy_changes_nothing(bench, card):
    policy = bench.gateway.policies / "policy.yaml"
    good = policy.read_text()
    failures = {"result": "failure"}
    before = bench.gateway.metric("leakgate_policy_reloads_total", **failures)
    revision = re.search(r"leakgate_policy_info\{.*\} 1", bench.gateway.metrics())[0]
    policy.write_text(good.replace("entity: CREDIT_CARD", "entity: CREDIT_CRAD"))
    try:
        deadline = time.monotonic() + 60
        while bench.gateway.metric("leakgate_policy_reloads_total", **failures) == before:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert bench.gateway.metric("leakgate_policy_last_reload_success") == 0
        assert revision in bench.gateway.metrics()
        assert "did you mean `CREDIT_CARD`" in bench.gateway.log()
        bench.upstream.seen.clear()
        status, _ = bench.send(prompt(f"card {card}"))
        assert status == 200
        assert b"[CREDIT_CARD]" in bench.upstream.seen[0].body
    finally:
        policy.write_text(good)
    ROWS.append(("policy reload with a typo", f"{status}", "redacted by the old policy", "yes"))
    # The mistake taken back, and then a change that is valid.
    deadline = time.monotonic() + 90
    while bench.gateway.metric("leakgate_policy_last_reload_success") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert revision in bench.gateway.metrics()
    policy.write_text(good.replace("A card number stands", "A payment card stands"))
    while revision in bench.gateway.metrics():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert bench.clean()


def fill(path):
    """Write until the disk is full, to the last page."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_spool_disk_full(bench, spool_disk, card):
    state, mounted = spool_disk
    if not mounted:
        pytest.skip("a small disk can only be mounted by root")
    bench.wait_for_workers()
    filler = state / "spool" / "filler"
    try:
        fill(filler)
        bench.upstream.seen.clear()
        # The last page of the spool's own file may still take a few.
        passed = 0
        while (answer := bench.send(prompt(f"card {card} when the disk is full")))[0] == 200:
            passed += 1
            assert passed < 50
        status, text = answer
        assert len(bench.upstream.seen) == passed
        assert card.encode() not in bench.upstream.everything()
        assert status == 400
        assert "cannot record" in text
        assert bench.gateway.metric("leakgate_failures_total", cause="spool") >= 1
        assert card.encode() not in bench.gateway.traces()
        # What needs no record goes on.
        assert bench.clean()
    finally:
        filler.unlink()
    ROWS.append(("spool: disk full", f"{status}", "nothing", "cannot be; counted"))
    bench.upstream.seen.clear()
    assert bench.send(prompt(f"card {card} again"))[0] == 200
    assert b"[CREDIT_CARD]" in bench.upstream.seen[0].body


def test_no_incident_of_all_these_is_lost(bench):
    """Every refusal that the gateway counted is in the database; only the full disk's is not."""
    counted = bench.gateway.metric("leakgate_requests_total", enforcement="refuse")
    unrecorded = bench.gateway.metric("leakgate_failures_total", cause="spool")
    deadline = time.monotonic() + 60
    stored = 0
    while time.monotonic() < deadline and stored < counted - unrecorded:
        stored = sum(each.enforcement == "refuse" for each in bench.gateway.incidents())
        time.sleep(0.1)
    print(f"\n{counted:.0f} refusals, {unrecorded:.0f} with a full disk, {stored} on record")
    assert stored == counted - unrecorded


# --- the database is away, and the gateway is killed ----------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    import shutil
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp(prefix="leakgate-pg-"))
    folder.chmod(0o755)
    server = Postgres(folder)
    server.start()
    yield server
    if server.running:
        server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_database_away_and_gateway_killed(database, tmp_path, tls, card):
    url = database.create("faults")
    bench = Bench(tmp_path, tls, settings={"database": url, "deadline": 10}, faulty=False)
    try:
        bench.gateway.start()
        body = b"broken JSON that is refused {"
        status, text = bench.send(body)
        assert status == 400
        assert bench.incident(text) is not None
        database.stop()

        # Away: traffic goes on as before, refusals are kept in the spool.
        assert bench.clean()
        answers = [bench.send(body) for _ in range(5)]
        assert [status for status, _ in answers] == [400] * 5
        assert bench.send(prompt(f"card {card}"))[0] == 200
        assert len(bench.upstream.seen) == 2
        ROWS.append(
            ("database: away", "400, or 200 when clean", "clean or redacted only", "in the spool")
        )

        # Killed right after the answer: nothing had time to be put in order.
        last = bench.send(body)
        bench.gateway.kill()
        database.start()
        bench.gateway.start()
        found = [bench.incident(text) for _, text in [*answers, last]]
        assert None not in found
        redacted = [each for each in bench.gateway.incidents() if each.enforcement == "rewrite"]
        assert len(redacted) == 1
        ROWS.append(
            (
                "gateway: kill -9 after a refusal, database away",
                "400",
                "nothing",
                "after the next start",
            )
        )
        assert card.encode() not in bench.gateway.traces()
        bench.gateway.stop()
    finally:
        bench.gateway.kill()
        bench.upstream.__exit__()
