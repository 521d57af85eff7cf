"""The process's one session of botocore, which reads AWS's descriptions of its services in a fraction of the time.

boto3 would add nothing that a function needs, and its import lengthens a cold start.
"""

import gzip
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from botocore.credentials import ContainerProvider, CredentialProvider, CredentialResolver, EnvProvider
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

#: The services that functions call, as botocore's events name them.
SERVICES = frozenset({"cloudformation", "kafka", "kms", "secrets-manager", "sqs"})
#: What they call of each, by its name for a client. A layer describes nothing else (cdk.build.descriptions).
CALLS: Mapping[str, Sequence[str]] = {
    "cloudformation": ("DescribeStacks",),
    "kafka": ("GetBootstrapBrokers",),
    "kms": ("Decrypt", "GenerateDataKey"),
    "secretsmanager": ("GetSecretValue",),
    "sqs": ("GetQueueAttributes", "SendMessage", "SendMessageBatch"),
}
#: Where the build of the layers puts the descriptions. Elsewhere botocore's own are read.
DESCRIPTIONS = Path(__file__).with_name("descriptions")


@cache
def aws_session() -> Session:
    session = _Session()
    # botocore's own way to set a loader (boto/botocore, pull request 2682)
    session.register_component("data_loader", _Descriptions([str(DESCRIPTIONS)], _PlainFiles()))
    session.register_component("credential_provider", CredentialResolver(_role()))
    return session


def _role() -> list[CredentialProvider]:
    """The role's credentials are in the environment.

    A function that starts from a snapshot is told there where to get them ("Activating and managing Lambda SnapStart").
    botocore would also prepare to look for profiles, for a web identity and for an EC2 instance.
    """
    snapshot = ContainerProvider.ENV_VAR_FULL in os.environ
    return [EnvProvider(), *([ContainerProvider()] if snapshot else [])]


class _Session(Session):
    """Has none of the more than a hundred handlers that botocore registers for services which no function calls."""

    def register(self, event_name: str, *rest: Any, **options: Any) -> None:  # noqa: ANN401 - botocore's
        _, _, of = event_name.partition(".")
        if not of or of.partition(".")[0] in SERVICES:
            super().register(event_name, *rest, **options)


class _Descriptions(Loader):
    """Leaves out what botocore reads of other services."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        """Takes each directory for a service.

        botocore looks into all of them, several hundred, to be able to name the services when one is unknown.
        """
        there = (path for path in self.search_paths if Path(path).is_dir())
        return [name for path in there for name in os.listdir(path)]  # noqa: PTH208 - hundreds of paths take longer

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Every region of every service is in one file of more than a megabyte, from before each had rules of its own.

        botocore still reads it first, and goes by the rules if it is the file that botocore came with.
        """
        if name == "endpoints":
            return {"version": 3, "partitions": []}, str(Path(self.BUILTIN_DATA_PATH) / name)
        found: tuple[Any, str] = super().load_data_with_path(name)
        return found


class _PlainFiles(JSONFileLoader):
    """Makes plain dictionaries, which keep their order as well as the OrderedDict of botocore and are made faster."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - JSON
        for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
            if Path(file_path + suffix).is_file():
                with opened(file_path + suffix, "rb") as file:
                    return json.load(file)
        return None
