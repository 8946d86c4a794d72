"""The running bot looks domains up at night: a gateway that is gone is refused, and the owner hears of it."""

from datetime import timedelta

from bot.app import CATALOGUE
from bot.domain.catalogue_file import parse_catalogue
from bot.domain.domain_look import CONTROLS
from bot.mail.domains import Lookups
from bot.services.domain_check import shelf_domains
from bot.services.shelf import Shelf
from tests.flow.town import GATEWAY, Town
from tests.peers.dns_server import DnsServer

EARLY = timedelta(hours=5, minutes=30)  # when every process has begun its night


def to_the_next_night(town: Town) -> None:
    now = town.clock()
    night = now.replace(hour=0, minute=0, second=0, microsecond=0) + EARLY
    town.clock.jump(night + timedelta(days=1 if night <= now else 0) - now)


async def test_three_nights_demote_a_gateway_and_nobody_loses_a_phone(store_url: str) -> None:
    catalogue = parse_catalogue(CATALOGUE.read_text("utf-8"))
    async with DnsServer() as server:
        server.names.good(*CONTROLS, *shelf_domains(Shelf(catalogue, frozenset())))
        del server.names.records[GATEWAY, "MX"]
        async with Town(store_url) as town:
            await town.register(town.bob)
            town.look_up = Lookups(server.address).look
            for night in range(3):
                await town.stop()
                to_the_next_night(town)
                await town.start()
                await town.log.said("looked up", night + 1)
            told = (await town.editor.dm()).content
            assert told.startswith(f"Look-ups find no mail server any more at {GATEWAY}. New registrations")
            refused = await town.alice.slash(town.guild, "phone register", carrier="us-verizon")
            said = (await refused.settled()).content
            assert said.startswith("Verizon is marked failing since ")
            assert f"Look-ups have found no mail server at {GATEWAY} since " in said
            assert (await town.text(town.alice, town.bob, "still here")).content.startswith("On its way")
