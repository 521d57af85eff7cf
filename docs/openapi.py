"""Writes docs/openapi.json, which the API serves as well (`make docs`)."""

import json
from pathlib import Path
from typing import NoReturn

from delivery.aws.api.app import Api
from delivery.aws.api.channels import ChannelRoutes
from delivery.aws.api.description import described
from delivery.aws.api.identity import Identities
from delivery.aws.api.operators import OperatorRoutes

FILE = Path(__file__).with_name("openapi.json")


def written() -> str:
    """The description of the routes, for which nothing behind them is built."""
    api = Api(
        identities=Identities(user_claim="sub", operate_scope="notifications:operate"),
        channels=ChannelRoutes(channels=_nothing),
        operators=OperatorRoutes(operating=_nothing),
        until=_nothing,
    )
    return f"{json.dumps(json.loads(described(api.app())), ensure_ascii=False, indent=2)}\n"


def _nothing(*_given: object) -> NoReturn:
    raise AssertionError("a description asks nothing")


if __name__ == "__main__":
    FILE.write_text(written())
