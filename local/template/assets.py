"""Finds the directories of functions and layers in a cloud assembly."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.machine.processes import CannotStartError
from local.template.moto_stack import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    #: the cloud assembly's directory, to which every path in it is relative
    assembly: Path
    #: the content of the stack's asset manifest
    manifest: dict[str, Any]

    def directory(self, resource: Resource, content: str) -> Path:
        """The directory that the property `content` (`Code` or `Content`) of this resource would upload."""
        path = resource.metadata.get("aws:asset:path") or self._uploaded_as(resource.properties.get(content, {}))
        directory = (self.assembly / path).resolve() if path else None
        if directory is None or not directory.is_dir():
            raise CannotStartError(f"{resource.logical_id}: its code is no directory asset of {self.assembly}")
        return directory

    def _uploaded_as(self, location: dict[str, Any]) -> str | None:
        for file in self.manifest.get("files", {}).values():
            keys = {destination["objectKey"] for destination in file["destinations"].values()}
            if location.get("S3Key") in keys and file["source"].get("packaging") == "zip":
                return str(file["source"]["path"])
        return None


def assets_of(template: Path) -> Assets:
    """The manifest may be missing: a template can also name its assets in metadata."""
    manifest = template.with_name(template.name.replace(".template.json", ".assets.json"))
    content = json.loads(manifest.read_text()) if manifest.exists() and manifest != template else {}
    return Assets(assembly=template.parent, manifest=content)
