"""Clients that speak through the proxy."""

from __future__ import annotations

import socket
import ssl

import httpx
from cryptography import x509


def client(proxy, *, http2=False):
    context = ssl.create_default_context(cafile=str(proxy.authority.certificate_path))
    return httpx.Client(proxy=proxy.url, verify=context, http2=http2, timeout=20)


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
