"""Ask the DNS whether a domain takes mail: MX records, and without any the domain's own addresses."""

import asyncio
from collections.abc import Sequence
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from bot.domain.domain_look import Look, Verdict

LONGEST_S = 5.0
# So long may a look at all the hosts take, in the time that one question may.
_HOSTS_LIFETIMES = 3
_NO_RECORDS = "neither MX nor address records"
_NO_NAME = "the name does not exist"
_NO_HOST = "none of the mail servers that it names has an address"
_NULL_MX = "it says that it takes no mail (null MX, RFC 7505)"


class NoResolver(Exception):
    """This machine names no DNS server."""


class Lookups:
    """Look-ups at the machine's own resolver, or at one server (an IP address) and port."""

    def __init__(self, server: tuple[str, int] | None = None, longest_s: float = LONGEST_S) -> None:
        """Read the machine's settings where no server is given; raises NoResolver."""
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=server is None)
        except (dns.resolver.NoResolverConfiguration, OSError) as missing:
            raise NoResolver from missing
        if server is not None:
            self._resolver.nameservers, self._resolver.port = [server[0]], server[1]
        self._resolver.lifetime = longest_s
        self._resolver.timeout = longest_s / 2  # so that a lost packet is asked for again

    async def look(self, domain: str) -> Look:
        """Say whether mail can go to a domain; a resolver that does not answer proves nothing."""
        try:
            return await self._look(dns.name.from_text(domain))
        except dns.resolver.NXDOMAIN:
            return Look(Verdict.GONE, _NO_NAME)
        except (dns.exception.DNSException, OSError, EOFError, asyncio.IncompleteReadError) as failed:
            return Look(Verdict.UNSURE, f"no answer ({type(failed).__name__})")

    async def _look(self, name: dns.name.Name) -> Look:
        exchanges = await self._ask(name, "MX")
        hosts = sorted({each.exchange for each in exchanges} - {dns.name.root})
        if hosts:
            named = tuple(sorted(host.to_text(omit_final_dot=True) for host in hosts))
            there = await self._any_there(hosts)
            return Look(Verdict.GOOD, "MX", named) if there else Look(Verdict.GONE, _NO_HOST, named)
        if exchanges:
            return Look(Verdict.GONE, _NULL_MX)
        # RFC 5321, 5.1: without MX records mail goes to the domain's own address.
        if kind := await self._address_kind(name):
            return Look(Verdict.GOOD, f"{kind}, no MX", (name.to_text(omit_final_dot=True),))
        return Look(Verdict.GONE, _NO_RECORDS)

    async def _any_there(self, hosts: Sequence[dns.name.Name]) -> bool:
        """Tell whether any host has an address; raises what kept it from finding out."""
        unsure: Exception | None = None
        async with asyncio.timeout(self._resolver.lifetime * _HOSTS_LIFETIMES):
            for host in hosts:
                try:
                    if await self._address_kind(host):
                        return True
                except dns.resolver.NXDOMAIN:
                    continue
                except dns.exception.DNSException as failed:
                    unsure = failed
        if unsure is not None:
            raise unsure
        return False

    async def _address_kind(self, name: dns.name.Name) -> str | None:
        for kind in ("A", "AAAA"):
            if await self._ask(name, kind):
                return kind
        return None

    async def _ask(self, name: dns.name.Name, kind: str) -> list[Any]:
        answer = await self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
        return list(answer.rrset or ())


async def look_up(domain: str) -> Look:
    """Ask the machine's own resolver, as its settings are now; a machine without one finds out nothing."""
    try:
        return await Lookups().look(domain)
    except NoResolver:
        return Look(Verdict.UNSURE, "this machine names no DNS server")
