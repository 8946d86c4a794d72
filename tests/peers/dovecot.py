"""Run a real Dovecot as somebody's mailbox: IMAP with and without TLS, one account, one maildir."""

from __future__ import annotations

import imaplib
import pwd
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers.daemon import Daemon, Unavailable, accepts_connections, free_port
from tests.peers.tls import Certificates, make_certificates

DOVECOT = Path("/usr/sbin/dovecot")
IMAP, LDA = Path("/usr/lib/dovecot/imap"), Path("/usr/lib/dovecot/dovecot-lda")
OWNER = "nobody"

CONF = """\
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{chain_file}
ssl_key = <{chain_file}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{folder}/mail
first_valid_uid = 1
mail_max_userip_connections = 100
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {plain_port}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""
# For whoever brings mails as the mailbox's owner, who may write nowhere else.
LDA_CONF = """\
log_path = {folder}/mail/lda.log
stats_writer_socket_path =
mail_location = maildir:{folder}/mail
"""


class Dovecot:
    """One mailbox; `port` speaks TLS, `plain_port` does not."""

    host = "127.0.0.1"
    username = "bridge@example.org"

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        """Remember where everything lies; `start` is the way to make one."""
        self.port, self.plain_port = free_port(), free_port()
        self.password = secrets.token_urlsafe(12)
        self.ca_file = certificates.ca_file
        self.folder = folder
        self.conf, self.lda_conf = folder / "dovecot.conf", folder / "lda.conf"
        self._chain_file = certificates.good.chain_file
        self._daemon: Daemon | None = None

    @classmethod
    def start(cls, certificates: Certificates | None = None) -> Self:
        """Run it; a certificate set is made unless given."""
        if not (DOVECOT.exists() and IMAP.exists() and LDA.exists()):
            raise Unavailable("no Dovecot here: install Debian's dovecot-imapd")
        folder = Path(tempfile.mkdtemp(prefix="textbridge-dovecot-"))
        folder.chmod(0o755)
        dovecot = cls(folder, certificates or make_certificates(folder))
        try:
            dovecot._lay_out()
            dovecot.run()
        except BaseException:
            dovecot.stop()
            raise
        return dovecot

    def _lay_out(self) -> None:
        owner = pwd.getpwnam(OWNER)
        for name in ("run", "state"):
            (self.folder / name).mkdir()
        (self.folder / "mail").mkdir(mode=0o700)
        try:
            shutil.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)
        except PermissionError:
            raise Unavailable("Dovecot needs root to start") from None
        self.conf.write_text(
            CONF.format(
                folder=self.folder,
                chain_file=self._chain_file,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                port=self.port,
                plain_port=self.plain_port,
            )
        )
        self.lda_conf.write_text(LDA_CONF.format(folder=self.folder))
        users = self.folder / "users"
        users.touch()
        shutil.chown(users, "dovecot", "root")
        users.chmod(0o400)
        users.write_text(f"{self.username}:{self.password}::::::\n")

    def run(self) -> None:
        """Begin to serve."""
        self._daemon = Daemon.start([DOVECOT, "-F", "-c", self.conf], log=self.folder / "dovecot.out")
        self._daemon.wait_until(
            lambda: accepts_connections(self.port) and accepts_connections(self.plain_port)
        )

    def halt(self) -> None:
        """End the server; its mails stay."""
        if self._daemon is not None:
            self._daemon.stop()
            self._daemon = None

    def stop(self) -> None:
        """End the server and remove its mails."""
        self.halt()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        """Use the running server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    @contextmanager
    def session(self, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        """Use the mailbox as its owner does."""
        with imaplib.IMAP4(self.host, self.plain_port, timeout=10) as client:
            client.login(self.username, self.password)
            client.select(folder)
            yield client

    def empty(self) -> None:
        """Remove every mail, and every folder but the first."""
        with self.session() as client:
            lines: list[Any] = client.list()[1]
            for line in lines:
                name = bytes(line or b"").rpartition(b" ")[2].strip(b'"').decode()
                if name not in ("INBOX", ""):
                    client.delete(name)
            if self._count(client):
                client.store("1:*", "+FLAGS", r"(\Deleted)")
            client.expunge()

    @staticmethod
    def _count(client: imaplib.IMAP4) -> int:
        return int(client.select("INBOX")[1][0] or 0)

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> None:
        """Put mails into a folder, as if they had just come in."""
        with self.session() as client:
            for mail in mails:
                answer = client.append(folder, "", "", mail)
                assert answer[0] == "OK", answer

    def flags(self, folder: str = "INBOX") -> dict[int, set[str]]:
        """Tell each mail's flags by its UID; \\Recent is a session's own, and left out."""
        with self.session(folder) as client:
            found: list[Any] = client.uid("FETCH", "1:*", "(FLAGS)")[1]
            listed = [
                re.search(rb"UID (\d+).*?FLAGS \(([^)]*)\)|FLAGS \(([^)]*)\).*?UID (\d+)", one)
                for one in found
                if one
            ]
            flags = {
                int(one[1] or one[4]): set((one[2] or one[3] or b"").decode().split())
                for one in listed
                if one
            }
        return {uid: each - {r"\Recent"} for uid, each in flags.items()}

    def raw(self, uid: int) -> bytes:
        """Read a mail as it lies there."""
        with self.session() as client:
            found: list[Any] = client.uid("FETCH", str(uid), "(BODY.PEEK[])")[1]
            return bytes(found[0][1])
