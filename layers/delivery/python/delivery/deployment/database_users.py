"""Makes the functions' own MySQL users and gives them exactly the rights that `rights` declares."""

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import Connection, text

from delivery.deployment.rights import RIGHTS
from delivery.storage.mysql.columns import Privilege

#: RDS's plugin takes an IAM token as the password. The token is sent in clear, so TLS is required.
BY_IAM = "IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL"

# A line of SHOW GRANTS has privileges ON something, or roles without ON.
_GRANT = re.compile(
    r"GRANT (?P<what>.+?)(?: ON (?P<where>.+))? TO `[^`]+`@`[^`]+`(?: WITH (?P<option>GRANT|ADMIN) OPTION)?"
)
_PRIVILEGE = re.compile(r"(?P<name>[^,(]+?)(?: \((?P<columns>[^)]+)\))?(?:, *|$)")


_Held = dict[str, set[Privilege]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionUsers:
    """One MySQL user per deployed function, named by the prefix and the function's word."""

    prefix: str
    #: The functions of this deployment; some are optional.
    words: AbstractSet[str]
    #: The clause of CREATE USER that says how they log in.
    identified: str = BY_IAM

    def settle(self, connection: Connection) -> None:
        """Makes the users, grants missing rights and revokes extra ones, in the connection's database.

        Drops the users of functions that are not deployed.

        Raises:
            sqlalchemy.exc.DBAPIError: with MySQL's own words. Running again goes on from there.
        """
        database = connection.execute(text("SELECT DATABASE()")).scalar_one()
        for word, tables in RIGHTS.items():
            account = f"`{self.prefix}{word}`@`%`"
            if word not in self.words:
                connection.execute(text(f"DROP USER IF EXISTS {account}"))
                continue
            connection.execute(text(f"CREATE USER IF NOT EXISTS {account} {self.identified}"))
            connection.execute(text(f"ALTER USER {account} {self.identified}"))
            _settle(connection, account, _wanted(database, tables))


def _settle(connection: Connection, account: str, wanted: _Held) -> None:
    """Grants first, because the old code is still running and must keep the rights that both versions need."""
    _change(connection, "GRANT {} TO " + account, _without(wanted, _held(connection, account)))
    _change(connection, "REVOKE {} FROM " + account, _without(_held(connection, account), wanted))
    # Revoking a privilege on a whole table also revokes it on the table's columns.
    _change(connection, "GRANT {} TO " + account, _without(wanted, _held(connection, account)))


def _change(connection: Connection, statement: str, privileges: _Held) -> None:
    for where, what in privileges.items():
        for privilege in _written(what):
            connection.execute(text(statement.format(f"{privilege} ON {where}" if where else privilege)))


def _wanted(database: str, tables: Mapping[str, AbstractSet[Privilege]]) -> _Held:
    return {f"`{database}`.`{table}`": set(privileges) for table, privileges in tables.items()}


def _held(connection: Connection, account: str) -> _Held:
    """What the account may do now. Roles have an empty name as their place."""
    held: _Held = defaultdict(set)
    for line in connection.execute(text(f"SHOW GRANTS FOR {account}")).scalars():
        if grant := _GRANT.fullmatch(line):  # other lines are partial revokes
            held[grant["where"] or ""] |= _read_privileges(grant["what"]) - {Privilege("USAGE")}
            held[grant["where"] or ""] |= {Privilege("GRANT OPTION")} if grant["option"] == "GRANT" else set()
    return held


def _without(privileges: _Held, others: _Held) -> _Held:
    rest = {where: what - others.get(where, set()) for where, what in privileges.items()}
    return {where: what for where, what in rest.items() if what}


def _read_privileges(privileges: str) -> set[Privilege]:
    """Reads `SELECT (a, b), INSERT` as three privileges."""
    return {
        Privilege(found["name"], column.strip(" `"))
        for found in _PRIVILEGE.finditer(privileges)
        for column in (found["columns"] or "").split(",")
    }


def _written(privileges: AbstractSet[Privilege]) -> list[str]:
    """The privileges as GRANT and REVOKE take them, one for each statement."""
    columns: dict[str, list[str]] = defaultdict(list)
    for privilege in sorted(privileges):
        columns[privilege.name].append(f"`{privilege.column}`" if privilege.column else "")
    # Revoking a privilege on the whole table covers its columns.
    return [name if "" in of else f"{name} ({', '.join(of)})" for name, of in columns.items()]
