"""The functions' own MySQL users, made to have exactly the rights that `rights` declares, however often it runs."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import text

from delivery.deployment.rights import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from sqlalchemy import Connection

#: RDS's plugin takes a token that IAM signed for a password; the token goes in clear, so only by TLS.
BY_IAM = "IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL"

# As SHOW GRANTS prints: privileges, or roles without ON; what they are for; whom.
_GRANT = re.compile(
    r"GRANT (?P<what>.+?)(?: ON (?P<where>.+))? TO `[^`]+`@`[^`]+`(?: WITH (?P<option>GRANT|ADMIN) OPTION)?"
)
_PRIVILEGE = re.compile(r"(?P<name>[^,(]+?)(?: \((?P<columns>[^)]+)\))?(?:, *|$)")


class Privilege(NamedTuple):
    name: str
    #: empty is the whole table
    column: str = ""


_Held = dict[str, set[Privilege]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUsers:
    """One user for each stage that has rights: the prefix and the stage's word are its name."""

    prefix: str
    #: how they prove who they are: a clause of CREATE USER
    identified: str = BY_IAM

    def settle(self, connection: Connection) -> None:
        """In the connection's database: makes users, grants what is missing and revokes what is too much.

        Raises:
            sqlalchemy.exc.DBAPIError: with MySQL's own words; running again goes on from there.
        """
        database = connection.execute(text("SELECT DATABASE()")).scalar_one()
        for word, tables in RIGHTS.items():
            account = f"`{self.prefix}{word}`@`%`"
            connection.execute(text(f"CREATE USER IF NOT EXISTS {account} {self.identified}"))
            connection.execute(text(f"ALTER USER {account} {self.identified}"))
            _settle(connection, account, _wanted(database, tables))


def _settle(connection: Connection, account: str, wanted: _Held) -> None:
    """Grants come first, for old code still serves: it must not be without what both versions need."""
    _change(connection, "GRANT {} TO " + account, _without(wanted, _held(connection, account)))
    _change(connection, "REVOKE {} FROM " + account, _without(_held(connection, account), wanted))
    # A privilege on a whole table takes those on its columns with it when it is revoked.
    _change(connection, "GRANT {} TO " + account, _without(wanted, _held(connection, account)))


def _change(connection: Connection, statement: str, privileges: _Held) -> None:
    for where, what in privileges.items():
        for privilege in _written(what):
            connection.execute(text(statement.format(f"{privilege} ON {where}" if where else privilege)))


def _wanted(database: str, tables: Mapping[str, str]) -> _Held:
    return {f"`{database}`.`{table}`": read_privileges(privileges) for table, privileges in tables.items()}


def _held(connection: Connection, account: str) -> _Held:
    """What the account may do now; its roles stand under an empty name."""
    held: _Held = defaultdict(set)
    for line in connection.execute(text(f"SHOW GRANTS FOR {account}")).scalars():
        if grant := _GRANT.fullmatch(line):  # the others take away: partial revokes
            held[grant["where"] or ""] |= read_privileges(grant["what"]) - {Privilege("USAGE")}
            held[grant["where"] or ""] |= {Privilege("GRANT OPTION")} if grant["option"] == "GRANT" else set()
    return held


def _without(privileges: _Held, others: _Held) -> _Held:
    rest = {where: what - others.get(where, set()) for where, what in privileges.items()}
    return {where: what for where, what in rest.items() if what}


def read_privileges(privileges: str) -> set[Privilege]:
    """`SELECT (a, b), INSERT` as three privileges."""
    return {
        Privilege(found["name"], column.strip(" `"))
        for found in _PRIVILEGE.finditer(privileges)
        for column in (found["columns"] or "").split(",")
    }


def _written(privileges: AbstractSet[Privilege]) -> list[str]:
    """The same as GRANT and REVOKE take it, one to a statement."""
    columns: dict[str, list[str]] = defaultdict(list)
    for privilege in sorted(privileges):
        columns[privilege.name].append(f"`{privilege.column}`" if privilege.column else "")
    # Revoked from the whole table, a privilege is revoked from its columns.
    return [name if "" in of else f"{name} ({', '.join(of)})" for name, of in columns.items()]
