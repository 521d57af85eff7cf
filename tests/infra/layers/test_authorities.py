"""Authorities lie in the layers as OpenSSL looks them up, and TLS finds those that it needs there."""

from __future__ import annotations

import ssl
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError

from cdk.build.authorities import split
from delivery.domain.outcome import TemporaryFailure
from delivery.feishu.answer import Answer
from delivery.feishu.transport import NoAnswer, Transport
from tests.infra.assets import Assets
from tests.integration.relay.certificates import Authority, Pair
from tests.unit.feishu.calling import permit
from tests.unit.feishu.raw_server import OK, raw_server

# Starfield's root, of 2009, has the serial number 0.
pytestmark = pytest.mark.filterwarnings("ignore:Parsed a serial number")


def named(country: str, organization: str, unit: str) -> x509.Name:
    values = {
        NameOID.COUNTRY_NAME: country,
        NameOID.ORGANIZATION_NAME: organization,
        NameOID.ORGANIZATIONAL_UNIT_NAME: unit,
    }
    return x509.Name([x509.NameAttribute(it, value) for it, value in values.items()])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "authorities.pem"


def only_split(bundle: Path, *authorities: Authority) -> list[str]:
    """The names of the files. The bundle itself is no longer there to be read."""
    bundle.write_text("# comments are left out\n" + "# of each\n".join(it.pem for it in authorities))
    split(bundle)
    bundle.unlink()
    return sorted(it.name for it in directory_of(bundle).iterdir())


def directory_of(bundle: Path) -> Path:
    return bundle.with_name(f"{bundle.name}.d")


def called(pair: Pair, bundle: Path) -> Answer | NoAnswer:
    """A call to a server with this certificate."""
    (file := bundle.with_name("server.pem")).write_text(pair.certificate + pair.key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    opened = Transport.open(concurrency=1, timeout=timedelta(seconds=5), authorities=str(bundle))
    with raw_server(OK, tls=tls) as server, closing(opened) as transport:
        return transport.post(f"{server.origin}/", document={}, headers={}, permit=permit())


def test_an_authority_is_found_however_a_certificate_spells_its_name(bundle: Path) -> None:
    """OpenSSL compares names without regard to the case of ASCII letters and to the number of spaces."""
    authority = Authority(named("CN", " ÄRZTE  und 信任  GmbH ", "Roots   A"))
    only_split(bundle, Authority(), authority)
    assert isinstance(called(authority.signs("a server"), bundle), Answer)
    other_letters = named("CN", "Ärzte UND 信任 gmbh", "ROOTS a")
    assert isinstance(called(authority.signs("a server", issuer=other_letters), bundle), Answer)


def test_authorities_of_one_name_are_all_tried(bundle: Path) -> None:
    """One that renews its key keeps its name. A certificate says by which key it was signed."""
    old, new = Authority(), Authority()
    names = only_split(bundle, old, new)
    assert [name.partition(".")[2] for name in names] == ["0", "1"]
    assert len({name.partition(".")[0] for name in names}) == 1
    for authority in (old, new):
        assert isinstance(called(authority.signs("a server"), bundle), Answer)


def test_an_authority_that_was_not_in_the_bundle_is_not_trusted(bundle: Path) -> None:
    """Even if it has the name of one that was."""
    only_split(bundle, Authority())
    answer = called(Authority().signs("a server"), bundle)
    assert isinstance(answer, TemporaryFailure)
    assert "certificate was not accepted" in answer.reason


def bundles(assets: Assets) -> list[Path]:
    return [assets.third_party() / "certifi" / "cacert.pem", assets.ours().parent / "rds-ca.pem"]


def is_found_in(directory: Path, authority: x509.Certificate) -> bool:
    """At a time when it was valid, so that an authority that has ended does not fail a test."""
    store = X509Store()
    store.load_locations(None, capath=directory)
    store.set_time(authority.not_valid_before_utc + timedelta(days=1))
    try:
        X509StoreContext(store, X509.from_cryptography(authority)).verify_certificate()
    except X509StoreContextError:
        return False
    return True


def test_openssl_finds_every_authority_of_the_layers(here: Assets) -> None:
    """Feishu's is one of certifi's, MySQL's is one of RDS's."""
    for bundle in bundles(here):
        authorities = x509.load_pem_x509_certificates(bundle.read_bytes())
        assert len(authorities) == len(list(directory_of(bundle).iterdir())) > 100
        assert [it for it in authorities if not is_found_in(directory_of(bundle), it)] == []


def test_the_directories_have_no_other_authorities(here: Assets) -> None:
    """Each file is a part of its bundle, and one bundle's authorities are no other's."""
    of_certifi, of_rds = bundles(here)
    for bundle in (of_certifi, of_rds):
        assert all(it.read_bytes() in bundle.read_bytes() for it in directory_of(bundle).iterdir())
    assert not is_found_in(directory_of(of_rds), x509.load_pem_x509_certificates(of_certifi.read_bytes())[0])


def test_who_may_read_a_bundle_may_read_its_directory(here: Assets, deployed: Assets) -> None:
    """On Lambda a function is not the user that unpacked its layers."""
    for bundle in (*bundles(here), *bundles(deployed)):
        directory = directory_of(bundle)
        assert {it.stat().st_mode for it in directory.iterdir()} == {bundle.stat().st_mode}
        assert directory.stat().st_mode & stat.S_IRWXO == bundle.parent.stat().st_mode & stat.S_IRWXO & ~stat.S_IWOTH


def test_the_deployed_directories_are_the_same_as_those_for_this_machine(here: Assets, deployed: Assets) -> None:
    """Two machines that deploy one stage must not differ."""
    for mine, theirs in zip(bundles(here), bundles(deployed), strict=True):
        assert contents(directory_of(mine)) == contents(directory_of(theirs))


def contents(directory: Path) -> dict[str, bytes]:
    return {it.name: it.read_bytes() for it in directory.iterdir()}
