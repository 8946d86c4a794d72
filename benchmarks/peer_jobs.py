"""The Python senders that the bot stands beside, each as a job in a process of its own."""

import asyncio
import smtplib
import ssl
from typing import Any

import aiosmtplib

from benchmarks.house import CONNECTIONS, SENDER
from benchmarks.house_jobs import Report, Watch
from bot.app import utc_now
from bot.mail.render import Letter, render

LOOPBACK = "127.0.0.1"
WORDS = "@benchmark in Home\ndinner at 7, bring the long ladder"


def ready_mail(number: int) -> tuple[str, bytes]:
    """Return a recipient and a mail as the bot would send it."""
    address = f"206{number % 2_000_000:07}@vtext.com"
    return address, render(SENDER, Letter(address, WORDS, f"{number:032x}", utc_now())).content


async def smtplib_each(smtp: dict[str, Any], texts: int) -> Report:
    """Send as the blog post does: connect, send, quit, one after another."""
    watch = Watch()
    for number in range(texts):
        address, content = ready_mail(number)
        with smtplib.SMTP(LOOPBACK, smtp["port"], local_hostname="example.org") as server:
            if smtp["security"] == "starttls":
                server.starttls(context=ssl.create_default_context(cafile=smtp["ca_file"]))
                server.login(smtp["username"], smtp["password"])
            server.sendmail(SENDER, address, content)
    return watch.report(texts)


async def aiosmtplib_reused(smtp: dict[str, Any], texts: int) -> Report:
    """Send over 20 connections that stay open, with bytes that are ready, one step at a time."""
    mails = [ready_mail(number) for number in range(texts)]
    left = iter(mails)
    clients = [_client(smtp) for _ in range(CONNECTIONS)]
    await asyncio.gather(*(client.connect() for client in clients))

    async def sender(client: aiosmtplib.SMTP) -> None:
        for address, content in left:
            await client.sendmail(SENDER, address, content)

    watch = Watch()
    async with asyncio.TaskGroup() as senders:
        for client in clients:
            senders.create_task(sender(client))
    report = watch.report(texts)
    for client in clients:
        client.close()
    return report


def _client(smtp: dict[str, Any]) -> aiosmtplib.SMTP:
    secure = smtp["security"] == "starttls"
    context = ssl.create_default_context(cafile=smtp["ca_file"]) if secure else None
    return aiosmtplib.SMTP(
        hostname=LOOPBACK,
        port=smtp["port"],
        local_hostname="example.org",
        start_tls=secure,
        tls_context=context,
        username=smtp["username"],
        password=smtp["password"],
    )
