"""A directory as companies have one: OpenLDAP's slapd, with people, nested groups and TLS."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

SLAPD = shutil.which("slapd") or "/usr/sbin/slapd"
MISSING = "slapd is not installed (`make tools` as root, or Debian: slapd)"

BASE = "dc=corp,dc=example"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "reader-of-groups"

READER_ENTRY = f"""dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {READER_PASSWORD}"""

CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {certificate}
TLSVerifyClient never
sizelimit 500
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""


def available() -> bool:
    return Path(SLAPD).exists()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Slapd:
    """A slapd on free ports. `people` maps uid to password; `groups` a name to members.

    Members are `uid`s, or `@name` for another group. A group whose name begins with `posix-` is of
    the kind that lists bare names.
    """

    def __init__(
        self,
        folder: Path,
        tls: tuple[Path, Path],
        people: dict[str, str],
        groups: dict[str, list[str]],
    ) -> None:
        self.folder = folder
        (folder / "db").mkdir(parents=True)
        self.ca = tls[1]
        self.port, self.tls_port = free_port(), free_port()
        (folder / "slapd.conf").write_text(
            CONFIG.format(folder=folder, ca=tls[1], certificate=tls[0], base=BASE, reader=READER)
        )
        ldif = folder / "people.ldif"
        ldif.write_text(_ldif(people, groups))
        subprocess.run(
            [SLAPD, "-T", "add", "-f", str(folder / "slapd.conf"), "-l", str(ldif)],
            check=True,
            capture_output=True,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"ldap://localhost:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://localhost:{self.tls_port}"

    def start(self) -> None:
        urls = f"{self.url} {self.tls_url}"
        self._process = subprocess.Popen(
            [SLAPD, "-h", urls, "-f", str(self.folder / "slapd.conf"), "-d", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.tls_port)) == 0:
                    return
            assert self._process.poll() is None, "slapd ended"
            time.sleep(0.02)
        raise AssertionError("slapd does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def hang(self) -> None:
        """It takes connections and answers nothing, as when its machine is overloaded."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def settings(self, **changes: object) -> dict[str, object]:
        """What `identity.directory` says of it; the reader's password is in a file."""
        password = self.folder / "reader.password"
        password.write_text(READER_PASSWORD + "\n")
        return {
            "servers": [self.tls_url],
            "ca": str(self.ca),
            "base": BASE,
            "bind_dn": READER,
            "bind_password": {"file": str(password)},
            "timeout": "2s",
        } | changes


def _ldif(people: dict[str, str], groups: dict[str, list[str]]) -> str:
    def dn(member: str) -> str:
        if member.startswith("@"):
            return f"cn={member[1:]},ou=groups,{BASE}"
        return f"uid={member},ou=people,{BASE}"

    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp",
        READER_ENTRY,
        *(
            f"dn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}"
            for name in ("people", "groups")
        ),
        *(
            f"dn: {dn(uid)}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: x\n"
            f"mail: {uid}@corp.example\nuserPassword: {password}"
            for uid, password in people.items()
        ),
    ]
    for number, (name, members) in enumerate(groups.items()):
        if name.startswith("posix-"):
            lines = "".join(f"\nmemberUid: {member}" for member in members)
            entries.append(
                f"dn: cn={name},ou=groups,{BASE}\nobjectClass: posixGroup\ncn: {name}\n"
                f"gidNumber: {1000 + number}{lines}"
            )
            continue
        lines = "".join(f"\nmember: {dn(member)}" for member in members)
        entries.append(
            f"dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}{lines}"
        )
    return "\n\n".join(entries) + "\n"
