"""The functions' own users on the tests' MySQL, which knows no IAM: they prove who they are by a password here."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Engine, text

from delivery.deployment.database_users import FunctionUsers
from delivery.deployment.rights import RIGHTS
from delivery.storage.mysql.database import address_of, open_engine

PASSWORD = "a password of the tests"
BY_PASSWORD = f"IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Users of one database, named after it."""

    url: str
    root: Engine
    _opened: list[Engine] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        return f"{address_of(self.url).database}_"

    def settle(self, identified: str = BY_PASSWORD, *, words: AbstractSet[str] = frozenset(RIGHTS)) -> None:
        with self.root.connect() as connection:
            FunctionUsers(prefix=self.prefix, words=words, identified=identified).settle(connection)

    def engine(self, word: str) -> Engine:
        """As this stage's user."""
        address = replace(address_of(self.url), user=f"{self.prefix}{word}", password=PASSWORD)
        self._opened.append(open_engine(lambda: address))
        return self._opened[-1]

    def run(self, statement: str) -> None:
        """As root, with `{ingest}` and the like for the accounts."""
        accounts = {word: f"`{self.prefix}{word}`@`%`" for word in RIGHTS}
        with self.root.begin() as connection:
            connection.execute(text(statement.format(**accounts)))

    def grants(self, word: str) -> set[str]:
        """As MySQL itself shows them."""
        with self.root.connect() as connection:
            return set(connection.execute(text(f"SHOW GRANTS FOR `{self.prefix}{word}`@`%`")).scalars())

    def drop(self) -> None:
        for engine in self._opened:
            engine.dispose()
        for word in RIGHTS:
            self.run(f"DROP USER IF EXISTS {{{word}}}")


@contextmanager
def settled(url: str, root: Engine) -> Iterator[Users]:
    users = Users(url=url, root=root)
    users.settle()
    try:
        yield users
    finally:
        users.drop()
