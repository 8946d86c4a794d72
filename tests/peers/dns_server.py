"""A DNS server on loopback, UDP and TCP, that answers as told; dnspython builds its answers."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_S = 60


@dataclass
class Names:
    """What the server says: records by (name, type), and what fails or is silent (`name`, `name A`)."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    long: set[str] = field(default_factory=set)
    # Not a name: how the whole server behaves ("", "servfail", "silent", "nxdomain", "garbage").
    outage: str = ""

    def good(self, *domains: str) -> None:
        """Let these take mail."""
        for domain in domains:
            self.records[domain, "MX"] = [f"10 mx.{domain}."]
            self.records[f"mx.{domain}", "A"] = ["192.0.2.1"]

    def knows(self, name: str) -> bool:
        """Tell whether a name exists."""
        return any(name == there for there, _ in self.records)


class DnsServer:
    """`async with DnsServer() as server`; `asked` lists the questions, `first` is set by the first."""

    def __init__(self) -> None:
        self.names = Names()
        self.asked: list[tuple[str, str, str]] = []
        self.first = asyncio.Event()
        self._tcp: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self.address = ("127.0.0.1", 0)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(20):  # the port must be free for both
            self._tcp = await asyncio.start_server(self._talk, "127.0.0.1", 0)
            self.address = ("127.0.0.1", self._tcp.sockets[0].getsockname()[1])
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), self.address)
            except OSError:
                self._tcp.close()
                await self._tcp.wait_closed()
            else:
                return self
        raise OSError("no port is free for UDP and TCP")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._tcp is not None
        assert self._udp is not None
        self._udp.close()
        self._tcp.close()
        await self._tcp.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                answer = self.answer(await reader.readexactly(length), "tcp")
                if answer is not None:
                    writer.write(len(answer).to_bytes(2, "big") + answer)
                    await writer.drain()
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    def answer(self, packet: bytes, over: str) -> bytes | None:
        """Answer one question; None for silence."""
        query = dns.message.from_wire(packet)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, over))
        self.first.set()
        outage = self.names.outage
        if outage == "silent" or {name, f"{name} {kind}"} & self.names.silent:
            return None
        if outage == "garbage":
            return packet[:2] + b"\xff" * 20
        answer = dns.message.make_response(query, recursion_available=True)
        records = self.names.records.get((name, kind), [])
        if outage == "servfail" or {name, f"{name} {kind}"} & self.names.failing:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif outage == "nxdomain" or not self.names.knows(name):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif name in self.names.long and over == "udp":
            answer.flags |= dns.flags.TC
        elif records:
            answer.answer.append(dns.rrset.from_text(question.name, TTL_S, "IN", kind, *records))
        return answer.to_wire()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, "udp")
        if answer is not None:
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]
