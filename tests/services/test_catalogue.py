from __future__ import annotations

import json
import pickle
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.documents import DocumentError, Marks, Problem, load
from gateway.model import Act
from gateway.services import CATEGORIES, Catalogue, ServiceDocument, vocabulary
from gateway.services.catalogue import (
    Sourced,
    build,
    built_in_documents,
    built_in_operation_sets,
    read_folder,
)
from gateway.services.document import OperationSetDocument

CATALOGUE = Catalogue.load()
SERVICES = CATALOGUE.services()


def extra(text: str) -> ServiceDocument:
    return load(text, ServiceDocument, source="policy.yaml")


def route(catalogue: Catalogue, url: str, method: str = "POST", **more: object):
    host, slash, rest = url.partition("/")
    return catalogue.route(host=host, method=method, target=slash + rest, **more)


# --- what ships ----------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES, ids=[service.id for service in SERVICES])
def test_every_example_is_recognised_and_every_operation_has_one(service):
    assert CATALOGUE.failed_examples(service) == ()
    proven = {example.operation for example in service.examples}
    assert {operation.id for operation in service.operations} <= proven
    assert service.examples


@pytest.mark.parametrize("service", SERVICES, ids=[service.id for service in SERVICES])
def test_every_fact_is_there_and_dated_when_it_is_claimed(service):
    assert set(service.facts) == set(vocabulary())
    for name, words in vocabulary().items():
        assert words is None or service.facts[name] in words
    if service.facts["evidence"] != "unknown":
        assert service.facts["checked"] != "unknown"
        assert service.sources
    claims = {"trains_on_input", "retention_days", "human_review", "licence_irrevocable"}
    if any(service.facts[name] != "unknown" for name in claims):
        assert service.facts["evidence"] != "unknown"


def test_the_catalogue_is_wide():
    assert len(SERVICES) >= 90
    assert {service.category for service in SERVICES} == set(CATEGORIES)


def test_a_file_bears_the_id_of_its_service_and_states_its_own_example():
    for each in built_in_documents():
        assert Path(each.source).stem == each.document.id
        assert each.document.examples, each.source
    for each in built_in_operation_sets():
        assert Path(each.source).stem == each.document.id
        proven = {example.operation for example in each.document.examples}
        assert {operation.id for operation in each.document.operations} <= proven


@pytest.mark.parametrize(
    ("url", "service"),
    [
        # Files leave through storage hosts, not through the address of the application.
        ("files.oaiusercontent.com/file-1?sig=x", "chatgpt"),
        ("chatgpt-async-webps-prod-eastus-1.webpubsub.azure.com/x", "chatgpt"),
        ("ppl-ai-file-upload.s3.amazonaws.com/", "perplexity-web"),
        ("copilotprodattachments.blob.core.windows.net/c/1?sig=x", "copilot-m365"),
        ("content-push.googleapis.com/upload/", "gemini-web"),
    ],
)
def test_upload_hosts_belong_to_their_service(url, service):
    found = route(CATALOGUE, url, "PUT")
    assert found.service == service
    if "webpubsub" not in url:
        assert found.act is Act.UPLOAD


@pytest.mark.parametrize(
    "host",
    [
        "s3.amazonaws.com",
        "my-bucket.s3.amazonaws.com",
        "evil-ppl-ai-file-upload.s3.amazonaws.com",
        "x.ppl-ai-file-upload.s3.amazonaws.com",
        "ec2.eu-west-1.amazonaws.com",
        "storage.googleapis.com",
        "www.googleapis.com",
        "mail.google.com",
        "acme.blob.core.windows.net",
        "outlook.office.com",
        "login.microsoftonline.com",
        "github.com",
        "api.github.com",
        "pypi.org",
        "google.com",
        "adobe.com",
        "openai.com.evil.example",
        "notapi.openai.com.example",
        "auth.openai.com",
    ],
)
def test_ordinary_business_hosts_are_left_closed(host):
    assert not CATALOGUE.inspects(host)


def test_shared_hosts_are_other_except_for_what_goes_to_the_service():
    assert route(CATALOGUE, "www.notion.so/api/v3/saveTransactions").operation == "other"
    assert route(CATALOGUE, "substrate.office.com/search/api/v2/query").operation == "other"
    pull = route(CATALOGUE, "huggingface.co/org/m/resolve/main/x.bin", "GET")
    assert (pull.service, pull.operation) == ("huggingface", "other")
    assert route(CATALOGUE, "huggingface.co/chat/settings").service == "huggingchat"


def test_web_and_api_of_one_maker_are_different_services():
    assert route(CATALOGUE, "api.perplexity.ai/chat/completions").service == "perplexity-api"
    assert route(CATALOGUE, "www.perplexity.ai/rest/x").service == "perplexity-web"
    assert route(CATALOGUE, "api.x.ai/v1/responses").service == "xai-api"
    assert route(CATALOGUE, "accounts.x.ai/").service == "grok"
    assert route(CATALOGUE, "api.anthropic.com/v1/messages").facts["trains_on_input"] == "no"
    assert route(CATALOGUE, "claude.ai/x").facts["trains_on_input"] == "opt_out"


def test_hosts_for_the_pac_file_are_all_inspected():
    assert len(set(CATALOGUE.hosts())) == len(CATALOGUE.hosts())
    for pattern in CATALOGUE.hosts():
        assert CATALOGUE.inspects(pattern.replace("*", "x1"))
        assert "/" not in pattern


def test_a_summary_is_plain_and_complete():
    for service in SERVICES:
        summary = json.loads(json.dumps(service.summary()))
        assert summary["id"] == service.id
        assert summary["origin"] == "built-in"
        assert summary["facts"] == dict(service.facts)
        assert {operation["id"] for operation in summary["operations"]} <= set(
            CATALOGUE.operations()
        )


def test_routes_cross_processes():
    found = route(CATALOGUE, "api.openai.com/v1/responses")
    assert pickle.loads(pickle.dumps(found)) == found


def test_loading_and_routing_are_quick():
    start = time.process_time()
    catalogue = Catalogue.load()
    assert time.process_time() - start < 2  # measured: 0.15 s
    start = time.process_time()
    for _ in range(2_000):
        catalogue.route(host="api.openai.com", method="POST", target="/v1/chat/completions")
    assert (time.process_time() - start) / 2_000 < 100e-6  # measured: 2 µs


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("API.OPENAI.COM.", "/v1/chat/completions"),
        ("api.openai.com", "//v1/chat/completions"),
        ("api.openai.com", "/v1/./chat/completions"),
        ("api.openai.com", "/v1/%63hat/completions"),
        ("ａｐｉ.openai.com", "/v1/chat/completions/"),
        ("api。openai。com", "/v1/chat/completions;a=b"),
        ("eu.api.openai.com:443", "https://eu.api.openai.com/v1/chat/completions?x=1"),
    ],
)
def test_spelling_does_not_evade_an_operation(host, target):
    found = CATALOGUE.route(host=host, method="post", target=target)
    assert (found.service, found.operation) == ("openai-api", "chat_completions")


@given(st.text(max_size=60), st.text(max_size=10), st.text(max_size=80), st.text(max_size=30))
@settings(max_examples=examples(200), deadline=None)
def test_any_request_has_a_route(host, method, target, content_type):
    for name in (host, "api.openai.com", "chatgpt.com", "bedrock-runtime.x.amazonaws.com"):
        for websocket in (False, True):
            found = CATALOGUE.route(
                host=name,
                method=method,
                target=target,
                content_type=content_type,
                websocket=websocket,
            )
            assert found.service
            assert set(found.facts) == set(vocabulary())


def test_get_knows_ids_and_aliases():
    by_id = CATALOGUE.get("openai-api")
    assert by_id is not None
    assert CATALOGUE.get(" OpenAI ") is by_id
    assert CATALOGUE.get("no-such-service") is None


# --- what policies add ---------------------------------------------------------------------------

NEW = "id: acme-ai\nname: Acme AI\ncategory: chat\nhosts: [ai.acme.example]\n"


def test_a_policy_adds_a_service():
    catalogue = Catalogue.load([extra(NEW + "facts: {trains_on_input: no}")])
    found = route(catalogue, "ai.acme.example/x")
    assert (found.service, found.category, found.protocol) == ("acme-ai", "chat", "generic")
    assert found.facts["trains_on_input"] == "no"
    assert found.facts["biometric"] == "unknown"
    service = catalogue.get("acme-ai")
    assert service is not None
    assert service.summary()["origin"] == "policy"


def test_a_policy_changes_a_service_and_keeps_the_rest():
    catalogue = Catalogue.load(
        [
            extra(
                """
                id: openai-api
                hosts: [openai-proxy.acme.example]
                facts: {retention_days: 0}
                operations:
                  - {id: house_chat, act: other, path: /v1/chat/completions}
                  - {id: batches, act: train, path: /v2/batches}
                """
            )
        ]
    )
    for host in ("api.openai.com", "openai-proxy.acme.example"):
        assert route(catalogue, host + "/v1/chat/completions").operation == "house_chat"
        assert route(catalogue, host + "/v1/embeddings").operation == "embeddings"
        assert route(catalogue, host + "/v2/batches").act is Act.TRAIN
        assert route(catalogue, host + "/v1/batches").operation == "other"
    facts = route(catalogue, "api.openai.com/").facts
    assert facts["retention_days"] == 0
    assert facts["trains_on_input"] == "no"
    assert facts["jurisdiction"] == "US"


def test_a_service_can_be_like_another_on_its_own_hosts():
    catalogue = Catalogue.load(
        [
            extra(
                """
                id: our-azure
                like: azure-openai
                hosts: [acme.openai.azure.com]
                facts: {trains_on_input: no}
                operations: [{id: responses, act: other, path: /openai/responses}]
                examples: [{url: "https://acme.openai.azure.com/openai/responses", operation: responses}]
                """
            )
        ]
    )
    ours = route(catalogue, "acme.openai.azure.com/openai/deployments/d/chat/completions")
    theirs = route(catalogue, "other.openai.azure.com/openai/deployments/d/chat/completions")
    assert (ours.service, ours.operation, ours.protocol) == (
        "our-azure",
        "chat_completions",
        "azure_openai",
    )
    assert (ours.facts["trains_on_input"], ours.facts["tier"]) == ("no", "api")
    assert theirs.service == "azure-openai"
    assert route(catalogue, "acme.openai.azure.com/openai/responses").act is Act.OTHER
    service = catalogue.get("our-azure")
    assert service is not None
    assert catalogue.failed_examples(service) == ()


def test_what_is_narrowed_to_hosts_is_not_borrowed():
    catalogue = Catalogue.load([extra("id: ours\nlike: chatgpt\nhosts: [chat.acme.example]")])
    assert route(catalogue, "chat.acme.example/backend-api/f/conversation").operation == "message"
    assert route(catalogue, "chat.acme.example/x", "PUT").operation == "other"


def test_a_policy_example_that_is_not_met_is_told():
    catalogue = Catalogue.load(
        [extra(NEW + "examples: [{url: 'https://ai.acme.example/x?secret', operation: ask}]")]
    )
    service = catalogue.get("acme-ai")
    assert service is not None
    (failure,) = catalogue.failed_examples(service)
    assert "`acme-ai` operation `other`" in failure
    assert "`ask`" in failure


def test_inspected_hosts_are_opened_without_a_service():
    catalogue = Catalogue.load(inspected_hosts=["*.ai.example", "chatgpt.com"])
    assert catalogue.inspects("X.ai.example.")
    assert not catalogue.inspects("ai.example")
    assert route(catalogue, "x.ai.example/").service == "unknown"
    assert route(catalogue, "chatgpt.com/").service == "chatgpt"
    assert "*.ai.example" in catalogue.hosts()
    assert catalogue.hosts().count("chatgpt.com") == 1


# --- what is refused -----------------------------------------------------------------------------


def problems(*documents: ServiceDocument, hosts: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        Catalogue.load(documents, inspected_hosts=hosts)
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: acme-ai", "key `hosts` is missing"),
        ("id: acme-ai\nname: x\nhosts: [a.b]", "key `category` is missing"),
        ("id: acme-ai\ncategory: chat\nhosts: [a.b]", "key `name` is missing"),
        ("id: acme-ai\nlike: chatgtp\nhosts: [a.b]", "did you mean `chatgpt`"),
        (NEW.replace("ai.acme.example", "claude.ai"), "belongs to service `claude-web` already"),
        ("id: openai-api\nhosts: [claude.ai]", "belongs to service `claude-web` already"),
        (NEW + "include: [{operations: openia}]", "did you mean `openai`"),
        (NEW + "aliases: [openai]", "means service `openai-api` already"),
        (NEW + "aliases: [chatgpt]", "means service `chatgpt` already"),
        (
            NEW + "operations: [{id: ask, act: prompt, path: /a, host: ai.acme.exmaple}]",
            "did you mean `ai.acme.example`",
        ),
        (
            NEW + "operations:\n  - {id: a, act: prompt, path: /x}\n"
            "  - {id: b, act: upload, path: [/y, /x]}",
            "`b` can never match `/x`: `a` comes first",
        ),
    ],
)
def test_a_wrong_service_is_refused_and_says_why(text, message):
    found = problems(extra(text))
    assert any(message in each for each in found), found


def test_all_problems_are_reported_at_once():
    found = problems(
        extra("id: one"), extra(NEW + "include: [{operations: x}]"), hosts=("*.com", "a.b/c")
    )
    assert len([each for each in found if "missing" in each]) == 3
    assert len(found) == 6


def test_one_step_of_likeness_only():
    found = problems(
        extra("id: one\nlike: chatgpt\nhosts: [one.example]"),
        extra("id: two\nlike: one\nhosts: [two.example]"),
    )
    assert any("`one` is itself like `chatgpt`" in each for each in found)


def test_a_problem_of_a_policy_service_stands_at_its_line():
    text = f"# a policy\nservices:\n  - {NEW.strip().replace(chr(10), chr(10) + '    ')}\n"
    text = text.replace("ai.acme.example", "claude.ai")
    marks = Marks(text, "10-services.yaml")

    def locate(number: int, place: tuple[str | int, ...], message: str) -> Problem:
        return marks.problem(("services", number, *place), message)

    document = extra(NEW.replace("ai.acme.example", "claude.ai"))
    with pytest.raises(DocumentError) as caught:
        Catalogue.load([document], locate=locate)
    (problem,) = caught.value.problems
    assert (problem.source, problem.line) == ("10-services.yaml", 6)


def test_two_built_in_files_cannot_claim_one_id_or_host():
    def sourced(text: str, source: str) -> Sourced[ServiceDocument]:
        return Sourced(load(text, ServiceDocument, source=source), source, text)

    with pytest.raises(DocumentError, match=r"b\.yaml:1:1: service `acme-ai` exists already"):
        build([sourced(NEW, "a.yaml"), sourced(NEW, "b.yaml")], [])
    other = NEW.replace("acme-ai", "other")
    with pytest.raises(DocumentError, match=r"b\.yaml:4:\d+: host `ai\.acme\.example` belongs"):
        build([sourced(NEW, "a.yaml"), sourced(other, "b.yaml")], [])
    # Unless the path decides.
    build(
        [
            sourced(NEW, "a.yaml"),
            sourced(other.replace("[ai.acme.example]", "[ai.acme.example/x]"), "b.yaml"),
        ],
        [],
    )


def test_every_broken_file_of_a_folder_is_reported(tmp_path):
    (tmp_path / "a.yaml").write_text("id: a\nnme: x\n")
    (tmp_path / "b.yaml").write_text("id: [\n")
    (tmp_path / "c.yaml").write_text(NEW)
    (tmp_path / "README.md").write_text("not a service")
    with pytest.raises(DocumentError) as caught:
        read_folder(tmp_path, ServiceDocument)
    assert [(Path(each.source).name, each.line) for each in caught.value.problems] == [
        ("a.yaml", 2),
        ("b.yaml", 2),
    ]
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "b.yaml").unlink()
    (found,) = read_folder(tmp_path, ServiceDocument)
    assert found.document.id == "acme-ai"


def test_two_operation_sets_cannot_have_one_id():
    text = "id: one\ntitle: x\noperations: [{id: ask, act: prompt, path: /ask}]\n"
    one = Sourced(load(text, OperationSetDocument, source="one.yaml"), "one.yaml", text)
    with pytest.raises(DocumentError, match="operation set `one` exists already"):
        build([], [one, one])
