"""What does restoring an answer cost? Time for each event, and memory of many streams at once.

Streams without a token are what nearly all are: they are fed to a stream that knows tokens, to one
that also knows of a vault, and, for the scale, only cut into events. One run, CPU time, the best of
five; the ratio is what counts on a busy machine.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.answers import CASES, ENTITIES, issue, stream

from gateway.answers import Shape, Vault, framing

WORDS = 1000
NAMES = (
    "chat",
    "responses",
    "anthropic",
    "anthropic tool",
    "gemini",
    "ollama",
    "converse",
    "pages",
    "text",
)
ISSUED = issue([("Jane Roe", "PERSON"), ("jane@acme.com", "EMAIL_ADDRESS")])
MANY = issue([(f"Jane {n}", "PERSON") for n in range(5000)])
(TOKEN, *_) = ISSUED
FRAMINGS = {
    Shape.EVENTS: framing.ServerSentEvents,
    Shape.LINES: framing.Lines,
    Shape.EVENT_STREAM: framing.EventStream,
    Shape.TEXT: framing.Text,
}
ALL = Vault.of((*ENTITIES, "IBAN_CODE", "PHONE_NUMBER", "CREDIT_CARD", "LOCATION"))


def pieces(every: int) -> list[str]:
    """Words of an answer; with a token in every so many, cut in two."""
    said = "the quick brown fox jumps over a lazy dog , and then it sleeps".split()
    out = []
    for n in range(WORDS):
        if every and n % every == 0:
            out += [f" {TOKEN[:9]}", TOKEN[9:]]
        else:
            out.append(f" {said[n % len(said)]}")
    return out


def best(work: Callable[[], object]) -> float:
    """Seconds of CPU."""
    found = []
    for _ in range(5):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def table() -> None:
    """µs per event, by protocol."""
    print(
        "| protocol | events | only cut | no token | with a vault | a token in 20 | 5,000 tokens known |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in NAMES:
        case = next(case for case in CASES if case.name == name)

        def chunks(every: int = 0, case=case) -> list[bytes]:  # type: ignore[no-untyped-def]  # tests
            data = case.write(pieces(every))
            made = FRAMINGS[case.shape]()
            size = 64 if case.shape is Shape.TEXT else len(data)
            return [
                one.raw
                for at in range(0, len(data), size)
                for one in (*made.feed(data[at : at + size]), *made.end())
            ]

        def through(some: list[bytes], case=case, **options: object) -> float:  # type: ignore[no-untyped-def]  # tests
            known = options.pop("known", ISSUED)

            def work() -> None:
                answers = stream(case, known, **options)
                for chunk in some:
                    answers.feed(chunk)
                    answers.take()
                answers.end()
                answers.take()

            return best(work) / len(some) * 1e6

        def cut(some: list[bytes], case=case) -> float:  # type: ignore[no-untyped-def]  # tests
            def work() -> None:
                made = FRAMINGS[case.shape]()
                for chunk in some:
                    list(made.feed(chunk))

            return best(work) / len(some) * 1e6

        plain, tokens = chunks(), chunks(20)
        figures = [
            cut(plain),
            through(plain),
            through(plain, vault=True, labels=ALL),
            through(tokens),
            through(plain, known=MANY),
        ]
        print(f"| {name} | {len(plain)} | " + " | ".join(f"{some:.0f}" for some in figures) + " |")


def memory() -> None:
    """Bytes of a thousand streams in the middle of their answers."""
    case = next(case for case in CASES if case.name == "anthropic")
    data = case.write(pieces(20)[:400])
    half = data[: len(data) // 2]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    streams = []
    for _ in range(1000):
        answers = stream(case, ISSUED)
        answers.feed(half)
        answers.take()
        streams.append(answers)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(
        f"\n{len(streams)} streams, each {len(half) >> 10} KiB into an answer: {(after - before) / 2**20:.0f} MiB"
    )


if __name__ == "__main__":
    table()
    memory()
