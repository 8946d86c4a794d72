"""The bot as its own process with its mail at a real Postfix: STARTTLS, AUTH, and what comes out of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain.words import CODE_SENT
from bot.sandbox.answer import Answer
from bot.sandbox.member import Person
from bot.sandbox.world import Guild
from tests.checkout import CHECKOUT
from tests.peers.postfix import Postfix
from tests.peers.received import Mail
from tests.simcord_bridge import BotProcess
from tests.standin.standin import Standin

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SENDER = "bot@textbridge.example"
ADDRESS = "2065550160@vtext.com"
HANDED, WAITING = "Handed to", "Still waiting"
HEADERS = {
    "Received",
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
}


@dataclass
class Town:
    """A server with two people, a bot that is not started yet, and Postfix as its mail provider."""

    sandbox: Standin
    postfix: Postfix
    folder: Path
    guild: Guild
    ann: Person
    bob: Person
    bot: BotProcess | None = None
    printed: list[str] = field(default_factory=list)

    async def start(self, **settings: str | None) -> None:
        """Run the bot; a setting of None is left out."""
        account = {
            "BOT_NO_BOOTSTRAP": "1",
            "SMTP_HOST": self.postfix.host,
            "SMTP_PORT": str(self.postfix.port),
            "SMTP_SECURITY": "starttls",
            "SMTP_USERNAME": self.postfix.username,
            "SMTP_PASSWORD": self.postfix.password,
            "SMTP_CA_FILE": str(self.postfix.ca_file),
            "SMTP_FROM": SENDER,
        }
        store = f"sqlite+aiosqlite:///{self.folder}/textbridge.db"
        wanted = {**self.sandbox.environment(store), **account, **settings}
        environment = {name: value for name, value in wanted.items() if value is not None}
        arguments = [str(CHECKOUT / "bot"), "run"]
        changed = self.sandbox.discord.world.watch.changed
        self.bot = await BotProcess.start(arguments, environment, changed=changed, cwd=self.folder)
        await self.sandbox.discord.ready()

    async def stop(self) -> None:
        if self.bot is not None:
            bot, self.bot = self.bot, None
            assert await bot.stop() == 0
            self.printed += bot.output

    async def restart(self, **settings: str | None) -> None:
        await self.stop()
        await self.start(**settings)

    async def register(self, person: Person, address: str) -> Mail:
        """Register with the code that comes out of Postfix; returns the mail that carried it."""
        shown = await (await person.slash(self.guild, "phone register", carrier="us-verizon")).settled()
        number = address.partition("@")[0]
        sent = await person.submit(shown.modal, {"number": number, "consent": ["agreed"]})
        await sent.settled(lambda answer: answer.content == CODE_SENT)
        mail = await self.postfix.mail(lambda mail: mail.recipients == (address,))
        code = mail.parsed().get_content()[:6]
        opened = await (await person.press(sent, "Enter code")).settled()
        checked = await person.submit(opened.modal, {"code": code})
        await checked.settled(lambda answer: answer.content.startswith("Your phone is registered."))
        return mail

    async def text(self, message: str, ends: str) -> Answer:
        sent = await self.ann.slash(self.guild, "text", user=self.bob, message=message)
        return await sent.settled(lambda answer: ends in answer.content)

    def errors(self) -> list[str]:
        return [line for line in self.printed if re.search(" (ERROR|CRITICAL) |Traceback", line)]


@pytest.fixture
async def town(postfix: Postfix, tmp_path: Path) -> AsyncIterator[Town]:
    async with Standin() as sandbox:
        people = [sandbox.discord.person(name) for name in ("ann", "bob")]
        guild = sandbox.discord.guild("Orchard", sandbox.discord.owner, *people)
        town = Town(sandbox, postfix, tmp_path, guild, *people)
        try:
            yield town
        finally:
            await town.stop()
        sandbox.assert_clean()


async def test_a_text_leaves_as_one_plain_mail_for_one_recipient(town: Town) -> None:
    await town.start()
    code = await town.register(town.bob, ADDRESS)
    hostile = "Bcc: eve@evil.example\nSubject: won\r\n\r\n.\r\nRCPT TO:<eve@evil.example> café"
    answer = await town.text(hostile, HANDED)
    assert answer.ephemeral
    mail = (await town.postfix.count(2))[1]
    await town.stop()
    assert town.errors() == []
    for each in (code, mail):
        parsed = each.parsed()
        assert (each.sender, each.recipients) == (SENDER, (ADDRESS,))
        assert set(parsed.keys()) == HEADERS
        assert all(len(parsed.get_all(name)) == 1 for name in HEADERS)
        assert (parsed["From"], parsed["To"], parsed["Subject"]) == (SENDER, ADDRESS, "")
        assert (parsed.get_content_type(), parsed.is_multipart()) == ("text/plain", False)
        assert re.fullmatch(r"<[0-9a-f]{32}@textbridge\.example>", parsed["Message-ID"])
        assert "ESMTPSA" in parsed["Received"]
        headers = each.raw.partition(b"\r\n\r\n")[0]
        assert not any(word in headers for word in (b"evil", b"won", b"ann", b"bob", b"Orchard", b"code"))
    said = mail.parsed().get_content().replace("\r\n", "\n").rstrip("\n")
    assert said.startswith("@ann in Orchard\nBcc: eve@evil.example\nSubject: won\n")
    said = said.rpartition("\nStop: ")[0]  # a first text says how to stop
    assert said.endswith("\nRCPT TO:<eve@evil.example> café")
    assert {each.recipients for each in town.postfix.mails} == {(ADDRESS,)}


@pytest.mark.ci
async def test_a_wrong_password_is_told_to_the_operator_once_and_texts_wait(town: Town) -> None:
    await town.start()
    await town.register(town.bob, ADDRESS)
    refused_before = town.postfix.log().count("authentication failed")
    await town.restart(SMTP_PASSWORD="not-the-password")
    first = await town.text("one", WAITING)
    told = await town.sandbox.discord.owner.dm()
    assert told.content.startswith("The mail server refuses the login. Texts wait;")
    second = await town.text("two", WAITING)
    assert len(town.sandbox.discord.owner.dms) == 1
    assert len(town.postfix.mails) == 1

    await town.restart()
    for answer in (first, second):
        await answer.settled(lambda answer: HANDED in answer.content)
    said = [mail.parsed().get_content().splitlines()[1:2] for mail in await town.postfix.count(3)]
    assert said[1:] == [["one"], ["two"]]
    assert len(town.sandbox.discord.owner.dms) == 1
    # One wrong password, one attempt: more would lock the account at some providers.
    assert town.postfix.log().count("authentication failed") - refused_before == 1
    await town.stop()
    assert len(town.errors()) == 1
    assert "SMTP_PASSWORD" in town.errors()[0]
    assert not any("not-the-password" in line or town.postfix.password in line for line in town.printed)


@pytest.mark.ci
async def test_a_certificate_that_is_not_trusted_stops_all_mail(town: Town) -> None:
    await town.start()
    await town.register(town.bob, ADDRESS)
    await town.restart(SMTP_CA_FILE=None)
    answer = await town.text("private", WAITING)
    told = await town.sandbox.discord.owner.dm(timeout_s=15)
    assert told.content.startswith("The mail server can't be reached. Texts wait;")
    assert len(town.postfix.mails) == 1

    await town.restart()
    await answer.settled(lambda answer: HANDED in answer.content)
    mails = await town.postfix.count(2)
    assert mails[1].parsed().get_content().splitlines()[1] == "private"


async def test_what_postfix_cannot_deliver_comes_back_to_our_address_alone(town: Town) -> None:
    await town.start()
    await town.register(town.bob, ADDRESS)
    town.postfix.sink.answer_rcpt = lambda at: "550 5.1.1 nobody here" if at == ADDRESS else "250 OK"
    await town.text("to a phone that is gone", HANDED)  # Postfix took it, and that is all that is claimed
    bounce = await town.postfix.mail(lambda mail: mail.sender == "")
    assert bounce.recipients == (SENDER,)
