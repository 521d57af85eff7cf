"""The layers and function folders of a template, as directories beside it."""

from dataclasses import dataclass
from pathlib import Path

from tests.infra.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    template: Template
    out: Path

    def function(self, word: str) -> Path:
        return self._directory(self.template.function(word)["Code"]["S3Key"])

    def layers_of(self, word: str) -> list[Path]:
        """The modules of a function's layers, the last layer first, because it is unpacked over the others."""
        layers = [self.template.named(it)["Content"]["S3Key"] for it in self.template.function(word)["Layers"]]
        return [self._directory(key) / "python" for key in reversed(layers)]

    def ours(self) -> Path:
        return self._layer("The delivery package")

    def third_party(self) -> Path:
        return self._layer("Third-party packages")

    def kafka_client(self) -> Path:
        return self._layer("The Kafka client")

    def _layer(self, description: str) -> Path:
        """The directory of a layer's modules."""
        layers = self.template.all("AWS::Lambda::LayerVersion")
        (key,) = [it["Content"]["S3Key"] for it in layers if it["Description"] == description]
        return self._directory(key) / "python"

    def _directory(self, key: str) -> Path:
        """The directory is named by the hash that is the asset's key in the bucket."""
        return self.out / f"asset.{Path(key).stem}"
