"""Exchanges made by hand."""

from __future__ import annotations

from gateway.model import Exchange, Headers, Transport


def exchange(
    body: bytes = b"",
    *,
    headers: Headers = (),
    method: str = "POST",
    host: str = "tools.example",
    target: str = "/",
    transport: Transport = Transport.HTTP,
    source_ip: str = "192.0.2.1",
) -> Exchange:
    return Exchange(
        id="x",
        received_at=0.0,
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
    )
