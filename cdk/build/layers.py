"""Makes the Lambda layers: one of our own code, and one or two of third-party packages that pip installs."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import Annotations, AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.build.authorities import LAYOUT, split
from cdk.build.bytecode import compile_layer, compiler, mark, told
from cdk.build.descriptions import EDITION, cut
from cdk.build.kept_wheels import copy_layer, identity
from cdk.build.wheels import Target
from cdk.error import SettingsError
from cdk.settings.context import ROOT
from delivery.aws.session import DESCRIPTIONS

#: Files that Python and its tools leave next to the sources.
NOT_SHIPPED = ["__pycache__/", "*.pyc", "*.egg-info/", ".mypy_cache/", ".ruff_cache/"]

#: The sources of our own code's layer. The events' contract comes from the producers' package.
OURS: Mapping[str, Path] = {
    ".": ROOT / "layers" / "delivery",
    "python/hongyan_producer": ROOT / "producer" / "hongyan_producer",
}
_DESCRIPTIONS = Path("python", "delivery", "aws", DESCRIPTIONS.name)


class Layers(Construct):
    """`dependencies` changes with our pins and `delivery` with our code, so a new version of one keeps the other."""

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
            code=_Packages(sources=OURS, python=target.python).code(),
            description="The delivery package",
            **self._fits,
        )
        if not compiler(target.python):
            Annotations.of(self).add_info(told(target.python))

    @cached_property
    def kafka(self) -> lambda_.LayerVersion:
        """The layer of the functions that connect to Kafka themselves. It is made only if a stage has one."""
        return self._installed("kafka", "The Kafka client")

    def _installed(self, folder: str, description: str) -> lambda_.LayerVersion:
        pip = _Pip(requirements=ROOT / "layers" / folder / "requirements.txt", target=self._target)
        try:
            return lambda_.LayerVersion(
                self, folder.capitalize(), code=pip.code(), description=description, **self._fits
            )
        except RuntimeError as error:  # Node turns any exception of `try_bundle` into this one
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
            asset_hash=identity(self._requirements, self._target),
            bundling=_by(self),
        )

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        try:
            copy_layer(self._requirements, self._target, Path(output_dir))
        except SettingsError as error:
            self.failure = error
            raise
        return True


@jsii.implements(ILocalBundling)
class _Packages:
    """Our own code. The sources name its asset, so that it changes only with them."""

    def __init__(self, *, sources: Mapping[str, Path], python: str) -> None:
        self._sources = sources
        self._python = python

    def code(self) -> lambda_.AssetCode:
        return lambda_.Code.from_asset(
            str(self._sources["."]), asset_hash_type=AssetHashType.CUSTOM, asset_hash=self._hash(), bundling=_by(self)
        )

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        for place, file in self._files():
            into = Path(output_dir) / place
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, into)
            if into.suffix == ".pem":
                split(into)
        cut(Path(output_dir) / _DESCRIPTIONS)
        compile_layer(Path(output_dir), self._python)
        return True

    def _hash(self) -> str:
        digest = hashlib.sha256(f"{mark(self._python)}\n{LAYOUT}\n{EDITION}\n".encode())
        for place, file in self._files():
            content = file.read_bytes()
            digest.update(f"{place.as_posix()}\n{len(content)}\n".encode() + content)
        return digest.hexdigest()

    def _files(self) -> Iterator[tuple[Path, Path]]:
        """Each file with its place in the layer."""
        ends = tuple(pattern.strip("*/") for pattern in NOT_SHIPPED)
        for below, source in self._sources.items():
            for file in (it for it in sorted(source.rglob("*")) if it.is_file()):
                inside = file.relative_to(source)
                if not any(part.endswith(ends) for part in inside.parts):
                    yield Path(below) / inside, file


def _by(local: Any) -> BundlingOptions:  # noqa: ANN401 - what jsii makes an ILocalBundling of
    """The CDK requires an image but never pulls it, because `local` always does the work."""
    return BundlingOptions(image=DockerImage.from_registry("none"), local=local)
