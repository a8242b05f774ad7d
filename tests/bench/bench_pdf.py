"""What is left of a value in a PDF after it was taken out, by place and judge; and what that costs.

Judges are poppler, qpdf and mutool where they are installed, pdfium, and a walk over all streams.
"""

from __future__ import annotations

import io
import re
import resource
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reportlab.pdfgen import canvas
from support import pdfs

from gateway.content import PictureSettings, open_blob, write_blob
from gateway.model import BlobPart, Edit, Locator, Step

VALUE = "219-09-9876"
WANTED = re.compile(r"\s*".join(f"{re.escape(one)}{'?' * (one == '-')}" for one in VALUE))
"""Letters may stand apart, and a hyphen at the end of a line goes."""
PLAIN = PictureSettings(ocr=False, faces=False, codes=False)
PLACE = Locator("body.file", (Step("body", 0, 0),))


def pages(count: int) -> bytes:
    """Pages full of words with one value on each."""
    out = io.BytesIO()
    page = canvas.Canvas(out)
    for number in range(count):
        for line in range(50):
            words = f"page {number} line {line} of ordinary words"
            page.drawString(50, 50 + 14 * line, f"{words} {VALUE} end" if line == 20 else words)
        page.showPage()
    page.save()
    return out.getvalue()


def taken_out(data: bytes) -> tuple[bytes, float, float]:
    """The new file, and seconds of processor time to read and to write it, in the sandbox."""
    blob = BlobPart(PLACE, data)
    started = _spent()
    seen = open_blob(blob, max_bytes=1 << 26, looking=PLAIN)
    read = _spent() - started
    edits = []
    for part in seen.parts:
        edits += [
            Edit(part.locator, found.start(), found.end(), "[US_SSN]")
            for found in WANTED.finditer(part.text)
        ]
    if not edits:
        raise ValueError(f"the value was not read: {seen.unread}")
    started = _spent()
    new = write_blob(blob, seen, edits, (), key=b"k" * 32)
    return new, read, _spent() - started


def _spent() -> float:
    """Processor time of this process and of its children that ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Print the tables."""
    print("programs:", ", ".join(pdfs.TOOLS))
    left: dict[str, int] = {}
    taken_out(pages(1))  # loads the libraries
    places = pdfs.ON_PAGES | pdfs.BEHIND | {"scan": pdfs.scan}
    for name, maker in places.items():
        with tempfile.TemporaryDirectory() as folder:
            seen = pdfs.seen_by(taken_out(maker(VALUE))[0], Path(folder))
        for judge, said in seen.items():
            left[judge] = left.get(judge, 0) + pdfs.finds(VALUE, said)
            if pdfs.finds(VALUE, said):
                print("LEFT:", name, judge)
    print(f"values left, of {len(places)} places, by judge: {left}")
    for count in (1, 50):
        data = pages(count)
        runs = [taken_out(data) for _ in range(5)]
        read, write = (statistics.median(run[n] for run in runs) for n in (1, 2))
        size = len(runs[0][0])
        print(f"{count} pages: read {read:.3f} s, write {write:.3f} s, {len(data)} -> {size} bytes")
    data = pdfs.scan(VALUE)
    new, read, write = taken_out(data)
    print(
        f"scan with text: read {read:.3f} s, write {write:.3f} s, {len(data)} -> {len(new)} bytes"
    )


if __name__ == "__main__":
    main()
