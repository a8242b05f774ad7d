"""How long does a worker take to open large files? Median of five, in a sandbox as in production.

The limits are those of a task: 50 pages of PDF under 0.5 s, 5 MB of xlsx and 100 files in a zip
under 2 s each. The first opening loads the readers and is not counted.
"""

from __future__ import annotations

import io
import random
import statistics
import sys
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import openpyxl
from reportlab.pdfgen import canvas

from gateway.content import open_blob, protections
from gateway.model import BlobPart, Locator


def pages(count: int) -> bytes:
    out = io.BytesIO()
    page = canvas.Canvas(out)
    for number in range(count):
        for line in range(50):
            page.drawString(50, 50 + 14 * line, f"page {number} line {line} of ordinary words")
        page.showPage()
    page.save()
    return out.getvalue()


def sheet(rows: int) -> bytes:
    chance = random.Random(1)
    book = openpyxl.Workbook(write_only=True)
    table = book.create_sheet()
    for row in range(rows):
        table.append([row, f"name {chance.randrange(10**9)}", chance.random() * 1e9, "x", "dept"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def archive(count: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for number in range(count):
            files.writestr(f"notes/{number}.txt", f"note {number}: ordinary words\n" * 200)
    return out.getvalue()


def main() -> None:
    print("protections:", ", ".join(protections()))
    for name, data in (
        ("one small zip", archive(1)),
        ("50-page PDF", pages(50)),
        ("5 MB xlsx", sheet(122_000)),
        ("100-file zip", archive(100)),
    ):
        taken = []
        for _ in range(6):
            started = time.perf_counter()
            found = open_blob(BlobPart(Locator("file"), data), max_bytes=1 << 28)
            taken.append(time.perf_counter() - started)
        characters = sum(len(part.text) for part in found.parts)
        print(
            f"{name}: {len(data) / 1e6:.2f} MB, {characters} characters, {len(found.unread)} unread,"
            f" {statistics.median(taken[1:]) * 1000:.0f} ms"
        )


if __name__ == "__main__":
    main()
