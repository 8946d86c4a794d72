"""Show on pretend phones what the carriers took for them, and let their owners answer it."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox import gateway_mail
from bot.sandbox.mailbox import Mailbox
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_talk import Mail
from bot.sandbox.watch import SandboxError, Watch

WAIT_S = 5.0


@dataclass(slots=True, eq=False)
class Phone:
    """One phone and the texts it shows, oldest first."""

    addresses: tuple[str, ...]
    watch: Watch
    send: Callable[[Mail, str], None]
    texts: list[str] = field(default_factory=list)
    last: Mail | None = field(default=None, repr=False)

    def answer(self, words: str) -> None:
        """Answer the text that came last; raise SandboxError where none has come."""
        if self.last is None:
            raise SandboxError("the phone shows no text to answer")
        self.send(self.last, words)

    async def text(self, predicate: Callable[[str], object] | None = None, timeout_s: float = WAIT_S) -> str:
        """Wait for a text that the predicate takes (any, without one)."""

        def probe() -> str | None:
            return next((text for text in self.texts if predicate is None or predicate(text)), None)

        return await self.watch.until(probe, timeout_s, f"a text; the phone shows {len(self.texts)}")


class Phones:
    """All phones; a mail to an address that none has is kept in `strays` until a phone has it."""

    def __init__(self, carriers: Sink, mailbox: Mailbox) -> None:
        self._watch, self._now, self._mailbox = carriers.watch, carriers.now, mailbox
        self._sent = 0
        self._phones: dict[str, Phone] = {}
        self.strays: list[tuple[Mail, str]] = []
        carriers.listeners.append(self._ring)

    def phone(self, *addresses: str) -> Phone:
        """Find the phone of these addresses (digits@gateway), or switch a new one on."""
        for address in addresses:
            if address in self._phones:
                return self._phones[address]
        phone = Phone(addresses, self._watch, self.answer)
        self._phones.update(dict.fromkeys(addresses, phone))
        # A gateway keeps what comes before the phone is on.
        kept, self.strays = self.strays, []
        for mail, address in kept:
            self._ring_at(mail, address)
        return phone

    def answer(self, mail: Mail, words: str) -> None:
        """Send what is typed on the phone that a mail went to: its gateway makes a mail of it."""
        self._sent += 1
        at = self._now()
        serial = f"{at:%Y%m%d%H%M%S}.{self._sent}"
        back = gateway_mail.write(words, mail.content, mail.recipient, serial, at)
        self._mailbox.receive(back.sender, back.recipient, back.content)

    def _ring(self, mail: Mail) -> None:
        for address in mail.recipients:
            self._ring_at(mail, address)

    def _ring_at(self, mail: Mail, address: str) -> None:
        if address in self._phones:
            phone = self._phones[address]
            phone.texts.append(shown(mail.content))
            phone.last = mail
        else:
            self.strays.append((mail, address))


def shown(content: bytes) -> str:
    """Decode a mail to what a phone shows of it: its text part, without the last line end."""
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    part = parsed.get_body(preferencelist=("plain",))
    if part is None:
        return ""
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")
