"""A directory of the tests' own: a real `slapd` on free ports, over a directory of its own."""

import socket
import subprocess
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from entrepot.http.certificates import CA, CERTIFICATE, KEY, ensure_certificate
from entrepot.hub.directory.ldap_session import DirectorySettings
from tests.support.requirements import PRIVATE
from tests.support.server import free_port
from tests.support.tools import tool

if TYPE_CHECKING:
    from ldap3 import Connection

BASE: Final = "dc=example,dc=org"
PEOPLE: Final = f"ou=people,{BASE}"
GROUPS: Final = f"ou=groups,{BASE}"
ADMIN: Final = f"cn=manager,{BASE}"
SERVICE: Final = f"cn=hub,{BASE}"
PASSWORD: Final = "the directory's own secret"
STARTS_WITHIN: Final = 30.0

_CONFIGURATION: Final = """
modulepath {modules}
moduleload back_mdb
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl'
  EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.1 NAME 'likeActiveDirectory' SUP top AUXILIARY
  MAY ( userAccountControl $ objectGUID ) )
pidfile {run}/slapd.pid
TLSCACertificateFile {tls}/{ca}
TLSCertificateFile {tls}/{certificate}
TLSCertificateKeyFile {tls}/{key}
# As many servers do: a name without a password binds as nobody.
allow bind_anon_cred bind_anon_dn
security {security}
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw "{password}"
directory {run}/data
maxsize 67108864
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{service}" read by * none
"""


@dataclass(slots=True)
class LdapServer:
    """A running server; `add`, `change` and `delete` are the work of its administrator."""

    port: int
    tls_port: int
    directory: Path
    process: "subprocess.Popen[bytes] | None" = None
    _configuration: Path = field(default=Path())

    @property
    def ca_file(self) -> Path:
        """The authority of its certificate, which is for `localhost`."""
        return self.directory / "tls" / CA

    @property
    def settings(self) -> DirectorySettings:
        """Settings of a hub that uses it, by StartTLS."""
        return DirectorySettings(
            host="localhost",
            port=self.port,
            is_ldaps=False,
            start_tls=True,
            ca_file=self.ca_file,
            bind_dn=SERVICE,
            bind_password=PASSWORD,
            user_base=PEOPLE,
            user_filter="(&(objectClass=person)(uid={name}))",
            group_base=GROUPS,
            group_filter="(|(member={dn})(uniqueMember={dn}))",
            id_attribute="entryUUID",
            name_attribute="uid",
        )

    @property
    def ldaps_settings(self) -> DirectorySettings:
        """As `settings`, by TLS from the first byte."""
        return replace(self.settings, port=self.tls_port, is_ldaps=True, start_tls=False)

    def start(self) -> None:
        """Run the server, and wait until it answers."""
        assert self.process is None
        urls = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        urls += f" ldap://127.0.0.2:{self.port}"  # Which the certificate is not for.
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [tool("slapd"), "-f", self._configuration, "-h", urls, "-d", "0"],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._answers():
            time.sleep(0.02)
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, "slapd does not answer"

    def stop(self) -> None:
        """End the server; what is in the directory stays."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def add(self, dn: str, classes: Sequence[str], **attributes: object) -> None:
        """Add an entry."""
        with self._administrator() as connection:
            done = connection.add(dn, list(classes), attributes)  # type: ignore[no-untyped-call]
            assert done, connection.result

    def add_person(self, uid: str, password: str, **attributes: object) -> str:
        """Add a person below `PEOPLE`; the distinguished name."""
        dn, classes = f"uid={_escaped(uid)},{PEOPLE}", ["inetOrgPerson", "likeActiveDirectory"]
        fields = {"uid": uid, "cn": uid.title(), "sn": uid, "userPassword": password, **attributes}
        self.add(dn, classes, **fields)
        return dn

    def add_group(self, cn: str, *members: str) -> str:
        """Add a group below `GROUPS`; the distinguished name."""
        dn = f"cn={cn},{GROUPS}"
        self.add(dn, ["groupOfNames"], cn=cn, member=list(members))
        return dn

    def change(self, dn: str, **attributes: object) -> None:
        """Replace attributes of an entry; an empty list deletes one."""
        changes = {
            name: [("MODIFY_REPLACE", value if isinstance(value, list) else [value])]
            for name, value in attributes.items()
        }
        with self._administrator() as connection:
            done = connection.modify(dn, changes)  # type: ignore[no-untyped-call]
            assert done, connection.result

    def rename(self, dn: str, rdn: str) -> None:
        """Give an entry another name; its id stays."""
        with self._administrator() as connection:
            assert connection.modify_dn(dn, rdn), connection.result

    def delete(self, dn: str) -> None:
        """Delete an entry."""
        with self._administrator() as connection:
            done = connection.delete(dn)  # type: ignore[no-untyped-call]
            assert done, connection.result

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.tls_port)):
                return True
        except OSError:
            return False

    @contextmanager
    def _administrator(self) -> "Iterator[Connection]":
        ldap3 = _ldap3()
        tls = ldap3.Tls(validate=0)
        server = ldap3.Server("127.0.0.1", self.tls_port, use_ssl=True, tls=tls)
        connection = ldap3.Connection(
            server, ADMIN, PASSWORD, auto_bind=ldap3.AUTO_BIND_NO_TLS, check_names=False
        )
        try:
            yield connection
        finally:
            connection.unbind()


@contextmanager
def serving(directory: Path, security: str = "ssf=0 simple_bind=64") -> Iterator[LdapServer]:
    """A server with a base and the hub's account, for as long as it is needed."""
    program = tool("slapd")
    root = PRIVATE.parent / "root" if program.is_relative_to(PRIVATE) else Path("/")
    (directory / "data").mkdir(parents=True)
    ensure_certificate(directory / "tls", "localhost", None)
    configuration = directory / "slapd.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            modules=root / "usr/lib/ldap",
            schema=root / "etc/ldap/schema",
            run=directory,
            tls=directory / "tls",
            ca=CA,
            certificate=CERTIFICATE,
            key=KEY,
            base=BASE,
            admin=ADMIN,
            service=SERVICE,
            password=PASSWORD,
            security=security,
        )
    )
    server = LdapServer(free_port(), free_port(), directory, _configuration=configuration)
    try:
        server.start()
        server.add(BASE, ["dcObject", "organization"], dc="example", o="Example")
        for dn in (PEOPLE, GROUPS):
            server.add(dn, ["organizationalUnit"], ou=dn.partition(",")[0][3:])
        server.add(
            SERVICE, ["organizationalRole", "simpleSecurityObject"], cn="hub", userPassword=PASSWORD
        )
        yield server
    finally:
        server.stop()


def _ldap3() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import ldap3
    return ldap3


def _escaped(text: str) -> str:
    """The text in a distinguished name (RFC 4514)."""
    return "".join(f"\\{each}" if each in ',+"\\<>;=#' else each for each in text)
