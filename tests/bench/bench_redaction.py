"""What is left of planted values when a file goes through inspection with a redact rule, and does the
file open? One row for each kind of file of `tests/corpus/files/make.py`.

Judges are programs that share no code with the gateway: LibreOffice and poppler where they are
installed, the usual Python libraries, and a search in the unpacked parts. What is not installed is said.
"""

from __future__ import annotations

import email
import email.message
import email.policy
import html
import io
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import docx
import openpyxl
import pptx
from bench_files import sheet
from corpus.files import make
from odf import opendocument

from gateway import bootstrap, content
from gateway.model import BlobPart, Edit, Exchange, Forward, Locator, Rewrite, Step

POLICY = r"""
version: 1
detectors:
  custom:
    - entity: CANARY
      regex: '\bcanary[ _]\d{5,10}[ _]?e?n?d?\b'
      hits: [canary 0123456789 end]
      misses: [marble 0123456789 end]
rules:
  - id: canary
    severity: high
    when: {entity: CANARY}
    action: redact
"""
LIBRARIES = {
    "docx": ("python-docx", docx.Document),
    "xlsx": ("openpyxl", openpyxl.load_workbook),
    "pptx": ("python-pptx", pptx.Presentation),
    "odt": ("odfpy", opendocument.load),
    "ods": ("odfpy", opendocument.load),
    "odp": ("odfpy", opendocument.load),
    "zip": ("unzip -t", None),
    "epub": ("unzip -t", None),
    "eml": ("email", email.message_from_binary_file),
}
OFFICE = {
    "docx": "txt:Text",
    "odt": "txt:Text",
    "pptx": "pdf",
    "odp": "pdf",
    "html": "txt:Text",
} | dict.fromkeys(
    ("xlsx", "ods"), "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
)
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="planted.%b"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


def upload(kind: str, data: bytes) -> Exchange:
    return Exchange(
        id="e", received_at=1.0, actor="", source_ip="10.0.0.1", method="POST", scheme="https",
        host="api.openai.com", port=443, target="/v1/files",
        headers=(
            (b"host", b"api.openai.com"),
            (b"content-type", b"multipart/form-data; boundary=b"),
        ),
        body=HEAD % kind.encode() + data + TAIL,
    )  # fmt: skip


def opened(data: bytes) -> tuple[BlobPart, content.Opened]:
    blob = BlobPart(Locator("body.file", (Step("body", 0, 0),)), data)
    return blob, content.open_blob(blob, max_bytes=1 << 28)


def goes(blob: BlobPart, found: content.Opened, value: str) -> bool:
    """Can `value` be taken out by itself?"""
    parts = [part for part in found.parts if value in part.text]
    if not all(part.editable for part in parts):
        return False
    edits = [
        Edit(part.locator, match.start(), match.end(), "[CANARY]")
        for part in parts
        for match in re.finditer(re.escape(value), part.text)
    ]
    try:
        content.write_blob(blob, found, edits, (), key=b"key")
    except content.CannotRewrite:
        return False
    return True


def unpacked(data: bytes) -> str:
    """All texts of a file by means of the standard library, tags and entities undone."""
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            texts = [f"{info.filename} {info.comment}" for info in archive.infolist()]
            return "\n".join([*texts, *(unpacked(archive.read(n)) for n in archive.namelist())])
    raw = data.decode("latin-1")
    texts = [raw, html.unescape(raw), html.unescape(re.sub(r"<[^>]*>", "", raw))]
    if re.match(rb"(?i)[a-z-]+:.*\n", data):
        mail = email.message_from_bytes(data, policy=email.policy.default)
        if mail["mime-version"]:
            texts += [str(value) for part in mail.walk() for value in part.values()]
            leaves = [part for part in mail.walk() if not part.is_multipart()]
            texts += [unpacked(part.get_payload(decode=True) or b"") for part in leaves]
    return "\n".join(texts)


def converted(kind: str, data: bytes) -> str | None:
    """What LibreOffice reads in a file; None when it does not open it, or is not there."""
    program = shutil.which("soffice")
    if program is None or kind not in OFFICE:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / f"planted.{kind}"
        source.write_bytes(data)
        subprocess.run(
            [program, "--headless", f"-env:UserInstallation=file://{tempfile.gettempdir()}/bench-office",
             "--convert-to", OFFICE[kind], "--outdir", folder / "out", source],
            check=False, capture_output=True, timeout=120,
        )  # fmt: skip
        made = sorted((folder / "out").glob("*")) if (folder / "out").exists() else []
        if not made:
            return None
        if OFFICE[kind] != "pdf":
            return "\n".join(path.read_text("utf-8", "replace") for path in made)
        if shutil.which("pdftotext") is None:
            return ""
        return subprocess.run(
            ["pdftotext", made[0], "-"], check=True, capture_output=True, text=True
        ).stdout


def opens(kind: str, data: bytes) -> str:
    name, load = LIBRARIES.get(kind, ("", None))
    if load is not None:
        load(io.BytesIO(data))
    elif name:
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            file.write(data)
            file.flush()
            if shutil.which("unzip") is None:
                return "unzip is not installed"
            done = subprocess.run(["unzip", "-t", file.name], check=False, capture_output=True)
            assert done.returncode == 0, name
    return name


def row(inspector: object, kind: str) -> list[str]:
    data, places = make.made(kind)
    blob, found = opened(data)
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        blob, found = opened(data)
        taken.append(time.perf_counter() - started)
    text = "\n".join(part.text for part in found.parts)
    seen = [place for place, value in places.items() if value in text]
    fixed = {place for place in seen if not goes(blob, found, places[place])}
    cells = [kind, str(len(places)), str(len(seen)), f"{statistics.median(taken) * 1000:.0f}"]
    if len(fixed) == len(seen):
        return [*cells, "blocked", "", "", ""]
    data, places = make.made(kind, fixed)
    started = time.perf_counter()
    decision = inspector.inspect(upload(kind, data))
    spent = time.perf_counter() - started
    if not isinstance(decision.enforcement, Rewrite):
        why = "sent as it is" if isinstance(decision.enforcement, Forward) else "blocked"
        return [*cells, f"{why} ({decision.outcome.message[:60]})", "", "", ""]
    head = len(HEAD % kind.encode())
    after = decision.enforcement.body[head : -len(TAIL)]
    values = [value for place, value in places.items() if place not in fixed]
    plain = unpacked(after)
    left = [value for value in values if value in plain or value in after.decode("latin-1")]
    by_office = converted(kind, after)
    if by_office is not None:
        left += [value for value in values if value in by_office]
    programs = [opens(kind, after)] if kind in LIBRARIES else []
    if by_office is not None:
        before = converted(kind, data) or ""
        programs.append(
            f"LibreOffice (shows {sum(v in before for v in values)} of them before,"
            f" {sum(v in by_office for v in values)} after)"
        )
    elif kind in OFFICE:
        programs.append(
            "NOT by LibreOffice" if shutil.which("soffice") else "LibreOffice is not installed"
        )
    return [
        *cells, f"{len(values)} of {len(seen)}", f"{spent * 1000:.0f}", str(len(left)),
        ", ".join(programs),
        "; ".join(sorted(fixed)),
    ]  # fmt: skip


def large(inspector: object) -> None:
    """The time for a workbook of 5 MB, and for a document and slides of some hundred pages."""
    plain = sheet(122_000)
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        part = archive.read("xl/worksheets/sheet1.xml")
    for number in range(1, 101):
        canary = b"canary %010d end" % number
        part = part.replace(b">dept<", b">%b<" % canary, 1)
    words = docx.Document()
    for number in range(3000):
        value = f"canary {number:010d} end" if number % 30 == 0 else "ordinary words"
        paragraph = words.add_paragraph("before ")
        paragraph.add_run(value[:9]).bold = True
        paragraph.add_run(value[9:] + " and after")
    out = io.BytesIO()
    words.save(out)
    slides = pptx.Presentation()
    for number in range(100):
        slide = slides.slides.add_slide(slides.slide_layouts[5])
        slide.shapes.title.text = f"canary {number:010d} end"
    shown = io.BytesIO()
    slides.save(shown)
    book = make.changed(plain, {"xl/worksheets/sheet1.xml": part})
    print("\n| large file | MB | findings | inspected and rewritten, s |\n|---|---|---|---|")
    for kind, data in (("xlsx", book), ("docx", out.getvalue()), ("pptx", shown.getvalue())):
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            decision = inspector.inspect(upload(kind, data))
            taken.append(time.perf_counter() - started)
        assert isinstance(decision.enforcement, Rewrite), decision.outcome.message
        sent = decision.enforcement.body[len(HEAD % kind.encode()) : -len(TAIL)]
        assert "canary" not in unpacked(sent)
        count = len(decision.scan.findings)
        print(f"| {kind} | {len(data) / 1e6:.1f} | {count} | {statistics.median(taken):.1f} |")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "policies"
        folder.mkdir()
        (folder / "policy.yaml").write_text(POLICY, "utf-8")
        rules = bootstrap.load_rules(folder)
        plan = bootstrap.plan(rules, key=b"k" * 32, cache=Path(name), max_decoded=1 << 28)
        inspector = bootstrap.build_inspector(plan)
        print(
            "| file | planted | found | read, ms | can be taken out | taken out, ms | left | opens in | blocked |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        asked = sys.argv[1:] or [*make.MAKERS, "large"]
        for kind in asked:
            if kind != "large":
                print("| " + " | ".join(row(inspector, kind)) + " |", flush=True)
        if "large" in asked:
            large(inspector)


if __name__ == "__main__":
    main()
