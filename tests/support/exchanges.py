"""Exchanges made by hand."""

from __future__ import annotations

from gateway.model import Before, Exchange, Headers, Transport


def exchange(
    body: bytes = b"",
    *,
    headers: Headers = (),
    method: str = "POST",
    host: str = "tools.example",
    target: str = "/",
    transport: Transport = Transport.HTTP,
    source_ip: str = "192.0.2.1",
    before: Before | None = None,
    received_at: float = 0.0,
    id: str = "x",  # noqa: A002  # the field's name
) -> Exchange:
    return Exchange(
        id=id,
        received_at=received_at,
        actor="",
        source_ip=source_ip,
        method=method,
        scheme="https",
        host=host,
        port=443,
        target=target,
        headers=headers,
        body=body,
        transport=transport,
        before=before,
    )
