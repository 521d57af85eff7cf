"""The delivery layer carries the certificate authorities of RDS to where `database.ca_file` looks."""

import hashlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from cdk.settings.sections.database import ExistingMySql
from cdk.settings.sections.regions import BUNDLE, WITHOUT_ROTATION, known_regions
from tests.infra.assets import Assets

#: Amazon Trust Services: their chains end in one of these
OF_RDS_PROXY = {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)}
#: RDS's kinds of keys: each region has a root of each
KEYS = {"RSA2048", "RSA4096", "ECC384"}
#: no copy of these was found that could be compared with another
UNKNOWN = {"ap-east-2", "ap-southeast-6"}
#: what others who fetched AWS's own files state of them (the head of the bundle says who)
CHINA = "d10db458b3b428b963a764a78694690d3af80616cd047de7ab56db53fb760a4e"
GOVCLOUD = {
    "4f9a3f476897123ffd6f4be6950b31f60869848eddc64103d729afa91746b0a8",
    "fbb52646a87a80da5a7e0781219aef06549b7031f58f0faea475839fc113fced",
    "df862cd419975345e6a52009206b24279ee5628089aa74be9a8bf0b553c5e713",
    "27e7166e2530425322a2f2b65e3ed7ad65abc2107d196250657520cd57bfcb63",
    "2ed64ee6c2e6c1a9b886b775eefb1dced7ea2fc4fe95c86af77d0650763df301",
    "0825e2e35ca65df57c6270a5fec61c5cae757ac110664c8c824a26360b7a32dc",
}
#: the order in which AWS's bundle of China has its roots
IN_CHINA = (
    "cn-north-1 Root CA RSA4096",
    "cn-northwest-1 Root CA RSA2048",
    "cn-northwest-1 Root CA RSA4096",
    "cn-north-1 Root CA RSA2048",
    "cn-north-1 Root CA ECC384",
    "cn-northwest-1 Root CA ECC384",
)


@pytest.fixture(scope="module")
def authorities() -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(BUNDLE.read_bytes())


# Starfield's root, of 2009, has the serial number 0.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


def names(authorities: list[x509.Certificate]) -> Iterator[str]:
    for authority in authorities:
        (name,) = authority.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        yield str(name.value)


def test_every_certificate_is_an_authority_that_is_valid_today(authorities: list[x509.Certificate]) -> None:
    """The whole file parses, and no certificate has expired or stands there twice."""
    assert len(authorities) == len(set(authorities)) == BUNDLE.read_text().count("BEGIN CERTIFICATE") > 80
    now = datetime.now(UTC)
    for authority in authorities:
        assert authority.not_valid_before_utc < now < authority.not_valid_after_utc
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.value.ca
        assert constraints.critical  # strict verification, Python's default since 3.13, asks for it


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_region_where_rds_is_has_its_roots_or_is_refused(
    partition: str, authorities: list[x509.Certificate]
) -> None:
    """Of each kind of key that RDS offers; botocore knows the regions."""
    there = set(boto3.Session().get_available_regions("rds", partition_name=partition)) - UNKNOWN
    assert there <= known_regions()
    assert not UNKNOWN & known_regions()
    for region in there:
        of_region = {name for name in names(authorities) if name.startswith(f"Amazon RDS {region} ")}
        assert of_region == {f"Amazon RDS {region} Root CA {key} G1" for key in KEYS}


def test_rds_s_are_roots_that_signed_themselves(authorities: list[x509.Certificate]) -> None:
    """AWS advises to trust no intermediate, which it changes without notice."""
    for authority in authorities:
        if "Amazon RDS" in authority.subject.rfc4514_string():
            authority.verify_directly_issued_by(authority)


def test_those_of_china_and_govcloud_are_what_aws_publishes_there(authorities: list[x509.Certificate]) -> None:
    """By what others state of AWS's own files: of China's the whole file, of GovCloud's each certificate."""
    by_name = dict(zip(names(authorities), authorities, strict=True))
    china = b"".join(by_name[f"Amazon RDS {it} G1"].public_bytes(Encoding.PEM) for it in IN_CHINA)
    assert hashlib.sha256(china).hexdigest() == CHINA
    govcloud = {it.fingerprint(SHA256()).hex() for name, it in by_name.items() if " us-gov-" in name}
    assert govcloud == GOVCLOUD


def test_rds_proxy_s_are_among_them(authorities: list[x509.Certificate]) -> None:
    """A function connects to MySQL through either."""
    assert set(names(authorities)) >= OF_RDS_PROXY


def test_regions_without_aws_s_rotation_are_those_without_its_repository() -> None:
    """A new MySQL's stack could not be made there."""
    session = boto3.Session()
    rds, there = (
        {it for where in ("aws", "aws-cn", "aws-us-gov") for it in session.get_available_regions(service, where)}
        for service in ("rds", "serverlessrepo")
    )
    assert rds - there == WITHOUT_ROTATION


def test_python_loads_all_of_it(authorities: list[x509.Certificate]) -> None:
    """`delivery.storage.mysql.database` does the same when it connects."""
    context = ssl.create_default_context(cafile=str(BUNDLE))
    assert context.cert_store_stats() == {"x509": len(authorities), "crl": 0, "x509_ca": len(authorities)}
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_the_layer_ships_it_where_the_setting_looks(deployed: Assets) -> None:
    """Lambda unpacks a layer into /opt."""
    path = PurePosixPath(ExistingMySql.model_fields["ca_file"].default)
    assert (deployed.ours().parent / path.relative_to("/opt")).read_bytes() == BUNDLE.read_bytes()
