"""Moto's server as a program: `python -m local.servers.moto_server PORT KMS_SEED_FILE`.

It differs from stock moto in two ways. KMS keys are derived from a seed on disk, so that what MySQL keeps encrypted can
be read after a restart. Receiving from SQS does not count the whole queue for every message that it returns.
"""

import hashlib
import hmac
import itertools
import secrets
import sys
import uuid
from pathlib import Path

import moto.cloudformation.models  # takes two seconds, so do it before the first stack
import moto.kms.models
from moto.core.utils import unix_time
from moto.server import main as serve
from moto.sqs.models import Message, SQSBackend


def main() -> None:
    port, seed_file = sys.argv[1], Path(sys.argv[2])
    keep_kms_keys(_seed(seed_file))
    receive_in_constant_time()
    serve(["-H", "127.0.0.1", "-p", port])


def keep_kms_keys(seed: bytes) -> None:
    """The n-th key gets the same id and material at every start; a template's keys keep their order."""
    ids, materials = itertools.count(), itertools.count()

    def key_id(multi_region: bool = False) -> str:  # noqa: FBT001, FBT002 - moto's own signature
        digest = _derived(seed, f"id {next(ids)}")[:16]
        return ("mrk-" if multi_region else "") + str(uuid.UUID(bytes=digest))

    vars(moto.kms.models).update(
        generate_key_id=key_id,
        generate_master_key=lambda: _derived(seed, f"material {next(materials)}"),
    )


def receive_in_constant_time() -> None:
    """To read the retention, stock moto computes every attribute, among them the number of messages."""

    def is_fresh(backend: SQSBackend, queue_name: str, message: Message) -> bool:
        retention: float = vars(backend.get_queue(queue_name))["message_retention_period"]
        return unix_time() - message.sent_timestamp / 1000 < retention  # type: ignore[operator]  # it was sent

    setattr(SQSBackend, "is_message_valid_based_on_retention_period", is_fresh)  # noqa: B010 - mypy guards methods


def _derived(seed: bytes, purpose: str) -> bytes:
    return hmac.digest(seed, purpose.encode(), hashlib.sha256)


def _seed(file: Path) -> bytes:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(secrets.token_bytes(32))
    return file.read_bytes()


if __name__ == "__main__":
    main()
