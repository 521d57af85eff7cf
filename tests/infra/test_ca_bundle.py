"""The delivery layer carries the certificate authorities of RDS to where `database.ca_file` looks."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest
from cryptography import x509

from cdk.settings.context import ROOT
from cdk.settings.database import ExistingMySql
from tests.infra.assets import Assets

BUNDLE = ROOT / "layers" / "delivery" / "rds-ca.pem"
#: Amazon Trust Services: their chains end in one of these
OF_RDS_PROXY = {f"Amazon Root CA {number}" for number in (1, 2, 3, 4)}
#: one of many, for the region that cdk.json names and the one of RDS's newest kinds of keys
OF_RDS = {f"Amazon RDS ap-southeast-1 Root CA {key} G1" for key in ("RSA2048", "RSA4096", "ECC384")}


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


def test_rds_and_rds_proxy_are_among_them(authorities: list[x509.Certificate]) -> None:
    """A function connects to MySQL through either."""
    assert set(names(authorities)) >= OF_RDS | OF_RDS_PROXY


def test_python_loads_all_of_it(authorities: list[x509.Certificate]) -> None:
    """`delivery.storage.mysql.database` does the same when it connects."""
    context = ssl.create_default_context(cafile=str(BUNDLE))
    assert context.cert_store_stats() == {"x509": len(authorities), "crl": 0, "x509_ca": len(authorities)}
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_the_layer_ships_it_where_the_setting_looks(deployed: Assets) -> None:
    """Lambda unpacks a layer into /opt."""
    path = PurePosixPath(ExistingMySql.model_fields["ca_file"].default)
    assert (deployed.ours().parent / path.relative_to("/opt")).read_bytes() == BUNDLE.read_bytes()
