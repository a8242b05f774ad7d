"""What does the gateway do for people? Five requests through the real one, shown side by side.

Law: nothing is staged. The gateway, its policies, the database and TLS are the ones of `leakgate
run`; only the AI services are a stand-in on this machine that writes down what reaches it. A
request that does not end as expected makes the whole demo fail.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import os
import random
import re
import shutil
import ssl
import struct
import sys
import tempfile
import textwrap
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self, TextIO

import uvloop
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import daemon
from gateway.incidents.record import Incident
from gateway.incidents.store import Store
from gateway.model import PartKind
from gateway.proxy.server import StartError
from gateway.settings import Settings, gather

PACKS = Path(__file__).parent / "packs"
"""The shipped policies: a link to the top-level folder in a checkout, a folder when installed."""

_STORED_SECONDS = 10.0
"""How long an incident may take from the spool to the database."""

_BOUNDARY = "leakgate-demo-7MA4YWxk"


# --- what is sent ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One request and how it has to end.

    `shown` gives what a person would read in a body. `removed` are values that must not leave;
    `private` are all that must not be stored. `restored` are values that the answer must have
    again. `rule` must be among the rules that fired.
    """

    title: str
    host: str
    path: str
    media_type: str
    body: bytes = field(repr=False)
    shown: Callable[[bytes], str]
    want: Literal["forward", "rewrite", "refuse"]
    rule: str = ""
    removed: tuple[str, ...] = field(default=(), repr=False)
    private: tuple[str, ...] = field(default=(), repr=False)
    restored: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def cases() -> tuple[Case, ...]:
    """The five requests. Numbers and keys are new each time: none is anybody's."""
    chance = random.SystemRandom()
    card, number, key = _card(chance), _social_security(chance), _private_key()
    name, mail = "Angela Whitfield", "angela.whitfield@example.com"
    rows = _customers(chance)
    listing = "name,e-mail,phone,social security number\n" + "\n".join(map(",".join, rows)) + "\n"
    return (
        Case(
            title="An ordinary question to a chat model",
            host="api.openai.com",
            path="/v1/chat/completions",
            media_type="application/json",
            body=_chat("Write a polite reminder that the meeting room has to be left tidy."),
            shown=_chat_text,
            want="forward",
        ),
        Case(
            title="A prompt with a customer's data",
            host="api.openai.com",
            path="/v1/chat/completions",
            media_type="application/json",
            body=_chat(
                f"Draft a reply to our customer {name} ({mail}). Her social security number is "
                f"{number} and the card we charged was {card}."
            ),
            shown=_chat_text,
            want="rewrite",
            rule="cards",
            removed=(number, card),
            private=(number, card, name, mail),
            restored=(number,),
        ),
        Case(
            title="A coding agent that read a private key",
            host="api.anthropic.com",
            path="/v1/messages",
            media_type="application/json",
            body=_agent_turn(
                f"$ cat deploy/id_ecdsa\n{key}$ git status --short\n M deploy/run.sh\n"
            ),
            shown=_tool_result,
            want="rewrite",
            rule="secrets",
            removed=tuple(key.splitlines()[1:-1]),
            private=tuple(key.splitlines()[1:-1]),
            headers={"anthropic-version": "2023-06-01"},
        ),
        Case(
            title="An upload of a customer list",
            host="api.openai.com",
            path="/v1/files",
            media_type=f"multipart/form-data; boundary={_BOUNDARY}",
            body=_multipart(
                [("purpose", "", "", b"assistants")],
                ("file", "customers.csv", "text/csv", listing.encode()),
            ),
            shown=_file,
            want="refuse",
            rule="bulk-files",
            removed=tuple(cell for row in rows for cell in row),
            private=tuple(cell for row in rows for cell in row),
        ),
        Case(
            title="A portrait for an avatar service",
            host="www.headshotpro.com",
            path="/api/upload",
            media_type=f"multipart/form-data; boundary={_BOUNDARY}",
            body=_multipart([], ("photo", "portrait.png", "image/png", _portrait())),
            shown=_file,
            want="refuse",
            rule="avatar-services",
        ),
    )


def _card(chance: random.Random) -> str:
    digits = [4, *(chance.randrange(10) for _ in range(14))]
    doubled = [2 * d - 9 * (d > 4) if at % 2 == 0 else d for at, d in enumerate(digits)]
    text = "".join(map(str, [*digits, -sum(doubled) % 10]))
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


def _social_security(chance: random.Random) -> str:
    # Areas 000, 666 and 900-999 and the groups and serials of zeros are never given out.
    return f"{chance.randint(501, 649)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}"


def _private_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _customers(chance: random.Random) -> list[tuple[str, str, str, str]]:
    first = ("Maria", "Daniel", "Sophie", "Thomas", "Laura", "Kevin", "Rachel", "Peter", "Emily")
    last = ("Hoffman", "Bennett", "Castillo", "Nakamura", "Sullivan", "Fischer", "Donovan", "Price")
    names = chance.sample([(one, two) for one in first for two in last], 30)
    return [
        (
            f"{one} {two}",
            f"{one}.{two}@example.com".lower(),
            f"(212) {chance.randint(201, 998)}-{chance.randint(1000, 9999)}",
            _social_security(chance),
        )
        for one, two in names
    ]


def _portrait() -> bytes:
    """A small PNG of a face (https://www.w3.org/TR/png-3/)."""
    side = 96

    def pixel(x: int, y: int) -> bytes:
        across, down = (x - side / 2) / (side / 2), (y - side / 2) / (side / 2)
        if (across * 1.4) ** 2 + down**2 > 0.64:
            return b"\xb8\xcc\xe0"
        eye = (abs(across) - 0.22) ** 2 + (down + 0.18) ** 2 < 0.006
        mouth = abs(across) < 0.25 and abs(down - 0.36 + across**2) < 0.04
        return b"\x30\x24\x20" if eye or mouth else b"\xe8\xb8\x98"

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(side)) for y in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


def _chat(prompt: str) -> bytes:
    return json.dumps(
        {"model": "gpt-5", "messages": [{"role": "user", "content": prompt}]}
    ).encode()


def _chat_text(body: bytes) -> str:
    return str(json.loads(body)["messages"][-1]["content"])


def _agent_turn(result: str) -> bytes:
    call = {"type": "tool_use", "id": "toolu_01", "name": "Bash", "input": {"command": "…"}}
    answer = {"type": "tool_result", "tool_use_id": "toolu_01", "content": result}
    return json.dumps(
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 1024,
            "messages": [
                {"role": "user", "content": "Why does the deployment fail?"},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [answer]},
            ],
        }
    ).encode()


def _tool_result(body: bytes) -> str:
    return str(json.loads(body)["messages"][-1]["content"][0]["content"])


def _multipart(
    fields: Sequence[tuple[str, str, str, bytes]], file: tuple[str, str, str, bytes]
) -> bytes:
    parts = []
    for name, filename, media_type, data in (*fields, file):
        head = f'Content-Disposition: form-data; name="{name}"'
        head += f'; filename="{filename}"' if filename else ""
        head += f"\r\nContent-Type: {media_type}" if media_type else ""
        parts.append(f"--{_BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def _file(body: bytes) -> str:
    """The file of a multipart body: its name, type and size, and its text if it is text."""
    head = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}\r\n\r\n".encode()
    for part in message_from_bytes(head + body, policy=policy.HTTP).iter_parts():
        filename = part.get_filename()
        if filename:
            data = part.get_content()
            data = data.encode() if isinstance(data, str) else data
            told = f"{filename} ({part.get_content_type()}, {len(data):,} bytes)"
            return f"{told}\n{data.decode()}" if part.get_content_maintype() == "text" else told
    return "(no file)"


# --- the stand-in ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it reached the stand-in. `raw` is its head and body together."""

    host: str
    path: str
    body: bytes = field(repr=False)
    raw: bytes = field(repr=False)


class StandIn:
    """AI services on this machine: writes down what comes, and answers in their shapes.

    The first segment of a path names the service's host, so that one address stands for all.
    """

    def __init__(self) -> None:
        self._received: list[Received] = []
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                _, host, path = self.path.split("/", 2)
                raw = f"{self.requestline}\n{self.headers}\n".encode() + body
                received.append(Received(host, f"/{path}", body, raw))
                answer = json.dumps(_answer(host, path, body)).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's
                """Nothing is printed: the screen belongs to the demo."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def base(self, host: str) -> str:
        """The base URL that stands for `host`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{host}"

    def take(self) -> list[Received]:
        """What has come since the last call."""
        taken = self._received[:]
        del self._received[: len(taken)]
        return taken


def _answer(host: str, path: str, body: bytes) -> dict[str, Any]:
    """The size of what came; of a prompt with a number, the sentence that holds it."""
    text = f"(stand-in) Here is your answer to {len(body):,} bytes."
    number = re.search(rb"number is (\S+)", body)
    if number is not None:
        text = f"(stand-in) I have noted the number {number[1].decode('utf-8', 'replace')}."
    if host == "api.anthropic.com":
        return {"type": "message", "role": "assistant", "content": [{"type": "text", "text": text}]}
    if path.endswith("chat/completions"):
        message = {"role": "assistant", "content": text}
        return {"object": "chat.completion", "choices": [{"index": 0, "message": message}]}
    return {"object": "file", "status": text}


# --- one request ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended: the client's answer, what left, and what was recorded."""

    status: int
    said: str
    retry: str
    seconds: float
    left: tuple[Received, ...]
    incidents: tuple[Incident, ...]


def _send(case: Case, proxy: tuple[str, int], trust: ssl.SSLContext) -> tuple[int, str, str, float]:
    """Send one request through the proxy: status, text, `x-should-retry`, seconds."""
    started = time.perf_counter()
    line = http.client.HTTPSConnection(*proxy, context=trust, timeout=30)
    line.set_tunnel(case.host, 443)
    try:
        headers = {"content-type": case.media_type, "authorization": "Bearer demo", **case.headers}
        line.request("POST", case.path, case.body, headers)
        answer = line.getresponse()
        data = answer.read()
    finally:
        line.close()
    retry = answer.headers.get("x-should-retry", "")
    return answer.status, _said(data), retry, time.perf_counter() - started


def _said(data: bytes) -> str:
    """What a person is shown of an answer: the model's words, or the message of an error."""
    try:
        answer = json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
    match answer:
        case {"choices": [{"message": {"content": str(text)}}]}:
            return text
        case {"content": [{"text": str(text)}]}:
            return text
        case {"error": {"message": str(text)}}:
            return text
        case {"error": str(text)} | {"message": str(text)} | {"status": str(text)}:
            return text
    return json.dumps(answer)


def judge(case: Case, ending: Ending) -> list[str]:
    """What is not as it has to be, as sentences; empty when all is."""
    wrong = []
    sent = b"".join(received.raw for received in ending.left)
    enforced = [incident.enforcement for incident in ending.incidents]
    fired = [rule.rule for incident in ending.incidents for rule in incident.rules]
    if any(value.encode() in sent for value in case.removed):
        wrong.append("a value that had to stay here has left")
    match case.want:
        case "forward":
            if [received.body for received in ending.left] != [case.body]:
                wrong.append("the request did not leave as it was")
            if ending.incidents:
                wrong.append("an incident was recorded")
        case "rewrite":
            if len(ending.left) != 1 or ending.left[0].body == case.body:
                wrong.append("the request did not leave rewritten")
            if enforced != ["rewrite"]:
                wrong.append("no incident of a rewritten request is in the database")
        case "refuse":
            if ending.left:
                wrong.append("the request left")
            if ending.retry != "false":
                wrong.append("the client was not told that trying again is of no use")
            if enforced != ["refuse"]:
                wrong.append("no incident of a refused request is in the database")
    if not all(value in ending.said for value in case.restored):
        wrong.append("the answer did not get a value back")
    if ending.status != (400 if case.want == "refuse" else 200):
        wrong.append(f"the answer's status was {ending.status}")
    if case.rule and case.rule not in fired:
        wrong.append(f"rule `{case.rule}` did not fire")
    return wrong


def stored(state: Path, values: Sequence[str]) -> list[Path]:
    """The files of the state folder that hold any of `values`; there must be none."""
    wanted = [value.encode() for value in values]
    return [
        path
        for path in sorted(state.rglob("*"))  # does not enter the link to the cache
        if path.is_file() and any(value in path.read_bytes() for value in wanted)
    ]


# --- the screen -----------------------------------------------------------------------------------

_BOLD, _DIM, _RED, _GREEN = "1", "2", "31", "32"


class Screen:
    """Prints two texts side by side, as wide as the terminal is; colours on a terminal only."""

    def __init__(self, out: TextIO, *, width: int, colour: bool) -> None:
        self._out = out
        self._width = max(40, min(width, 120))
        self._colour = colour

    @classmethod
    def on(cls, out: TextIO) -> Screen:
        """The screen that `out` is. `NO_COLOR` is honoured (https://no-color.org)."""
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(out, width=shutil.get_terminal_size().columns, colour=out.isatty() and not plain)

    def text(self, text: str = "", style: str = "") -> None:
        """A paragraph; its line breaks are kept."""
        for line in text.splitlines() or [""]:
            for wrapped in textwrap.wrap(line, self._width, subsequent_indent="  ") or [""]:
                self._line(self._paint(wrapped, style))

    def heading(self, text: str) -> None:
        """A title with a rule to the right margin."""
        self._line(self._paint(f"{text} ".ljust(self._width, "─"), _BOLD))

    def pair(self, left: tuple[str, str], right: tuple[str, str], *, differ: bool = False) -> None:
        """Two titled texts side by side, one below the other where there is no room.

        With `differ`, words that only one of them has are coloured.
        """
        gone = set(left[1].split()) - set(right[1].split()) if differ else set()
        new = set(right[1].split()) - set(left[1].split()) if differ else set()
        if self._width < 72:
            for (title, text), words, style in ((left, gone, _RED), (right, new, _GREEN)):
                self._line(self._paint(f"  {title}", _DIM))
                for line in _wrap(text, self._width - 4):
                    self._line(f"    {self._mark(line, words, style)}")
            return
        column = (self._width - 5) // 2
        titles = self._paint(left[0].ljust(column), _DIM), self._paint(right[0], _DIM)
        self._line(f"  {titles[0]} │ {titles[1]}")
        lines = _wrap(left[1], column), _wrap(right[1], column)
        for at in range(max(map(len, lines))):
            one, two = (side[at] if at < len(side) else "" for side in lines)
            padding = " " * (column - len(one))
            self._line(f"  {self._mark(one, gone, _RED)}{padding} │ {self._mark(two, new, _GREEN)}")

    def _mark(self, line: str, words: set[str], style: str) -> str:
        if not words or not self._colour:
            return line
        return " ".join(
            self._paint(word, style)
            if word in words or (len(word) > 7 and any(word in whole for whole in words))
            else word
            for word in line.split(" ")
        )

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._colour and style else text

    def _line(self, line: str) -> None:
        self._out.write(f"{line.rstrip()}\n")
        self._out.flush()


def _wrap(text: str, width: int) -> list[str]:
    return [
        wrapped
        for line in text.splitlines()
        for wrapped in textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    ]


def _short(text: str, most: int = 8) -> str:
    lines = text.splitlines()
    if len(lines) <= most:
        return text
    return "\n".join([*lines[: most - 1], f"… {len(lines) - most + 1} more lines"])


def _left(case: Case, ending: Ending) -> str:
    if not ending.left:
        return "nothing"
    same = all(received.body == case.body for received in ending.left)
    texts = [_short(case.shown(received.body)) for received in ending.left]
    return "\n".join([*texts, *(["(byte for byte what was sent)"] if same else [])])


def _returned(ending: Ending) -> str:
    retry = "  x-should-retry: false" if ending.retry == "false" else ""
    return f"HTTP {ending.status}{retry}\n{ending.said}"


_DID = {"forward": "forwarded", "rewrite": "rewritten", "refuse": "refused"}


_OF_THE_CONNECTION = {PartKind.PROTOCOL_HEADER, PartKind.CREDENTIAL}
"""Places that no person wrote: an address in the `Host` header tells nothing here."""


def _recorded(incidents: Sequence[Incident]) -> str:
    if not incidents:
        return "none"
    lines = []
    for incident in incidents:
        lines.append(
            f"{incident.id}  {incident.severity.name.lower()}, {_DID[incident.enforcement]}"
        )
        for rule in incident.rules:
            mode = " (monitor)" if rule.mode == "monitor" else ""
            lines.append(f"rule {rule.rule}: {rule.action.name.lower()}{mode}")
        counts: Counter[str] = Counter()
        previews: dict[str, str] = {}
        for group in incident.findings:
            if group.kind in _OF_THE_CONNECTION:
                continue
            counts[group.entity] += group.count
            previews.setdefault(group.entity, group.preview)
        lines += [f"found {count} {entity}  {previews[entity]}" for entity, count in counts.items()]
        lines += [
            f"not read: {place.detail or place.reason}, {place.size:,} bytes"
            for place in incident.unread
        ]
    return "\n".join(lines)


# --- the show -------------------------------------------------------------------------------------


def run(*, keep: bool, out: TextIO | None = None) -> int:
    """Show the gateway at work on `out`; 0 when every request ended as it has to, else 1.

    2 when it could not start; `DocumentError` when the environment's settings are wrong.
    `keep` leaves the state folder in place and says where it is.
    """
    screen = Screen.on(out or sys.stdout)
    usual = gather(None, os.environ, {}).state
    with (
        tempfile.TemporaryDirectory(prefix="leakgate-demo-", delete=not keep) as folder,
        _quiet() as complaints,
        StandIn() as stand_in,
    ):
        state = Path(folder)
        if (usual / "cache").is_dir():
            (state / "cache").symlink_to((usual / "cache").absolute())
        try:
            failed = uvloop.run(_show(screen, state, stand_in))
        except StartError as error:
            sys.stderr.write(f"leakgate: {error}\n")
            return 2
        if failed:
            for line in complaints:
                screen.text(line)
        if keep:
            screen.text(f"\nKept in {state}; look into it with")
            screen.text(f"  leakgate incidents list --state {state}")
    return 1 if failed else 0


async def _show(screen: Screen, state: Path, stand_in: StandIn) -> int:
    """Run the cases; how many things were wrong."""
    script = cases()
    settings = Settings.model_validate(
        {
            "listen": "127.0.0.1:0",
            "admin": "127.0.0.1:0",
            "state": state,
            "policies": PACKS,
            "workers": 1,
            "upstreams": {case.host: stand_in.base(case.host) for case in script},
        }
    )
    started = time.perf_counter()
    failed = 0
    async with daemon.running(settings) as up:
        rules = up.rules().policy.rules
        screen.text(
            f"The gateway is up after {time.perf_counter() - started:.1f} s with its {len(rules)} "
            "shipped rules. The AI services are a stand-in on this machine; nothing leaves it."
        )
        trust = ssl.create_default_context(cafile=str(up.authority.certificate_path))
        store = Store.open(settings.database_url)
        with contextlib.closing(store):
            seen: set[str] = set()
            for number, case in enumerate(script, start=1):
                answer = await asyncio.to_thread(_send, case, up.proxies[0], trust)
                await asyncio.to_thread(up.recorder.flush, timeout=_STORED_SECONDS)
                fresh = tuple(each for each in store.list(limit=100) if each.id not in seen)
                seen.update(incident.id for incident in fresh)
                ending = Ending(*answer, tuple(stand_in.take()), fresh)
                wrong = judge(case, ending)
                _print(screen, number, case, ending, wrong)
                failed += len(wrong)
    private = sorted({value for case in script for value in case.private})
    screen.text()
    holding = stored(state, private)
    if holding:
        failed += 1
        screen.text(f"Sensitive values are stored in: {', '.join(path.name for path in holding)}")
    else:
        screen.text(
            f"None of the {len(private)} sensitive values stands in any file that the gateway wrote "
            "(database, journal, state): incidents keep counts, masks and keyed fingerprints."
        )
    screen.text(
        f"{failed} things are not as they should be."
        if failed
        else "Every request ended as it should.",
        _RED if failed else _GREEN,
    )
    return failed


def _print(screen: Screen, number: int, case: Case, ending: Ending, wrong: Sequence[str]) -> None:
    screen.text()
    screen.heading(f"{number}  {case.title}")
    screen.text(f"   POST https://{case.host}{case.path}  ({ending.seconds * 1000:.0f} ms)", _DIM)
    screen.text()
    screen.pair(
        ("SENT", _short(case.shown(case.body))),
        ("LEFT THE COMPANY", _left(case, ending)),
        differ=case.want == "rewrite",
    )
    screen.text()
    screen.pair(("CAME BACK", _returned(ending)), ("INCIDENT", _recorded(ending.incidents)))
    for sentence in wrong:
        screen.text(f"   NOT AS EXPECTED: {sentence}", _RED)


class _Keeper(logging.Handler):
    """Keeps warnings and errors until it is known whether somebody has to see them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """No log line on the screen; what the gateway complained of is given as a list."""
    root, keeper = logging.getLogger(), _Keeper()
    root.addHandler(keeper)
    try:
        yield keeper.lines
    finally:
        root.removeHandler(keeper)
