"""Nights of look-ups at a DNS server of our own: what is demoted, what never, and who hears of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.db.tables import Audit, CarrierEntry, DomainLook, OutboxItem, Registration
from bot.domain.catalogue import Status
from bot.domain.domain_look import Verdict
from bot.domain.errors import UserError
from bot.mail.domains import Lookups
from bot.services.carrier_change import Change
from bot.services.carrier_list import describe
from bot.services.domain_check import AT_ONCE, in_use, look_all
from bot.services.domain_nights import DomainNights
from bot.services.notices import OPERATOR
from tests.peers.dns_server import DnsServer
from tests.services.editing import ADMIN, EDITOR, OTHER_ADMIN, OWN, add, edit, switch
from tests.services.world import ANN, BOB, GUILD, Road, World, work

CONTROLS = ("control-one.test", "control-two.test")
NAMES = ("one", "two", "failing", "retired", "closing", "service", "pager", "offen")
DOMAINS = [f"{name}.example.net" for name in NAMES]
NIGHT = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
EDITORS = (1, 9)


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer() as running:
        running.names.good(*CONTROLS, *DOMAINS)
        yield running


def nights(world: World, server: DnsServer, *, jitter: float = 0.5, longest_s: float = 5) -> DomainNights:
    lookups = Lookups(server.address, longest_s)
    return DomainNights(
        world.store, world.shelf, lookups.look, world.clock, jitter, asyncio.Event(),
        editors=lambda: EDITORS, controls=CONTROLS,
    )  # fmt: skip


async def sleep_over(world: World, watch: DomainNights, times: int = 1) -> None:
    """Let nights pass, with one look in each."""
    for _ in range(times):
        now = world.clock.at
        night = now.replace(hour=3, minute=30, second=0)
        world.clock.at = night if night > now else night + timedelta(days=1)
        await watch.one_pass()
        await world.write(world.shelf.refresh)


async def statuses(world: World) -> dict[str, Status]:
    await world.write(world.shelf.refresh)
    return {listed.carrier.slug: listed.carrier.status for listed in world.shelf.everywhere()}


async def test_a_domain_gone_for_three_nights_is_demoted_once(world: World, server: DnsServer) -> None:
    await add(world, ADMIN, OWN)  # a server's own at the same domain
    await world.register(BOB)
    before = await statuses(world)
    del server.names.records["one.example.net", "MX"]
    watch = nights(world, server)
    await sleep_over(world, watch, 2)
    assert await statuses(world) == before
    assert await world.rows(CarrierEntry, CarrierEntry.demoted.is_not(None)) == []
    await sleep_over(world, watch)
    assert await statuses(world) == {**before, "us-one": Status.FAILING, "own-us-ours": Status.FAILING}
    said = await world.write(describe, world.shelf, EDITOR, "us-one", world.clock())
    assert "US One (one.example.net): failing 2026-11-23" in said
    assert (
        "One is marked failing since 2026-11-23. Look-ups have found no mail server at one.example.net "
        "since 2026-11-23." in said
    )
    with pytest.raises(UserError, match="marked failing since 2026-11-23"):
        await world.ask_code(ANN)
    audit = [row for row in await world.rows(Audit) if row.action == "carrier demoted"]
    assert sorted((row.guild_id, row.actor_id, row.subject) for row in audit) == [
        (0, 0, "us-one"), (GUILD, 0, "own-us-ours"),
    ]  # fmt: skip
    assert json.loads(audit[0].before) == {"status": "active", "status_date": ""}
    words = [[notice.words for notice in await world.notices(editor)] for editor in EDITORS]
    assert words[0] == words[1]
    assert words[0][0].startswith(
        "Look-ups find no mail server any more at one.example.net. New registrations"
    )
    # More such nights say nothing new.
    await sleep_over(world, watch, 3)
    assert [len(await world.notices(editor)) for editor in EDITORS] == [1, 1]


async def test_the_owner_hears_of_it_beside_the_editors_and_an_admin_of_their_own_alone(
    world: World, server: DnsServer
) -> None:
    await add(world, ADMIN, OWN)
    await add(world, OTHER_ADMIN, replace(OWN, name="Theirs", domain="two.example.net"))
    for domain in ("one.example.net", "two.example.net", "closing.example.net"):
        del server.names.records[domain, "MX"]
    await sleep_over(world, nights(world, server), 4)
    (owner,) = await world.notices(OPERATOR)
    assert owner.words == (await world.notices(EDITORS[1]))[0].words
    assert "at closing.example.net, one.example.net, two.example.net." in owner.words
    for admin, domain, name in ((ADMIN, "one", "Ours"), (OTHER_ADMIN, "two", "Theirs")):
        (told,) = await world.notices(admin.person_id)
        assert told.words == (
            f"Look-ups find no mail server any more at {domain}.example.net, so nobody can register with "
            f"{name} in your server. See /carrier show; /carrier remove takes it away."
        )


async def test_who_is_registered_keeps_what_they_have_until_an_editor_acts(
    world: World, server: DnsServer
) -> None:
    await world.register(BOB)
    server.names.records.clear()
    server.names.good(*CONTROLS, *DOMAINS)
    del server.names.records["one.example.net", "MX"]
    await sleep_over(world, nights(world, server), 3)
    assert (await statuses(world))["us-one"] is Status.FAILING
    (row,) = await world.rows(Registration)
    assert (row.state, row.version) == ("active", 1)
    road = Road()
    await world.text(ANN, BOB, "still here")
    await work(world.relay(road), 2)
    assert road.said() == ["still here"]
    # An editor who says so too ends it; one who knows better brings it back, and the nights leave it alone.
    await edit(world, EDITOR, "us-one", Change(status=Status.FAILING))
    await world.refused(ANN, BOB)
    await edit(world, EDITOR, "us-one", Change(status=Status.ACTIVE), confirmed=True)
    await world.text(ANN, BOB, "back")
    await sleep_over(world, nights(world, server), 4)
    assert (await statuses(world))["us-one"] is Status.ACTIVE


async def test_an_enabled_entry_warns_and_a_switched_off_one_stays_off(
    world: World, server: DnsServer
) -> None:
    await switch(world, EDITOR, "any-service", True, confirmed=True)
    await switch(world, EDITOR, "us-two", False)
    for domain in ("service.example.net", "two.example.net"):
        del server.names.records[domain, "MX"]
    await sleep_over(world, nights(world, server), 3)
    service, two = (world.shelf.find(None, slug) for slug in ("any-service", "us-two"))
    assert service is not None
    assert two is not None
    assert (service.carrier.enabled, service.carrier.status) == (True, Status.FAILING)
    assert (two.off, two.carrier.status) == (True, Status.FAILING)
    said = await world.write(describe, world.shelf, EDITOR, "any-service", world.clock())
    assert "An editor enabled it all the same" in said


OUTAGES = ["servfail", "silent", "garbage", "nxdomain"]


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize("known", [False, True], ids=["at first", "later"])
async def test_an_outage_of_the_resolver_demotes_nothing(
    world: World, server: DnsServer, outage: str, known: bool
) -> None:
    before = await statuses(world)
    watch = nights(world, server)
    if known:
        await sleep_over(world, watch)
    looks = len(await world.rows(DomainLook))
    server.names.outage = outage
    await sleep_over(world, nights(world, server, longest_s=0.05), 4)
    assert await statuses(world) == before
    rows = await world.rows(DomainLook)
    assert (len(rows), [row.nights for row in rows if row.nights]) == (looks, [])
    assert await world.rows(Audit) == []
    assert [await world.notices(editor) for editor in EDITORS] == [[], []]


@pytest.mark.parametrize("how", ["failing", "silent", "gone"])
async def test_a_resolver_that_knows_the_controls_alone_demotes_nothing(
    world: World, server: DnsServer, how: str
) -> None:
    before = await statuses(world)
    watch = nights(world, server)
    await sleep_over(world, watch)
    if how == "gone":
        for domain in DOMAINS:
            del server.names.records[domain, "MX"]
    else:
        getattr(server.names, how).update(DOMAINS)
    await sleep_over(world, nights(world, server, longest_s=0.2), 3)
    assert await statuses(world) == before


async def test_a_night_that_finds_it_there_begins_the_count_anew(world: World, server: DnsServer) -> None:
    watch = nights(world, server)
    records = server.names.records.pop(("one.example.net", "MX"))
    await sleep_over(world, watch, 2)
    server.names.records["one.example.net", "MX"] = records
    await sleep_over(world, watch)
    del server.names.records["one.example.net", "MX"]
    await sleep_over(world, watch, 2)
    # A night without answers counts for nothing, one way or the other.
    server.names.outage = "servfail"
    await sleep_over(world, watch, 2)
    server.names.outage = ""
    assert (await statuses(world))["us-one"] is Status.ACTIVE
    await sleep_over(world, watch)
    assert (await statuses(world))["us-one"] is Status.FAILING
    # Never promoted: that it is back is for an editor to say.
    server.names.records["one.example.net", "MX"] = records
    await sleep_over(world, watch, 3)
    assert (await statuses(world))["us-one"] is Status.FAILING


async def test_one_process_looks_once_a_night_and_again_after_an_hour_if_it_failed(
    world: World, server: DnsServer
) -> None:
    early, late = nights(world, server, jitter=0.0), nights(world, server, jitter=1.0)

    async def asked(hour: float, watch: DomainNights) -> bool:
        world.clock.at = NIGHT.replace(hour=0, minute=0) + timedelta(hours=hour)
        before = len(server.asked)
        assert await watch.one_pass() > 0
        return len(server.asked) > before

    assert not await asked(1.9, early)
    server.names.outage = "servfail"
    assert await asked(2.1, early)
    assert not await asked(2.5, early)
    server.names.outage = ""
    assert not await asked(4.9, late)
    assert await asked(5.1, late)
    for watch in (early, late, nights(world, server, jitter=0.0)):  # the last one has just started
        assert not await asked(6.5, watch)
    assert not await asked(12, nights(world, server))
    assert await asked(26.1, early)
    assert not await asked(29.9, late)


async def test_a_stop_ends_look_ups_that_wait(world: World, server: DnsServer) -> None:
    server.names.silent.update((*CONTROLS, *DOMAINS))
    stop = asyncio.Event()
    lookups = Lookups(server.address, 60)
    watch = DomainNights(world.store, world.shelf, lookups.look, world.clock, 0.0, stop, controls=CONTROLS)
    world.clock.at = NIGHT
    passing = asyncio.create_task(watch.one_pass())
    await asyncio.wait_for(server.first.wait(), 5)
    stop.set()
    await asyncio.wait_for(passing, 2)
    assert await world.rows(DomainLook) == []


async def test_all_that_is_in_use_is_asked_about_some_at_a_time(world: World, server: DnsServer) -> None:
    await add(world, EDITOR, Change(name="Corner", domain="corner.example.org", mms_domain="mms.example.org"),
              confirmed=True)  # fmt: skip
    await world.register(BOB)
    async with world.store.write() as session:  # as if its entry had moved away since
        (row,) = (await session.scalars(select(Registration))).all()
        row.domain = "left.example.org"
    async with world.store.read() as session:
        domains = await in_use(session, world.shelf)
    assert domains == {*DOMAINS, "corner.example.org", "mms.example.org", "left.example.org"}
    running, most = 0, 0
    lookups = Lookups(server.address)
    progress: list[tuple[int, int]] = []

    async def look(domain: str) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await lookups.look(domain)
        finally:
            running -= 1

    many = [f"x{place}.example.org" for place in range(60)]
    looks = await look_all(many, look, lambda done, whole: progress.append((done, whole)), CONTROLS)  # type: ignore[arg-type]
    assert most == AT_ONCE
    assert progress == [(done, 60) for done in range(1, 61)]
    assert {look.verdict for look in looks.domains.values()} == {Verdict.GONE}


async def test_domains_that_nobody_uses_any_more_are_forgotten(world: World, server: DnsServer) -> None:
    watch = nights(world, server)
    await sleep_over(world, watch)
    async with world.store.write() as session:
        session.add(DomainLook(domain="old.example.org", looked_at=NIGHT, nights=2, gone_at=NIGHT))
    await sleep_over(world, watch)
    async with world.store.read() as session:
        assert await session.scalar(select(func.count()).select_from(DomainLook)) == len(DOMAINS)
    assert await world.rows(OutboxItem) == []
