"""What did the operator set? One typed value from a YAML file, the environment and the command.

Law: what is given later wins (file, then `LEAKGATE_…`, then the command line); an unknown key or a
bad value is an error with its place, and all errors are told at once.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from gateway.console.document import Console, Tls
from gateway.documents import DocumentError, Problem, Strict, load, read, span, suggest
from gateway.exporters.document import Export, distinct
from gateway.identity.document import Identity
from gateway.model import Severity
from gateway.secret import SecretRef

PREFIX = "LEAKGATE_"

_SIZES = {
    "": 1,
    "b": 1,
    "k": 1 << 10,
    "kb": 1 << 10,
    "m": 1 << 20,
    "mb": 1 << 20,
    "g": 1 << 30,
    "gb": 1 << 30,
}


def _size(value: object) -> object:
    """Bytes as a number, or as text such as `64m`."""
    if isinstance(value, str):
        number = value.strip().lower().rstrip("bgkm")
        unit = value.strip().lower()[len(number) :]
        if number.isascii() and number.isdigit() and unit in _SIZES:
            return int(number) * _SIZES[unit]
        raise ValueError(f"`{value}` is not a size such as `64m`")
    return value


def _address(value: str) -> str:
    host, separator, port = value.rpartition(":")
    host = host.strip("[]")
    if not separator or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise ValueError(f"`{value}` is not HOST:PORT")
    if host and host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(f"`{host}` is not an IP address to listen on") from None
    return value


def _list(value: object) -> object:
    return [value] if isinstance(value, str) else value


type Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]
type Span = Annotated[timedelta, BeforeValidator(span)]
type Team = Annotated[str, Field(min_length=1, max_length=128)]
type Address = Annotated[str, AfterValidator(_address)]


def split(address: str) -> tuple[str, int]:
    """Host and port of an address setting."""
    host, _, port = address.rpartition(":")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104  # `:8080` asks for all addresses


class ApprovedKey(Strict):
    """How an endpoint takes its key."""

    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    prefix: Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,32}$")] = "Bearer "
    secret: SecretRef


_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(days=3650)

type KeptFor = Annotated[Span, Field(ge=timedelta(hours=1), le=_LONGEST)] | None


class Kept(Strict):
    """How long what is kept; for ever when left out."""

    info: KeptFor = None
    low: KeptFor = None
    medium: KeptFor = None
    high: KeptFor = None
    critical: KeptFor = None
    evidence: KeptFor = timedelta(days=30)
    audit: KeptFor = None
    coachings: KeptFor = timedelta(days=365)
    suspects: KeptFor = timedelta(days=90)

    def incidents(self) -> dict[Severity, timedelta]:
        """By severity, without those that are kept for ever."""
        spans = {severity: getattr(self, severity.name.lower()) for severity in Severity}
        return {severity: kept for severity, kept in spans.items() if kept is not None}


type Keeping = Literal["none", "surroundings", "part"]


class Evidence(Strict):
    """What is kept of what was sent, sealed to a key whose private half is elsewhere."""

    key: Path
    keep: Keeping = "surroundings"
    min_severity: Literal["info", "low", "medium", "high", "critical"] = "high"
    rules: dict[str, Keeping] = Field(default_factory=dict)


def _host_name(value: str) -> str:
    if not re.fullmatch(
        r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", value
    ):
        raise ValueError(f"`{value}` is not a host name such as `leakgate.internal`")
    return value


def _page_url(value: str) -> str:
    parts = urlsplit(value)
    plain = not (parts.path.rstrip("/") or parts.query or parts.fragment or parts.username)
    if value and not (parts.scheme in {"http", "https"} and parts.hostname and plain):
        raise ValueError(f"`{value}` is not an address such as `https://leakgate.internal`")
    return value.rstrip("/")


class CoachingPages(Strict):
    """Where people find the pages of coaching."""

    host: Annotated[str, AfterValidator(_host_name)] = "leakgate.internal"
    url: Annotated[str, AfterValidator(_page_url)] = ""

    @property
    def base_url(self) -> str:
        """What links begin with."""
        return self.url or f"https://{self.host}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that the proxy answers for itself."""
        named = urlsplit(self.url).hostname
        return (self.host, named) if named and named != self.host else (self.host,)


class Settings(Strict):
    """Every setting of the gateway. Paths are relative to the working directory."""

    listen: Address = Field("127.0.0.1:8080", description="where the proxy listens")
    admin: Address = Field("127.0.0.1:9090", description="where metrics and health are served")
    state: Path = Field(Path("state"), description="folder of CA, keys, database and spool")
    policies: Path = Field(Path("policies"), description="folder of the policy files")
    database: str = Field("", description="SQLAlchemy URL; SQLite in the state folder by default")
    mode: Annotated[list[str], BeforeValidator(_list)] = Field(
        ["regular"], min_length=1, description="mitmproxy modes, several at once"
    )
    upstreams: dict[str, str] = Field(
        {}, description="host to base URL: send a service's traffic to an approved endpoint"
    )
    approved_keys: dict[str, ApprovedKey] = Field(
        {}, description="keys of the endpoints to which rules redirect, by their names in policies"
    )
    pass_through: Annotated[list[str], BeforeValidator(_list)] = Field(
        [], description="hosts never opened (apps that pin)"
    )
    deny_destinations: list[str] = Field(
        ["169.254.169.254", "fd00:ec2::254", "metadata.google.internal"],
        description="hosts that nobody may reach through the gateway (cloud metadata)",
    )
    upstream_auth: str = Field(
        "", repr=False, description="`user:password` for the proxy that mode `upstream:` names"
    )
    trusted_ca: Path | None = Field(None, description="PEM file of authorities for upstreams")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(
        default_factory=lambda: max(2, os.cpu_count() or 2), description="inspection processes"
    )
    worker_memory: Size = Field(2 << 30, description="private memory of one worker, in bytes")
    deadline: Annotated[float, Field(gt=0, le=600)] = Field(
        20.0, description="seconds that one exchange may take, waiting included"
    )
    max_body: Size = Field(64 << 20, description="largest request body that is inspected")
    max_decoded: Size = Field(128 << 20, description="largest body after decompression")
    file_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="seconds that reading the files of one request may take"
    )
    file_expanded: Size = Field(
        256 << 20, description="bytes that all files of one upload may have when unpacked"
    )
    file_ratio: Annotated[int, Field(ge=1)] = Field(
        200, description="times its size that an upload may have when unpacked, over 16 MiB"
    )
    file_text: Size = Field(64 << 20, description="bytes of text that one upload may hold")
    file_entries: Annotated[int, Field(ge=1)] = Field(
        10_000, description="files that one upload may hold"
    )
    file_depth: Annotated[int, Field(ge=0, le=32)] = Field(
        6, description="files within files that are opened"
    )
    file_pages: Annotated[int, Field(ge=1)] = Field(
        2_000, description="pages, slides or sheets that one upload may hold"
    )
    file_pictures: Annotated[int, Field(ge=1)] = Field(
        200, description="pictures and frames that one upload may hold"
    )
    file_frames: Annotated[int, Field(ge=1)] = Field(
        64, description="frames of one picture that are looked at"
    )
    file_pixels: Annotated[int, Field(ge=1)] = Field(
        40_000_000, description="pixels that one picture may have"
    )
    file_memory: Size = Field(
        2 << 30, description="memory of the process that reads one upload, in bytes"
    )
    ocr: bool = Field(default=True, description="whether text in pictures is read")
    ocr_side: Annotated[int, Field(ge=320, le=4096)] = Field(
        1280, description="longer side in pixels at which text in pictures is looked for"
    )
    ocr_threads: Annotated[int, Field(ge=1, le=16)] = Field(
        2,
        description="lines of text of one picture that are read at the same time, on as many cores",
    )
    faces: bool = Field(default=True, description="whether faces in pictures are looked for")
    face_model: Path | None = Field(
        None, description="YuNet model in ONNX form; MTCNN, which needs no file, by default"
    )
    codes: bool = Field(
        default=True, description="whether barcodes and QR codes in pictures are read"
    )
    picture_register: Path | None = Field(
        None, description="hashes of your own pictures, from `leakgate register`"
    )
    token_keys: Path | None = Field(
        None, description="file of token keys; `token.keys` in the state folder by default"
    )
    token_ttl: Annotated[Span, Field(ge=_SHORTEST, le=_LONGEST)] = Field(
        timedelta(days=30), description="how long answers can be restored after a value was sent"
    )
    audit_key: Path | None = Field(
        None, description="key file of the audit log; `audit.key` in the state folder by default"
    )
    registers: Path | None = Field(
        None, description="folder of registered data; `registers` in the state folder by default"
    )
    register_key: Path | None = Field(
        None,
        description="key file of registered data; `register.key` in the state folder by default",
    )
    unmask_second_person: bool = Field(
        default=False, description="whether a second person agrees before a name is shown"
    )
    unmask_for: Annotated[Span, Field(ge=_SHORTEST, le=_LONGEST)] = Field(
        timedelta(hours=24), description="how long a name may be looked at once that was agreed to"
    )
    retention: Kept = Field(
        Kept(), description="how long incidents and what belongs to them are kept"
    )
    evidence: Evidence | None = Field(
        None,
        description="what is kept of what was sent, sealed to a public key; nothing by default",
    )
    spool_max_bytes: Size = Field(256 << 20, description="size of the incident spool")
    on_spool_failure: Literal["refuse", "forward"] = Field(
        "refuse", description="what happens when an incident cannot be recorded"
    )
    teams: Annotated[list[Team], BeforeValidator(_list), Field(max_length=200)] = Field(
        [], description="groups that are remembered with incidents, besides those that rules name"
    )
    small_group: Annotated[int, Field(ge=2, le=1000)] = Field(
        5, description="people of a group below which only those who may unmask see its name"
    )
    identity: Identity | None = Field(
        None, description="how it is known who sends a request, and who has to say so"
    )
    exports: Annotated[list[Export], AfterValidator(distinct), Field(max_length=16)] = Field(
        [], description="systems that are told of incidents"
    )
    coaching: CoachingPages = Field(
        default_factory=CoachingPages,
        description="host of the pages that the proxy answers itself, and what links begin with",
    )
    admin_tls: Tls | None = Field(
        None, description="certificate and key in PEM, to serve the admin address by TLS"
    )
    console: Console = Field(
        default_factory=Console, description="the web console and its API; see docs/console.md"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severity of the lines on standard error"
    )

    @property
    def database_url(self) -> str:
        """The database; a SQLite file in the state folder unless one is set."""
        return self.database or f"sqlite:///{(self.state / 'leakgate.db').absolute()}"

    @property
    def token_keys_path(self) -> Path:
        """The file of token keys; in the state folder unless one is set."""
        return self.token_keys or self.state / "token.keys"

    @property
    def audit_key_path(self) -> Path:
        """The key file of the audit log; in the state folder unless one is set."""
        return self.audit_key or self.state / "audit.key"

    @property
    def registers_path(self) -> Path:
        """The folder of registered data; in the state folder unless one is set."""
        return self.registers or self.state / "registers"

    @property
    def register_key_path(self) -> Path:
        """The key file of registered data; in the state folder unless one is set."""
        return self.register_key or self.state / "register.key"

    @property
    def audit_seen_path(self) -> Path:
        """Where this machine remembers how far the audit log was."""
        return self.state / "audit.seen"


def gather(
    config: Path | None, environment: Mapping[str, str], command: Mapping[str, Any]
) -> Settings:
    """The settings from all three sources. `DocumentError` tells every problem."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    if config is None and environment.get(f"{PREFIX}CONFIG"):
        config = Path(environment[f"{PREFIX}CONFIG"])
    if config is not None:
        try:
            text = read(config)
            load(text, Settings, source=str(config))
            values.update(yaml.safe_load(text) or {})
        except DocumentError as error:
            problems.extend(error.problems)
    known = set(Settings.model_fields)
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name == f"{PREFIX}CONFIG":
            continue
        key = name.removeprefix(PREFIX).lower()
        if key not in known:
            problems.append(
                Problem(f"environment {name}", 0, 0, f"unknown setting{suggest(key, known)}")
            )
            continue
        try:
            values[key] = _from_environment(key, value)
        except (yaml.YAMLError, ValueError) as error:
            problems.append(Problem(f"environment {name}", 0, 0, _first(error)))
    values.update({key: value for key, value in command.items() if value is not None})
    if problems:
        raise DocumentError(problems)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise DocumentError(
            Problem(
                f"option --{'.'.join(map(str, item['loc']))}",
                0,
                0,
                item["msg"].removeprefix("Value error, "),
            )
            for item in error.errors(include_url=False, include_input=False)
        ) from None


def _from_environment(key: str, text: str) -> Any:
    """The value of a variable: read as YAML, or as it stands when only that fits.

    `[::1]:8080` and `007` are no text in YAML, and nobody puts quotes into a variable for that.
    """
    shape = TypeAdapter(Settings.model_fields[key].rebuild_annotation())
    value: Any = None
    try:
        value = yaml.safe_load(text)
        shape.validate_python(value)
    except (yaml.YAMLError, ValueError):
        if isinstance(value, list | dict):
            raise
        try:
            shape.validate_python(text)
        except ValidationError:
            pass
        else:
            return text
        raise
    return value


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix(
            "Value error, "
        )
    return "is not a YAML value"
