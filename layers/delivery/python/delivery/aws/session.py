"""The process's one session of botocore, which reads AWS's descriptions of its services in a fraction of the time.

boto3 would add nothing that a function needs, and its import lengthens a cold start.
"""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session


@cache
def aws_session() -> Session:
    session = Session()
    # botocore's own way to set a loader (boto/botocore, pull request 2682)
    session.register_component("data_loader", _Descriptions(file_loader=_PlainFiles()))
    return session


class _Descriptions(Loader):
    """Takes each directory for a service.

    botocore looks into all of them, several hundred, to be able to name the services when one is unknown.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's
        there = (path for path in self.search_paths if Path(path).is_dir())
        return [name for path in there for name in os.listdir(path)]  # noqa: PTH208 - hundreds of paths take longer


class _PlainFiles(JSONFileLoader):
    """Makes plain dictionaries, which keep their order as well as the OrderedDict of botocore and are made faster."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - JSON
        for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
            if Path(file_path + suffix).is_file():
                with opened(file_path + suffix, "rb") as file:
                    return json.load(file)
        return None
