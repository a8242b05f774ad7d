from __future__ import annotations

import pytest

from gateway.documents import DocumentError, load
from gateway.model import Act
from gateway.services import UNKNOWN_ROUTE
from gateway.services.catalogue import Catalogue, Sourced, build
from gateway.services.document import OperationSetDocument, ServiceDocument


def service(text: str, source: str = "acme.yaml") -> Sourced[ServiceDocument]:
    return Sourced(load(text, ServiceDocument, source=source), source, text)


def operation_set(text: str) -> Sourced[OperationSetDocument]:
    return Sourced(load(text, OperationSetDocument, source="set.yaml"), "set.yaml", text)


ACME = """
id: acme
name: Acme
category: chat
hosts: [api.acme.com, "*.acme.dev", files.acme.com]
protocol: openai
operations:
  - {id: pictures, act: generate_image, path: "/v1/{kind}", content_type: "image/*"}
  - {id: named, act: embed, path: /v1/embed}
  - {id: any_model, act: prompt, path: "/v1/{kind}", method: [POST, PUT]}
  - {id: read, act: prompt, path: /v1/search, method: ANY, protocol: generic}
  - {id: live, act: audio, path: /v1/live, websocket: true}
  - {id: store, act: upload, path: "/**", host: files.acme.com}
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build([service(ACME)], [])


def operation(catalogue: Catalogue, target: str, **request: object) -> str:
    given = {"host": "api.acme.com", "method": "POST", "target": target} | request
    return catalogue.route(**given).operation


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ({"target": "/v1/embed"}, "named"),  # a plain path before a path with holes
        ({"target": "/v1/embed", "method": "PUT"}, "any_model"),  # its method does not fit
        ({"target": "/v1/other"}, "any_model"),
        ({"target": "/v1/other", "method": "put"}, "any_model"),
        ({"target": "/v1/other", "method": "DELETE"}, "other"),
        ({"target": "/v1/other", "content_type": "IMAGE/png; q=1"}, "pictures"),
        ({"target": "/v1/other", "content_type": "imagery/png"}, "any_model"),
        ({"target": "/v1/search", "method": "QUERY"}, "read"),
        ({"target": "/v1/live", "websocket": True, "method": "GET"}, "live"),
        ({"target": "/v1/live"}, "any_model"),
        ({"target": "/v1/embed", "websocket": True}, "other"),
        ({"target": "/x/y"}, "other"),
        ({"target": "/x/y", "host": "files.acme.com"}, "store"),
        ({"target": "/v1/embed", "host": "a.b.acme.dev"}, "named"),
    ],
)
def test_all_conditions_must_hold(catalogue, request_, wanted):
    assert operation(catalogue, **request_) == wanted


def test_what_no_operation_describes_is_other_of_the_service(catalogue):
    route = catalogue.route(host="api.acme.com", method="POST", target="/nothing/here")
    assert (route.service, route.operation, route.act) == ("acme", "other", Act.OTHER)
    assert route.protocol == "openai"


def test_a_service_can_name_the_act_of_the_rest():
    found = build([service(ACME + "act: prompt\n")], [])
    assert found.route(host="api.acme.com", method="GET", target="/x/y").act is Act.PROMPT


def test_a_protocol_of_an_operation_comes_before_that_of_the_service(catalogue):
    route = catalogue.route(host="api.acme.com", method="GET", target="/v1/search")
    assert route.protocol == "generic"


def test_a_host_in_no_catalogue_has_the_unknown_route(catalogue):
    for host in ("acme.com", "evil-api.acme.com.example", "", "acme.dev", "\x00", "é"):
        assert catalogue.route(host=host, method="POST", target="/v1/embed") == UNKNOWN_ROUTE
        assert not catalogue.inspects(host)
    assert UNKNOWN_ROUTE.service == "unknown"
    assert UNKNOWN_ROUTE.protocol == "generic"
    assert set(UNKNOWN_ROUTE.facts.values()) == {"unknown"}


def test_the_longest_path_prefix_of_a_shared_host_wins():
    chat = "id: chat\nname: Chat\ncategory: chat\nhosts: [{}]\n"
    hub = "id: hub\nname: Hub\ncategory: hosting\nhosts: [hub.example.com]\n"
    found = build([service(chat.format("hub.example.com/chat")), service(hub)], [])

    def owner(target: str) -> str:
        return found.route(host="hub.example.com", method="GET", target=target).service

    assert owner("/chat") == "chat"
    assert owner("/x/..//CHAT/y?z") == "chat"
    assert owner("/chatter") == "hub"
    assert owner("/") == "hub"
    # Alone, the rest of the host belongs to nobody, yet it is opened: the path stands inside TLS.
    alone = build([service(chat.format("hub.example.com/chat"))], [])
    assert alone.inspects("hub.example.com")
    assert alone.route(host="hub.example.com", method="GET", target="/") == UNKNOWN_ROUTE
    assert alone.hosts() == ("hub.example.com",)


def test_an_operation_set_is_placed_under_its_base():
    shared = operation_set(
        "id: shared\ntitle: x\noperations:\n  - {id: ask, act: prompt, path: ['/ask', '/a/{x}']}\n"
        "examples:\n  - {path: /ask, operation: ask}\n"
    )
    found = build(
        [
            service(
                "id: acme\nname: Acme\ncategory: chat\nhosts: ['*.acme.com', b.acme.org]\ninclude:\n"
                "  - {operations: shared, base: /api/v9}\n"
                "  - {operations: shared, host: b.acme.org}\n"
            )
        ],
        [shared],
    )
    assert operation(found, "/api/v9/ask", host="x.acme.com") == "ask"
    assert operation(found, "/api/v9/a/1", host="x.acme.com") == "ask"
    assert operation(found, "/ask", host="x.acme.com") == "other"
    assert operation(found, "/ask", host="b.acme.org") == "ask"
    acme = found.get("acme")
    assert acme is not None
    assert [example.url for example in acme.examples] == [
        "https://example.acme.com/api/v9/ask",
        "https://b.acme.org/ask",
    ]
    assert found.failed_examples(acme) == ()


def test_an_operation_that_another_hides_is_an_error():
    hidden = ACME + '  - {id: late, act: train, path: "/v1/{name}", method: PUT}\n'
    # The names of holes differ, the conditions do not.
    with pytest.raises(DocumentError, match="`late` can never match"):
        build([service(hidden)], [])
