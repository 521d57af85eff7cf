"""What differs from stock moto: KMS keys outlive a restart, so that what MySQL keeps encrypted can still be read."""

from pathlib import Path

from mypy_boto3_kms import KMSClient

from local.servers.aws import Aws, aws_server


def test_what_a_key_wrapped_can_be_unwrapped_after_a_restart(tmp_path: Path, aws: Aws) -> None:
    """By the key that the same template makes again, under the same ARN; another checkout has other keys."""
    with aws_server(tmp_path) as first:
        key = _new_key(first)
        made = _kms(first).generate_data_key(KeyId=key, KeySpec="AES_256")
    with aws_server(tmp_path) as again:
        assert _new_key(again) == key
        assert _kms(again).decrypt(KeyId=key, CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    assert _new_key(aws) != key


def _new_key(aws: Aws) -> str:
    return _kms(aws).create_key()["KeyMetadata"]["Arn"]


def _kms(aws: Aws) -> KMSClient:
    return aws.session.client("kms", endpoint_url=aws.endpoint_url)
