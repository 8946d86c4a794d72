"""The command line: `python3 -m benchmarks` prints one table."""

import os
import sys

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if CHECKOUT not in sys.path:
    sys.path.insert(0, CHECKOUT)

from bot import bootstrap  # noqa: E402 - only now is it found
from bot.exits import UNAVAILABLE  # noqa: E402

LOCK = "requirements-dev.txt"


def main(argv: "list[str]") -> "int":
    """Enter the private environment, made where it is missing, then measure."""
    os.chdir(CHECKOUT)  # relative paths mean the checkout
    try:
        _enter(argv)
    except bootstrap.CannotStart as missing:
        print(missing, file=sys.stderr)
        return UNAVAILABLE
    from benchmarks.cli import measure

    return measure(argv, os.environ)


def _enter(argv: "list[str]") -> "None":
    """Continue in .venv's Python, or return where this one is to be used. Raises CannotStart."""
    if os.environ.get("BOT_NO_BOOTSTRAP") == "1":
        bootstrap.check_version()
        return
    python = bootstrap.ready_python(LOCK)
    if python is None:
        newer = bootstrap.better_python(os.environ.get("PATH", os.defpath))
        python = newer if newer is not None else bootstrap.ensure(LOCK)
    if not bootstrap.is_entered():
        sys.stdout.flush()
        os.execv(python, [python, "-m", "benchmarks", *argv])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
