"""The two layers: our own code as it is, and the third-party packages as pip installs them for the stage's Lambda."""

from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.context import ROOT
from cdk.wheels import Target, fingerprint, install

#: what Python and its tools leave beside the sources
NOT_SHIPPED = ["__pycache__/", "*.pyc", "*.egg-info/", ".mypy_cache/", ".ruff_cache/"]


class Layers(Construct):
    """`dependencies` changes when a pin does, `delivery` with our code: a new version of one leaves the other alone."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: lambda_.Runtime,
        architecture: lambda_.Architecture,
        target: Target,
    ) -> None:
        super().__init__(scope, name)
        fits: dict[str, Any] = {"compatible_runtimes": [runtime], "compatible_architectures": [architecture]}
        self.dependencies = lambda_.LayerVersion(
            self, "Dependencies", code=_installed(target), description="Third-party packages", **fits
        )
        self.delivery = lambda_.LayerVersion(
            self, "Delivery", code=sources(ROOT / "layers" / "delivery"), description="The delivery package", **fits
        )

    def all(self) -> list[lambda_.ILayerVersion]:
        return [self.dependencies, self.delivery]


def sources(directory: Path) -> lambda_.AssetCode:
    return lambda_.Code.from_asset(str(directory), exclude=NOT_SHIPPED, ignore_mode=IgnoreMode.GIT)


def _installed(target: Target) -> lambda_.AssetCode:
    directory = ROOT / "layers" / "dependencies"
    requirements = directory / "requirements.txt"
    return lambda_.Code.from_asset(
        str(directory),
        asset_hash_type=AssetHashType.CUSTOM,
        asset_hash=fingerprint(requirements, target),
        bundling=BundlingOptions(
            image=DockerImage.from_registry("none"),  # required, and never pulled: `local` always does it
            local=_Pip(requirements=requirements, target=target),
        ),
    )


@jsii.implements(ILocalBundling)
class _Pip:
    def __init__(self, *, requirements: Path, target: Target) -> None:
        self._requirements = requirements
        self._target = target

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        install(self._requirements, self._target, Path(output_dir) / "python")
        return True
