"""Who is behind a request, from outside: curl as people and programs use it through a proxy."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import socket
import ssl
import subprocess

import pytest
import websockets.exceptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from passlib.hash import sha512_crypt
from support.clients import websocket as opened
from support.gate import AI_HOST, GateThread, refusing
from support.upstream import Upstream, certificate

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

TRUSTED, STRANGER, KIOSK, EXEMPT = "127.0.0.9", "127.0.0.1", "127.0.0.7", "127.0.0.5"
ANN = ("--proxy-user", "ann:horse")
URL = f"https://{AI_HOST}/v1/chat/completions"


@pytest.fixture(scope="module")
def upstream(tls):
    with Upstream(tls[0], http2=True) as running:
        yield running


@pytest.fixture(scope="module")
def plain():
    with Upstream() as running:
        yield running


class Issuer:
    """An authority of client certificates."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self._sign(self.subject, self.key, ca=True))

    def issue(self, common_name):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        path = self.folder / f"{self.name}-{common_name}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.write_bytes(self._sign(subject, key, ca=False) + secret)
        return path

    def revokes(self, *certificates, ends=dt.timedelta(days=1)):
        """A revocation list with these certificates, as PEM."""
        now = dt.datetime.now(dt.UTC)
        made = x509.CertificateRevocationListBuilder().issuer_name(self.subject)
        made = made.last_update(now - dt.timedelta(days=1)).next_update(now + ends)
        for path in certificates:
            serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            gone = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            made = made.add_revoked_certificate(gone.build())
        signed = made.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def _sign(self, subject, key, *, ca):
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    known = sha512_crypt.using(rounds=1000).hash("horse")
    (folder / "htpasswd").write_text(f"ann:{known}\nbob:{known}\n")
    (folder / "groups.yaml").write_text("staff: [ann]\nall: ['@staff', bob, eve, kay]\n")
    (folder / "map.csv").write_text(f"address,user,device\n{KIOSK},kay,kiosk-7\n192.0.2.7,eve,\n")
    return folder


@pytest.fixture(scope="module")
def issuer(people):
    return Issuer(people, "Clients")


@pytest.fixture(scope="module")
def settings(people, issuer):
    return {
        "passwords": {"htpasswd": str(people / "htpasswd"), "realm": "Corp"},
        "groups": str(people / "groups.yaml"),
        "trusted_proxies": {"networks": [f"{TRUSTED}/32"]},
        "address_map": {"file": str(people / "map.csv")},
        "certificates": {"ca": str(issuer.path)},
        "exempt": [f"{EXEMPT}/32"],
    }


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, tls, upstream, settings):
    with GateThread(
        tmp_path_factory.mktemp("gate"),
        upstreams={AI_HOST: upstream.url},
        trusted_ca=tls[1],
        identity=settings,
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def reset(proxy, upstream, plain):
    for each in (upstream, plain):
        each.seen.clear()
    proxy.exchanges.clear()
    proxy.recorded.clear()
    proxy.inspect = proxy.allow
    proxy.asks = lambda _host, _source: False


class Told:
    """What curl says: statuses of the tunnel and of the request, headers, body."""

    def __init__(self, done):
        head, _, last = done.stdout.rpartition("\n")
        self.connect, self.code = (int(number) for number in last.split())
        self.text = head
        self.error = done.stderr


def curl(proxy, *arguments, to=URL, source=STRANGER, tls_proxy=False, data="{}"):
    """curl posts `data` from the address `source`."""
    way = proxy.url.replace("http:", "https:") if tls_proxy else proxy.url
    ca = str(proxy.authority.certificate_path)
    command = ["curl", "-sS", "-i", "--interface", source, "--proxy", way, "--cacert", ca]
    command += ["--proxy-cacert", ca] if tls_proxy else []
    command += ["-H", "content-type: application/json", "--data-binary", "@-"]
    command += [*arguments, "-w", "\n%{http_connect} %{http_code}", to]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, input=data)
    return Told(done)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_password_names_its_owner_and_stays_here(proxy, upstream, version):
    told = curl(proxy, version, *ANN)
    assert (told.connect, told.code) == (200, 200)
    (exchange,) = proxy.exchanges
    assert (exchange.actor, exchange.sender, exchange.groups) == ("ann", "ann", {"staff", "all"})
    assert exchange.source_ip == STRANGER
    assert b"proxy-authorization" not in upstream.everything().lower()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "identity"),
        (("--proxy-user", "ann:wrong"), "identity_wrong"),
        (("--proxy-user", "nobody:horse"), "identity_wrong"),
        (("--proxy-header", "Proxy-Authorization: Bearer x"), "identity_wrong"),
        (("--proxy-header", "X-Authenticated-User: ann"), "identity"),
        (("--proxy-header", "X-Client-IP: 192.0.2.7"), "identity"),
    ],
)
def test_who_is_not_known_gets_a_407_and_no_tunnel(proxy, upstream, arguments, why):
    told = curl(proxy, *arguments)
    assert told.connect == 407
    assert 'proxy-authenticate: Basic realm="Corp", charset="UTF-8"' in told.text.lower().replace(
        "basic", "Basic"
    ).replace("corp", "Corp").replace("utf-8", "UTF-8")
    assert upstream.seen == []
    assert proxy.exchanges == []
    assert proxy.metric("leakgate_identities_total", result="nobody") > 0
    assert why in {"identity", "identity_wrong"}


def test_a_client_that_is_asked_can_answer_on_the_same_connection(proxy, upstream):
    told = curl(proxy, "--proxy-anyauth", *ANN)
    assert (told.connect, told.code) == (200, 200)
    assert len(upstream.seen) == 1


def test_hosts_that_are_not_inspected_need_no_name(proxy, tls):
    told = curl(proxy, "-k", to="https://127.0.0.1:1/")
    assert told.connect == 200


def test_what_is_said_inside_a_tunnel_counts_for_nothing_and_goes_no_further(proxy, upstream):
    spoofed = ("-H", "X-Authenticated-User: bob", "-H", "X-Client-IP: 192.0.2.7")
    spoofed += ("-H", "Proxy-Authorization: Basic Ym9iOmhvcnNl")
    assert curl(proxy, *ANN, *spoofed, source=TRUSTED).code == 200
    (exchange,) = proxy.exchanges
    assert (exchange.actor, exchange.source_ip) == ("ann", TRUSTED)
    assert {name.lower() for name, _ in exchange.headers}.isdisjoint(
        {b"x-authenticated-user", b"x-client-ip", b"proxy-authorization"}
    )
    arrived = upstream.everything().lower()
    assert b"x-authenticated-user" not in arrived
    assert b"x-client-ip" not in arrived


def test_trusted_proxies_say_who_sends_and_strangers_do_not(proxy, upstream):
    said = (
        "--proxy-header",
        "X-Authenticated-User: Eve",
        "--proxy-header",
        "X-Client-IP: 192.0.2.9",
    )
    assert curl(proxy, *said, source=TRUSTED).code == 200
    (exchange,) = proxy.exchanges
    assert (exchange.actor, exchange.source_ip, exchange.groups) == ("eve", "192.0.2.9", {"all"})
    assert curl(proxy, *said, source=STRANGER).connect == 407
    twice = (*said, "--proxy-header", "X-Authenticated-User: ann")
    assert curl(proxy, *twice, source=TRUSTED).connect == 407


def test_the_address_that_a_trusted_proxy_tells_has_a_holder(proxy):
    said = ("--proxy-header", "X-Client-IP: 192.0.2.7")
    assert curl(proxy, *said, source=TRUSTED).code == 200
    assert proxy.exchanges[0].actor == "eve"


def test_an_address_has_a_holder_and_a_device(proxy):
    assert curl(proxy, source=KIOSK).code == 200
    (exchange,) = proxy.exchanges
    assert (exchange.actor, exchange.device, exchange.groups) == ("kay", "kiosk-7", {"all"})


def test_nobody_is_asked_in_exempt_networks(proxy):
    assert curl(proxy, source=EXEMPT).code == 200
    (exchange,) = proxy.exchanges
    assert (exchange.actor, exchange.groups) == ("", None)
    # A password that is wrong is wrong there too.
    assert curl(proxy, "--proxy-user", "ann:x", source=EXEMPT).connect == 407


def test_rules_may_ask_for_a_name_where_settings_do_not(proxy):
    proxy.asks = lambda host, source: (host, source) == (AI_HOST, EXEMPT)
    assert curl(proxy, source=EXEMPT).connect == 407
    assert curl(proxy, *ANN, source=EXEMPT).code == 200


def test_a_file_that_changes_is_taken_over(proxy, people):
    path = people / "map.csv"
    before = path.read_text()
    new = people / "new"
    new.write_text(before + "127.0.0.6,kim,\n")
    os.replace(new, path)
    assert proxy.identities._files.addresses.look()
    assert curl(proxy, source="127.0.0.6").code == 200
    assert proxy.exchanges[-1].actor == "kim"


# --- plain HTTP through the proxy -----------------------------------------------------------------


def test_plain_requests_are_asked_one_by_one(proxy, upstream):
    to = f"http://{AI_HOST}/v1/chat/completions"
    told = curl(proxy, to=to)
    assert told.code == 407
    assert '"type": "identity"' in told.text
    assert curl(proxy, *ANN, to=to).code == 200
    assert proxy.exchanges[-1].actor == "ann"
    said = ("-H", "X-Authenticated-User: eve", "-H", "X-Client-IP: 192.0.2.9")
    assert curl(proxy, *said, to=to, source=TRUSTED).code == 200
    assert proxy.exchanges[-1].actor == "eve"
    assert curl(proxy, *said, to=to).code == 407
    arrived = upstream.everything().lower()
    for name in (b"x-authenticated-user", b"x-client-ip", b"proxy-authorization"):
        assert name not in arrived


def test_one_connection_may_carry_the_requests_of_several_people(proxy, upstream):
    def request(user):
        return (
            f"GET http://{AI_HOST}/v1/models HTTP/1.1\r\nHost: {AI_HOST}\r\n"
            f"X-Authenticated-User: {user}\r\n\r\n"
        ).encode()

    with socket.create_connection(
        ("127.0.0.1", proxy.port), timeout=10, source_address=(TRUSTED, 0)
    ) as peer:
        for user in ("eve", "ann", "eve"):
            peer.sendall(request(user))
            assert peer.recv(4096).startswith(b"HTTP/1.1 200")
    assert [exchange.actor for exchange in proxy.exchanges] == ["eve", "ann", "eve"]


def test_trailers_name_nobody_and_do_not_go_on(proxy, upstream):
    with socket.create_connection(
        ("127.0.0.1", proxy.port), timeout=10, source_address=(TRUSTED, 0)
    ) as peer:
        peer.sendall(
            f"POST http://{AI_HOST}/v1/x HTTP/1.1\r\nHost: {AI_HOST}\r\n"
            "X-Authenticated-User: eve\r\nTransfer-Encoding: chunked\r\n\r\n"
            "2\r\n{}\r\n0\r\nX-Authenticated-User: ann\r\nX-Other: 1\r\n\r\n".encode()
        )
        assert peer.recv(4096).startswith(b"HTTP/1.1 200")
    assert proxy.exchanges[0].actor == "eve"
    assert [name.lower() for name, _ in proxy.exchanges[0].trailers] == [b"x-other"]
    assert b"x-authenticated-user" not in upstream.everything().lower()


def test_a_refusal_by_the_rules_stays_the_rules_in_a_tunnel(proxy):
    proxy.inspect = refusing(proxy)
    told = curl(proxy, *ANN)
    assert (told.connect, told.code) == (200, 400)


# --- certificates of clients ----------------------------------------------------------------------


def test_a_certificate_names_its_owner_on_tls_to_the_proxy(proxy, issuer, upstream):
    own = ("--proxy-cert", str(issuer.issue("Ann")))
    for version in ("--http1.1", "--http2"):
        told = curl(proxy, version, *own, tls_proxy=True)
        assert (told.connect, told.code) == (200, 200), told.error
        assert proxy.exchanges[-1].actor == "ann"
    # A password names somebody else, who has shown more.
    assert curl(proxy, *own, "--proxy-user", "bob:horse", tls_proxy=True).code == 200
    assert proxy.exchanges[-1].actor == "bob"


def test_a_certificate_of_another_authority_ends_the_handshake(proxy, people, upstream):
    other = Issuer(people, "Others")
    told = curl(proxy, "--proxy-cert", str(other.issue("ann")), tls_proxy=True)
    assert (told.connect, told.code) == (0, 0)
    ours = certificate(people, "ann")[0]
    assert curl(proxy, "--proxy-cert", str(ours), tls_proxy=True).code == 0
    assert upstream.seen == []


def test_a_connection_to_the_proxy_never_speaks_http2_so_it_is_one_persons(proxy):
    context = ssl.create_default_context(cafile=str(proxy.authority.certificate_path))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as plain_:
        with context.wrap_socket(plain_, server_hostname="127.0.0.1") as peer:
            assert peer.selected_alpn_protocol() != "h2"


def test_without_a_certificate_other_ways_are_open(proxy):
    assert curl(proxy, tls_proxy=True).connect == 407
    assert curl(proxy, *ANN, tls_proxy=True).code == 200


# mitmproxy knows one proxy per process, the last: from here on, each test has its own.

# --- everything asks, also what is not inspected --------------------------------------------------


@pytest.fixture(scope="module")
def strict(tmp_path_factory, tls, upstream, settings):
    with GateThread(
        tmp_path_factory.mktemp("strict"),
        upstreams={AI_HOST: upstream.url},
        trusted_ca=tls[1],
        identity=settings | {"require": "all"},
    ) as running:
        yield running


def test_with_require_all_nothing_goes_anywhere_without_a_name(strict, plain):
    for to in ("https://127.0.0.1:1/", f"{plain.url}/x"):
        told = curl(strict, to=to)
        assert 407 in {told.connect, told.code}
    assert plain.seen == []
    body = "x" * 300_000
    for _ in range(2):  # asked for, then known: streamed
        assert curl(strict, *ANN, to=f"{plain.url}/x", data=body).code == 200
    assert [seen.body.decode() for seen in plain.seen] == [body, body]
    assert b"proxy-authorization" not in plain.everything().lower()


def test_a_body_that_waits_for_a_name_is_bounded(strict, plain):
    body = "x" * (strict.server._max_body + 1)
    unknown = ("--proxy-user", "bob:horse")
    assert curl(strict, *unknown, to=f"{plain.url}/x", data=body[:10]).code == 200
    plain.seen.clear()
    told = curl(strict, "--proxy-user", "bob:wrong", to=f"{plain.url}/x", data=body)
    assert told.code in {400, 407}
    assert plain.seen == []


# --- certificates that were revoked ---------------------------------------------------------------


def test_a_revoked_certificate_is_refused_and_so_are_all_when_the_list_ran_out(
    tmp_path, tls, upstream, settings, issuer, caplog
):
    ann, bob = issuer.issue("ann"), issuer.issue("bob")
    lists = tmp_path / "crl.pem"
    lists.write_text(issuer.revokes(bob))
    named = settings | {"certificates": {"ca": str(issuer.path), "crl_file": str(lists)}}
    with GateThread(
        tmp_path / "gate", upstreams={AI_HOST: upstream.url}, trusted_ca=tls[1], identity=named
    ) as proxy:

        def taken(path):
            return curl(proxy, "--proxy-cert", str(path), tls_proxy=True).code == 200

        def put(text):
            lists.write_text(text)
            proxy.identities._files.look()

        assert (taken(ann), taken(bob)) == (True, False)
        put(issuer.revokes(ann))
        assert (taken(ann), taken(bob)) == (False, True), "as the file says now"
        put("half a li")
        assert (taken(ann), taken(bob)) == (False, True), "what is broken changes nothing"
        put(issuer.revokes(ends=-dt.timedelta(hours=1)))
        assert (taken(ann), taken(bob)) == (False, False)
        assert "of `CN=Clients` ran out at" in caplog.text
        assert "of `CN=Clients` are refused: its revocation list has run out" in caplog.text
        put(Issuer(tmp_path, "Others").revokes())
        assert not taken(ann)
        assert "are refused: there is no revocation list of it in" in caplog.text
        # Whoever shows none is asked for a name as always.
        assert curl(proxy, *ANN, tls_proxy=True).code == 200
        put(issuer.revokes())
        assert (taken(ann), taken(bob)) == (True, True)


# --- WebSocket ------------------------------------------------------------------------------------


def websocket(proxy, user="ann:horse"):
    url = proxy.url.replace("://", f"://{user}@")
    return opened(f"wss://{AI_HOST}/ws", url, proxy.authority.certificate_path)


def test_messages_belong_to_the_one_who_opened_the_tunnel(tmp_path, tls, settings):
    with (
        Upstream(tls[0]) as upstream,
        GateThread(
            tmp_path / "gate",
            upstreams={AI_HOST: upstream.url},
            trusted_ca=tls[1],
            identity=settings,
        ) as proxy,
    ):
        with websocket(proxy) as connection:
            connection.send("hello")
            assert connection.recv(timeout=10) == "hello"
            assert {exchange.actor for exchange in proxy.exchanges} == {"ann"}
            # Taken out of the file meanwhile: no further message goes.
            path = tmp_path / "htpasswd"
            hashed = sha512_crypt.using(rounds=1000).hash("horse")
            path.write_text(f"bob:{hashed}\n")
            followed = proxy.identities._files.htpasswd
            followed.path = path
            followed.look()
            connection.send("secret")
            said = []
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                said.extend(connection)
            assert "secret" not in said
        assert b"secret" not in upstream.everything()
        assert [made.enforcement.cause for made in proxy.recorded] == ["identity_wrong"]
        with pytest.raises(Exception, match="407"):
            websocket(proxy, "ann:wrong").close()


# --- where nobody can be asked --------------------------------------------------------------------


def test_in_reverse_mode_the_refusal_has_the_shape_of_the_service(
    tmp_path, tls, upstream, settings
):
    with GateThread(
        tmp_path / "gate",
        modes=(f"reverse:{upstream.url}",),
        trusted_ca=tls[1],
        identity=settings,
    ) as proxy:

        def post(*arguments, source=STRANGER):
            command = ["curl", "-sS", "--interface", source, "-d", "{}", *arguments]
            command += [
                "-H",
                f"Host: {AI_HOST}",
                "-w",
                "\n%{http_code}",
                f"{proxy.url}/v1/responses",
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
            body, _, code = done.stdout.rpartition("\n")
            return int(code), body

        code, body = post("-H", "X-Authenticated-User: ann", "-H", "Proxy-Authorization: Basic x")
        assert code == 400
        assert "does not know who you are" in json.loads(body)["error"]["message"]
        assert upstream.seen == []
        assert proxy.recorded[-1].enforcement.cause == "identity"
        assert post(source=KIOSK)[0] == 200
        assert proxy.exchanges[-1].actor == "kay"
        assert post("-H", "X-Authenticated-User: eve", source=TRUSTED)[0] == 200
        assert proxy.exchanges[-1].actor == "eve"
    assert b"x-authenticated-user" not in upstream.everything().lower()


def test_where_nobody_can_be_asked_addresses_decide_what_passes_unopened(
    tmp_path, tls, upstream, settings
):
    with GateThread(
        tmp_path / "gate",
        modes=("socks5",),
        upstreams={AI_HOST: upstream.url},
        trusted_ca=tls[1],
        identity=settings | {"require": "all"},
    ) as proxy:

        def get(source, to):
            command = [
                "curl",
                "-sSk",
                "--interface",
                source,
                "-w",
                "%{http_code}",
                "-o",
                "/dev/null",
            ]
            command += ["--socks5", f"127.0.0.1:{proxy.port}", to]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
            return done.stdout, done.returncode

        unopened = upstream.url
        assert get(KIOSK, unopened) == ("200", 0)
        assert get(EXEMPT, unopened) == ("200", 0)
        upstream.seen.clear()
        code, status = get(STRANGER, unopened)
        assert (code, status != 0) == ("000", True)
        assert upstream.seen == []
        assert proxy.metric("leakgate_refusals_total", cause="identity") >= 1


def test_headers_of_proxies_go_nowhere_even_where_nobody_is_identified(tmp_path, tls, upstream):
    with GateThread(
        tmp_path / "gate", upstreams={AI_HOST: upstream.url}, trusted_ca=tls[1]
    ) as proxy:
        assert (
            curl(proxy, "-H", "X-Authenticated-User: a", "-H", "X-Client-IP: b", *ANN).code == 200
        )
        assert (proxy.exchanges[0].actor, proxy.exchanges[0].groups) == ("", None)
    arrived = upstream.everything().lower()
    assert b"x-authenticated-user" not in arrived
    assert b"x-client-ip" not in arrived
