"""Cuts AWS's descriptions of its services down to the operations that functions call.

botocore makes a client from its service's description, which has all operations with their documentation. With what
is cut here, making a client of KMS takes 5 million instructions instead of 37 million.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import botocore
from botocore.loaders import Loader

from delivery.aws.session import CALLS

#: Names what `cut` writes: increase the number when it changes, so that layers are built again.
EDITION = f"descriptions 1 of botocore {botocore.__version__}: {CALLS}"
_KIND = "service-2"


def cut(directory: Path) -> None:
    """Fills a directory that botocore's loader can search: `<service>/<version>/service-2.json`."""
    loader = Loader()
    for service, operations in CALLS.items():
        version = loader.determine_latest_version(service, _KIND)
        into = directory / service / version
        into.mkdir(parents=True)
        described = _only(operations, loader.load_service_model(service, _KIND, version))
        (into / f"{_KIND}.json").write_text(json.dumps(_undocumented(described), separators=(",", ":")))


def _only(names: Iterable[str], described: Mapping[str, Any]) -> Mapping[str, Any]:
    operations = {name: described["operations"][name] for name in names}
    shapes: dict[str, Any] = {}
    unseen = [
        shape
        for operation in operations.values()
        for shape in (operation.get("input"), operation.get("output"), *operation.get("errors", ()))
        if shape
    ]
    while unseen:
        name = unseen.pop()["shape"]
        if name not in shapes:
            shapes[name] = described["shapes"][name]
            unseen += _parts(shapes[name])
    return {**described, "operations": operations, "shapes": shapes}


def _parts(shape: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a structure, a list or a map consists of."""
    named = [shape[kind] for kind in ("member", "key", "value") if kind in shape]
    return [*shape.get("members", {}).values(), *named]


def _undocumented(described: Any) -> Any:  # noqa: ANN401 - JSON
    """A member may be called `documentation`, too; it is no text."""
    if isinstance(described, list):
        return [_undocumented(part) for part in described]
    if not isinstance(described, dict):
        return described
    kept = {name: part for name, part in described.items() if name != "documentation" or not isinstance(part, str)}
    return {name: _undocumented(part) for name, part in kept.items()}
