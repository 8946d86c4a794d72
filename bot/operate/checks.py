"""Run every check of the project: lint, format, types, tests."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

_CHECKS = (
    ("ruff", "check", "--quiet"),
    ("ruff", "format", "--check", "--quiet"),
    ("mypy",),
)
# Four processes, each with servers of its own, keep two cores busy: tests wait for half of their time.
# The tests of one file stay together and in order; the longest files come first (tests/conftest.py).
_SIDE_BY_SIDE = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")


def run_checks(size: str, pytest_args: Sequence[str], env: Mapping[str, str], checkout: str) -> int:
    """Run pytest with these arguments; without any, everything else beside it. Returns the exit code."""
    env = {**env, "TEXTBRIDGE_TEST_SIZE": size}
    # Else every process that a test starts compiles the whole project again.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with ExitStack() as stack:

        def start(*step: str, quiet: bool) -> subprocess.Popen[str]:
            return stack.enter_context(_started(step, env, checkout, quiet))

        checks = {} if pytest_args else {check: start(*check, quiet=True) for check in _CHECKS}
        code = start("pytest", *(pytest_args or _SIDE_BY_SIDE), quiet=False).wait()
        said = {check: process.communicate()[0] for check, process in checks.items()}
    failed = [check for check, process in checks.items() if process.returncode]
    for check in failed:
        sys.stdout.write(said[check])
    sys.stdout.flush()
    for check in failed:
        print(f"failed: {' '.join(check)}", file=sys.stderr)
    return code or int(bool(failed))


@contextmanager
def _started(
    step: Sequence[str], env: Mapping[str, str], checkout: str, quiet: bool
) -> Iterator[subprocess.Popen[str]]:
    """Run one tool in a process that ends with this one; what a quiet one says is for the caller to show."""
    command = [sys.executable, "-m", *step]
    out, errors = (subprocess.PIPE, subprocess.STDOUT) if quiet else (None, None)
    with subprocess.Popen(command, cwd=checkout, env=env, text=True, stdout=out, stderr=errors) as process:
        before = signal.getsignal(signal.SIGTERM)

        def end(number: int, frame: FrameType | None) -> None:
            process.terminate()
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGTERM, end)
        try:
            yield process
        finally:
            signal.signal(signal.SIGTERM, before)
