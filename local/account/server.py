"""moto's server with the gaps filled: `python -m local.account.server PORT …`."""

import json
import os
import sys

from moto.awslambda.models import LambdaFunction
from moto.cloudtrail.responses import CloudTrailResponse
from moto.server import main as serve

from local.account import offers
from local.account.beforehand import make_what_was_asked_for
from local.account.cloudformation import install
from local.account.invocation import answer_of_deployed
from local.account.resources import protection
from local.account.resources.data import secret_of_all
from local.account.resources.models import MODELS
from local.servers.aws import Aws


def main() -> None:
    port = sys.argv[1]
    os.environ.update(Aws(endpoint_url=f"http://localhost:{port}", region=os.environ["AWS_REGION"]).environment)
    install(MODELS)
    protection.install()
    offers.install()
    make_what_was_asked_for(secret_of_all())
    setattr(LambdaFunction, "invoke", answer_of_deployed)  # noqa: B010 - moto's own needs Docker
    # The command line calls this to learn why a deployment failed, and repeats the call until it gets an answer.
    setattr(CloudTrailResponse, "lookup_events", lambda _: json.dumps({"Events": []}))  # noqa: B010 - moto has none
    serve(["-H", "127.0.0.1", "-p", port])


if __name__ == "__main__":
    main()
