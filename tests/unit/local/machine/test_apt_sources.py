"""Package sources as people write them, in both of apt's formats."""

from pathlib import Path

import pytest

from local.machine.packages.apt_sources import AptSource, machine_sources, with_suite

LISTS = """\
# deb http://commented.example/debian stable main
deb http://one.example/debian stable main contrib # the mirror
deb-src http://one.example/debian stable main
deb [arch=amd64,arm64 signed-by=/keys/one.gpg] http://two.example/debian/ stable main
deb http://flat.example/ ./
nonsense
"""

STANZAS = """\
# The distribution
Types: deb deb-src
URIs: http://three.example/debian
# between the fields
Suites: stable stable-updates
Components: main non-free
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://three.example/debian-security
Suites: stable-security
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: stable
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: stable
Components: main


types: deb
uris: mirror+file:/etc/apt/mirrors/debian.list
suites: stable
components: main
signed-by: /keys/four.gpg
"""


@pytest.fixture
def etc_apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(LISTS)
    (tmp_path / "sources.list.d" / "debian.sources").write_text(STANZAS)
    (tmp_path / "sources.list.d" / "ignored.sources.disabled").write_text(STANZAS)
    return tmp_path


def test_both_formats_are_read(etc_apt: Path):
    """What is commented out, disabled, or for source packages is left out."""
    assert [source.uris for source in machine_sources(etc_apt)] == [
        "http://one.example/debian",
        "http://two.example/debian/",
        "http://flat.example/",
        "http://three.example/debian",
        "http://three.example/debian-security",
        "mirror+file:/etc/apt/mirrors/debian.list",
    ]


def test_another_suite_is_asked_of_archives_only(etc_apt: Path):
    """Security and flat archives have no other suites; keys and options stay with their archive."""
    sid = {source.uris: source for source in with_suite(machine_sources(etc_apt), "sid")}
    assert list(sid) == [
        "http://one.example/debian",
        "http://two.example/debian/",
        "http://three.example/debian",
        "mirror+file:/etc/apt/mirrors/debian.list",
    ]
    assert {(source.suites, source.components) for source in sid.values()} == {(("sid",), ("main",))}
    assert sid["http://two.example/debian/"].options == {"Architectures": "amd64 arm64", "signed-by": "/keys/one.gpg"}


def test_a_stanza_keeps_a_key_of_several_lines(etc_apt: Path):
    """A machine may carry its mirror's key in the very file."""
    (source,) = with_suite([machine_sources(etc_apt)[3]], "sid")
    assert str(source) == (
        "Types: deb\nURIs: http://three.example/debian\nSuites: sid\nComponents: main\n"
        "signed-by: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----\n"
        "Targets: Packages\n"
    )


def test_a_source_is_written_as_it_was_read(etc_apt: Path, tmp_path: Path):
    """Reading what was written gives the same sources."""
    before = machine_sources(etc_apt)
    again = tmp_path / "again"
    (again / "sources.list.d").mkdir(parents=True)
    (again / "sources.list.d" / "private.sources").write_text("\n".join(map(str, before)))
    assert [place(source) for source in machine_sources(again)] == [place(source) for source in before]


def test_a_machine_without_sources_has_none(tmp_path: Path):
    """No apt, or an empty one."""
    assert machine_sources(tmp_path / "nowhere") == []


def place(source: AptSource) -> tuple[object, ...]:
    return source.uris, source.suites, source.components
