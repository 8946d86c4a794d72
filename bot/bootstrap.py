"""The private environment in .venv: made and repaired; standard library only, readable by old Pythons."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

TYPE_CHECKING = False  # as in typing, without the import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(CHECKOUT, ".venv")
STAMP = os.path.join(VENV, "textbridge-stamp.json")
OLDEST = (3, 11)
# Newest first among those that are tested; then whatever is newer.
_NAMES = ["python3.%d" % minor for minor in (14, 13, 12, 11, 15, 16, 17, 18)] + ["python3", "python"]
_PROBE = "import sys, venv, ensurepip; sys.exit(sys.version_info < %r)" % (OLDEST,)
_PROBE_TIMEOUT_S = 20
_LAST_LINES = 3


class CannotStart(Exception):
    """Holds one line that says what is missing and what to do."""


def enter(env: "Mapping[str, str]", lock_file: "str", words: "list[str]", installs: "bool" = True) -> "None":
    """Continue with these words in .venv's Python, or return where this one is to be used.

    Where .venv is not ready it is made, or, without `installs`, done without. Raises CannotStart.
    """
    if env.get("BOT_NO_BOOTSTRAP") == "1":
        check_version()
        return
    python = ready_python(lock_file)
    if python is None and not installs:
        check_version()
        check_packages()
        return
    if python is None:
        newer = better_python(env.get("PATH", os.defpath))
        if newer is not None:
            _become(newer, words)
        python = ensure(lock_file)
    if not is_entered():
        _become(python, words)


def _become(python: "str", words: "list[str]") -> "NoReturn":
    """Continue as that Python in this very process, so that signals reach the bot."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [python, *words])  # noqa: S606 - no shell is wanted


def is_entered() -> "bool":
    """Tell whether this Python is the private environment's."""
    return os.path.realpath(sys.prefix) == os.path.realpath(VENV)


def better_python(path: "str") -> "str | None":
    """Find a Python to continue in where this one is too old or makes no environments; else None."""
    old = sys.version_info < OLDEST
    if not old and _can_make_environments():
        return None
    newer = _find_newer(path)
    if newer is not None:
        return newer
    check_version()
    raise CannotStart(
        "This Python cannot make private environments: install python3-venv (Debian, Ubuntu: "
        "sudo apt install python3-venv), then run this again."
    )


def check_version() -> "None":
    """Raise CannotStart where this Python is too old."""
    if sys.version_info < OLDEST:
        raise CannotStart(
            "Textbridge needs Python 3.11 or newer; this is %s.%s and there is no newer one on PATH. "
            "Install one (Debian, Ubuntu: sudo apt install python3 python3-venv), then run this again."
            % sys.version_info[:2]
        )


def check_packages() -> "None":
    """Raise CannotStart unless this Python has the packages itself, as on hosts that install them."""
    from importlib.util import find_spec

    if not all(find_spec(name) for name in ("discord", "aiosmtplib", "sqlalchemy", "alembic", "dotenv")):
        raise CannotStart(
            "The packages of requirements.txt are missing or old and `run` installs nothing: "
            "run `python3 -m bot setup --packages` once."
        )


def _find_newer(path: "str") -> "str | None":
    """Find a Python on PATH that is new enough and can make an environment."""
    for name in _NAMES:
        for folder in path.split(os.pathsep):
            found = shutil.which(name, path=folder)
            if found and _runs(found):
                return found
    return None


def ensure(lock_file: "str") -> "str":
    """Make .venv hold exactly what the lock file names; returns its Python. Raises CannotStart."""
    if _is_ready(lock_file):
        return _python()
    lock = _take_turn()
    try:
        if not _is_ready(lock_file):
            _make(lock_file, lock)
    finally:
        if lock is not None:
            os.close(lock)
    return _python()


def ready_python(lock_file: "str") -> "str | None":
    """Return .venv's Python where it holds what the lock file names; installs nothing."""
    return _python() if _is_ready(lock_file) else None


def _python() -> "str":
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.join(VENV, folder, name)


def _can_make_environments() -> "bool":
    """Tell whether this Python has venv and its pip; Debian packs them apart."""
    from importlib.util import find_spec

    return all(find_spec(name) for name in ("venv", "ensurepip"))


def _runs(python: "str", probe: "str" = _PROBE) -> "bool":
    try:
        command = [python, "-c", probe]
        quiet = subprocess.DEVNULL
        ended = subprocess.call(command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=_PROBE_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended == 0


def _read_stamp() -> "dict[str, str]":
    try:
        with open(STAMP) as stamp:
            found = json.load(stamp)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_ready(lock_file: "str") -> "bool":
    stamp = _read_stamp()
    # The development lock holds everything that the other one does.
    fits = any(stamp.get(name) == _digest(name) for name in (lock_file, "requirements-dev.txt"))
    return fits and stamp.get("python") == _version()


def _version() -> "str | None":
    """Ask .venv's Python which it is: an upgrade of the machine's Python breaks the environment."""
    try:
        asked = [_python(), "-I", "-S", "-c", "import sys; print(sys.version)"]
        return subprocess.check_output(asked, stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return None


def _digest(lock_file: "str") -> "str":
    with open(os.path.join(CHECKOUT, lock_file), "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def _take_turn() -> "int | None":
    """Wait until no other start is setting up; the lock ends with this process and its installer."""
    try:
        import fcntl
    except ImportError:
        return None
    lock = os.open(CHECKOUT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        _say("Waiting for another start that is setting up .venv…")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _make(lock_file: "str", lock: "int | None") -> "None":
    stamp = _read_stamp()
    _say("Setting up a private environment in .venv (once, about 20 s)…")
    usable = bool(stamp) and stamp.get("python") == _version() and _runs(_python(), "import pip")
    try:
        if os.path.exists(STAMP):
            os.remove(STAMP)  # a break from here on leaves an environment that is made anew
        if not usable:
            base = getattr(sys, "_base_executable", None) or sys.executable
            if is_entered():
                base = os.path.realpath(base)
            _run([base, "-m", "venv", "--clear", VENV], lock, "python3 -m venv failed")
        install = [_python(), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
        install += ["--require-hashes", "--requirement", os.path.join(CHECKOUT, lock_file)]
        _run(install, lock, "The packages could not be installed (is there a network?)")
        with open(STAMP, "w") as written:
            json.dump({"python": _version(), lock_file: _digest(lock_file)}, written)
    except OSError as error:
        raise CannotStart(
            "%s cannot be written (%s); make the checkout writable." % (VENV, error.strerror)
        ) from None


def _run(command: "list[str]", lock: "int | None", failed: "str") -> "None":
    """Run a step quietly; what it said is shown, cut to its end, only where it fails."""
    kept = () if lock is None else (lock,)
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=kept,
    )
    said = process.communicate()[0].decode("utf-8", "replace").strip().splitlines()
    if process.returncode:
        reasons = [line for line in said if line.startswith(("ERROR", "Error"))] or said
        raise CannotStart("%s: %s" % (failed, " ".join(reasons[-_LAST_LINES:]) or "it said nothing"))


def _say(line: "str") -> "None":
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
