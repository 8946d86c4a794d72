"""The command line; standard library only until .venv exists, and readable by Pythons too old to run it."""

import os
import sys

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if sys.path and os.path.abspath(sys.path[0]) == os.path.join(CHECKOUT, "bot"):
    sys.path[0] = CHECKOUT  # started as `python3 /path/to/checkout/bot`
elif CHECKOUT not in sys.path:
    sys.path.insert(0, CHECKOUT)

from bot import VERSION, bootstrap  # noqa: E402 - only now is it found
from bot.exits import BUG, OK, UNAVAILABLE, USAGE, WRONG_SETTINGS  # noqa: E402 - as above

TYPE_CHECKING = False  # as in typing, without the import
if TYPE_CHECKING:
    from argparse import Namespace

    from bot.config import Config

RUN_LOCK, TEST_LOCK = "requirements.txt", "requirements-dev.txt"
USAGE_TEXT = """usage: python3 -m bot COMMAND [options]

  demo [--once] [--port N] [--refuse]  show the whole bot against a pretend Discord, carrier and phones
  test [--ci | --long] [pytest args]   check everything
  setup [--no-input] [options]         write .env; `setup --help` lists the options
  run                                  run the bot (needs `setup` once; installs nothing)
  migrate                              bring the store's schema up to date
  invite                               print the address that adds the bot to a server
  carriers check [--json]              look up every gateway's domain, and look at the mail server
  carriers import FILE [--apply]       show what a CSV file of carriers changes, or change it
  carriers export [FILE]               write the carriers as CSV
  inspect mail FILE...                 show how mails are read, one JSON object a line
  inspect text TEXT | answer ANSWER    show what a phone shows, or what a server's answer means
  keys new                             print a new key for SECRET_KEY

`python3 -m bot COMMAND --help` says more; `--version` prints the version.
"""


def main(argv: "list[str]") -> "int":
    """Enter the private environment, then do what the first word says."""
    if not argv or argv[0] in ("help", "-h", "--help"):
        print(USAGE_TEXT, end="", file=sys.stdout if argv else sys.stderr)
        return OK if argv else USAGE
    if argv == ["--version"]:
        print("Textbridge %s" % VERSION)
        return OK
    if argv[0] not in COMMANDS:
        print("There is no such command; there are %s." % ", ".join(COMMANDS), file=sys.stderr)
        return USAGE
    if sys.version_info >= bootstrap.OLDEST:
        _parse(argv)  # a wrong flag is told before anything is installed
    os.chdir(CHECKOUT)  # relative paths mean the checkout
    try:
        _enter(argv)
    except bootstrap.CannotStart as missing:
        print(missing, file=sys.stderr)
        return UNAVAILABLE
    return _carry_out(_parse(argv))


def _parse(argv: "list[str]") -> "Namespace":
    from bot.operate import cli

    return cli.parse(argv)


def _enter(argv: "list[str]") -> "None":
    """Continue in .venv's Python, or return where this one is to be used. Raises CannotStart."""
    lock_file = TEST_LOCK if argv[0] == "test" else RUN_LOCK
    words = [os.path.join(CHECKOUT, "bot"), *argv]
    bootstrap.enter(os.environ, lock_file, words, installs=argv[0] != "run")


def _carry_out(args: "Namespace") -> "int":
    """Run the command; what it cannot do is one sentence, what is wrong with the settings one line each."""
    from bot.domain.errors import ConfigError, UserError

    try:
        return COMMANDS[args.command](args)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
    except UserError as error:
        print(error, file=sys.stderr)
    return WRONG_SETTINGS


def _demo(args: "Namespace") -> "int":
    from bot.sandbox.demo import main as play

    on_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return play(args.once or not on_terminal, args.port, args.refuse)


def _test(args: "Namespace") -> "int":
    from bot.operate.checks import run_checks

    return run_checks(args.size, args.rest, os.environ, CHECKOUT)


def _setup(args: "Namespace") -> "int":
    if args.packages:
        return OK  # they are there by now
    from bot.operate.setup import main as set_up

    return set_up(args, os.environ)


def _run(args: "Namespace") -> "int":
    import logging

    from bot import config, log
    from bot.domain.errors import ConfigError, UserError

    settings = config.load()
    log.configure(settings.log_format, settings.log_level)
    logger = logging.getLogger("bot")
    for warning in settings.warnings:
        logger.warning("settings: %s", warning)
    try:
        return _run_roles(settings)
    except KeyboardInterrupt:
        return OK
    except (ConfigError, UserError):
        raise
    except Exception:
        # Broad on purpose, the last place: a bug is logged, masked, and has its exit code.
        logger.critical("run: stopped by a bug", exc_info=True)
        return BUG


def _run_roles(settings: "Config") -> "int":
    import asyncio

    from bot import app
    from bot.loop import settle
    from bot.mail.domains import look_up

    settle()
    try:
        import uvloop
    except ImportError:
        return asyncio.run(app.run(settings, look_up=look_up))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(app.run(settings, look_up=look_up))


def _migrate(args: "Namespace") -> "int":
    import asyncio

    from sqlalchemy.exc import DBAPIError

    from bot.config import load_one
    from bot.db.migrate import SchemaTooNew, migrate
    from bot.domain.errors import UserError

    url = load_one("DATABASE_URL")
    try:
        asyncio.run(migrate(url))
    except SchemaTooNew:
        raise UserError("The store was written by a newer version: update this checkout first.") from None
    except (DBAPIError, OSError):  # the driver's words may quote the address with its password
        print(
            "DATABASE_URL: the store cannot be reached; check that it is up and may be written",
            file=sys.stderr,
        )
        return UNAVAILABLE
    print("The store is up to date.")
    return OK


def _invite(args: "Namespace") -> "int":
    from bot.config import load_one
    from bot.operate.invite import COMMANDS_MISSING, application_id_from_token, invite_url

    application_id = application_id_from_token(load_one("DISCORD_TOKEN"))
    if application_id is None:
        print("DISCORD_TOKEN: it does not name its application; copy the whole token again", file=sys.stderr)
        return WRONG_SETTINGS
    print(invite_url(application_id))
    print(COMMANDS_MISSING)
    return OK


def _carriers(args: "Namespace") -> "int":
    from bot.operate.carriers_cli import carriers

    return carriers(args)


def _inspect(args: "Namespace") -> "int":
    from bot.operate.inspect import inspect

    return inspect(args)


def _keys(args: "Namespace") -> "int":
    from bot.operate.keys import new_key

    print(new_key())
    return OK


COMMANDS = {
    "demo": _demo,
    "test": _test,
    "setup": _setup,
    "run": _run,
    "migrate": _migrate,
    "invite": _invite,
    "carriers": _carriers,
    "inspect": _inspect,
    "keys": _keys,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
