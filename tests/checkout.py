"""A small checkout whose demo tells where it runs, and Pythons that are old or lack what they need."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
BASE_PYTHON = Path(sys._base_executable).resolve()
TIMEOUT_S = 50
# What a bot started by a test needs so that it never reads the .env of whoever runs the tests.
NO_DOTENV = {"BOT_DOTENV": "/nonexistent/.env"}
_FILES = (
    "__init__",
    "__main__",
    "bootstrap",
    "exits",
    "operate/__init__",
    "operate/cli",
    "operate/carriers_cli",
    "operate/inspect",
    "domain/__init__",
    "domain/errors",
)
_DEMO = """
import os, sys

def main(once, port, refused):
    print(os.getpid(), sys.prefix, os.getcwd(), once, port, sep="\\n")
    return 0
"""


@dataclass(frozen=True, slots=True)
class SmallCheckout:
    """The real command line with locks that name no package: quick to set up, without a network."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "SmallCheckout":
        for name in _FILES:
            target = folder / "bot" / f"{name}.py"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / "bot" / f"{name}.py", target)
        (folder / "bot" / "sandbox").mkdir()
        (folder / "bot" / "sandbox" / "__init__.py").touch()
        (folder / "bot" / "sandbox" / "demo.py").write_text(_DEMO)
        for lock in ("requirements.txt", "requirements-dev.txt"):
            (folder / lock).write_text(f"# nothing in {lock}\n")
        return cls(folder)

    def copy(self, folder: Path) -> "SmallCheckout":
        """Copy it with its environment."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return SmallCheckout(folder)

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv" / "textbridge-stamp.json"

    def start(
        self, *words: str, python: "Path | str" = BASE_PYTHON, path: str = "/usr/bin:/bin", **env: str
    ) -> subprocess.Popen[str]:
        """Start the command line as from another folder with next to no environment."""
        return subprocess.Popen(
            [python, self.folder / "bot", *words],
            cwd="/",
            env={"HOME": str(self.folder), "PATH": path, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *words: str, python: "Path | str" = BASE_PYTHON, path: str = "/usr/bin:/bin", **env: str
    ) -> tuple[int, str, str]:
        """Run it to its end; returns exit code, output, errors."""
        process = self.start(*words, python=python, path=path, **env)
        said, complained = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, said, complained


def odd_python(folder: Path, spoilt_by: str) -> Path:
    """Make a `python3` that begins by running these lines, as an old or incomplete one would be."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import os, sys\nos.environ.pop('PYTHONPATH', None)\n{spoilt_by}\n"
    )
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}" exec "{BASE_PYTHON}" "$@"\n')
    python.chmod(0o755)
    return python


def without(*modules: str) -> str:
    return "\n".join(f"sys.modules[{module!r}] = None" for module in modules)


def old(minor: int) -> str:
    return f"sys.version_info = (3, {minor}, 2, 'final', 0)"
