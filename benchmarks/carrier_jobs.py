"""What the list of carriers is measured at, each as a job in a process of its own."""

import asyncio
import time

from benchmarks import seed
from benchmarks.house import GUILD_ID, House, open_house, production_config, request
from benchmarks.house_jobs import FIRST_NEW, Report, percentiles
from bot.app import utc_now
from bot.domain.carrier_csv import write_sheet
from bot.services import carrier_import
from bot.services.carrier_change import Actor
from bot.services.carrier_plan import Plan, Wrong

_EDITOR = Actor(1, GUILD_ID, is_editor=True, is_admin=False)


async def import_carriers(url: str, key: str, rows: int, registrations: int, rate: int) -> Report:
    """Import new carriers, from the file to the answer, while texts come at this rate (0: none)."""
    content = write_sheet(
        {
            "slug": f"us-benchmark-{place}",
            "name": f"Benchmark {place}",
            "country": "US",
            "domain": "vtext.com",
        }
        for place in range(rows)
    )
    async with open_house(production_config(url, key)) as house:
        importing = asyncio.create_task(_import(house, content))
        took_s = await _accept_until(importing, house, seed.drawn(registrations, registrations), rate)
        return {"seconds": await importing, **percentiles(took_s)}


async def _import(house: House, content: bytes) -> float:
    """Do what command and button do; returns how many seconds both took."""
    began = time.perf_counter()
    sheet, desk = await carrier_import.read(content), house.desk

    async def plan() -> Plan | Wrong:
        await desk.refresh()
        return await carrier_import.plan(desk.shelf, sheet, _EDITOR, utc_now())

    shown = await plan()
    if isinstance(shown, Wrong):
        raise RuntimeError(f"the file was refused: {shown.problems[0]}")
    await carrier_import.carry_out(
        shown.digest, plan, lambda fresh: desk.change(carrier_import.write, fresh, _EDITOR, utc_now())
    )
    return time.perf_counter() - began


async def _accept_until(
    importing: "asyncio.Task[float]", house: House, recipients: list[int], rate: int
) -> list[float]:
    """Return how many seconds after it was due each text was on the disk."""
    loop, took_s = asyncio.get_running_loop(), list[float]()

    async def one(number: int, due: float) -> None:
        to = recipients[number % len(recipients)]
        await house.accept(request(FIRST_NEW + number, to, seed.sender(number)))
        took_s.append(loop.time() - due)

    begin, number = loop.time(), 0
    async with asyncio.TaskGroup() as callers:
        while rate and not importing.done():
            due = begin + number / rate
            await asyncio.sleep(due - loop.time())
            callers.create_task(one(number, due))
            number += 1
    return took_s
