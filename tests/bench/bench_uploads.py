"""Fifty uploads of 5 MB at once through the gateway: how long does a small prompt take meanwhile?

A third each are photographs (JPEG), PDF files and spreadsheets, each different. Prompts of 2 KB go
one after the other, with a pause between, before the uploads and while they last.

`--plain` writes files in which nothing is to be found, so that they pass; `--at-once` bounds how many
are under way, so that a machine can read them within the deadline.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import multiprocessing
import ssl
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
import bench_gateway
import load
from support.upstream import certificate

SIZE = 5 << 20
BURST = 4
"""Seconds in which all uploads come in."""
OPERATION = "{{id: files, method: POST, path: /v1/files, act: upload}}"


def photograph(seed: int, *, plain: bool = False) -> bytes:
    """Some 5 MB of JPEG: 12 megapixels of soft shapes with noise, and no text: `plain` in any case."""
    rng = np.random.default_rng(seed)
    soft = Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8)).resize((4000, 3000))
    noise = rng.normal(0, 9, (3000, 4000, 1))
    pixels = np.clip(np.asarray(soft, np.float32) + noise, 0, 255).astype(np.uint8)
    for quality in (95, 90, 85, 80, 70):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=quality)
        if out.tell() <= SIZE:
            break
    return out.getvalue()


def plain_words(count: int, seed: int) -> str:
    """Words that no detector takes for anything."""
    rng = np.random.default_rng(seed)
    return " ".join(rng.choice(PLAIN, count))


PLAIN = "the of and with under between table stone water morning slowly green paper while".split()


def pdf(seed: int, *, plain: bool = False) -> bytes:
    """Fifty pages of text, and an attachment-sized stream that nothing draws, to 5 MB."""
    rng = np.random.default_rng(seed)
    pages, objects = 50, [b"<</Type/Catalog/Pages 2 0 R>>"]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(pages))
    objects.append(f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode())
    objects.append(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    for page in range(pages):
        number = seed * pages + page
        lines = plain_words(420, number) if plain else load.prompts(1, 2500, number)[0].decode()
        shown = lines.replace("\\", "").replace("(", "").replace(")", "")
        rows = "".join(f"({shown[at : at + 80]}) Tj T*\n" for at in range(0, len(shown), 80))
        content = f"BT /F 9 Tf 40 800 Td 12 TL\n{rows}ET".encode()
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>"
            f"/Contents {5 + 2 * page} 0 R>>".encode()
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(content), content))
    rest = rng.integers(0, 255, SIZE - sum(map(len, objects)), np.uint8).tobytes()
    objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(rest), rest))
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)


def sheet(seed: int, *, plain: bool = False) -> bytes:
    """A spreadsheet of numbers and words, stored so that it has 5 MB."""
    rng = np.random.default_rng(seed)
    rows = []
    words = PLAIN if plain else load.NOUNS
    size = row = 0
    while size < SIZE:
        row += 1
        cells = "".join(
            f'<c r="{column}{row}"><v>{value}</v></c>'
            for column, value in zip(
                "ABCDEF", rng.integers(0, 99 if plain else 9999, 6), strict=True
            )
        )
        text = words[row % len(words)]
        rows.append(
            f'<row r="{row}">{cells}<c r="G{row}" t="inlineStr"><is><t>{text}</t></is></c></row>'
        )
        size += len(rows[-1])
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml"'
        ' ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1"'
        f' Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}"/>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}"><sheetData>{"".join(rows)}'
        "</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


MAKERS = {"photo.jpg": photograph, "words.pdf": pdf, "sheet.xlsx": sheet}


def different(name: str, data: bytes, number: int) -> bytes:
    """The file with a mark of its own, so that none is remembered from another."""
    mark = b"%08d" % number
    if name.endswith("jpg"):
        return data[:2] + b"\xff\xfe\x00\x0a" + mark + data[2:]
    if name.endswith("xlsx"):
        return data[:-2] + len(mark).to_bytes(2, "little") + mark
    return data + b"\n%" + mark


class Client:
    """Connections through the proxy to the upstream."""

    def __init__(self, ca: str, proxy: int, upstream: int) -> None:
        self._load = load.Load(
            {
                "ca": ca, "kind": "keep-alive", "distinct": 5000, "size": 2048,
                "host": "localhost", "port": upstream, "proxy": proxy,
            }
        )  # fmt: skip
        self._authority = f"localhost:{upstream}"
        self.told: Counter[bytes] = Counter()

    async def prompts(self, until: asyncio.Event, pause: float) -> list[float]:
        reader, writer = await self._load.connect()
        seconds = []
        while not until.is_set():
            started = time.perf_counter()
            await self._load.one(reader, writer)
            seconds.append(time.perf_counter() - started)
            await asyncio.sleep(pause)
        writer.close()
        return seconds

    async def upload(self, name: str, data: bytes) -> tuple[int, float]:
        reader, writer = await self._load.connect()
        body = (
            f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode() + data + b"\r\n--b--\r\n"  # fmt: skip
        started = time.perf_counter()
        writer.write(
            f"POST /v1/files HTTP/1.1\r\nHost: {self._authority}\r\n"
            "content-type: multipart/form-data; boundary=b\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
        )
        writer.write(body)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        took = time.perf_counter() - started
        code = int(head.split(b" ", 2)[1])
        if code != 200:
            self.told[(await reader.read(2000))[:160]] += 1
        writer.close()
        return code, took


def loop_seconds(proxy: bench_gateway.Proxy) -> tuple[float, float]:
    """Seconds that the proxy's loop has run, and has waited for a core though it could run."""
    pid = proxy.process.pid
    ran, waited, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def share(seconds: list[float], part: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000


def crowd(
    way: tuple[str, int, int], made: list[tuple[str, bytes]], count: int, at_once: int
) -> tuple[list[tuple[int, float]], Counter[bytes]]:
    """All uploads, in a process of their own: encrypting 250 MB must not keep prompts waiting."""

    async def together() -> tuple[list[tuple[int, float]], Counter[bytes]]:
        client, room = Client(*way), asyncio.Semaphore(at_once or count)

        async def upload(name: str, data: bytes) -> tuple[int, float]:
            async with room:
                return await client.upload(name, data)

        files = [
            (name, different(name, data, number))
            for number, (name, data) in zip(range(count), itertools.cycle(made), strict=False)
        ]
        return await asyncio.gather(*(upload(*file) for file in files)), client.told

    return asyncio.run(together())


async def run(
    proxy: bench_gateway.Proxy, upstream: int, wanted: argparse.Namespace, beside: Executor
) -> None:
    way = (proxy.ca, proxy.port, upstream)
    client, count, pause = Client(*way), wanted.uploads, wanted.pause
    made = [(name, make(1, plain=wanted.plain)) for name, make in MAKERS.items()]
    beside.submit(int).result()  # it is there before anything is measured
    sizes = ", ".join(f"{name} {len(data) / (1 << 20):.1f}" for name, data in made)
    print(f"{count} uploads (MiB: {sizes})\n")
    for name, data in made:  # libraries and networks are loaded with the first
        code, took = await client.upload(name, data)
        print(f"alone: {name} {code} in {took:.1f} s")
    end = asyncio.Event()
    calm = asyncio.ensure_future(client.prompts(end, pause))
    await asyncio.sleep(10)
    end.set()
    before = await calm
    peak, memory = proxy.memory(), proxy.memory()
    end = asyncio.Event()
    busy = asyncio.ensure_future(client.prompts(end, pause))
    started = time.perf_counter()
    ran, waited = loop_seconds(proxy)
    burst = None
    uploads = asyncio.get_running_loop().run_in_executor(
        beside, crowd, way, made, count, wanted.at_once
    )
    while not uploads.done():
        await asyncio.wait([uploads], timeout=0.5)
        peak = max(peak, await asyncio.to_thread(proxy.memory))
        if burst is None and time.perf_counter() - started > BURST:
            burst = loop_seconds(proxy)
    all_ran, all_waited = loop_seconds(proxy)
    took = time.perf_counter() - started
    end.set()
    during = await busy
    ended, refusals = uploads.result()
    answers = Counter(code for code, _ in ended)
    print("\n| prompt of 2 KB | n | p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|")
    for name, seconds in (("before", before), ("during", during)):
        print(
            f"| {name} | {len(seconds)} | {share(seconds, 0.5):.1f} | {share(seconds, 0.99):.1f}"
            f" | {max(seconds) * 1000:.0f} |"
        )
    times = [each for _, each in ended]
    print(
        f"\nuploads: {took:.1f} s in all, p50 {share(times, 0.5) / 1000:.1f} s,"
        f" answers {dict(answers)}"
    )
    for told, times_told in refusals.most_common(6):
        print(f"{times_told} x {told.decode('utf-8', 'replace')}")
    print(
        f"the proxy's loop ran {all_ran - ran:.1f} s and waited {all_waited - waited:.1f} s for a core",
        end="",
    )
    if burst is not None:
        print(
            f"; within the first {BURST} s {burst[0] - ran:.1f} and {burst[1] - waited:.1f}", end=""
        )
    print()
    print(f"memory, MiB: {memory:.0f} before, {peak:.0f} at the peak, {proxy.memory():.0f} after")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=0, help="uploads under way; 0: all")
    parser.add_argument("--plain", action="store_true", help="files that hold nothing to find")
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--policies", type=Path, default=Path("policies"))
    arguments = parser.parse_args()
    plain = "      - {{id: chat_completions"
    bench_gateway.POLICY = bench_gateway.POLICY.replace(
        plain, f"      - {OPERATION}\n{plain}"
    ).replace(
        "    examples:\n",
        "    examples:\n"
        '      - {{method: POST, url: "https://localhost/v1/files", operation: files}}\n',
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pem, trusted = certificate(folder, "localhost", "127.0.0.1")
        server = subprocess.Popen(
            [sys.executable, bench_gateway.LOAD, "upstream", pem], stdout=subprocess.PIPE
        )
        try:
            assert server.stdout is not None
            upstream = int(server.stdout.readline())
            with (
                bench_gateway.gateway(folder, Path(trusted), arguments.policies) as proxy,
                ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as beside,
            ):
                asyncio.run(run(proxy, upstream, arguments, beside))
        finally:
            server.kill()


if __name__ == "__main__":
    assert ssl.HAS_ALPN
    main()
