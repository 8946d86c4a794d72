"""Make stores with people and backlogs once, and hand out fresh copies."""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.children import measure
from bot.operate.keys import new_key
from tests.peers.postgres import Postgres


class Stores:
    """The stores of one run, all under one SECRET_KEY."""

    def __init__(self, folder: Path, postgres: Postgres | None) -> None:
        self.key = new_key()
        self._folder, self._postgres = folder, postgres
        self._made: dict[tuple[int, int, float], str] = {}
        self._number = 0

    @classmethod
    def open(cls, folder: Path, stack: ExitStack, *, postgres: bool) -> Self:
        """Make stores in a folder, or on a PostgreSQL server that writes through to the disk."""
        return cls(folder, stack.enter_context(Postgres.start(fsync=True)) if postgres else None)

    @property
    def kind(self) -> str:
        """Name the database."""
        return "PostgreSQL, fsync on" if self._postgres else "SQLite, synchronous=FULL"

    def kept(self, registrations: int, texts: int = 0, favourite_share: float = 0.0) -> str:
        """Return the one store with so many people, and texts that wait; made when first asked for."""
        wanted = (registrations, texts, favourite_share)
        if wanted not in self._made:
            if texts:
                url = self.fresh(registrations)
                sizes = {"registrations": registrations, "texts": texts, "favourite_share": favourite_share}
                measure("backlog", url=url, key=self.key, **sizes)
            else:
                url = self._empty()
                measure("fill", url=url, key=self.key, registrations=registrations)
            self._made[wanted] = url
        return self._made[wanted]

    def fresh(self, registrations: int, texts: int = 0, favourite_share: float = 0.0) -> str:
        """Return a copy of such a store that nobody has worked on."""
        original = self.kept(registrations, texts, favourite_share)
        if self._postgres is not None:
            url = self._postgres.create_database()
            self._copy_database(self._postgres, original, url)
            return url
        url = self._empty()
        # Whoever filled it has closed it, so there is no journal beside the file.
        shutil.copyfile(_file(original), _file(url))
        # Else the system writes the copy to the disk while somebody is measured on it.
        with Path(_file(url)).open("rb") as copy:
            os.fsync(copy.fileno())
        return url

    def drop(self, url: str) -> None:
        """Throw a store away."""
        if self._postgres is not None:
            self._postgres.drop_database(url)
            return
        file = Path(_file(url))
        for beside in file.parent.glob(f"{file.name}*"):  # journals and locks
            beside.unlink()

    def _empty(self) -> str:
        if self._postgres is not None:
            return self._postgres.create_database()
        self._number += 1
        return f"sqlite+aiosqlite:///{self._folder / f'{self._number}.db'}"

    def _copy_database(self, server: Postgres, original: str, url: str) -> None:
        server.drop_database(url)
        names = [sql.Identifier(urlsplit(each).path.removeprefix("/")) for each in (url, original)]
        admin = original.replace("+psycopg", "").rpartition("/")[0] + "/postgres"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))


def _file(url: str) -> str:
    return url.partition(":///")[2]
