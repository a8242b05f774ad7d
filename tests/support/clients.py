"""Clients that speak through the proxy."""

from __future__ import annotations

import socket
import ssl

import httpx
import websockets.sync.client
from cryptography import x509


def trusting(ca, *, http2=False):
    """A context that trusts `ca`; `http2` offers nothing else.

    httpx offers HTTP/1.1 first, and the proxy takes the first offer.
    """
    context = ssl.create_default_context(cafile=str(ca))
    if http2:
        context.set_alpn_protocols(["h2"])
        context.set_alpn_protocols = lambda _: None
    return context


def websocket(url, proxy_url, ca, **options):
    """A connection to `url` through the proxy.

    The client reads in a thread of its own. OpenSSL bears no two threads on one connection, and of
    some thousand a few hung where a session ticket of TLS 1.3 came while the request went: 1.2 has
    none.
    """
    context = trusting(ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return websockets.sync.client.connect(
        url, ssl=context, proxy=proxy_url, **({"open_timeout": 20, "close_timeout": 2} | options)
    )


def client(proxy, *, http2=False):
    context = trusting(proxy.authority.certificate_path, http2=http2)
    return httpx.Client(
        proxy=proxy.url,
        verify=context,
        http2=http2,
        timeout=20,
        event_hooks={"response": [lambda answer: _is(answer, http2)]},
    )


def _is(answer, http2):
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")


def tunnel(proxy, connect_host, port, sni, cafile):
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    plain.sendall(
        f"CONNECT {connect_host}:{port} HTTP/1.1\r\nHost: {connect_host}:{port}\r\n\r\n".encode()
    )
    assert plain.recv(4096).startswith(b"HTTP/1.1 200")
    context = ssl.create_default_context(cafile=cafile)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=sni)


def issuer(connection):
    return x509.load_der_x509_certificate(
        connection.getpeercert(binary_form=True)
    ).issuer.rfc4514_string()
