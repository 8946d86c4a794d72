"""Read the flags, run the rounds, print the table."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from benchmarks import goals, rows_carriers, rows_choices, rows_discord, rows_mail, rows_store
from benchmarks.plan import FULL, QUICK, Bench, Group, Sizes, run_rounds
from benchmarks.profiles import take
from benchmarks.sinks import sink
from benchmarks.stores import Stores

GROUPS = (
    *rows_store.GROUPS[:1],
    *rows_mail.GROUPS,
    *rows_store.GROUPS[1:],
    *rows_carriers.GROUPS,
    *rows_discord.GROUPS,
    *rows_choices.GROUPS,
)
NAMES = [group.name for group in GROUPS]
ROUNDS = 3


def measure(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Measure what the flags ask for; returns the exit code."""
    args = _parser().parse_args(argv)
    sizes, groups = _sizes(args), _groups(args.rows)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=args.folder, prefix="textbridge-")))
        stores = Stores.open(folder, stack, postgres=args.postgres)
        account, sink_name = stack.enter_context(sink())
        bench = Bench(account, stores, sizes, stack, _nodemailer(env))
        rounds = args.rounds or (1 if args.quick else ROUNDS)
        table = run_rounds(bench, groups, rounds)
        profiles = take(bench) if args.profile else []
    print(_where(stores.kind, sink_name, rounds), end="\n\n")
    print("\n".join(table.lines()))
    compared = goals.lines(table, sizes.registrations)
    if compared:
        print("\n" + "\n".join(compared))
    for name, lines in profiles:
        print(f"\n{name}: where its time goes, in shares of its processor time\n\n" + "\n".join(lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m benchmarks", description="Measure the bot beside others."
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does it all run?")
    parser.add_argument("--rows", default=",".join(NAMES), help=f"some of {','.join(NAMES)}")
    parser.add_argument("--texts", type=int, help=f"the backlog ({FULL.texts}); the other sizes follow it")
    parser.add_argument("--rounds", type=int, help=f"how often each is measured ({ROUNDS})")
    parser.add_argument("--profile", action="store_true", help="say where the bot's time goes")
    parser.add_argument("--postgres", action="store_true", help="keep texts in PostgreSQL")
    parser.add_argument("--registrations", type=int, help="look-ups among so many as well, like 10000000")
    parser.add_argument("--recipients", type=int, help=f"how many have a phone ({FULL.recipients})")
    parser.add_argument("--seconds", type=float, help=f"how long texts come at 200/s ({FULL.seconds:.0f})")
    parser.add_argument("--folder", help="where the stores lie: a real disk, not memory")
    return parser


def _sizes(args: argparse.Namespace) -> Sizes:
    sizes = QUICK if args.quick else FULL
    asked = {name: getattr(args, name) for name in ("texts", "recipients", "seconds") if getattr(args, name)}
    if args.registrations:
        asked["registrations"] = (*sizes.registrations, args.registrations)
    return replace(sizes, **asked)


def _groups(wanted: str) -> list[Group]:
    names = [name.strip() for name in wanted.split(",")]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"There are no rows {', '.join(unknown)}; there are {', '.join(NAMES)}.")
    return [group for group in GROUPS if group.name in names]


def _nodemailer(env: Mapping[str, str]) -> str | None:
    """Find nodemailer where contenders.INSTALL_NODEMAILER puts it."""
    cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "/")) / ".cache")
    library = cache / "textbridge-benchmarks" / "node_modules" / "nodemailer"
    return str(library) if library.is_dir() else None


def _where(store: str, sink_name: str, rounds: int) -> str:
    loop = "uvloop" if find_spec("uvloop") else "asyncio's loop"
    python = f"Python {platform.python_version()}, {loop}"
    machine = f"{os.cpu_count()} cores {platform.machine()}"
    return f"{machine}; {python}; {store}; sink: {sink_name}; {rounds} interleaved rounds."
