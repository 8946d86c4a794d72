"""Look-ups at a DNS server of our own: which verdict each kind of domain gets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.domain.domain_look import Look, Verdict
from bot.mail.domains import Lookups
from tests.peers.dns_server import DnsServer

LONGEST_S = 0.4


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer() as running:
        names = running.names
        names.good("good.test")
        names.records["old.test", "A"] = ["192.0.2.1"]
        names.records["six.test", "AAAA"] = ["2001:db8::1"]
        names.records["empty.test", "TXT"] = ['"nothing else"']
        names.records["null.test", "MX"] = ["0 ."]
        names.records["null.test", "A"] = ["192.0.2.1"]
        names.records["both.test", "MX"] = ["0 .", "10 mx.both.test."]
        names.records["long.test", "MX"] = [
            f"{place} mx{place}.a-rather-long-name.long.test." for place in range(99)
        ]
        names.records["mx50.a-rather-long-name.long.test", "AAAA"] = ["2001:db8::1"]
        names.records["mx.both.test", "AAAA"] = ["2001:db8::1"]
        names.records["lost.test", "MX"] = ["10 gone.lost.test.", "20 bare.lost.test.", "30 192.0.2.1."]
        names.records["lost.test", "A"] = ["192.0.2.1"]
        names.records["bare.lost.test", "TXT"] = ['"no address"']
        names.records["later.test", "MX"] = ["10 gone.lost.test.", "20 mx.good.test."]
        names.records["doubt.test", "MX"] = ["10 gone.lost.test.", "20 failing.test."]
        names.records["stuck.test", "MX"] = [f"{place} slow.test." for place in range(9)]
        names.records["crowd.test", "MX"] = [f"{place} mx{place}.crowd.test." for place in range(40)]
        names.long |= {"crowd.test"}
        names.long.add("long.test")
        names.failing.add("failing.test")
        names.silent.add("slow.test")
        names.records["half.test", "TXT"] = ['"no MX; its address cannot be had"']
        names.failing.add("half.test A")
        yield running


@pytest.mark.parametrize(
    ("domain", "verdict", "why"),
    [
        ("good.test", Verdict.GOOD, "MX"),
        ("old.test", Verdict.GOOD, "A, no MX"),
        ("six.test", Verdict.GOOD, "AAAA, no MX"),
        ("both.test", Verdict.GOOD, "MX"),
        ("long.test", Verdict.GOOD, "MX"),
        ("later.test", Verdict.GOOD, "MX"),
        ("lost.test", Verdict.GONE, "none of the mail servers that it names has an address"),
        ("crowd.test", Verdict.GONE, "none of the mail servers that it names has an address"),
        ("doubt.test", Verdict.UNSURE, "no answer (NoNameservers)"),
        ("stuck.test", Verdict.UNSURE, "no answer (LifetimeTimeout)"),
        ("empty.test", Verdict.GONE, "neither MX nor address records"),
        ("null.test", Verdict.GONE, "it says that it takes no mail (null MX, RFC 7505)"),
        ("gone.test", Verdict.GONE, "the name does not exist"),
        ("half.test", Verdict.UNSURE, "no answer (NoNameservers)"),
        ("failing.test", Verdict.UNSURE, "no answer (NoNameservers)"),
        ("slow.test", Verdict.UNSURE, "no answer (LifetimeTimeout)"),
        ("a..b", Verdict.UNSURE, "no answer (EmptyLabel)"),
    ],
)
async def test_each_kind_of_domain_gets_its_verdict(
    server: DnsServer, domain: str, verdict: Verdict, why: str
) -> None:
    look = await Lookups(server.address, LONGEST_S).look(domain)
    assert (look.verdict, look.why) == (verdict, why)


async def test_the_hosts_are_named(server: DnsServer) -> None:
    lookups = Lookups(server.address, LONGEST_S)
    assert await lookups.look("both.test") == Look(Verdict.GOOD, "MX", ("mx.both.test",))
    assert (await lookups.look("old.test")).hosts == ("old.test",)
    assert len((await lookups.look("long.test")).hosts) == 99
    assert ("long.test", "MX", "tcp") in server.asked


@pytest.mark.parametrize("outage", ["servfail", "silent", "garbage"])
async def test_a_resolver_that_is_out_proves_nothing(server: DnsServer, outage: str) -> None:
    server.names.outage = outage
    lookups = Lookups(server.address, LONGEST_S)
    looks = await asyncio.gather(
        *(lookups.look(domain) for domain in ("good.test", "gone.test", "null.test"))
    )
    assert {look.verdict for look in looks} == {Verdict.UNSURE}


async def test_nobody_there_proves_nothing(server: DnsServer) -> None:
    address = server.address
    await server.__aexit__(None, None, None)
    look = await Lookups(address, LONGEST_S).look("gone.test")
    await server.__aenter__()
    assert look.verdict is Verdict.UNSURE
