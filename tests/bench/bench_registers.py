"""What does it cost to know the company's own data, and how surely is it known?

    python tests/bench/bench_registers.py [--rows 1000000] [--documents 1000] [--terms 100000] \\
        [--texts FOLDER ...]

Registers a made-up table (address, name, birth, IBAN), documents and terms. Prints: time and memory
of registering, size on disk, time and memory of loading in several processes, the speed of scanning
with and without (same texts, in turn, in one run), recall in every spelling, and what is found in
`--texts`, which have nothing to do with any of it. Ratios count; absolute figures depend on the
machine.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.bench_detectors import sample

from gateway.detectors import Engine, Settings
from gateway.detectors.registered import Known, Registered, columns_of
from gateway.registers import folder, passages, rows, tables
from gateway.registers.folder import Registers
from gateway.registers.prints import Prints
from gateway.registers.words import Words

KEY = bytes(range(32))
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
FIRST = (
    "Anna Ben Clara David Elena Frank Grace Henry Iris James Karen Luis Maria Nadia Oscar Paula "
    "Quentin Rosa Simon Tara Ursula Victor Wendy Xavier Yara Zoe Mark Will May June Hope Rob Bill"
).split()
LAST = (
    "Smith Jones Miller Garcia Brown Davis Wilson Moore Taylor Clark Lewis Walker Hall Young King "
    "Wright Hill Green Baker Nelson Carter Price Long Stone Field Woods Brooks Rivers"
).split()
SYLLABLES = "ba be bo da de di do fa fe ga go ha he ka ke ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se si so ta te ti to va ve vi vo wa we za ze".split()
CUSTOMERS = Registered.model_validate(
    {
        "name": "customers",
        "kind": "table",
        "columns": {
            "email": {"alone": True},
            "name": {"kind": "name"},
            "birth": {"kind": "date"},
            "iban": {"alone": True},
        },
        "match": "2 of name, birth, iban within 200",
    }
)
CONTRACTS = Registered.model_validate({"name": "contracts", "kind": "documents"})
PROJECTS = Registered.model_validate({"name": "projects", "kind": "dictionary"})


TEXTS = frozenset(".py .pyi .md .rst .txt .json .jsonl .conll .bio .iob2 .csv .tsv".split())


def word(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4)))


def people(count: int, seed: int = 1) -> Iterator[list[str]]:
    rng = random.Random(seed)
    born = dt.date(1930, 1, 1)
    for number in range(count):
        first = rng.choice(FIRST)
        last = rng.choice(LAST) if rng.random() < 0.3 else word(rng).title()
        yield [
            f"{first}.{last}{number % 977}@{word(rng)}.example".lower(),
            f"{first} {last}",
            (born + dt.timedelta(days=rng.randrange(28_000))).isoformat(),
            f"DE{rng.randrange(100):02}{rng.randrange(10**18):018}",
        ]


def document(rng: random.Random, vocabulary: list[str]) -> str:
    lines = []
    for _ in range(rng.randint(150, 350)):
        lines.append(" ".join(rng.choice(vocabulary) for _ in range(rng.randint(6, 14))))
    return ".\n".join(lines)


def term(rng: random.Random, number: int) -> str:
    kind = rng.randrange(3)
    if kind == 0:
        return f"{word(rng)}-{number}"
    return " ".join(word(rng) for _ in range(rng.randint(1, 3)))


# --- registering ----------------------------------------------------------------------------------


def register_table(path: Path, where: Path) -> dict[str, Any]:
    prints = Prints(KEY)
    _, found, _ = rows.read(path)
    columns = columns_of(CUSTOMERS)
    stored = tables.build([tables.Column(n, c.kind) for n, c in columns.items()], found, prints)
    folder.put(where, "customers", stored, prints, now=NOW)
    return dict(stored.about)


def register_documents(path: Path, where: Path) -> dict[str, Any]:
    prints = Prints(KEY)
    texts = ([each.read_text()] for each in sorted(path.iterdir()))
    stored = passages.build(texts, prints)
    folder.put(where, "contracts", stored, prints, now=NOW)
    return dict(stored.about)


def register_terms(path: Path, where: Path) -> dict[str, Any]:
    prints = Prints(KEY)
    found = rows.terms(path, rows.Bad())
    column = columns_of(PROJECTS)["term"]
    stored = tables.build(
        [tables.Column("term", shortest=column.shortest)], found, prints, all_common=True
    )
    folder.put(where, "projects", stored, prints, now=NOW)
    return dict(stored.about)


def _apart(function: Any, *arguments: Any) -> tuple[Any, float, int]:
    """Result, seconds of CPU and MiB at the peak, of a call in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (function, arguments))


def _measured(function: Any, arguments: tuple[Any, ...]) -> tuple[Any, float, int]:
    started = time.process_time()
    result = function(*arguments)
    took = time.process_time() - started
    return result, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


# --- loading --------------------------------------------------------------------------------------


def load(where: Path, described: list[Registered]) -> Known:
    prints = Prints(KEY)
    loaded = {
        each.name: folder.load(folder.path_of(where, each.name), each.name, prints)
        for each in described
    }
    return Known(described, Registers(prints, loaded))


def _memory() -> dict[str, int]:
    """KiB of this process: all of it by its share, and what it has for itself."""
    found = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, number, *_ = line.split()
        found[name.rstrip(":")] = int(number)
    private = found["Private_Clean"] + found["Private_Dirty"]
    return {"pss": found["Pss"], "private": private}


def _worker(where: Path, described: list[Registered], barrier: Any, answers: Any) -> None:
    text = sample("mixed", 100_000, 5)
    before = _memory()
    started = time.process_time()
    known = load(where, described)
    took = time.process_time() - started
    known.find(text)
    barrier.wait()
    after = _memory()
    barrier.wait()
    answers.put((took, *(after[key] - before[key] for key in ("pss", "private"))))


def loading(where: Path, described: list[Registered], workers: int = 4) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(workers), context.Queue()
    processes = [
        context.Process(target=_worker, args=(where, described, barrier, answers))
        for _ in range(workers)
    ]
    for process in processes:
        process.start()
    told = [answers.get() for _ in processes]
    for process in processes:
        process.join()
    took = sum(one[0] for one in told) / workers
    pss, private = (sum(one[at] for one in told) / workers / 1024 for at in (1, 2))
    print(
        f"  loading {took:.2f} s of CPU; memory of each of {workers} workers: {pss:.0f} MiB by its"
        f" share, {private:.0f} MiB of its own"
    )


# --- scanning -------------------------------------------------------------------------------------


def speed(where: Path, described: list[Registered], cache: Path, kinds: tuple[str, ...]) -> None:
    print(
        "  kind    size KB   without MB/s   with MB/s   ratio of times   (all detectors, names too)"
    )
    prints = Prints(KEY)
    loaded = {
        each.name: folder.load(folder.path_of(where, each.name), each.name, prints)
        for each in described
    }
    without = Engine.build(Settings(), key=KEY, cache_dir=cache)
    having = Engine.build(
        Settings(registered=tuple(described)),
        key=KEY,
        cache_dir=cache,
        registers=Registers(prints, loaded),
    )
    for kind in kinds:
        for size, count in ((2_000, 60), (20_000, 8), (100_000, 3)):
            ratios, rates = [], []
            for turn in range(5):
                texts = [sample(kind, size, 1000 * turn + seed) for seed in range(count)]
                took = {}
                for engine in (without, having) if turn % 2 else (having, without):
                    started = time.process_time()
                    for text in texts:
                        engine.scan(text)
                    took[engine] = time.process_time() - started
                ratios.append(took[having] / took[without])
                rates.append([size * count / 1e6 / took[engine] for engine in (without, having)])
            ratios.sort()
            rates.sort()
            print(
                f"  {kind:6} {size // 1000:8}   {rates[2][0]:12.2f}   {rates[2][1]:9.2f}"
                f"   {ratios[2]:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
                flush=True,
            )


def alone(known: Known) -> None:
    text = sample("mixed", 2_000_000, 9)
    started = time.process_time()
    known.find(text)
    print(f"  by itself: {2 / (time.process_time() - started):.1f} MB/s")


def unrelated(known: Known, folders: list[Path], most: int = 50_000_000) -> None:
    size = found = 0
    by_detector: dict[str, int] = {}
    started = time.process_time()
    for text in _texts(folders):
        size += len(text)
        for match in known.find(text):
            found += 1
            by_detector[match.detector] = by_detector.get(match.detector, 0) + 1
        if size > most:
            break
    took = time.process_time() - started
    print(
        f"  {size / 1e6:.0f} MB of unrelated text: {found} findings {by_detector or ''}, at"
        f" {size / 1e6 / took:.1f} MB/s"
    )


def _texts(folders: list[Path]) -> Iterator[str]:
    for each in folders:
        for path in sorted(each.rglob("*")):
            if path.is_file() and path.suffix in TEXTS:
                text = path.read_text("utf-8", "replace")
                yield from (text[at : at + 200_000] for at in range(0, len(text), 200_000))


# --- recall ---------------------------------------------------------------------------------------


def spelt(rng: random.Random, row: list[str]) -> Iterator[tuple[str, str]]:
    """A text for each spelling that is promised, with the name of the spelling."""
    email, name, birth, iban = row
    first, _, last = name.partition(" ")
    date = dt.date.fromisoformat(birth)
    groups = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
    yield "address", f"write to <{email.upper()}>, please"
    yield "IBAN as it stands", f"IBAN:{iban}."
    yield "IBAN in groups", f"the account {groups} is right"
    yield "IBAN with dashes", f"account {groups.replace(' ', '-').lower()}"
    for label, written in (
        ("ISO", birth),
        ("day.month.year", f"{date:%d.%m.%Y}"),
        ("month/day/year", f"{date.month}/{date.day}/{date.year}"),
        ("compact", f"{date:%Y%m%d}"),
        ("March 2, 1987", f"{date:%B} {date.day}, {date.year}"),
        ("2nd of the month", f"{date.day} {date:%b} {date.year}"),
        ("JSON", f"{birth}T00:00:00Z"),
    ):
        yield f"name, birth {label}", f"{name}, who was born on {written}, asks for a loan"
    yield "last name first", f"{last.upper()}, {first} ({birth})"
    yield "a row of a table", f"id\tname\tbirth\n{rng.randrange(999)}\t{name}\t{birth}\n"
    yield "over lines", f"Name:  {first}\n  {last}\nBorn: {birth}\n"
    yield "full width", f"{email.translate(WIDE)} ok"
    yield "zero width", f"account {iban[:9]}\u200b{iban[9:]}"


WIDE = {code: code + 0xFEE0 for code in (*range(48, 58), *range(97, 123))}


def recall(
    known: Known, people_: list[list[str]], strangers: list[list[str]], real: set[tuple[str, str]]
) -> None:
    rng = random.Random(3)
    missed: dict[str, int] = {}
    total = wrong = 0
    for row in people_:
        for label, text in spelt(rng, row):
            total += 1
            if not known.find(text):
                missed[label] = missed.get(label, 0) + 1
    mixed = 0
    for row, other in zip(people_, strangers, strict=True):
        # The name of the one, the birth of the other.
        if (row[1].lower(), other[2]) in real:
            continue  # somebody else of that name was
        text = f"{row[1]}, who was born on {other[2]}, asks for a loan"
        mixed += 1
        wrong += bool(known.find(text))
    print(
        f"  recall: {total - sum(missed.values())} of {total} planted values found; {missed or ''}"
    )
    print(f"  name of one row with the birth of another: {wrong} of {mixed} found")


def passages_recall(known: Known, where: Path) -> None:
    rng = random.Random(4)
    files = sorted(where.iterdir())
    least = 0
    found = 0
    for _ in range(1000):
        words = rng.choice(files).read_text().split()
        at = rng.randrange(len(words) - 30)
        text = "\n".join(words[at : at + 20]).upper()
        whole = Words.of(text)
        sure = len(whole.letters) - int(whole.starts[passages.WINDOW - 1]) >= passages.LENGTH
        least += sure
        found += bool(known.find(f"{text}"))
    print(f"  passages of 20 words: {found} of 1000 recognised ({least} surely are long enough)")
    edited = 0
    for _ in range(200):
        words = rng.choice(files).read_text().split()
        at = rng.randrange(len(words) - 400)
        piece = words[at : at + 400]
        for _ in range(20):
            piece[rng.randrange(len(piece))] = "changed"
        edited += bool(known.find(" ".join(piece)))
    print(f"  passages of 400 words of which 20 were changed: {edited} of 200 recognised")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--documents", type=int, default=1_000)
    options.add_argument("--terms", type=int, default=100_000)
    options.add_argument("--texts", type=Path, nargs="*", default=[])
    options.add_argument("--kinds", nargs="*", default=["mixed"])
    options.add_argument("--only", nargs="*", default=["table", "documents", "dictionary"])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        where, cache = home / "registers", home / "cache"
        table, terms, documents = home / "people.csv", home / "terms.txt", home / "documents"
        rng = random.Random(2)
        with table.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "name", "birth", "iban"])
            writer.writerows(people(chosen.rows))
        documents.mkdir()
        vocabulary = sorted({word(rng) for _ in range(3_000)})
        for number in range(chosen.documents):
            (documents / f"{number:05}.txt").write_text(document(rng, vocabulary))
        terms.write_text("\n".join(term(rng, number) for number in range(chosen.terms)) + "\n")
        every = []
        for title, described, function, source in (
            ("table", CUSTOMERS, register_table, table),
            ("documents", CONTRACTS, register_documents, documents),
            ("dictionary", PROJECTS, register_terms, terms),
        ):
            if title not in chosen.only:
                continue
            about, took, peak = _apart(function, source, where)
            size = folder.path_of(where, described.name).stat().st_size
            print(f"{title}: { ({key: about[key] for key in about if key != 'left'}) }")
            print(
                f"  registered in {took:.1f} s of CPU, {peak} MiB at the peak, {size / 1e6:.1f} MB on"
                " disk",
                flush=True,
            )
            loading(where, [described])
            known = load(where, [described])
            alone(known)
            if title == "table":
                sampled = list(people(2_000))
                asked = {row[1] for row in sampled}
                real = {(row[1].lower(), row[2]) for row in people(chosen.rows) if row[1] in asked}
                recall(known, sampled[:1000], sampled[1000:], real)
            if title == "documents":
                passages_recall(known, documents)
            if chosen.texts:
                unrelated(known, chosen.texts)
            speed(where, [described], cache, tuple(chosen.kinds))
            every.append(described)
        if len(every) > 1:
            print("all of them")
            loading(where, every)
            speed(where, every, cache, tuple(chosen.kinds))


if __name__ == "__main__":
    main()
