"""An admin asks for a gateway domain; the owner answers with a button in the DM, also after a restart."""

from bot.sandbox.member import Person
from bot.sandbox.world import Post
from tests.flow.town import Town

DOMAIN = "sms.example.net"


async def ask_owner(town: Town) -> Post:
    """Have the admin ask; returns what the owner sees."""
    asked = await town.admin.slash(town.guild, "carrier add", name="Home Mobile", domain=DOMAIN)
    await asked.settled(lambda a: a.content.endswith("Ask the owner to put it there?"))
    await town.admin.press(asked, "Yes, do it")
    await asked.settled(
        lambda a: a.content == f"The bot's owner is asked about {DOMAIN}. The answer comes by DM."
    )
    return await town.editor.dm(lambda post: DOMAIN in post.content)


async def answer(person: Person, post: Post, button: str) -> str:
    await person.press(post, button)
    await person.world.watch.until(lambda: not post.components or None, 5.0, "the buttons to go")
    return post.content


async def test_the_owner_allows_it_after_a_restart_and_the_admin_adds_the_carrier(town: Town) -> None:
    post = await ask_owner(town)
    assert post.content.startswith(f"{town.admin.mention}, an admin of Home, asks for the gateway {DOMAIN}.")
    await town.restart()
    assert await answer(town.editor, post, "Put it on the list") == (
        f"{DOMAIN} is on the list. Whoever asked is told, and can /carrier add it now."
    )
    told = await town.admin.dm()
    assert (
        told.content == f"The bot's owner put {DOMAIN} on the list of gateways. You can /carrier add it now."
    )
    added = await town.says(town.admin, "carrier add", name="Home Mobile", domain=DOMAIN)
    assert added.startswith(f"Added Home Mobile at {DOMAIN} for this server.")


async def test_the_owner_says_no(town: Town) -> None:
    post = await ask_owner(town)
    assert (await answer(town.editor, post, "No")).startswith(f"{DOMAIN} stays off the list.")
    assert (await town.admin.dm()).content.startswith(f"The bot's owner did not put {DOMAIN}")


async def test_what_was_answered_otherwise_is_not_answered_again(town: Town) -> None:
    post = await ask_owner(town)
    asked = await town.editor.slash(town.guild, "carrier add", force=True, name="Mine", domain=DOMAIN)
    await asked.settled(lambda a: a.buttons == ["Yes, do it"])
    await town.editor.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("Added Mine"))
    await town.admin.dm(lambda dm: "put sms.example.net on the list" in dm.content)
    assert (await answer(town.editor, post, "No")).startswith("That request has been answered already")
    assert "Mine" in await town.says(town.admin, "carrier list", search=DOMAIN)


async def test_only_an_editor_may_press(town: Town) -> None:
    post = await ask_owner(town)
    # As if Discord let somebody else see the owner's DM.
    town.world.discord.world.channels[post.channel_id].recipient_id = None
    said = await (await town.dave.press(post, "Put it on the list")).settled()
    assert said.content == "Only the bot's owner can answer this."
    assert DOMAIN not in await town.says(town.admin, "carrier list", search="sms.")


async def test_an_owner_without_dms_finds_the_buttons_at_the_next_command(town: Town) -> None:
    town.editor.account.dms_open = False
    asked = await town.admin.slash(town.guild, "carrier add", name="Home Mobile", domain=DOMAIN)
    await asked.settled(lambda a: a.buttons == ["Yes, do it"])
    await town.admin.press(asked, "Yes, do it")
    await asked.settled(lambda a: a.content.startswith("The bot's owner is asked"))
    await town.exchanged("POST", r"/channels/\d+/messages", 403)
    await town.restart()
    shown = await town.editor.slash(town.guild, "help")
    await shown.settled(lambda a: any(DOMAIN in post.content for post in a.followups))
    (post,) = shown.followups
    assert (await answer(town.editor, post, "Put it on the list")).startswith(f"{DOMAIN} is on the list.")
    assert (await town.admin.dm()).content.startswith(f"The bot's owner put {DOMAIN} on the list")
