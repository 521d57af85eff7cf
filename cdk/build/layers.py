"""Makes the Lambda layers: one of our own code, and one or two of third-party packages that pip installs."""

from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.build.kept_wheels import copy
from cdk.build.wheels import Target, fingerprint
from cdk.settings.context import ROOT
from cdk.settings.error import SettingsError

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
        self._target = target
        self._fits: dict[str, Any] = {"compatible_runtimes": [runtime], "compatible_architectures": [architecture]}
        self.dependencies = self._installed("dependencies", "Third-party packages")
        self.delivery = lambda_.LayerVersion(
            self,
            "Delivery",
            code=sources(ROOT / "layers" / "delivery"),
            description="The delivery package",
            **self._fits,
        )

    def kafka(self) -> lambda_.LayerVersion:
        """The layer of the one function that connects to Kafka itself."""
        return self._installed("kafka", "The Kafka client")

    def _installed(self, folder: str, description: str) -> lambda_.LayerVersion:
        pip = _Pip(requirements=ROOT / "layers" / folder / "requirements.txt", target=self._target)
        try:
            return lambda_.LayerVersion(
                self, folder.capitalize(), code=pip.code(), description=description, **self._fits
            )
        except RuntimeError as error:  # Node turns every exception of `try_bundle` into this
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
