"""The command line: `python3 -m benchmarks` prints one table."""

import os
import sys

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if CHECKOUT not in sys.path:
    sys.path.insert(0, CHECKOUT)

from bot import bootstrap  # noqa: E402 - only now is it found
from bot.exits import UNAVAILABLE  # noqa: E402 - as above

LOCK = "requirements-dev.txt"


def main(argv: "list[str]") -> "int":
    """Enter the private environment, made where it is missing, then measure."""
    os.chdir(CHECKOUT)  # relative paths mean the checkout
    try:
        bootstrap.enter(os.environ, LOCK, ["-m", "benchmarks", *argv])
    except bootstrap.CannotStart as missing:
        print(missing, file=sys.stderr)
        return UNAVAILABLE
    from benchmarks.cli import measure

    return measure(argv, os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
