"""AWS's own client through the gateway: a bearer token lets a request be rewritten, a signature not."""

from __future__ import annotations

import json
import re

import pytest
from support.bedrock import MODEL
from support.mock import ANSWER

boto3 = pytest.importorskip("boto3")
botocore_config = pytest.importorskip("botocore.config")
botocore_errors = pytest.importorskip("botocore.exceptions")


def client(mocked, patch, *, bearer):
    patch.setenv("HTTPS_PROXY", mocked.gateway.url)
    patch.setenv("AWS_CA_BUNDLE", str(mocked.gateway.ca))
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if bearer:
        patch.setenv("AWS_BEARER_TOKEN_BEDROCK", "none")
    else:
        patch.setenv("AWS_ACCESS_KEY_ID", "none")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        config=botocore_config.Config(read_timeout=60),
    )


@pytest.fixture(params=["bearer", "signed"])
def either(mocked, monkeypatch, request):
    mocked.upstream.seen.clear()
    made = client(mocked, monkeypatch, bearer=request.param == "bearer")
    yield made
    made.close()


@pytest.fixture
def bearer(mocked, monkeypatch):
    mocked.upstream.seen.clear()
    made = client(mocked, monkeypatch, bearer=True)
    yield made
    made.close()


@pytest.fixture
def signed(mocked, monkeypatch):
    mocked.upstream.seen.clear()
    made = client(mocked, monkeypatch, bearer=False)
    yield made
    made.close()


def converse(bedrock, text):
    answer = bedrock.converse(
        modelId=MODEL, messages=[{"role": "user", "content": [{"text": text}]}]
    )
    return answer["output"]["message"]["content"][0]["text"]


def converse_stream(bedrock, text):
    answer = bedrock.converse_stream(
        modelId=MODEL, messages=[{"role": "user", "content": [{"text": text}]}]
    )
    return "".join(
        event["contentBlockDelta"]["delta"]["text"]
        for event in answer["stream"]
        if "contentBlockDelta" in event
    )


def invoke(bedrock, text):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": text}],
    }
    answer = bedrock.invoke_model(modelId=MODEL, body=json.dumps(body))
    return json.loads(answer["body"].read())["content"][0]["text"]


def invoke_stream(bedrock, text):
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": text}],
    }
    answer = bedrock.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(body))
    said = ""
    for event in answer["body"]:
        inner = json.loads(event["chunk"]["bytes"])
        said += inner.get("delta", {}).get("text", "")
    return said


OPERATIONS = {
    "converse": converse,
    "converse, streaming": converse_stream,
    "invoke": invoke,
    "invoke, streaming": invoke_stream,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_clean_request_is_answered(mocked, either, operation):
    assert OPERATIONS[operation](either, "What is a héron?") == ANSWER
    (seen,) = mocked.upstream.seen
    assert b"h\\u00e9ron" in seen.body or "héron".encode() in seen.body


@pytest.mark.parametrize("operation", OPERATIONS)
def test_bearer_request_is_redacted_and_answered(mocked, bearer, ssn, operation):
    answer = OPERATIONS[operation](bearer, f'Is my social security number {ssn} "valid"?')
    assert answer == ANSWER
    (seen,) = mocked.upstream.seen
    assert ssn not in mocked.upstream.everything().decode("latin-1")
    assert b"US_SSN_" in seen.body
    json.loads(seen.body)
    assert seen.header("authorization") == "Bearer none"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_signed_request_that_would_be_redacted_is_refused_and_says_why(
    mocked, signed, ssn, operation
):
    before = mocked.gateway.requests()
    with pytest.raises(botocore_errors.ClientError) as raised:
        OPERATIONS[operation](signed, f'Is my social security number {ssn} "valid"?')
    said = raised.value.response
    assert said["Error"]["Code"] == "ValidationException"
    assert "sign" in said["Error"]["Message"]
    assert re.search(r"incident `[0-9a-f]{16}`", said["Error"]["Message"])
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert ssn not in str(raised.value)
    assert mocked.gateway.requests() - before == 1
    assert mocked.upstream.seen == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_blocked_request_raises_one_clear_exception(mocked, either, secret, operation):
    before = mocked.gateway.requests()
    with pytest.raises(botocore_errors.ClientError) as raised:
        OPERATIONS[operation](either, f"Why does this not work: {secret}")
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert "rule `no-secrets-at-all`" in raised.value.response["Error"]["Message"]
    assert secret not in str(raised.value)
    assert mocked.gateway.requests() - before == 1
    assert mocked.upstream.seen == []
