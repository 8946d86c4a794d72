"""The bot as its own process under SimCord's behaviour: a second opinion on Discord that we did not write."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import discord
import pytest
import pytest_asyncio
from simcord import ChannelHandle, GuildHandle, InteractionResult, MemberActor, ResponseMessage, SetupError

from bot.app import utc_now
from bot.db.store import open_store
from bot.domain.words import CODE_SENT, REFUSAL
from bot.operate.keys import new_key
from bot.sandbox.smtp import LOOPBACK, Mail, Sink
from bot.services import bridge as admin
from tests.checkout import CHECKOUT
from tests.simcord_bridge import SimcordBridge, labels

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

RUN = [str(CHECKOUT / "bot"), "run"]
SENDER = "bot@textbridge.example"
CODE = re.compile(r"^(\d{6}) is your Textbridge code for @(\S+)\. Type it only in Discord's Enter code\.$")
HOW_TO_STOP = "Stop: /phone in Discord, or @"
HANDED, INVITED = "Handed to", "Invite the bot: "
NOT_ADMIN = "Only members with Manage Server, or the bot's owner, can use /carrier."


class Bot:
    """The bot's process with its settings, its carriers' mail server and its Discord."""

    def __init__(self, bridge: SimcordBridge, sink: Sink, folder: Path) -> None:
        self.bridge, self.sink, self._folder = bridge, sink, folder
        self.printed: list[str] = []
        self.environment = {
            "BOT_NO_BOOTSTRAP": "1",
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/textbridge.db",
            "SECRET_KEY": new_key(),
            "SMTP_HOST": LOOPBACK,
            "SMTP_PORT": str(sink.port),
            "SMTP_SECURITY": "none",
            "SMTP_FROM": SENDER,
        }

    async def start(self) -> None:
        """Start it from a folder that is not the checkout; return when it takes commands."""
        bot = await self.bridge.start_bot(RUN, self.environment, cwd=self._folder)
        await self.bridge.until(lambda: any(INVITED in line for line in bot.output))
        await self.open_gates()

    async def open_gates(self) -> None:
        """Let everybody send: SimCord's accounts were all made just now."""
        store = await open_store(self.environment["DATABASE_URL"], (self.environment["SECRET_KEY"],))
        try:
            async with store.write() as session:
                gates = admin.gates_from("0", "0")
                guild = self.bridge.world.guild.id
                await admin.change(session, guild, self.bridge.owner.id, "settings", gates, utc_now())
        finally:
            await store.close()

    async def stop(self) -> int | None:
        """Stop it as a supervisor does, and keep what it printed."""
        if self.bridge.bot is not None:
            self.printed += self.bridge.bot.output
        return await self.bridge.stop_bot()

    async def restart(self) -> None:
        assert await self.stop() == 0
        await self.start()

    @property
    def output(self) -> list[str]:
        return self.printed + (self.bridge.bot.output if self.bridge.bot else [])

    def syncs(self) -> int:
        """Count how often the commands were given to Discord."""
        requests = self.bridge.world.http_requests
        return sum(each.method == "PUT" and each.path.endswith("/commands") for each in requests)

    async def fill_in(self, person: MemberActor, shown: InteractionResult, number: str) -> ResponseMessage:
        assert shown.modal is not None, shown
        asked = next(label for label in labels(shown.modal) if label.endswith("number"))
        values = {asked: number, "Your agreement": ["agreed"]}
        return await self.bridge.answer(await self.bridge.submit(person, shown, values))

    async def code_for(self, person: MemberActor, address: str) -> str:
        mail = await self.sink.mail(lambda mail: f"@{person.user.name}." in words(mail))
        assert mail.recipient == address
        found = CODE.match(words(mail))
        assert found is not None
        assert found[2] == person.user.name
        return found[1]

    async def register(self, person: MemberActor, room: ChannelHandle, carrier: str, address: str) -> None:
        """Go the whole way: form, code, button, form."""
        shown = await person.slash(room, "phone register", carrier=carrier)
        answer = await self.fill_in(person, shown, address.partition("@")[0])
        assert answer.content == CODE_SENT
        code = await self.code_for(person, address)
        pressed = await person.click(answer, label="Enter code")
        proven = await self.bridge.answer(await self.bridge.submit(person, pressed, {"The six digits": code}))
        assert proven.content.startswith("Your phone is registered.")


def words(mail: Mail) -> str:
    """Read what a phone shows of a mail."""
    return message_from_bytes(mail.content, policy=default).get_content().replace("\r\n", "\n").rstrip("\n")


async def world(folder: Path) -> AsyncIterator[Bot]:
    sink = Sink()
    await sink.start()
    try:
        async with SimcordBridge() as bridge:
            bot = Bot(bridge, sink, folder)
            yield bot
            await bot.stop()
            assert [line for line in bot.output if " ERROR " in line or " CRITICAL " in line] == []
            assert not any("Traceback" in line for line in bot.output)
    finally:
        await sink.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bot]:
    async for bot in world(tmp_path_factory.mktemp("simcord")):
        bot.bridge.world.create_guild("Orchard")
        await bot.start()
        yield bot


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Bot]:
    """A world of one test's own, whose bot is not started yet."""
    async for bot in world(tmp_path):
        bot.bridge.world.create_guild("Orchard")
        yield bot


@pytest.fixture(scope="module")
def bridge(bot: Bot) -> SimcordBridge:
    return bot.bridge


@pytest.fixture(scope="module")
def guild(bridge: SimcordBridge) -> GuildHandle:
    return bridge.world.guild


@pytest.fixture(scope="module")
def room(guild: GuildHandle) -> ChannelHandle:
    return guild.create_text_channel("general")


@pytest.fixture(scope="module")
def owner(bridge: SimcordBridge, guild: GuildHandle) -> MemberActor:
    role = guild.create_role("keeper", permissions=discord.Permissions(manage_guild=True))
    return guild.add_member(bridge.owner, roles=[role])


@pytest.fixture(scope="module")
def people(bridge: SimcordBridge, guild: GuildHandle) -> Iterator[dict[str, MemberActor]]:
    names = ("ann", "bea", "cai", "dan", "eve", "fay", "gus", "hal", "ida")
    return {name: bridge.world.create_member(guild, name) for name in names}


async def test_it_logs_in_prints_its_invitation_and_syncs_its_commands(
    bot: Bot, bridge: SimcordBridge
) -> None:
    application = bridge.world.backend.application_id
    invitation = f"{INVITED}https://discord.com/oauth2/authorize?client_id={application}&"
    assert [line for line in bot.output if invitation in line]
    assert [each["intents"] for each in bridge.identifies] == [discord.Intents(guilds=True).value]
    synced = {name for name, _ in bridge.world.backend.commands[None]}
    assert synced >= {"text", "phone", "carrier", "help"}
    assert bot.syncs() == 1


async def test_the_owner_enables_a_failing_carrier_after_seeing_the_evidence(
    bot: Bot, bridge: SimcordBridge, room: ChannelHandle, owner: MemberActor, people: dict[str, MemberActor]
) -> None:
    closed = await bridge.answer(await people["gus"].slash(room, "phone register", carrier="us-t-mobile"))
    assert "T-Mobile is marked failing since 2024-12" in closed.content
    offered = await owner.autocomplete(room, "carrier enable", "carrier", "t-mob")
    assert "us-t-mobile" in [each["value"] for each in offered]
    asked = await bridge.answer(await owner.slash(room, "carrier enable", carrier="us-t-mobile"))
    assert asked.ephemeral
    assert "since 2024-12" in asked.content
    assert "Evidence: " in asked.content
    done = await owner.click(asked, label="Yes, do it")
    await bridge.until(lambda: done.acknowledged and "T-Mobile is on for everyone" in asked.content)
    assert asked.components == []
    await bot.register(people["gus"], room, "us-t-mobile", "2065550110@tmomail.net")


async def test_the_owner_adds_a_carrier_on_a_new_domain_once_asked(
    bot: Bot, bridge: SimcordBridge, room: ChannelHandle, owner: MemberActor, people: dict[str, MemberActor]
) -> None:
    adding = {"name": "Pear Mobile", "domain": "sms.pear.example", "country": "US", "form": "plus"}
    asked = await bridge.answer(await owner.slash(room, "carrier add", **adding))
    assert "texts may then go to any number at sms.pear.example" in asked.content
    await owner.click(asked, label="Yes, do it")
    await bridge.until(lambda: asked.content.startswith("Added Pear Mobile at sms.pear.example"))
    (choice,) = await people["hal"].autocomplete(room, "phone register", "carrier", "pear mob")
    shown = await people["hal"].slash(room, "phone register", carrier=choice["value"])
    answer = await bot.fill_in(people["hal"], shown, "206 555 0111")
    assert answer.content == CODE_SENT
    await bot.code_for(people["hal"], "+12065550111@sms.pear.example")


async def test_a_member_registers_and_another_texts_her(
    bot: Bot, bridge: SimcordBridge, room: ChannelHandle, people: dict[str, MemberActor]
) -> None:
    ann, bea = people["ann"], people["bea"]
    choices = await ann.autocomplete(room, "phone register", "carrier", "veri")
    assert choices[0] == {"name": "Verizon (US)", "value": "us-verizon"}
    shown = await ann.slash(room, "phone register", carrier="us-verizon")
    with pytest.raises(SetupError):  # Discord's client does not send it without the tick
        await bridge.submit(ann, shown, {"Your Verizon number": "206 555 0100", "Your agreement": []})
    await bot.register(ann, room, "us-verizon", "2065550100@vtext.com")

    sent = await bea.slash(room, "text", user=ann, message=f"dinner at **7**, <@{ann.id}>?")
    answer = await bridge.answer(sent, lambda shown: HANDED in shown.content)
    assert answer.ephemeral
    assert answer.content.startswith(f"Handed to <@{ann.id}>'s carrier, which took the text.")
    (mail,) = [mail for mail in bot.sink.mails if words(mail).startswith("@bea in ")]
    assert words(mail) == f"@bea in Orchard\ndinner at 7, @ann?\n{HOW_TO_STOP}{bridge.owner.name}"
    assert (mail.sender, mail.recipients) == (SENDER, ("2065550100@vtext.com",))
    parsed = message_from_bytes(mail.content, policy=default)
    assert (parsed["From"], parsed["To"], parsed["Subject"]) == (SENDER, "2065550100@vtext.com", "")
    assert parsed.get_content_type() == "text/plain"
    assert answer.content in bridge.world.seen_by(bea, room)
    for other in (ann, people["cai"]):
        assert not set(bridge.world.edits(sent)) & set(bridge.world.seen_by(other, room))
    listed = await bridge.answer(await bea.slash(room, "phone sent"))
    assert f"<@{ann.id}>: taken by the carrier" in listed.content
    shown_to_her = await bridge.answer(await ann.user.slash("phone show"))
    assert "Verizon" in shown_to_her.content
    digits = "".join(filter(str.isdigit, shown_to_her.content.partition(",")[0]))
    assert digits.endswith("0100")
    assert "555" not in digits


async def test_every_refusal_reads_the_same(
    bot: Bot, bridge: SimcordBridge, guild: GuildHandle, room: ChannelHandle, people: dict[str, MemberActor]
) -> None:
    sender, paused, blocking, closed = people["dan"], people["eve"], people["fay"], people["ida"]
    for number, person in enumerate((paused, blocking, closed), 120):
        await bot.register(person, room, "us-verizon", f"2065550{number}@vtext.com")
    await bridge.answer(await paused.slash(room, "phone pause"))
    await bridge.answer(await blocking.slash(room, "phone block", user=sender))
    await bridge.answer(await closed.slash(room, "phone allow", who="nobody"))
    waiting = await people["cai"].slash(room, "phone register", carrier="us-verizon")
    await bot.fill_in(people["cai"], waiting, "2065550130")
    outsider = bridge.world.create_user("zoe")
    stranger = bridge.world.create_member(guild, "yan")
    before = len(bot.sink.mails)
    answers = [
        (await bridge.answer(await sender.slash(room, "text", user=target, message="hello"))).content
        for target in (paused, blocking, closed, people["cai"], outsider, stranger)
    ]
    assert answers == [REFUSAL] * 6
    assert [words(mail) for mail in bot.sink.mails[before:] if "hello" in words(mail)] == []


async def test_a_member_without_the_permission_is_refused_by_the_bot_itself(
    bridge: SimcordBridge, guild: GuildHandle, room: ChannelHandle
) -> None:
    pip = bridge.world.create_member(guild, "pip")
    with pytest.raises(SetupError, match="default-member-permissions"):
        await pip.slash(room, "carrier list")
    bridge.world.reveal_command(guild, "carrier", pip)
    for command in ("carrier list", "carrier disable"):
        options = {"carrier": "us-verizon"} if command.endswith("disable") else {}
        refused = await bridge.answer(await pip.slash(room, command, **options))
        assert (refused.content, refused.ephemeral) == (NOT_ADMIN, True)


async def test_a_guilds_admin_changes_only_what_that_guild_sees(
    bridge: SimcordBridge, guild: GuildHandle, room: ChannelHandle, owner: MemberActor
) -> None:
    kit = bridge.world.create_member(guild, "kit", discord.Permissions(manage_guild=True))
    hidden = await bridge.answer(await kit.slash(room, "carrier disable", carrier="us-visible"))
    assert "is off in this server" in hidden.content
    refused = await bridge.answer(await kit.slash(room, "carrier edit", carrier="us-verizon", name="Mine"))
    assert "only the bot's owner can change it" in refused.content
    foreign = await bridge.answer(
        await kit.slash(room, "carrier add", name="Quince", domain="sms.quince.example")
    )
    assert "is not on the bot owner's list" in foreign.content


async def test_dm_commands_answer_in_the_dm(bridge: SimcordBridge, guild: GuildHandle) -> None:
    una = bridge.world.create_member(guild, "una")
    shown = await bridge.answer(await una.user.slash("phone show"))
    assert shown.content == "You have no phone registered. Use /phone register to add one."
    with pytest.raises(SetupError, match="context"):
        await una.user.slash("text", user=una.user, message="hi")


async def test_a_replayed_interaction_acts_once(
    bot: Bot, bridge: SimcordBridge, room: ChannelHandle, people: dict[str, MemberActor]
) -> None:
    sent = await people["bea"].slash(room, "text", user=people["ann"], message="only once")
    await bridge.answer(sent, lambda shown: HANDED in shown.content)
    callbacks = bridge.world.callbacks(sent)
    bridge.world.replay(sent)
    await bridge.until(lambda: bridge.world.callbacks(sent) > callbacks)
    again = await people["bea"].slash(room, "text", user=people["ann"], message="and then this")
    await bridge.answer(again, lambda shown: HANDED in shown.content)
    said = [words(mail).partition("\n")[2] for mail in bot.sink.mails]
    assert (said.count("only once"), said.count("and then this")) == (1, 1)


async def test_after_a_restart_the_button_works_and_commands_are_not_synced_again(
    bot: Bot, bridge: SimcordBridge, room: ChannelHandle, guild: GuildHandle
) -> None:
    liv = bridge.world.create_member(guild, "liv")
    shown = await liv.slash(room, "phone register", carrier="us-verizon")
    answer = await bot.fill_in(liv, shown, "(206) 555-0140")
    code = await bot.code_for(liv, "2065550140@vtext.com")
    syncs = bot.syncs()
    await bot.restart()
    assert bot.syncs() == syncs
    pressed = await liv.click(answer, label="Enter code")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    tried = await bridge.answer(await bridge.submit(liv, pressed, {"The six digits": wrong}))
    assert "4 tries left" in tried.content
    pressed = await liv.click(answer, label="Enter code")
    proven = await bridge.answer(await bridge.submit(liv, pressed, {"The six digits": code}))
    assert proven.content.startswith("Your phone is registered.")


async def test_commands_that_discord_lost_are_synced_again(bot: Bot, bridge: SimcordBridge) -> None:
    assert await bot.stop() == 0
    bridge.world.backend.commands[None].clear()
    syncs = bot.syncs()
    await bot.start()
    assert bot.syncs() == syncs + 1
    assert "text" in {name for name, _ in bridge.world.backend.commands[None]}


async def test_a_wrong_token_ends_it_with_one_line(fresh: Bot) -> None:
    bot = await fresh.bridge.launch(RUN, fresh.environment | {"DISCORD_TOKEN": "not-the-token"})
    assert await bot.wait() == 78
    (line,) = [line for line in bot.output if " CRITICAL " in line or " ERROR " in line]
    assert "DISCORD_TOKEN: Discord refuses it" in line
    assert not any("Traceback" in line or "not-the-token" in line for line in bot.output)


async def test_wrong_settings_are_listed_without_a_value(fresh: Bot) -> None:
    wrong = {
        "SMTP_PORT": "canary-70000",
        "SECRET_KEY": "canary-key",
        "DISCORD_API_URL": "ftp://canary.example",
    }
    bot = await fresh.bridge.launch(RUN, fresh.environment | wrong)
    assert await bot.wait() == 78
    assert sorted(line.partition(":")[0] for line in bot.output) == sorted(wrong)
    assert "canary" not in "\n".join(bot.output)


async def test_a_token_revoked_while_it_runs_ends_it(fresh: Bot) -> None:
    await fresh.start()
    bot = fresh.bridge.bot
    assert bot is not None
    fresh.bridge.token = "another"
    fresh.bridge.bot = None  # whoever waits below must not take its end for a failure
    (line,) = fresh.bridge.connections
    await line.close(4004)
    assert await bot.wait() == 78
    assert sum("DISCORD_TOKEN" in line for line in bot.output) == 1


async def test_a_text_waits_while_the_mail_server_is_away(fresh: Bot) -> None:
    bridge = fresh.bridge
    guild = bridge.world.guild
    room = guild.create_text_channel("general")
    ann, bea = (bridge.world.create_member(guild, name) for name in ("ann", "bea"))
    await fresh.start()
    await fresh.register(ann, room, "us-verizon", "2065550150@vtext.com")
    await fresh.sink.stop()
    sent = await bea.slash(room, "text", user=ann, message="patience")
    await bridge.answer(sent, lambda shown: shown.content.startswith("Still waiting"))
    assert await fresh.stop() == 0
    await fresh.sink.start()
    await fresh.start()
    answer = await bridge.answer(sent, lambda shown: HANDED in shown.content)
    assert answer.ephemeral
    assert [words(mail) for mail in fresh.sink.mails][1:] == [
        f"@bea in Orchard\npatience\n{HOW_TO_STOP}{fresh.bridge.owner.name}"
    ]


@pytest.mark.ci
async def test_a_sender_hears_by_dm_once_the_answer_can_no_longer_be_edited(fresh: Bot) -> None:
    bridge = fresh.bridge
    guild = bridge.world.guild
    room = guild.create_text_channel("general")
    ann, bea = (bridge.world.create_member(guild, name) for name in ("ann", "bea"))
    await fresh.start()
    await fresh.register(ann, room, "us-verizon", "2065550151@vtext.com")
    await fresh.sink.stop()
    sent = await bea.slash(room, "text", user=ann, message="too late")
    await bridge.answer(sent, lambda shown: shown.content.startswith("Still waiting"))
    bridge.world.skip_time(15 * 60)
    await bridge.answer(await ann.slash(room, "phone remove"))
    told = await bridge.dm(bea)
    assert told.content == REFUSAL
