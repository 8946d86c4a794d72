"""What may be typed after `python3 -m bot`; wrong usage ends with exit code 64."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from bot.exits import USAGE
from bot.operate.carriers_cli import add_carriers
from bot.operate.inspect import add_inspect

# The names of settings that `setup` takes as flags; kept here so that parsing needs no package.
SETUP_FLAGS = (
    "discord-token",
    "smtp-host",
    "smtp-port",
    "smtp-security",
    "smtp-username",
    "smtp-password",
    "smtp-from",
    "database-url",
)
SECRET_FLAGS = ("discord-token", "smtp-password")


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(USAGE, f"{self.prog}: {message}; see `{self.prog} --help`\n")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command and its options; leaves with 64 where they are wrong."""
    parser = _Parser(prog="python3 -m bot")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)

    def command(name: str, does: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, description=f"{does[0].upper()}{does[1:]}.")

    _add_demo(command("demo", "show the whole bot against a pretend Discord, carrier and phones"))
    _add_test(command("test", "check everything; what follows goes to pytest"))
    _add_setup(command("setup", "write .env: asks for what no option says"))
    command("run", "run the bot with the settings that `setup` wrote; installs nothing")
    command("migrate", "bring the store's schema up to date; `run` does it too")
    command("invite", "print the address that adds the bot to a server")
    add_carriers(command("carriers", "check, import, export or count the list of carriers"))
    add_inspect(command("inspect", "show how a mail, a text or a server's answer is read"))
    keys = command("keys", "`keys new` prints a new key for SECRET_KEY")
    keys.add_argument("action", type=_new, metavar="new", help="make a key")
    args, rest = parser.parse_known_args(argv)
    if rest and args.command != "test":
        parser.error(f"{args.command} does not take {rest[0].partition('=')[0]}")
    args.rest = rest
    return args


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="play the story, print its transcript and leave")
    parser.add_argument("--port", type=_port, metavar="N", help="where to listen")
    parser.add_argument(
        "--refuse", action="store_true", help="let the pretend carriers refuse: the story must then fail"
    )


def _add_test(parser: argparse.ArgumentParser) -> None:
    parser.usage = "python3 -m bot test [--ci | --long] [pytest args]"
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--ci", dest="size", action="store_const", const="ci", help="fault tests at CI size")
    size.add_argument(
        "--long", dest="size", action="store_const", const="long", help="the long sizes, with figures"
    )
    parser.set_defaults(size="tenth")


def _add_setup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-input", action="store_true", help="ask nothing: flags, environment and .env say all"
    )
    parser.add_argument("--gmail", action="store_true", help="send by Gmail: fills host, port and security")
    parser.add_argument("--packages", action="store_true", help="only install the packages into .venv")
    for flag in SETUP_FLAGS:
        name = flag.replace("-", "_").upper()
        one = parser.add_mutually_exclusive_group()
        one.add_argument(f"--{flag}", dest=name, metavar="TEXT", help=f"the setting {name}")
        if flag in SECRET_FLAGS:
            one.add_argument(
                f"--{flag}-file",
                dest=f"{name}_FILE",
                metavar="FILE",
                help="read it from a file: others can see flags",
            )


def _new(written: str) -> str:
    if written != "new":
        raise argparse.ArgumentTypeError("type `keys new`")
    return written


def _port(written: str) -> int:
    if not written.isdecimal() or not 0 <= int(written) <= 65535:
        raise argparse.ArgumentTypeError("use a port from 0 to 65535")
    return int(written)
