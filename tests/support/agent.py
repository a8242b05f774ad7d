"""A coding agent at work, replayed: a repository full of values, and a model that edits it.

The model knows only what it was sent: an edit is made of lines as they stood in the request. So what
the client gets tells whether values came back, and what arrived tells whether they had left.
"""

from __future__ import annotations

import copy
import json
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

LOG_BYTES = 70_000
READ, EDIT, RUN = "read", "edit", "run"
DELTA = 4
"""Characters of one streamed piece, about as many as a model's token has."""

_ALNUM = string.ascii_letters + string.digits


def _digits(rng: Random, count: int) -> str:
    return "".join(rng.choice("23456789") for _ in range(count))


def _card(rng: Random) -> str:
    body = "4" + _digits(rng, 14)
    total = sum(
        sum(divmod(int(digit) * 2, 10)) if at % 2 == 0 else int(digit)
        for at, digit in enumerate(body)
    )
    number = body + str(-total % 10)
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


def _iban(rng: Random) -> str:
    account = "37040044" + _digits(rng, 10)
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _ssn(rng: Random) -> str:
    return f"{rng.randrange(200, 600)}-{rng.randrange(11, 99)}-{_digits(rng, 4)}"


def _phone(rng: Random) -> str:
    return f"({rng.choice((212, 415, 617, 206, 303))}) {rng.choice('4678')}{_digits(rng, 2)}-{_digits(rng, 4)}"


def _word(rng: Random, count: int, among: str = _ALNUM) -> str:
    return "".join(rng.choice(among) for _ in range(count))


def _secrets(rng: Random) -> list[str]:
    bot = f"{_word(rng, 12, string.digits)}-{_word(rng, 12, string.digits)}-{_word(rng, 24)}"
    return [
        "gh" + "p_" + _word(rng, 36),
        "AK" + "IA" + _word(rng, 16, string.ascii_uppercase + "234567"),
        "xo" + "xb-" + bot,
        "npm" + "_" + _word(rng, 36),
    ]


_PEOPLE = ("Angela Whitfield", "Marcus Pemberton", "Hannah Kingsley", "Graham Ashworth")


@dataclass(frozen=True)
class Repository:
    """Files by path, and the values that stand in them."""

    files: dict[str, str] = field(repr=False)
    planted: tuple[str, ...] = field(repr=False)

    def left(self, sent: bytes) -> list[str]:
        """The planted values that stand in what was sent, also written without blanks."""
        dense = sent.replace(b" ", b"")
        return [
            value
            for value in self.planted
            if value.encode() in sent or value.replace(" ", "").encode() in dense
        ]


def repository(seed: int) -> Repository:
    """24 values in 11 files: people, e-mails, phones, cards, social security numbers, IBANs, keys."""
    rng = Random(seed)
    people = list(_PEOPLE)
    mails = [f"{name.lower().replace(' ', '.')}{_digits(rng, 2)}@corp-mail.net" for name in people]
    phones = [_phone(rng) for _ in range(3)]
    cards = [_card(rng) for _ in range(3)]
    ssns = [_ssn(rng) for _ in range(3)]
    ibans = [_iban(rng) for _ in range(3)]
    keys = _secrets(rng)
    files = {
        "README.md": (
            "# Billing\n\nSmall service that sends invoices.\n\n## People\n\n"
            f"- Owner: {people[0]} <{mails[0]}>, phone {phones[0]}\n"
            f"- On call: {people[1]} <{mails[1]}>\n\nRun `make test` before you push.\n"
        ),
        "docs/contacts.md": (
            "| who | what | phone |\n|---|---|---|\n"
            f"| {people[2]} | support, writes from {mails[2]} | {phones[1]} |\n"
            f"| {people[3]} | finance, writes from {mails[3]} | {phones[2]} |\n"
        ),
        "src/billing.py": (
            '"""Invoices."""\n\nfrom decimal import Decimal\n\n'
            f"# {people[0]} asked for this limit, see the mail of {mails[0]}.\n"
            'LIMIT = Decimal("250.00")\n'
            f'TEST_CARD = "{cards[0]}"\n\n\n'
            "def total(lines):\n    return sum(line.amount for line in lines)\n"
        ),
        "src/notify.ts": (
            'import { send } from "./slack";\n\n'
            f'const slackToken = "{keys[2]}";\n'
            f'export const fallback = {{ phone: "{phones[0]}", mail: "{mails[1]}" }};\n'
            "export const notify = (text: string) => send(slackToken, text);\n"
        ),
        "data/customers.csv": (
            "id,name,email,ssn,card\n"
            f"1,{people[2]},{mails[2]},{ssns[0]},{cards[1]}\n"
            f"2,{people[3]},{mails[3]},{ssns[1]},{cards[2]}\n"
        ),
        "config/settings.json": json.dumps(
            {
                "database": {"host": "db.internal", "pool": 5},
                "payout": {"iban": ibans[0], "holder": people[0]},
                "alerts": [{"mail": mails[0]}, {"mail": mails[1]}],
            },
            indent=2,
        )
        + "\n",
        ".env": (
            "DEBUG=0\n"
            f"GITHUB_TOKEN={keys[0]}\nAWS_ACCESS_KEY_ID={keys[1]}\nNPM_TOKEN={keys[3]}\n"
            f"ALERT_MAIL={mails[0]}\n"
        ),
        "sql/seed.sql": (
            "BEGIN;\n"
            f"INSERT INTO accounts (holder, iban) VALUES ('{people[1]}', '{ibans[1]}');\n"
            f"INSERT INTO accounts (holder, iban) VALUES ('{people[2]}', '{ibans[2]}');\n"
            "COMMIT;\n"
        ),
        "tests/test_customers.py": (
            "from billing import load\n\n\n"
            "def test_social_security_number_is_kept():\n"
            f'    assert load(1).ssn == "{ssns[2]}"\n'
            f'    assert load(1).card == "{cards[1]}"\n'
        ),
        "deploy/values.yaml": (
            "replicas: 2\nimage: registry.internal/billing:14\n"
            f"owner: {mails[3]}\nenv:\n  - name: GITHUB_TOKEN\n    value: {keys[0]}\n"
        ),
    }
    said = (
        f"mail to {mails[0]} bounced", f"customer {people[2]} called from {phones[1]}",
        f"card {cards[0]} declined", f"payout to {ibans[0]} done",
        f"social security number {ssns[0]} does not match", f"login of {mails[3]} failed",
    )  # fmt: skip
    lines: list[str] = []
    size = 0
    while size < LOG_BYTES:
        number = len(lines)
        what = (
            rng.choice(said)
            if number % 40 == 7
            else f"request {_word(rng, 8, 'abcdef0123456789')} took {rng.randrange(900)} ms"
        )
        at = f"2026-11-{number // 1440 % 28 + 1:02}T{number // 60 % 24:02}:{number % 60:02}:00Z"
        lines.append(f"{at} INFO billing.worker line={number} {what}")
        size += len(lines[-1]) + 1
    files["logs/worker.log"] = "\n".join(lines) + "\n"
    return Repository(files, (*people, *mails, *phones, *cards, *ssns, *ibans, *keys))


@dataclass(frozen=True)
class Step:
    """What the model does in one turn, and to which file."""

    kind: str
    path: str
    lines: tuple[int, ...] = ()
    """Numbers of the lines that an edit changes; they follow on each other."""


def _edited(old: str, number: int) -> str:
    """What an edit makes of some lines: what stood there stays, and is said once more."""
    last = old.rsplit("\n", 1)[-1].strip()
    return f"{old}\n# checked {number}: {last}"


def plan(repo: Repository, turns: int) -> list[Step]:
    """Reads every file, then edits and looks at them by turns."""
    reads = [Step(READ, path) for path in sorted(repo.files)]
    due = {path: _units(repo, path) for path in sorted(repo.files)}
    more: list[Step] = []
    while any(due.values()) and len(more) < turns:
        for path, units in due.items():
            if units:
                more.append(Step(EDIT, path, units.pop(0)))
                if len(more) % 3 == 2:
                    more.append(Step(RUN, path))
    return [*reads, *more][:turns]


def _units(repo: Repository, path: str) -> list[tuple[int, ...]]:
    """The lines with values in them, two where they follow on each other; none comes twice."""
    units: list[tuple[int, ...]] = []
    for number, line in enumerate(repo.files[path].splitlines()):
        if any(value in line for value in repo.planted):
            if units and units[-1] == (number - 1,):
                units[-1] = (number - 1, number)
            else:
                units.append((number,))
    return units


# --- the client ----------------------------------------------------------------------------------


class Workspace:
    """The files on the person's machine, and the tools that work on them."""

    def __init__(self, repo: Repository) -> None:
        self.files = dict(repo.files)

    def show(self, path: str) -> str:
        return "".join(
            f"{number:6}\t{line}\n" for number, line in enumerate(self.files[path].splitlines(), 1)
        )

    def replace(self, path: str, old: str, new: str) -> str:
        """An edit; it holds only where the old text stands exactly once."""
        found = self.files[path].count(old)
        assert found == 1, f"the old text stands {found} times in {path}"
        self.files[path] = self.files[path].replace(old, new)
        return f"edited {path}"

    def search(self, path: str) -> str:
        """What `grep -n` prints of the lines that were edited."""
        return "".join(
            f"{path}:{number}:{line}\n"
            for number, line in enumerate(self.files[path].splitlines(), 1)
            if "checked" in line or "@" in line[:200]
        )[:4000]


PROMPT = "Go through the repository and mark what you have checked. Work on your own."


def _sse(events: list[dict[str, Any]]) -> list[bytes]:
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events]


def _pieces(text: str) -> list[str]:
    return [text[at : at + DELTA] for at in range(0, len(text), DELTA)]


def events(stream: bytes) -> list[dict[str, Any]]:
    """The payloads of a stream of events."""
    return [
        json.loads(line[6:]) for line in stream.decode().split("\n") if line.startswith("data: {")
    ]


class _Seen:
    """What the model was sent of the files: their lines, its own edits in them."""

    def __init__(self, steps: list[Step], results: list[str]) -> None:
        self.steps = steps
        self.results = results

    def lines(self, step: Step) -> str:
        """The lines of an edit, as they were shown when the file was read."""
        at = next(
            number
            for number, other in enumerate(self.steps)
            if other.kind == READ and other.path == step.path
        )
        shown = self.results[at].splitlines()
        return "\n".join(shown[number].partition("\t")[2] for number in step.lines)


class Anthropic:
    """Messages, with results in `tool_result` blocks and edits in `tool_use`."""

    url = "https://api.anthropic.com/v1/messages"
    path = "/v1/messages"
    history = "messages"

    @staticmethod
    def opening() -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]

    @staticmethod
    def body(history: list[dict[str, Any]]) -> bytes:
        schema = {"type": "object", "properties": {}}
        told = {
            "model": "claude", "max_tokens": 8000, "stream": True,
            "system": [{"type": "text", "text": "You are a coding agent."}],
            "tools": [
                {"name": "bash", "description": "Runs a command.", "input_schema": schema},
                {
                    "name": "str_replace_based_edit_tool",
                    "description": "Edits a file.",
                    "input_schema": schema,
                },
            ],
            "messages": history,
        }  # fmt: skip
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    @staticmethod
    def results(body: dict[str, Any]) -> list[str]:
        return [
            block["content"][0]["text"]
            for message in body["messages"]
            for block in message["content"]
            if block["type"] == "tool_result"
        ]

    @staticmethod
    def answer(number: int, step: Step, old: str) -> list[bytes]:
        """The model's turn as a stream."""
        said = f"Turn {number}, {step.path}. " + (f"I mark `{old}`." if old else "")
        if step.kind == EDIT:
            name, arguments = "str_replace_based_edit_tool", {
                "command": "str_replace", "path": step.path,
                "old_str": old, "new_str": _edited(old, number),
            }  # fmt: skip
        else:
            word = "cat -n" if step.kind == READ else "grep -n checked"
            name, arguments = "bash", {"command": f"{word} {step.path}"}
        call = {"type": "tool_use", "id": f"toolu_{number:04}", "name": name, "input": {}}
        message = {
            "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude",
            "content": [], "stop_reason": None, "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        made: list[dict[str, Any]] = [
            {"type": "message_start", "message": message},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": ""},
            },
        ]
        made += [
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": piece},
            }
            for piece in _pieces(said)
        ]
        made += [
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": call},
        ]
        made += [
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": piece},
            }
            for piece in _pieces(json.dumps(arguments, ensure_ascii=number % 2 == 0))
        ]
        made += [
            {"type": "content_block_stop", "index": 1},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
            {"type": "message_stop"},
        ]
        return _sse(made)

    @staticmethod
    def spoken(stream: bytes) -> list[dict[str, Any]]:
        """What a client puts into the history of the model's turn."""
        blocks: list[dict[str, Any]] = []
        arguments: dict[int, str] = {}
        for event in events(stream):
            match event["type"]:
                case "content_block_start":
                    blocks.append(copy.deepcopy(event["content_block"]))
                case "content_block_delta" if "text" in event["delta"]:
                    blocks[event["index"]]["text"] += event["delta"]["text"]
                case "content_block_delta":
                    at = event["index"]
                    arguments[at] = arguments.get(at, "") + event["delta"]["partial_json"]
        for at, text in arguments.items():
            blocks[at]["input"] = json.loads(text)
        return [{"role": "assistant", "content": blocks}]

    @staticmethod
    def carried_out(turn: list[dict[str, Any]], space: Workspace) -> list[dict[str, Any]]:
        call = turn[0]["content"][-1]
        told = call["input"]
        if call["name"] == "bash":
            word, _, path = told["command"].rpartition(" ")
            text = space.show(path) if word.startswith("cat") else space.search(path)
        else:
            text = space.replace(told["path"], told["old_str"], told["new_str"])
        result = {
            "type": "tool_result", "tool_use_id": call["id"],
            "content": [{"type": "text", "text": text}],
        }  # fmt: skip
        return [{"role": "user", "content": [result]}]


class Responses:
    """Responses: commands in `function_call`, edits in `custom_tool_call` as patches."""

    url = "https://api.openai.com/v1/responses"
    path = "/v1/responses"
    history = "input"

    @staticmethod
    def opening() -> list[dict[str, Any]]:
        content = [{"type": "input_text", "text": PROMPT}]
        return [{"type": "message", "role": "user", "content": content}]

    @staticmethod
    def body(history: list[dict[str, Any]]) -> bytes:
        told = {
            "model": "gpt-5-codex", "stream": True, "store": False,
            "instructions": "You are a coding agent.",
            "tools": [
                {"type": "function", "name": "shell", "parameters": {"type": "object"}},
                {"type": "custom", "name": "apply_patch", "description": "Edits files."},
            ],
            "input": history,
        }  # fmt: skip
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    @staticmethod
    def results(body: dict[str, Any]) -> list[str]:
        return [item["output"] for item in body["input"] if item["type"].endswith("_call_output")]

    @staticmethod
    def answer(number: int, step: Step, old: str) -> list[bytes]:
        """The model's turn as a stream, with the copies that close each item."""
        said = f"Turn {number}, {step.path}. " + (f"I mark `{old}`." if old else "")
        if step.kind == EDIT:
            new = _edited(old, number)
            text = (
                f"*** Begin Patch\n*** Update File: {step.path}\n@@\n"
                + "".join(f"-{line}\n" for line in old.split("\n"))
                + "".join(f"+{line}\n" for line in new.split("\n"))
                + "*** End Patch\n"
            )
            call = {"type": "custom_tool_call", "name": "apply_patch", "input": text}
            kind, key = "response.custom_tool_call_input", "input"
        else:
            word = ["cat", "-n"] if step.kind == READ else ["grep", "-n", "checked"]
            text = json.dumps({"command": [*word, step.path]})
            call = {"type": "function_call", "name": "shell", "arguments": text}
            kind, key = "response.function_call_arguments", "arguments"
        call |= {"id": f"ctc_{number}", "call_id": f"call_{number:04}", "status": "completed"}
        part = {"type": "output_text", "text": said, "annotations": []}
        message = {
            "type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed",
            "content": [part],
        }  # fmt: skip
        whole = {"id": f"resp_{number}", "object": "response", "status": "completed"}
        place = {"item_id": message["id"], "output_index": 0, "content_index": 0}
        other = {"item_id": call["id"], "output_index": 1}
        made: list[dict[str, Any]] = [
            {"type": "response.created", "response": whole | {"output": []}},
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": message | {"content": []},
            },
            *({"type": "response.output_text.delta", "delta": p, **place} for p in _pieces(said)),
            {"type": "response.output_text.done", "text": said, **place},
            {"type": "response.output_item.done", "output_index": 0, "item": message},
            {"type": "response.output_item.added", "output_index": 1, "item": call | {key: ""}},
            *({"type": f"{kind}.delta", "delta": piece, **other} for piece in _pieces(text)),
            {"type": f"{kind}.done", key: text, **other},
            {"type": "response.output_item.done", "output_index": 1, "item": call},
            {"type": "response.completed", "response": whole | {"output": [message, call]}},
        ]
        return _sse(made)

    @staticmethod
    def spoken(stream: bytes) -> list[dict[str, Any]]:
        """What a client puts into the history; the pieces and all copies must say the same."""
        items: dict[int, dict[str, Any]] = {}
        pieces: dict[int, str] = {}
        done: dict[int, str] = {}
        whole: list[dict[str, Any]] = []
        for event in events(stream):
            kind, at = event["type"], event.get("output_index", 0)
            if kind.endswith(".delta"):
                pieces[at] = pieces.get(at, "") + event["delta"]
            elif kind == "response.output_item.done":
                items[at] = event["item"]
            elif kind == "response.completed":
                whole = event["response"]["output"]
            elif kind.endswith(".done"):
                done[at] = event.get("text") or event.get("input") or event["arguments"]
        turn = [items[at] for at in sorted(items)]
        for at, item in items.items():
            told = item.get("input") or item.get("arguments") or item["content"][0]["text"]
            assert pieces[at] == done[at] == told
        assert turn == whole
        return turn

    @staticmethod
    def carried_out(turn: list[dict[str, Any]], space: Workspace) -> list[dict[str, Any]]:
        call = turn[-1]
        if call["type"] == "function_call":
            command = json.loads(call["arguments"])["command"]
            path = command[-1]
            text = space.show(path) if command[0] == "cat" else space.search(path)
        else:
            lines = call["input"].split("\n")
            path = lines[1].removeprefix("*** Update File: ")
            old = "\n".join(line[1:] for line in lines if line.startswith("-"))
            new = "\n".join(line[1:] for line in lines if line.startswith("+"))
            text = space.replace(path, old, new)
        return [{"type": f"{call['type']}_output", "call_id": call["call_id"], "output": text}]


type Wire = type[Anthropic | Responses]


def model(steps: list[Step]) -> Callable[[str, dict[str, Any]], tuple[str, list[bytes]]]:
    """The service: what it answers to a request, by what it was sent alone."""

    def answer(path: str, body: dict[str, Any]) -> tuple[str, list[bytes]]:
        wire: Wire = Anthropic if path.startswith(Anthropic.path) else Responses
        results = wire.results(body)
        step = steps[len(results)]
        old = _Seen(steps, results).lines(step) if step.kind == EDIT else ""
        return "text/event-stream", wire.answer(len(results), step, old)

    return answer


class Session:
    """One conversation: `turn(send)` sends what is due and carries out what comes back."""

    def __init__(self, wire: Wire, repo: Repository) -> None:
        self.wire = wire
        self.space = Workspace(repo)
        self.history = wire.opening()

    def body(self) -> bytes:
        """The next request."""
        return self.wire.body(self.history)

    def go_on(self, stream: bytes) -> list[dict[str, Any]]:
        """Take an answer: into the history, with the result of the tool that it called."""
        turn = self.wire.spoken(stream)
        # What is only the service's is not sent back.
        self.history += [{k: v for k, v in item.items() if k != "status"} for item in turn]
        self.history += self.wire.carried_out(turn, self.space)
        return turn


def prefix(one: bytes, two: bytes) -> int:
    """How many bytes two requests have in common from their beginning."""
    if two.startswith(one):
        return len(one)
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == two[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
