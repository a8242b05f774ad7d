"""How is an AI service written down? The shape of a catalogue file, and of `services:` in policies.

Law: a typo is an error. Names of protocols, categories, acts, facts and operation sets are closed;
patterns are checked when they are read.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.documents import Strict
from gateway.model import Act
from gateway.services.facts import Date, FactsDocument, Url
from gateway.services.hosts import HostPattern
from gateway.services.paths import PathPattern

Category = Literal[
    "chat",
    "search",
    "aggregator",
    "hosting",
    "code",
    "image",
    "avatar",
    "video",
    "audio",
    "meetings",
    "writing",
    "agents",
    "local",
]
CATEGORIES: tuple[str, ...] = get_args(Category)
UNKNOWN_CATEGORY = "unknown"
"""The category of a service that is in no catalogue."""

ProtocolName = Literal[
    "openai",
    "azure_openai",
    "anthropic",
    "bedrock",
    "gemini",
    "cohere",
    "mcp",
    "mistral",
    "huggingface",
    "replicate",
    "fal",
    "stability",
    "bfl",
    "ideogram",
    "leonardo",
    "ollama",
    "automatic1111",
    "comfyui",
    "sound",
    "generic",
]
PROTOCOLS: tuple[str, ...] = get_args(ProtocolName)

ANY_METHOD = "ANY"
OTHER = "other"
"""The operation of a request that a service is known for but that no operation describes."""

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OPERATION_ID = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_TOKEN = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]{1,32}")  # RFC 9110 section 5.6.2
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/(?:\*|[a-z0-9!#$&^_.+-]+)")
_EXAMPLE_URL = re.compile(r"(?:https?|wss?)://[^/?#]+(?:/[^#]*)?")


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _service_id(value: str) -> str:
    if not _ID.fullmatch(value) or value in {"unknown", "any"}:
        raise ValueError(f"`{value}` is not a service id: write it like `acme-chat`")
    return value


def _operation_id(value: str) -> str:
    if not _OPERATION_ID.fullmatch(value) or value == OTHER:
        raise ValueError(f"`{value}` is not an operation id: write it like `chat_message`")
    return value


def _host(value: str) -> str:
    return HostPattern.parse(value).text


def _path(value: str) -> str:
    return PathPattern.parse(value).text


def _base(value: str) -> str:
    if value and not PathPattern.parse(value).literal:
        raise ValueError(f"base `{value}` must be a plain path such as `/openai/v1`")
    return value.rstrip("/")


def _method(value: str) -> str:
    if not _TOKEN.fullmatch(value.upper()):
        raise ValueError(f"`{value}` is not an HTTP method")
    return value.upper()


def _media_type(value: str) -> str:
    if not _MEDIA_TYPE.fullmatch(value.lower()):
        raise ValueError(f"`{value}` is not a media type: write `image/png` or `image/*`")
    return value.lower()


def _url(value: str) -> str:
    if not _EXAMPLE_URL.fullmatch(value):
        raise ValueError(f"`{value}` is not an http(s):// or ws(s):// address")
    return value


ServiceId = Annotated[str, AfterValidator(_service_id)]
OperationId = Annotated[str, AfterValidator(_operation_id)]
Host = Annotated[str, AfterValidator(_host)]
Many = BeforeValidator(_many)


class OperationDocument(Strict):
    """One thing that a person does at a service, and how to tell it from the request.

    All given conditions must hold. `path`, `method`, `host` and `content_type` take one value or a
    list. `method` is POST when left out and `ANY` for all; a WebSocket has no method of its own.
    `host` narrows to some of the service's hosts.
    """

    id: OperationId
    act: Act
    path: Annotated[tuple[Annotated[str, AfterValidator(_path)], ...], Many, Field(min_length=1)]
    method: Annotated[
        tuple[Annotated[str, AfterValidator(_method)], ...], Many, Field(min_length=1)
    ] = ("POST",)
    host: Annotated[tuple[Host, ...], Many] = ()
    content_type: Annotated[tuple[Annotated[str, AfterValidator(_media_type)], ...], Many] = ()
    websocket: bool = False
    protocol: ProtocolName | None = None


class IncludeDocument(Strict):
    """Take a whole operation set, such as the OpenAI API, under a path of this service."""

    operations: str
    base: Annotated[str, AfterValidator(_base)] = ""
    host: Annotated[tuple[Host, ...], Many] = ()


class ExampleDocument(Strict):
    """A request and the operation that it must be recognised as; the proof of an operation."""

    url: Annotated[str, AfterValidator(_url)]
    operation: str
    method: Annotated[str, AfterValidator(_method)] = "POST"
    content_type: str = ""

    @property
    def host(self) -> str:
        """The host of the address, with its port."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def target(self) -> str:
        """The request target of the address."""
        return "/" + self.url.partition("://")[2].partition("/")[2]

    @property
    def websocket(self) -> bool:
        """Is it a WebSocket address?"""
        return self.url.startswith("ws")


class SourceDocument(Strict):
    """Where facts come from, and when somebody looked."""

    title: str
    checked: Date
    url: Url = "unknown"


class OperationSetDocument(Strict):
    """Operations that many services share, with paths relative to a service's base.

    The examples have relative paths and are tried on every service that includes the set.
    """

    id: OperationId
    title: str
    operations: Annotated[tuple[OperationDocument, ...], Field(min_length=1)]
    examples: tuple[SetExampleDocument, ...] = ()


class SetExampleDocument(Strict):
    """An example of an operation set: the same as a service's, with a path for an address."""

    path: str
    operation: str
    method: Annotated[str, AfterValidator(_method)] = "POST"
    content_type: str = ""
    websocket: bool = False


class ServiceDocument(Strict):
    """An AI service: who it is, where it answers, what can be done there, what is known of it.

    A document whose `id` exists already changes that service: what it states replaces; its hosts,
    aliases, includes and sources are added; its facts replace one by one; its operations are tried
    first, and one with an existing id replaces it. A new service must state `name`, `category` and
    `hosts`, or be `like` another service and state its `hosts`: then it takes over what it does
    not state itself, except the hosts and what is narrowed to them.
    """

    id: ServiceId
    name: str = ""
    category: Category | None = None
    like: ServiceId | None = None
    aliases: Annotated[tuple[str, ...], Many] = ()
    hosts: Annotated[tuple[Host, ...], Many] = ()
    protocol: ProtocolName | None = None
    act: Act | None = None
    include: tuple[IncludeDocument, ...] = ()
    operations: tuple[OperationDocument, ...] = ()
    facts: FactsDocument = FactsDocument()
    notes: str = ""
    examples: tuple[ExampleDocument, ...] = ()
    sources: tuple[SourceDocument, ...] = ()


OperationSetDocument.model_rebuild()
