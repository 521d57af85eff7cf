"""Lists how large the layers and functions of a cloud assembly are, unzipped, for whoever runs `make synth`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aws_cdk.cx_api import CloudAssembly

MEGABYTE = 2**20
#: The limit for an unzipped function with its layers (AWS, "Lambda quotas").
LIMIT_MB = 250


def table(assembly: CloudAssembly) -> str:
    """Lists each layer, and each function together with its layers."""
    out = Path(assembly.directory)
    templates = [json.loads(Path(stack.template_full_path).read_text()) for stack in assembly.stacks]
    resources = {name: it for template in templates for name, it in template["Resources"].items()}
    layers = dict(_layers(resources, out))
    described = {resources[name]["Properties"]["Description"]: size for name, size in layers.items()}
    return "\n".join(
        [
            "layers, unzipped:",
            *_rows(described),
            f"functions, unzipped and with their layers (Lambda's limit is {LIMIT_MB} MB):",
            *_rows(dict(_functions(resources, layers, out))),
        ]
    )


def _layers(resources: Mapping[str, Any], out: Path) -> Iterator[tuple[str, int]]:
    for name, it in resources.items():
        if it["Type"] == "AWS::Lambda::LayerVersion":
            yield name, _size(it["Properties"]["Content"], out)


def _functions(resources: Mapping[str, Any], layers: Mapping[str, int], out: Path) -> Iterator[tuple[str, int]]:
    """Our functions by name. The CDK's own functions have no layers and no service name."""
    for it in resources.values():
        if it["Type"] == "AWS::Lambda::Function" and (used := it["Properties"].get("Layers")):
            name = it["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
            yield name, _size(it["Properties"]["Code"], out) + sum(layers[layer["Ref"]] for layer in used)


def _size(location: Mapping[str, Any], out: Path) -> int:
    """The size in bytes. An asset's key in the bucket is the hash in the name of its directory."""
    directory = out / f"asset.{Path(location['S3Key']).stem}"
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def _rows(sizes: Mapping[str, int]) -> Iterator[str]:
    return (f"  {name:<24}{size / MEGABYTE:>8.2f} MB" for name, size in sizes.items())
