"""A MySQL that takes what it should not."""

from collections.abc import Iterator

import pytest

from local.servers.mysql import MySqlServer
from tests.integration.conftest import disposed, engine_for


@pytest.fixture
def loose_server(mysql: MySqlServer) -> Iterator[None]:
    """For the length of a test, new connections begin without strict mode."""
    with disposed(engine_for(mysql.with_database("mysql"))) as server, server.connect() as connection:
        usual = connection.exec_driver_sql("SELECT @@GLOBAL.sql_mode").scalar_one()
        connection.exec_driver_sql("SET GLOBAL sql_mode = ''")
        yield
        connection.exec_driver_sql("SET GLOBAL sql_mode = %s", (usual,))
