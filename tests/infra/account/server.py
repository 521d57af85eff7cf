"""moto's server with the gaps filled: `python -m tests.infra.account.server PORT …`."""

import json
import os
import sys

from moto.cloudtrail.responses import CloudTrailResponse
from moto.server import main as serve

from local.servers.aws import Aws
from tests.infra.account.cloudformation import install
from tests.infra.account.models import MODELS


def main() -> None:
    port = sys.argv[1]
    os.environ.update(Aws(endpoint_url=f"http://localhost:{port}").environment)
    install(MODELS)
    # The command line asks it why a deployment failed, and again and again as long as it gets no answer.
    setattr(CloudTrailResponse, "lookup_events", lambda _: json.dumps({"Events": []}))  # noqa: B010 - moto has none
    serve(["-H", "127.0.0.1", "-p", port])


if __name__ == "__main__":
    main()
