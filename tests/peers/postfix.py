"""Run a real Postfix submission service with Dovecot's SASL, and read what it sends on."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.aiosmtpd_peer import SmtpPeer
from tests.peers.daemon import Daemon, Unavailable, accepts_connections, free_port
from tests.peers.dovecot import LDA, OWNER, Dovecot
from tests.peers.received import Mail
from tests.peers.tls import Certificates, make_certificates

MASTER = Path("/usr/lib/postfix/sbin/master")
DOVECOT = Path("/usr/sbin/dovecot")
USERNAME = "bridge@example.org"
LOCAL_DOMAIN = "textbridge.example"

# queue folder -> (owner, group, mode), as Postfix's own installer makes them
POSTFIX_FOLDERS = {
    **dict.fromkeys(
        (
            *("active", "bounce", "corrupt", "defer", "deferred", "flush"),
            *("hold", "incoming", "private", "saved", "trace"),
        ),
        ("postfix", "root", 0o700),
    ),
    "public": ("postfix", "postdrop", 0o710),
    "maildrop": ("postfix", "postdrop", 0o730),
    "pid": ("root", "root", 0o755),
}

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/postfix
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = submission.example.org
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
append_dot_mydomain = no
notify_classes =
biff = no

smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {chain_file}
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/dovecot/auth
smtpd_sasl_security_options = noanonymous
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_forbid_bare_newline = yes
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0

relayhost = [127.0.0.1]:{sink_port}
disable_dns_lookups = yes
smtp_tls_security_level = none
smtp_destination_concurrency_limit = 20
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup    unix       n - n - 0 cleanup
qmgr       unix       n - n 300 1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n - - trivial-rewrite
bounce     unix       - - n - 0 bounce
defer      unix       - - n - 0 bounce
trace      unix       - - n - 0 bounce
verify     unix       - - n - 1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n - - proxymap
smtp       unix       - - n - - smtp
relay      unix       - - n - - smtp
error      unix       - - n - - error
retry      unix       - - n - - error
discard    unix       - - n - - discard
anvil      unix       - - n - 1 anvil
scache     unix       - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""

# With a mailbox: mails to its domain end there, whatever stands behind a plus, and others may bring some.
LOCAL_CF = """\
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:there
virtual_transport = mailbox
mailbox_destination_recipient_limit = 1
recipient_delimiter = +
"""
LOCAL_MASTER_CF = """\
mailbox    unix       - n n - - pipe
  flags=DRhu null_sender= user={owner} argv={lda} -e -c {conf} -f ${{sender}} -r ${{recipient}}
127.0.0.1:{mx_port} inet n - n - - smtpd
  -o smtpd_tls_security_level=none -o smtpd_tls_auth_only=no -o smtpd_sasl_auth_enable=no
  -o smtpd_client_restrictions= -o smtpd_relay_restrictions=reject_unauth_destination
"""

DOVECOT_CONF = """\
protocols =
listen = 127.0.0.1
base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/dovecot/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service anvil {{
  # Without it, every wrong password makes the next log-in wait longer.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {folder}/dovecot/auth {{
    mode = 0600
    user = postfix
  }}
}}
"""


class Postfix:
    """A provider's submission service: STARTTLS, then AUTH, then any recipient; its mail ends in a sink."""

    host = "127.0.0.1"
    username = USERNAME

    def __init__(self, folder: Path, certificates: Certificates, mailbox: Dovecot | None = None) -> None:
        """Remember where everything lies; `start` is the way to make one."""
        self.port, self.mx_port, self._mailbox = free_port(), free_port(), mailbox
        self.password = secrets.token_urlsafe(12)
        self.ca_file = certificates.ca_file
        self.sink = SmtpPeer()
        self._chain_file = certificates.good.chain_file
        self._folder = folder
        self._daemons: list[Daemon] = []

    @classmethod
    def start(cls, certificates: Certificates | None = None, mailbox: Dovecot | None = None) -> Self:
        """Run Postfix, Dovecot and the sink; a certificate set is made unless given.

        With a mailbox, mails to LOCAL_DOMAIN come to it, and `mx_port` takes such mails from anybody.
        """
        _require()
        folder = Path(tempfile.mkdtemp(prefix="textbridge-postfix-"))
        folder.chmod(0o755)
        postfix = cls(folder, certificates or make_certificates(folder), mailbox)
        postfix.sink.__enter__()
        try:
            postfix._lay_out()
            postfix._run()
        except BaseException:
            postfix.stop()
            raise
        return postfix

    @property
    def mails(self) -> tuple[Mail, ...]:
        """Return every mail that Postfix sent on so far."""
        return self.sink.mails

    async def mail(self, predicate: Callable[[Mail], bool] = lambda mail: True, timeout: float = 10) -> Mail:
        """Return the first mail that fits, waiting for it; raise TimeoutError when none comes in time."""
        return await self.sink.mail(predicate, timeout)

    async def count(self, number: int, timeout: float = 10) -> tuple[Mail, ...]:
        """Return all mails as soon as there are this many; raise TimeoutError when there are not in time."""
        return await self.sink.count(number, timeout)

    def log(self) -> str:
        """Return what Postfix wrote into its mail log."""
        path = self._folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End every process and remove the files."""
        while self._daemons:
            self._daemons.pop().stop()
        self.sink.__exit__(None, None, None)
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        """Use the running service."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _lay_out(self) -> None:
        _folder(self._folder / "postfix", "postfix", "root", 0o700)
        _folder(self._folder / "queue", "root", "root", 0o755)
        for name, (owner, group, mode) in POSTFIX_FOLDERS.items():
            _folder(self._folder / "queue" / name, owner, group, mode)
        _folder(self._folder / "etc", "root", "root", 0o755)
        values = {
            "folder": str(self._folder),
            "chain_file": str(self._chain_file),
            "port": str(self.port),
            "sink_port": str(self.sink.port),
        }
        main, master = MAIN_CF, MASTER_CF
        if self._mailbox is not None:
            main, master = main + LOCAL_CF, master + LOCAL_MASTER_CF
            values |= {"domain": LOCAL_DOMAIN, "mx_port": str(self.mx_port), "owner": OWNER}
            values |= {"lda": str(LDA), "conf": str(self._mailbox.lda_conf)}
        (self._folder / "etc" / "main.cf").write_text(main.format(**values))
        (self._folder / "etc" / "master.cf").write_text(master.format(**values))
        # Postfix reads a file that is younger than a second again and again, until it is sure of it.
        os.utime(self._folder / "etc" / "main.cf", (0, 0))
        _folder(self._folder / "dovecot", "root", "root", 0o755)
        (self._folder / "dovecot" / "dovecot.conf").write_text(DOVECOT_CONF.format(**values))
        users = self._folder / "dovecot" / "users"
        users.touch()
        shutil.chown(users, "dovecot", "root")
        users.chmod(0o400)
        users.write_text(f"{self.username}:{self.password}::::::\n")

    def _run(self) -> None:
        dovecot = Daemon.start(
            [DOVECOT, "-F", "-c", self._folder / "dovecot" / "dovecot.conf"],
            log=self._folder / "dovecot.out",
        )
        self._daemons.append(dovecot)
        postfix = Daemon.start([MASTER, "-c", self._folder / "etc", "-s"], log=self._folder / "postfix.out")
        self._daemons.append(postfix)
        dovecot.wait_until((self._folder / "dovecot" / "auth").exists)
        postfix.wait_until(lambda: accepts_connections(self.port))


def _folder(path: Path, owner: str, group: str, mode: int) -> None:
    path.mkdir()
    os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
    path.chmod(mode)


def _require() -> None:
    if os.geteuid() != 0:
        raise Unavailable("Postfix needs root to start")
    if not MASTER.exists():
        raise Unavailable("no Postfix here: install Debian's postfix")
    if not DOVECOT.exists():
        raise Unavailable("no Dovecot here: install Debian's dovecot-core")
