"""Puts an assembly's files into the bucket that a bootstrap would have made, where its templates look for them."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from local.servers.aws import ACCOUNT, REGION, Aws


def publish(out: Path, aws: Aws) -> None:
    s3 = aws.session.client("s3", endpoint_url=aws.endpoint_url)
    for bucket, key, source in _files(out):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=_zipped(source) if source.is_dir() else source.read_bytes())


def _files(out: Path) -> Iterator[tuple[str, str, Path]]:
    for manifest in out.glob("*.assets.json"):
        for file in json.loads(manifest.read_text())["files"].values():
            (place,) = file["destinations"].values()
            yield _here(place["bucketName"]), place["objectKey"], out / file["source"]["path"]


def _here(name: Any) -> str:
    return str(name).replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as zipped:
        for file in folder.rglob("*"):
            zipped.write(file, file.relative_to(folder))
    return content.getvalue()
