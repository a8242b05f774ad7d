"""Which header and query names does the gateway know, and what do they carry?

Law: only exact names are known. A name that a client made up is content, and so is its value.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Exchange

METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"}
)

PROTOCOL_HEADERS: Final = frozenset(
    [
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "accept-language",
        "accept-charset",
        "connection",
        "keep-alive",
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "date",
        "cache-control",
        "pragma",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "range",
        "content-range",
        "origin",
        "upgrade-insecure-requests",
        "priority",
        "dnt",
        "via",
        "max-forwards",
        "alt-used",
        "http2-settings",
        "content-md5",
        "digest",
        "content-digest",
        "repr-digest",
        "idempotency-key",
        "x-should-retry",
        "retry-after",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "sec-fetch-user",
        "sec-gpc",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "sec-ch-ua-platform",
        "sec-ch-ua-platform-version",
        "sec-ch-ua-arch",
        "sec-ch-ua-bitness",
        "sec-ch-ua-full-version",
        "sec-ch-ua-full-version-list",
        "sec-ch-ua-model",
        "sec-ch-prefers-color-scheme",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-extensions",
        "sec-websocket-accept",
        "x-stainless-lang",
        "x-stainless-package-version",
        "x-stainless-os",
        "x-stainless-arch",
        "x-stainless-runtime",
        "x-stainless-runtime-version",
        "x-stainless-async",
        "x-stainless-retry-count",
        "x-stainless-timeout",
        "x-stainless-read-timeout",
        "x-stainless-helper",
        "x-stainless-helper-method",
        "x-stainless-raw-response",
        "x-stainless-poll-helper",
        "x-stainless-custom-poll-interval",
        "anthropic-version",
        "anthropic-beta",
        "anthropic-dangerous-direct-browser-access",
        "openai-beta",
        "openai-organization",
        "openai-project",
        "x-goog-api-client",
        "x-goog-user-project",
        "x-app",
        "x-goog-upload-command",
        "x-goog-upload-offset",
        "x-goog-upload-protocol",
        "x-goog-upload-header-content-length",
        "x-goog-upload-header-content-type",
        "x-amz-date",
        "x-amz-content-sha256",
        "x-amz-target",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "x-amzn-bedrock-accept",
        "x-ms-version",
        "x-ms-blob-type",
        "x-ms-client-request-id",
        "x-ms-date",
        "upload-offset",
        "upload-length",
        "tus-resumable",
        "x-requested-with",
        "traceparent",
    ]
)
"""Headers whose values programs write, not people."""

CREDENTIAL_HEADERS: Final = frozenset(
    [
        "authorization",
        "proxy-authorization",
        "cookie",
        "x-api-key",
        "api-key",
        "apikey",
        "x-goog-api-key",
        "xi-api-key",
        "x-auth-token",
        "x-access-token",
        "x-auth-key",
        "x-amz-security-token",
        "ocp-apim-subscription-key",
        "x-csrf-token",
        "x-csrftoken",
        "x-xsrf-token",
        "csrf-token",
        "sec-websocket-protocol",
        "x-fal-key",
        "x-key",
        "x-goog-iam-authorization-token",
        "x-ms-authorization-auxiliary",
        "openai-sentinel-proof-token",
        "openai-sentinel-chat-requirements-token",
        "openai-sentinel-turnstile-token",
        "x-gladia-key",
    ]
)
"""Headers that hold what the service itself gave the actor to log in with."""

OTHER_HEADERS: Final = frozenset(
    [
        "referer",
        "from",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-real-ip",
        "x-request-id",
        "x-correlation-id",
        "tracestate",
        "baggage",
        "content-disposition",
        "content-transfer-encoding",
        "content-language",
        "content-location",
        "link",
        "mcp-name",
        "mcp-method",
        "mcp-session-id",
        "mcp-protocol-version",
        "x-title",
        "http-referer",
        "x-goog-upload-file-name",
        "x-goog-upload-header-content-disposition",
        "content-id",
        "content-description",
    ]
)
"""Headers with a known name whose values may hold what a person wrote."""

KNOWN_HEADERS: Final = PROTOCOL_HEADERS | CREDENTIAL_HEADERS | OTHER_HEADERS

CREDENTIAL_QUERY: Final = frozenset(
    [
        "key",
        "api_key",
        "api-key",
        "apikey",
        "access_token",
        "token",
        "auth_token",
        "sig",
        "signature",
        "x-amz-signature",
        "x-amz-credential",
        "x-amz-security-token",
        "x-goog-signature",
        "x-goog-credential",
    ]
)

KNOWN_QUERY: Final = CREDENTIAL_QUERY | frozenset(
    [
        "alt",
        "api-version",
        "beta",
        "q",
        "query",
        "prompt",
        "search",
        "text",
        "limit",
        "offset",
        "page",
        "after",
        "before",
        "order",
        "model",
        "stream",
        "batch",
        "version",
        "v",
        "id",
        "name",
        "uploadtype",
        "upload_id",
        "x-amz-algorithm",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-goog-algorithm",
        "x-goog-date",
        "x-goog-expires",
        "x-goog-signedheaders",
        "comp",
        "se",
        "sp",
        "sr",
        "sv",
        "st",
        "spr",
        "keyterm",
        "keywords",
        "language",
    ]
)

MEDIA_TYPE_KEYS: Final = (
    "media_type",
    "mime_type",
    "mimeType",
    "mediaType",
    "content_type",
    "contentType",
    "format",
)
FILE_NAME_KEYS: Final = (
    "filename",
    "file_name",
    "fileName",
    "displayName",
    "display_name",
    "name",
    "title",
)


def method_of(exchange: Exchange) -> str:
    """The method, as far as a standard knows it; one that was made up is content."""
    method = exchange.method.upper()
    return method if method in METHODS else "*"
