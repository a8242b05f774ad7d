"""What is in a tar archive? Each member, in the order of the archive.

Law: nothing is unpacked to disk; links and devices are names only; what follows the end mark is a
leftover that is read too.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Text
from gateway.model import UnreadReason

_BLOCK = 512


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Every member as a file of its own; owners and links are text."""
    end = 0
    people: set[str] = set()
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        number = 0
        while (member := archive.next()) is not None:
            budget.tick()
            place = f"entry[{number}]"
            number += 1
            people |= {member.uname, member.gname}
            for key, value in member.pax_headers.items():
                if key not in {"path", "linkpath", "mtime", "atime", "ctime", "size"}:
                    yield Text(f"{place}.header", str(value), hidden=True, label=str(key))
            if member.linkname:
                yield Text(f"{place}.link", member.linkname)
            if member.isreg():
                if member.sparse is not None:
                    yield Missed(place, UnreadReason.UNSUPPORTED_FILE, member.size, "sparse file")
                    continue
                stop = member.offset_data + member.size
                if stop > len(data):
                    yield Text(f"{place}.name", member.name)
                    yield Embedded(place, data[member.offset_data :])
                    yield Missed(place, UnreadReason.MALFORMED, member.size, "tar cut short")
                    return
                budget.expand(member.size)
                yield Embedded(place, data[member.offset_data : stop], name=member.name)
                end = max(end, -(-stop // _BLOCK) * _BLOCK)
            else:
                yield Text(f"{place}.name", member.name)
                end = max(end, member.offset_data)
            archive.members = []  # type: ignore[attr-defined]  # the library keeps all it has seen
    owners = "\n".join(sorted(people - {"", "root"}))
    if owners:
        yield Text("owners", owners, hidden=True)
    rest = data[end:]
    if rest.strip(b"\0"):
        yield Fact("hidden", value=True)
        yield Embedded("gap[0]", rest.lstrip(b"\0"), hidden=True)
