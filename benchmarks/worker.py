"""Do one job in this process and print its report: `python -m benchmarks.worker JOB SETTINGS`."""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any, cast

from benchmarks.delay import run
from benchmarks.sampler import Sampler
from bot.sandbox.smtp import Sink
from bot.sandbox.smtp_talk import Mail


class ForgetfulSink(Sink):
    """The sandbox's carriers, but they keep no mail."""

    def take(self, mail: Mail) -> None:
        """Let it go."""


async def sandbox_sink(port: int) -> None:
    """Take mail until ended from outside."""
    await ForgetfulSink().start(port)
    await asyncio.Event().wait()


# Imported only where wanted: what a contender does not need must not take its memory.
JOBS = {
    "fill": "house_jobs",
    "backlog": "house_jobs",
    "drain": "house_jobs",
    "accept": "house_jobs",
    "through": "house_jobs",
    "latency": "house_jobs",
    "import_carriers": "carrier_jobs",
    "smtplib_each": "peer_jobs",
    "aiosmtplib_reused": "peer_jobs",
    "discord": "discord_jobs",
    "choices": "choices_jobs",
    "sandbox_sink": "worker",
}


def main(name: str, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Do a job; with `profile` among its settings, also say where its time went."""
    job: Callable[..., Coroutine[Any, Any, Any]]
    job = getattr(importlib.import_module(f"benchmarks.{JOBS[name]}"), name)
    if not settings.pop("profile", False):
        return cast("dict[str, Any] | None", run(job(**settings)))
    with Sampler() as sampler:
        found: dict[str, Any] = run(job(**settings))
    return found | {"profile": sampler.shares()}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
