"""Puts an archive wherever a template looks for the code of a function or a layer."""

import io
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from local.servers.aws import ACCOUNT, REGION, Aws
from tests.infra.templates import Template


def publish_nothing(template: Template, aws: Aws) -> None:
    """Empty ones, for functions that nobody calls."""
    s3 = aws.session.client("s3", endpoint_url=aws.endpoint_url)
    for place in _places(template.body):
        bucket = _here(place["S3Bucket"])
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=place["S3Key"], Body=_empty())


def _places(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and "S3Key" in node:
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _places(part)


def _here(name: Any) -> str:
    text = name["Fn::Sub"] if isinstance(name, dict) else name
    return str(text).replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _empty() -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as zipped:
        zipped.writestr("empty", "")
    return content.getvalue()
