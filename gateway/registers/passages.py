"""Which parts of registered documents stand in a text? By prints of their passages, chosen by winnowing.

Law: whatever run of a document has `WINDOW` words and the `LENGTH` letters and digits after them is
recognised, however it is broken into lines, spaced, punctuated or written large; nothing is that
shares no `LENGTH` letters and digits in a row with one, but by a chance of prints / 2**64.

A print is of the `LENGTH` letters from the start of a word on. Of each `WINDOW` words in a row, the
document keeps the print that is least (Schleimer, Wilkerson and Aiken: Winnowing, SIGMOD 2003);
the text that is looked at is asked for all of its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gateway.registers.chunks import Chunk, chunks
from gateway.registers.prints import Gate, Prints
from gateway.registers.store import RegisterError, Stored
from gateway.registers.words import Words

LENGTH = 40
"""Letters and digits of a print: some eight words."""

WINDOW = 8
"""Of so many words in a row, one begins a print that is kept."""

COMMON = 10
"""What stands in more documents than that is nobody's own: forms, letterheads, clauses."""

_GAP = LENGTH
"""Letters between prints of one document that still are one passage."""

MOST = 1_000_000
"""Documents of a register."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of one document in a text, and the share of that document that stands there in all."""

    start: int
    end: int
    prints: int
    share: float


# --- registering ----------------------------------------------------------------------------------


def build(
    documents: Iterable[Iterable[str]],
    prints: Prints,
    *,
    ignored: Iterable[str] = (),
    common: int = COMMON,
) -> Stored:
    """The register of documents, each told as its texts; what stands in `ignored` is left out.

    `about["own"]` says of each document how many prints of its own it has.
    """
    digests, owners = array("Q"), array("I")
    hashes: list[NDArray[np.uint64]] = []
    everywhere: list[NDArray[np.uint64]] = []
    count = 0
    for texts in documents:
        if count >= MOST:
            raise RegisterError(f"there are more than {MOST:,} documents")
        fresh, all_here = _chosen(texts, prints)
        everywhere.append(all_here)
        digests.extend(fresh)
        owners.extend([count] * len(fresh))
        hashes.append(np.fromiter(fresh.values(), np.uint64, len(fresh)))
        count += 1
    form, owner = np.frombuffer(digests, np.uint64), np.frombuffer(owners, np.uint32)
    gate = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
    order = np.lexsort((owner, form))
    form, owner, gate = form[order], owner[order], gate[order]
    # In how many documents it stands, chosen there or not: the choice hangs on what stands beside.
    stands = np.sort(np.concatenate(everywhere)) if everywhere else gate
    many = np.searchsorted(stands, gate, "right") - np.searchsorted(stands, gate, "left")
    templates = np.array(sorted(_everything(ignored, prints)), np.uint64)
    kept = ~np.isin(form, templates) & (many <= common)
    all_prints = len(form)
    form, owner, gate = form[kept], owner[kept], gate[kept]
    totals = np.bincount(owner, minlength=count).astype(np.uint32)
    return Stored(
        {
            "kind": "documents",
            "documents": count,
            "prints": len(form),
            "left": int(all_prints - len(form)),
            "nothing": int((totals == 0).sum()),
        },
        {
            "prints": form,
            "owners": owner,
            "totals": totals,
            "gate": Gate.of(np.unique(gate)).words,
        },
    )


def _chosen(texts: Iterable[str], prints: Prints) -> tuple[dict[int, int], NDArray[np.uint64]]:
    """The prints that winnowing keeps of a document, with their hashes; the hashes of all its prints."""
    found: dict[int, int] = {}
    everything: list[NDArray[np.uint64]] = [np.zeros(0, np.uint64)]
    for text in texts:
        words = Words.of(text)
        starts, hashes = _all(words, prints)
        if not len(starts):
            continue
        everything.append(hashes)
        if len(starts) <= WINDOW:
            chosen = np.array([hashes.argmin()])
        else:
            # The last one of equals, so that of many equal ones few are kept.
            windows = sliding_window_view(hashes, WINDOW)[:, ::-1]
            chosen = np.unique(np.arange(len(windows)) + WINDOW - 1 - windows.argmin(axis=1))
        for at in chosen.tolist():
            start = int(starts[at])
            found[prints.digest(words.text(start, start + LENGTH))] = int(hashes[at])
    return found, np.unique(np.concatenate(everything))


def _everything(texts: Iterable[str], prints: Prints) -> set[int]:
    """All prints of texts."""
    found: set[int] = set()
    for text in texts:
        words = Words.of(text)
        starts, _ = _all(words, prints)
        found.update(prints.digest(words.text(start, start + LENGTH)) for start in starts.tolist())
    return found


def _all(words: Words, prints: Prints) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Starts and hashes of all prints of a text."""
    parts = [(chunk.base, *chunk.heads(LENGTH)) for chunk in chunks(words, prints)]
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return (
        np.concatenate([starts + base for base, starts, _ in parts]),
        np.concatenate([hashes for _, _, hashes in parts]),
    )


# --- scanning -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Documents:
    """Registered documents, ready to be recognised."""

    prints: NDArray[np.uint64] = field(repr=False)
    owners: NDArray[np.uint32] = field(repr=False)
    totals: NDArray[np.uint32] = field(repr=False)
    gate: Gate = field(repr=False)

    @classmethod
    def of(cls, stored: Stored) -> Documents:
        """Raises `RegisterError` for what `build` did not make."""
        arrays = stored.arrays
        try:
            made = cls(arrays["prints"], arrays["owners"], arrays["totals"], Gate(arrays["gate"]))
        except KeyError:
            raise RegisterError("holds no documents") from None
        names = ("prints", "owners", "totals", "gate")
        kinds = [arrays[name].dtype.str for name in names]
        sound = (
            kinds == ["<u8", "<u4", "<u4", "<u8"]
            and len(made.prints) == len(made.owners)
            and made.gate.sound
            and (not len(made.owners) or int(made.owners.max()) < len(made.totals))
        )
        if not sound:
            raise RegisterError("holds no documents")
        return made

    def hits(self, chunk: Chunk) -> Iterator[tuple[int, int, int]]:
        """Letter, print and document of each print in a chunk that is registered."""
        starts, hashes = chunk.heads(LENGTH)
        likely = (starts[self.gate.passing(hashes)] + chunk.base).tolist()
        if not likely:
            return
        words, digest = chunk.words, chunk.prints.digest
        wanted = np.array([digest(words.text(at, at + LENGTH)) for at in likely], np.uint64)
        left = np.searchsorted(self.prints, wanted, "left")
        right = np.searchsorted(self.prints, wanted, "right")
        for number in np.flatnonzero(right > left).tolist():
            for owner in self.owners[left[number] : right[number]].tolist():
                yield likely[number], int(wanted[number]), owner

    def passages(self, hits: Iterable[tuple[int, int, int]], words: Words) -> list[Passage]:
        """What was hit, as passages.

        Where several documents share a passage, it is told of the one of which most stands here.
        """
        by_document: dict[int, list[tuple[int, int]]] = {}
        for at, digest, owner in hits:
            by_document.setdefault(owner, []).append((at, digest))
        told: set[int] = set()
        found: list[Passage] = []
        for owner, here in sorted(by_document.items(), key=lambda item: (-len(item[1]), item[0])):
            fresh = [at for at, _ in here if at not in told]
            if not fresh:
                continue
            told.update(fresh)
            share = len({digest for _, digest in here}) / int(self.totals[owner])
            found.extend(_joined(sorted(fresh), words, share))
        return found


def _joined(letters: list[int], words: Words, share: float) -> Iterator[Passage]:
    first = last = letters[0]
    count = 0
    for at in [*letters, None]:
        if at is not None and at <= last + LENGTH + _GAP:
            last, count = at, count + 1
            continue
        start, end = words.place(first, last + LENGTH)
        yield Passage(start, end, count, share)
        if at is not None:
            first, last, count = at, at, 1
