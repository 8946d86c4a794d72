"""/carrier test shows on the admin's own phone, and its answer climbs the ladder."""

from tests.flow.town import CAROL, Town


async def test_the_test_arrives_and_says_so_no_more_than_is_known(any_town: Town) -> None:
    town = any_town
    phone = await town.register(town.admin, CAROL)
    other = town.phone(CAROL, "msg.fi.google.com")
    asked = await town.admin.slash(town.guild, "carrier test", carrier="us-google-fi")
    await asked.settled(lambda a: a.content.startswith(f"Handed to {town.admin.mention}'s carrier"))
    assert other.texts == ["@ada in Home\nThis is a test of Google Fi's gateway. It arrived."]
    assert len(phone.texts) == 1
    assert "taken by the carrier" in await town.says(town.admin, "phone sent")


async def test_without_a_phone_it_says_what_to_do(town: Town) -> None:
    assert await town.says(town.admin, "carrier test", carrier="us-verizon") == (
        "A test goes to your own phone. Use /phone register or /phone resume first."
    )
