"""Is a value one that documentation shows, so that it is nobody's? Law: compared as a whole; a value
that only begins like an example is none.

The values and ranges stand in `examples.yaml` with their sources. Keys are known by their digest.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from gateway.detectors import catalogue
from gateway.documents import Strict, load, read

type Ignored = Literal["none", "secrets", "all"]
"""What a policy may say of examples: report all, all but secrets, or none of them."""

_FILE = Path(__file__).with_name("examples.yaml")
_SEPARATORS = re.compile(r"[\W_]+")


class _Secret(Strict):
    sha256: str
    what: str
    source: str


class _Phones(Strict):
    code: str
    trunk: str
    number: str


class _File(Strict):
    secrets: tuple[_Secret, ...]
    void: dict[str, tuple[str, ...]]
    numbers: dict[str, tuple[str, ...]]
    domains: tuple[str, ...]
    networks: tuple[str, ...]
    hardware: tuple[tuple[str, str], ...]
    phones: tuple[_Phones, ...]


class Examples:
    """The examples that are not to be reported."""

    def __init__(self, ignored: Ignored) -> None:
        self._secrets = ignored != "none"
        self._checks = _checks(ignored)

    def hold(self, entity: str, value: str) -> bool:
        """True when `value`, found as `entity`, is an example that is not to be reported."""
        check = self._checks.get(entity)
        if check is not None:
            return check(value)
        return self._secrets and entity in _secret_entities() and _is_known_secret(value)


@functools.cache
def _file() -> _File:
    return load(read(_FILE), _File, source=_FILE.name)


@functools.cache
def _secret_entities() -> frozenset[str]:
    return catalogue.groups()["secret"]


@functools.cache
def _digests() -> frozenset[str]:
    return frozenset(secret.sha256 for secret in _file().secrets)


def _is_known_secret(value: str) -> bool:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest() in _digests()


@functools.cache
def _checks(ignored: Ignored) -> Mapping[str, Callable[[str], bool]]:
    """Entity to what recognises its examples."""
    if ignored == "none":
        return MappingProxyType({})
    file = _file()
    lists = {entity: set(values) for entity, values in file.void.items()}
    if ignored == "all":
        for entity, values in file.numbers.items():
            lists.setdefault(entity, set()).update(values)
    checks = {entity: _among(values) for entity, values in lists.items()}
    if ignored == "all":
        checks |= {
            "EMAIL_ADDRESS": _mail_at(file.domains),
            "URL": _page_of(file.domains),
            "IP_ADDRESS": _in_networks(file.networks),
            "MAC_ADDRESS": _in_hardware(file.hardware),
            "PHONE_NUMBER": _dials(file.phones),
        }
    return MappingProxyType(checks)


def _bare(value: str) -> str:
    return _SEPARATORS.sub("", value).upper()


def _among(values: set[str]) -> Callable[[str], bool]:
    known = frozenset(map(_bare, values))
    return lambda value: _bare(value) in known


def _is_example_host(host: str, domains: tuple[str, ...]) -> bool:
    host = host.rstrip(".").lower()
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _mail_at(domains: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda value: _is_example_host(value.rpartition("@")[2], domains)


_HOST = re.compile(r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?([^/:?#\s]+)", re.IGNORECASE)


def _page_of(domains: tuple[str, ...]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        host = _HOST.match(value)
        return host is not None and _is_example_host(host[1], domains)

    return check


def _in_networks(networks: tuple[str, ...]) -> Callable[[str], bool]:
    known = [ipaddress.ip_network(network) for network in networks]

    def check(value: str) -> bool:
        try:
            address = ipaddress.ip_interface(value).ip
        except ValueError:
            return False
        return any(address in network for network in known)

    return check


def _in_hardware(ranges: tuple[tuple[str, str], ...]) -> Callable[[str], bool]:
    known = [(int(first, 16), int(last, 16)) for first, last in ranges]

    def check(value: str) -> bool:
        bare = _bare(value)
        if re.fullmatch("[0-9A-F]{12}", bare) is None:
            return False
        return any(first <= int(bare, 16) <= last for first, last in known)

    return check


def _dials(phones: tuple[_Phones, ...]) -> Callable[[str], bool]:
    options = "|".join(
        rf"(?:(?:00|011)?{each.code}0?|{each.trunk})(?:{each.number})" for each in phones
    )
    pattern = re.compile(options)
    return lambda value: pattern.fullmatch(re.sub(r"\D", "", value)) is not None
