"""The mail accounts that texts leave by and replies come back to."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpConfig:
    """The mail account that takes the texts; `rate` is texts per minute."""

    host: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str
    connections: int = 4
    rate: int | None = None
    pipelining: bool = True
    own_process: bool = False  # the connections are looked after by a process of their own
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapConfig:
    """The mailbox that replies and bounces reach."""

    host: str
    port: int = 993
    security: Literal["tls", "none"] = "tls"
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
