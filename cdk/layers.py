"""The two layers: our own code as it is, and the third-party packages as pip installs them for the stage's Lambda."""

from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.context import ROOT
from cdk.kept_wheels import copy
from cdk.reading import SettingsError
from cdk.wheels import Target, fingerprint

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
        self.dependencies = self._dependencies(target, fits)
        self.delivery = lambda_.LayerVersion(
            self, "Delivery", code=sources(ROOT / "layers" / "delivery"), description="The delivery package", **fits
        )

    def _dependencies(self, target: Target, fits: dict[str, Any]) -> lambda_.LayerVersion:
        pip = _Pip(requirements=ROOT / "layers" / "dependencies" / "requirements.txt", target=target)
        try:
            return lambda_.LayerVersion(
                self, "Dependencies", code=pip.code(), description="Third-party packages", **fits
            )
        except RuntimeError as error:  # whatever is raised in `try_bundle` comes back from Node as this
            raise pip.failure or error from None

    def all(self) -> list[lambda_.ILayerVersion]:
        return [self.dependencies, self.delivery]


def sources(directory: Path) -> lambda_.AssetCode:
    return lambda_.Code.from_asset(str(directory), exclude=NOT_SHIPPED, ignore_mode=IgnoreMode.GIT)


@jsii.implements(ILocalBundling)
class _Pip:
    def __init__(self, *, requirements: Path, target: Target) -> None:
        self._requirements = requirements
        self._target = target
        self.failure: SettingsError | None = None

    def code(self) -> lambda_.AssetCode:
        return lambda_.Code.from_asset(
            str(self._requirements.parent),
            asset_hash_type=AssetHashType.CUSTOM,
            asset_hash=fingerprint(self._requirements, self._target),
            # An image is required, and never pulled: `local` always does the work.
            bundling=BundlingOptions(image=DockerImage.from_registry("none"), local=self),
        )

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        try:
            copy(self._requirements, self._target, Path(output_dir) / "python")
        except SettingsError as error:
            self.failure = error
            raise
        return True
