"""Write people with proven phones straight into a store, before the bot starts on it."""

from collections.abc import Mapping

from bot.app import CATALOGUE
from bot.db import verifications
from bot.db.store import open_store
from bot.domain.catalogue import Form
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.consent import WORDING_VERSION
from bot.sandbox.member import Person
from bot.sandbox.world import Guild, utc_now
from bot.services.registration import CODE_LIFE, check_code
from bot.services.shelf import Shelf

GATEWAY = "vtext.com"


async def write_phones(store_url: str, secret_key: str, guild: Guild, phones: Mapping[str, Person]) -> None:
    """Register each person with the number given (ten digits), open to everybody in the guild."""
    store = await open_store(store_url, [secret_key])
    shelf, now = Shelf(parse_catalogue(CATALOGUE.read_text("utf-8")), frozenset()), utc_now()
    for number, person in phones.items():
        claim = verifications.Claim(
            person.id,
            person.username,
            f"+1{number}",
            "US",
            "us-verizon",
            0,
            GATEWAY,
            Form.NATIONAL,
            "",
            guild.id,
            WORDING_VERSION,
        )
        async with store.write() as session:
            await verifications.start(session, claim, "123456", now + CODE_LIFE)
            checked = await check_code(session, person.id, "123456", shelf, now)
            assert checked.proven
    await store.close()
