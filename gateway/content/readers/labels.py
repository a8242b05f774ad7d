"""Which sensitivity labels does a file bear? Law: a label is told by its name, or by its GUID without.

Microsoft writes them as properties `MSIP_Label_<GUID>_Name`, `…_Enabled` and so on: into PDF's
document information and XMP, and into a header of mails, `msip_labels: …_Name=…; …`
(https://learn.microsoft.com/information-protection/develop/concept-mip-metadata). A mail may say
its `Sensitivity` besides (RFC 4021, 2.1.55).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

_PROPERTY = r"MSIP_Label_([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})_(\w{1,40})"
_KEY = re.compile(_PROPERTY)
_HEADER = re.compile(rf"{_PROPERTY}\s*=\s*([^;]*)")
_XMP = re.compile(rf"{_PROPERTY}(?:\s*=\s*[\"']([^\"'<]*)[\"']|>([^<]*)<)")

MOST = 1 << 20
"""Bytes of metadata that are looked at."""


def of_properties(properties: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The labels that properties with these names and values tell of, each once."""
    names: dict[str, str] = {}
    for key, value in properties:
        found = _KEY.fullmatch(key)
        if found is not None:
            guid = found[1].lower()
            names.setdefault(guid, "")
            if found[2] == "Name" and value.strip():  # a closing tag has none
                names[guid] = value.strip()
    for guid, name in names.items():
        yield name or guid


def of_xmp(data: bytes) -> Iterator[str]:
    """The labels in XMP, which is XML."""
    text = data[:MOST].decode("utf-8", "replace")
    yield from of_properties(
        (f"MSIP_Label_{guid}_{what}", html.unescape(attribute or element))
        for guid, what, attribute, element in _XMP.findall(text)
    )


def of_headers(headers: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The labels in the headers of a mail, and its sensitivity where it is not an ordinary one."""
    for name, value in headers:
        match name.lower():
            case "msip_labels":
                yield from of_properties(
                    (f"MSIP_Label_{guid}_{what}", said)
                    for guid, what, said in _HEADER.findall(value)
                )
            case "sensitivity" | "x-sensitivity" if value.strip().lower() not in {"", "normal"}:
                yield value.strip()[:100].replace(";", ",")
