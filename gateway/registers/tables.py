"""Which cells of a registered table stand in a text? Also which terms of a dictionary: a table of one
column.

Law: a cell that is registered is found in each of its spellings, where it begins and ends with a
word; what a register knows of a cell is a digest, its column and its rows.

A form has the digest of which the low 64 bits of BLAKE2b are kept. A window of words that is not
registered is taken for one that is with a chance of (forms / 2**64), and only if the gate let it
through: with ten million forms once in 10**12 windows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.registers.chunks import Chunk
from gateway.registers.prints import BEYOND, Gate, Places, Prints
from gateway.registers.spellings import Kind, Order, is_a, spellings
from gateway.registers.store import RegisterError, Stored
from gateway.registers.words import cased_form, form_of, has_digit, words_of

LONGEST = 200
"""Letters of a form; a longer cell is left out."""

MOST_WORDS = 32
"""Words of a form."""

_HEAD, _SHORT_HEAD = 4, 2
"""Letters by which words are chosen at which a form may begin; of forms that have fewer."""

COMMON = 100
"""A value is too common that stands in more than one of so many rows, …"""

COMMON_ROWS = 1_000
"""… and in more than so many rows."""

WEAK = 8
"""A value with fewer letters and digits may well be somebody else's, too."""

MOST_ROWS = 20_000_000
_BATCH = 20_000
_REMEMBERED = 50_000
"""Values of a column whose forms are known; those of dates and cities come again and again."""

_SPELT_OUT = 2
"""Letters of a word of a number, on the average, when somebody writes it in groups."""


@dataclass(frozen=True, slots=True)
class Column:
    """How the cells of a column are read. `shortest` counts letters and digits."""

    name: str
    kind: Kind = "text"
    order: Order = "dmy"
    region: str | None = None
    shortest: int = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """A registered value in a text: its place, its number in the register and its column's."""

    start: int
    end: int
    value: int
    column: int


@dataclass(slots=True)
class Left:
    """Cells of a column that were left out, by why; different ones that are not of its kind, or weak."""

    empty: int = 0
    short: int = 0
    long: int = 0
    common: int = 0
    common_values: int = 0
    not_of_kind: int = 0
    weak: int = 0


# --- registering ----------------------------------------------------------------------------------


def build(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    prints: Prints,
    *,
    cased: bool = False,
    all_common: bool = False,
) -> Stored:
    """The register of `rows`, which hold a cell per column, in that order.

    With `cased` the case of letters counts; with `all_common` no value is too common.
    """
    left = [Left() for _ in columns]
    forms = _Forms(prints)
    number, digests, where, owners = 0, array("Q"), array("I"), array("B")
    known: list[dict[str, int | None]] = [{} for _ in columns]
    for cells in rows:
        if number >= MOST_ROWS:
            raise RegisterError(f"there are more than {MOST_ROWS:,} rows; split the table")
        for position, column in enumerate(columns):
            cell = cells[position]
            memory = known[position]
            if cell in memory:
                digest = memory[cell]
            else:
                digest = _taken(cell, column, position, forms, left[position], cased=cased)
                if len(memory) >= _REMEMBERED:
                    memory.clear()
                memory[cell] = digest
            if digest is None:
                _count(cell, column, left[position], cased=cased)
            else:
                digests.append(digest)
                where.append(number)
                owners.append(position)
        number += 1
    return _stored(
        columns, left, forms, digests, where, owners, number, cased=cased, all_common=all_common
    )


def _count(cell: str, column: Column, left: Left, *, cased: bool) -> None:
    """Why a cell was left out."""
    size = _size(words_of(cell, cased=cased))
    if not size:
        left.empty += 1
    elif size < column.shortest:
        left.short += 1
    else:
        left.long += 1


def _size(words: Sequence[str]) -> int:
    """Letters and digits; a character that is a word by itself, as in Chinese, counts twice."""
    whole = "".join(words)
    if whole.isascii():
        return len(whole)
    return sum(2 if len(word) == 1 and word > "\u0e00" else len(word) for word in words)


def _taken(
    cell: str, column: Column, position: int, forms: _Forms, left: Left, *, cased: bool
) -> int | None:
    """The digest of a cell's own form, once its forms are taken; None for one that is left out."""
    if cased:
        found = [words_of(cell, cased=True)]
    else:
        found = spellings(cell, column.kind, order=column.order, region=column.region)
    if not found or not found[0]:
        return None
    size = _size(found[0])
    if size < column.shortest or size > LONGEST or len(found[0]) > MOST_WORDS:
        return None
    if column.kind in {"date", "phone", "number"} and not is_a(
        cell, column.kind, order=column.order, region=column.region
    ):
        left.not_of_kind += 1
    left.weak += size < WEAK
    own = forms.prints.digest(form_of(found[0]))
    taken: set[str] = set()
    for words in found:
        form = form_of(words)
        if form not in taken and len(words) <= MOST_WORDS:
            taken.add(form)
            if _size(words) >= min(column.shortest, 4):
                forms.take(form, words, own, position, cased=cased)
    return own


class _Forms:
    """The forms that were met, as numbers: digest, hash for the gate, digest of the value, column."""

    def __init__(self, prints: Prints) -> None:
        self.prints = prints
        self.digests, self.values, self.columns = array("Q"), array("Q"), array("B")
        self.hashes: list[NDArray[np.uint64]] = []
        self.heads: dict[int, NDArray[np.uint64]] = {
            length: np.zeros(0, np.uint64) for length in (_HEAD, _SHORT_HEAD)
        }
        self.lengths = np.zeros(LONGEST + 1, bool)
        self.words = 1
        self._waiting: list[str] = []

    def take(
        self, form: str, words: Sequence[str], value: int, column: int, *, cased: bool
    ) -> None:
        whole = "".join(words)
        if cased:
            whole = "".join(words_of(whole))
        if len(whole) > LONGEST:
            return
        self.digests.append(self.prints.digest(form))
        self.values.append(value)
        self.columns.append(column)
        self.lengths[len(whole)] = True
        spelt = len(whole) // _SPELT_OUT + 1 if has_digit(whole) else 1
        self.words = min(MOST_WORDS, max(self.words, len(words), spelt))
        self._waiting.append(whole)
        if len(self._waiting) >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Make the hashes of what waits for them."""
        if not self._waiting:
            return
        sizes = np.array([len(one) for one in self._waiting], np.int64)
        letters = np.frombuffer("".join(self._waiting).encode("utf-32-le"), np.uint32)
        self.hashes.append(self.prints.each(letters, sizes))
        for length, short in ((_HEAD, False), (_SHORT_HEAD, True)):
            heads = [
                one[:length]
                for one in self._waiting
                if (len(one) < _HEAD) is short and one[:length]
            ]
            heads = [one for one in dict.fromkeys(heads) if len(one) == length]
            if heads:
                letters = np.frombuffer("".join(heads).encode("utf-32-le"), np.uint32)
                fresh = self.prints.each(letters, np.full(len(heads), length, np.int64))
                self.heads[length] = np.union1d(self.heads[length], fresh)
        self._waiting = []


def _stored(
    columns: Sequence[Column],
    left: Sequence[Left],
    forms: _Forms,
    digests: array[int],
    where: array[int],
    owners: array[int],
    rows: int,
    *,
    cased: bool,
    all_common: bool,
) -> Stored:
    forms.settle()
    # Values by column and digest, each with its rows in order.
    keys, row = np.frombuffer(digests, np.uint64), np.frombuffer(where, np.uint32)
    owner = np.frombuffer(owners, np.uint8)
    order = np.lexsort((row, keys, owner))
    keys, row, owner = keys[order], row[order], owner[order]
    new = np.ones(len(keys), bool)
    new[1:] = (keys[1:] != keys[:-1]) | (owner[1:] != owner[:-1])
    first = np.flatnonzero(new)
    counts = np.diff(np.append(first, len(keys)))
    most = max(COMMON_ROWS, rows // COMMON)
    kept = np.ones(len(first), bool) if all_common else counts <= most
    for position in range(len(columns)):
        dropped = ~kept & (owner[first] == position)
        left[position].common = int(counts[dropped].sum())
        left[position].common_values = int(dropped.sum())
    row = row[np.repeat(kept, counts)]
    value_keys, value_columns = keys[first][kept], owner[first][kept]
    starts = np.append(0, np.cumsum(counts[kept])).astype(np.uint32)
    found = {
        position: slice(*np.searchsorted(value_columns, [position, position + 1]))
        for position in range(len(columns))
    }
    # Forms, each with the number of its value; those of values that were dropped are no more.
    form, of = np.frombuffer(forms.digests, np.uint64), np.frombuffer(forms.values, np.uint64)
    column = np.frombuffer(forms.columns, np.uint8)
    hashes = np.concatenate(forms.hashes) if forms.hashes else np.zeros(0, np.uint64)
    number = np.full(len(form), -1, np.int64)
    for position, place in found.items():
        mine = np.flatnonzero(column == position)
        there = value_keys[place]
        at = np.searchsorted(there, of[mine])
        at[at == len(there)] = 0
        right = there[at] == of[mine] if len(there) else np.zeros(len(mine), bool)
        number[mine[right]] = at[right] + place.start
    alive = number >= 0
    form, hashes, numbers = form[alive], hashes[alive], number[alive].astype(np.uint32)
    order = np.lexsort((numbers, form))
    form, numbers = form[order], numbers[order]
    once = np.ones(len(form), bool)
    once[1:] = (form[1:] != form[:-1]) | (numbers[1:] != numbers[:-1])
    form, numbers = form[once], numbers[once]
    per_column = [int(place.stop - place.start) for place in found.values()]
    return Stored(
        {
            "kind": "table",
            "columns": [[each.name, each.kind] for each in columns],
            "cased": cased,
            "rows": rows,
            "values": per_column,
            "forms": len(form),
            "left": [_told(one) for one in left],
            "words": forms.words,
        },
        {
            "forms": form,
            "numbers": numbers,
            "columns": value_columns,
            "starts": starts,
            "rows": row,
            "gate": Gate.of(np.unique(hashes)).words,
            "heads": Gate.of(forms.heads[_HEAD]).words,
            "short": Gate.of(forms.heads[_SHORT_HEAD]).words,
            "lengths": np.packbits(forms.lengths, bitorder="little"),
        },
    )


def _told(left: Left) -> dict[str, int]:
    return {
        "empty": left.empty,
        "short": left.short,
        "long": left.long,
        "common": left.common,
        "common_values": left.common_values,
        "not_of_kind": left.not_of_kind,
        "weak": left.weak,
    }


# --- scanning -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A registered table, ready to look cells up."""

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    cased: bool
    words: int
    forms: NDArray[np.uint64] = field(repr=False)
    numbers: NDArray[np.uint32] = field(repr=False)
    owners: NDArray[np.uint8] = field(repr=False)
    starts: NDArray[np.uint32] = field(repr=False)
    posted: NDArray[np.uint32] = field(repr=False)
    gate: Gate = field(repr=False)
    heads: Gate = field(repr=False)
    short: Gate | None = field(repr=False)
    lengths: NDArray[np.bool_] = field(repr=False)
    longest: int

    @classmethod
    def of(cls, stored: Stored) -> Table:
        """Raises `RegisterError` for what `build` did not make."""
        about, arrays = stored.about, stored.arrays
        try:
            columns, kinds = zip(
                *((str(name), str(kind)) for name, kind in about["columns"]), strict=True
            )
            lengths = np.unpackbits(_typed(arrays, "lengths", "|u1"), bitorder="little").astype(
                bool
            )
            made = cls(
                columns,
                kinds,
                bool(about["cased"]),
                int(about["words"]),
                _typed(arrays, "forms", "<u8"),
                _typed(arrays, "numbers", "<u4"),
                _typed(arrays, "columns", "|u1"),
                _typed(arrays, "starts", "<u4"),
                _typed(arrays, "rows", "<u4"),
                Gate(_typed(arrays, "gate", "<u8")),
                Gate(_typed(arrays, "heads", "<u8")),
                Gate(short) if (short := _typed(arrays, "short", "<u8")).any() else None,
                lengths,
                int(lengths.nonzero()[0].max(initial=0)),
            )
        except (KeyError, ValueError, TypeError, OverflowError):
            raise RegisterError("is not a table") from None
        made._check()
        return made

    def _check(self) -> None:
        """INVARIANT: no number leads out of an array."""
        values = len(self.owners)
        sound = (
            len(self.forms) == len(self.numbers)
            and len(self.starts) == values + 1
            and 1 <= self.words <= MOST_WORDS
            and LONGEST + 1 < len(self.lengths) <= BEYOND
            and not self.lengths[LONGEST + 1 :].any()
            and all(one.sound for one in (self.gate, self.heads, self.short) if one is not None)
            and (not len(self.numbers) or int(self.numbers.max()) < values)
            and (not values or int(self.owners.max()) < len(self.columns))
            and int(self.starts[-1]) == len(self.posted)
            and bool((np.diff(self.starts.astype(np.int64)) >= 0).all())
        )
        if not sound:
            raise RegisterError("is not a table")

    def rows(self, value: int) -> NDArray[np.uint32]:
        """The rows in which a value stands, in order."""
        return self.posted[self.starts[value] : self.starts[value + 1]]

    def cells(self, chunk: Chunk, text: str) -> Iterator[Cell]:
        """The registered values that begin in a chunk of `text`."""
        likely = self._likely(chunk)
        if likely is None:
            return
        words, digest = chunk.words, chunk.prints.digest
        first, counts = likely
        starts = words.starts[first].tolist()
        ends = words.ends[first + counts - 1].tolist()
        windows = zip(first.tolist(), counts.tolist(), starts, ends, strict=True)
        if self.cased:
            forms = (
                cased_form(text[slice(*words.place(start, end))]) for _, _, start, end in windows
            )
        else:
            forms = (words.form_of(*window) for window in windows)
        wanted = np.array([digest(form) for form in forms], np.uint64)
        left = self.forms.searchsorted(wanted, "left")
        right = self.forms.searchsorted(wanted, "right")
        for at in (right > left).nonzero()[0].tolist():
            place = words.place(starts[at], ends[at])
            for number in self.numbers[left[at] : right[at]].tolist():
                yield Cell(*place, number, int(self.owners[number]))

    def _likely(self, chunk: Chunk) -> tuple[Places, Places] | None:
        """Numbers of the first words, and counts of words, of windows that the gate lets through."""
        starts, hashes = chunk.heads(_HEAD)
        begin = self.heads.passing(hashes)
        if self.short is not None:
            _, hashes = chunk.heads(_SHORT_HEAD)
            begin = np.union1d(begin, self.short.passing(hashes))
            starts = chunk.starts
        if not len(begin):
            return None
        ends = chunk.ends
        beyond = len(self.lengths) - 1  # no form is so long
        # Of many words that a form may have, few are within the letters of the longest, as a rule.
        within = ends.searchsorted(starts[begin] + self.longest, "right") - begin
        most = min(self.words, int(within.max()))
        if most < 1:
            return None
        padded = np.empty(len(ends) + most, np.int64)
        padded[: len(ends)] = ends
        padded[len(ends) :] = chunk.size + beyond
        reached = padded[begin[:, None] + np.arange(most)]
        sizes = reached - starts[begin][:, None]
        np.minimum(sizes, beyond, out=sizes)
        which, more = self.lengths[sizes].nonzero()
        if not len(which):
            return None
        first = begin[which]
        passing = self.gate.passing(chunk.hashes(starts[first], reached[which, more]))
        return (chunk.first + first[passing], more[passing] + 1) if len(passing) else None


def _typed(arrays: Mapping[str, NDArray[Any]], name: str, kind: str) -> NDArray[Any]:
    found = arrays[name]
    if found.dtype != np.dtype(kind):
        raise ValueError(name)
    return found
