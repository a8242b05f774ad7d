"""What does the judge learn from? Invented texts, each with the places of its secrets.

Sentences are put together from `tongues` and put into chats, mails, tickets, notes and lists, with sentences
beside them that hold numbers and names of other things. `told.txt` and `harmless.txt` are whole wordings
that detection was tried with: those that were free to be looked at.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from training.secrets.tongues import TONGUES, Tongue
from training.secrets.values import Values

_HERE = Path(__file__).parent
_SLOT = re.compile(r"([«‹])(\w+?)(?:#(\d))?[»›]")


class Text(NamedTuple):
    """A text, the places of its secrets, and the wording that it was made of."""

    text: str
    secrets: tuple[tuple[int, int], ...]
    wording: str


def wordings(name: str) -> list[str]:
    """The wordings of a file, which stand between lines of `%%`."""
    return [
        each for each in (_HERE / name).read_text(encoding="utf-8").split("\n%%\n") if each.strip()
    ]


def filled(wording: str, rng: random.Random, name: str = "") -> Text:
    """The wording with its slots filled; `«pw#1»` is the same value each time."""
    values, known, text, places, at = Values(rng), {}, "", [], 0
    for slot in _SLOT.finditer(wording):
        text += wording[at : slot.start()]
        at = slot.end()
        key = (slot[2], slot[3]) if slot[3] else None
        value = known.get(key) or values.draw(slot[2])
        if key:
            known[key] = value
        if slot[1] == "«":
            places.append((len(text), len(text) + len(value)))
        text += value
    return Text(text + wording[at:], tuple(places), name or wording)


def texts(seed: int, *, times: int, invented: int) -> Iterator[Text]:
    """`times` texts of each wording, and so many `invented` ones."""
    rng = random.Random(seed)
    for file in ("told.txt", "harmless.txt"):
        for wording in wordings(file):
            for _ in range(times):
                yield filled(wording, rng)
    for number in range(invented):
        tongue = rng.choice(TONGUES)
        yield filled(_invented(tongue, rng), rng, f"invented-{number}")


def _piece(pieces: tuple[str, ...], tongue: Tongue, rng: random.Random) -> str:
    piece = rng.choice(pieces)
    for slot, words in (("{c}", tongue.words), ("{t}", tongue.things), ("{d}", tongue.doors)):
        piece = piece.replace(slot, rng.choice(words))
    return piece


def _sentence(text: str, rng: random.Random) -> str:
    text = text if rng.random() < 0.4 else text[:1].upper() + text[1:]
    return text + rng.choice([".", ".", ".", ".", "", "!", ", ok?"])


def _invented(tongue: Tongue, rng: random.Random) -> str:
    def of(pieces: tuple[str, ...]) -> str:
        return _piece(pieces, tongue, rng)

    def said(*lines: str) -> str:
        """The lines as a chat."""
        names = ["‹name#1›", "‹name#2›"]
        form = rng.choice(
            [
                "{n}: {l}",
                "[‹t›] {n}: {l}",
                "<{n}> {l}",
                "{n} ‹t›\n{l}",
                "{n} (‹t›): {l}",
                "{l}",
                "- {l}",
                "> {l}",
            ]
        )
        return "\n".join(form.format(n=names[i % 2], l=line) for i, line in enumerate(lines))

    def other() -> str:
        return _sentence(of(tongue.harmless), rng)

    value = rng.choice(["«pw»", "«pw»", "«pw»", "«weak»"])
    kinds = [
        lambda: _sentence(of(tongue.told), rng),
        lambda: _sentence(of(tongue.told), rng),
        lambda: _sentence(of(tongue.codes), rng),
        lambda: f"{_sentence(of(tongue.told), rng)} {other()}",
        lambda: f"{other()} {_sentence(of(tongue.told), rng)}",
        lambda: f"{_sentence(of(tongue.told), rng)} {of(tongue.beside)}.",
        lambda: f"{of(tongue.beside)}, {of(tongue.told)}",
        lambda: f"{_sentence(of(tongue.changed), rng)} {_sentence(of(tongue.then), rng)}",
        lambda: f"{of(tongue.changed)}.\n{of(tongue.then)}",
        lambda: f"{of(tongue.changed)}:\n\n{value}\n\n‹name›",
        lambda: said(
            of(tongue.asks) + rng.choice(["?", "??", "", " pls?"]),
            rng.choice([value, value, of(tongue.then), value + ", " + of(tongue.away)]),
            "ok",
        ),
        lambda: said(
            of(tongue.asks) + "?", rng.choice(["sec", "moment", "hm", "..."]), value, "thx"
        ),
        lambda: said(of(tongue.asks) + "?", f"{of(tongue.words)} {value}"),
        lambda: said(_ask_code(tongue, rng), "«pin»"),
        lambda: f"{of(tongue.things)}\n‹user›\n{of(tongue.words)}: {value}",
        lambda: f"{of(tongue.things)}: ‹user› / {value} ({of(tongue.words)})",
        lambda: f"{value} = {of(tongue.words)} {of(tongue.things)}",
        lambda: (
            f"- {of(tongue.beside)}\n- {of(tongue.words)} {of(tongue.things)} {value}\n- {of(tongue.beside)}"
        ),
        # None.
        other,
        other,
        other,
        lambda: f"{other()} {other()}",
        lambda: f"{_sentence(of(tongue.changed), rng)} {_sentence(of(tongue.beside), rng)}",
        lambda: (
            f"{_sentence(of(tongue.changed), rng)} {_sentence(of(tongue.away), rng)} {of(tongue.beside)}"
        ),
        lambda: f"{of(tongue.beside)}\n{of(tongue.changed)}",
        lambda: f"{of(tongue.beside)}, {of(tongue.changed)}",
        lambda: said(
            of(tongue.asks) + rng.choice(["?", ""]),
            of(tongue.away),
            rng.choice(["ok", of(tongue.beside)]),
        ),
        lambda: said(of(tongue.asks) + "?", of(tongue.away), of(tongue.beside)),
        lambda: said(
            of(tongue.changed), rng.choice(["which", "?", "where"]) + "?", of(tongue.beside)
        ),
        lambda: (
            f"{of(tongue.things)}\n{of(tongue.beside)}\n{of(tongue.words)}: {of(tongue.away)}\n{of(tongue.beside)}"
        ),
        lambda: f"- {of(tongue.changed)}\n- {of(tongue.beside)}\n- {of(tongue.beside)}",
        lambda: f"1. {of(tongue.beside)}\n2. {of(tongue.changed)}\n3. {of(tongue.beside)}",
    ]
    return rng.choice(kinds)()


def _ask_code(tongue: Tongue, rng: random.Random) -> str:
    return _piece(tongue.codes, tongue, rng).replace("«pin»", "").strip(" :,") + "?"
