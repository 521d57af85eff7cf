"""What becomes of packages that are unpacked somewhere else than at the root of a system."""

from pathlib import Path

from local.machine.packages import private_apt


def link(at: Path, to: str) -> Path:
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(to)
    return at


def test_absolute_links_lead_into_the_tree(tmp_path: Path):
    """Debian keeps settings in /etc and links to them, files and directories alike."""
    tree = tmp_path / "tree"
    (tree / "etc" / "java-17" / "security").mkdir(parents=True)
    (tree / "etc" / "java-17" / "jvm.cfg").write_text("-server KNOWN")
    (tree / "etc" / "java-17" / "security" / "policy").write_text("grant")
    file = link(tree / "usr" / "lib" / "jvm" / "lib" / "jvm.cfg", "/etc/java-17/jvm.cfg")
    directory = link(tree / "usr" / "lib" / "jvm" / "conf", "/etc/java-17")
    private_apt._turn_links(tree)
    tree = tree.rename(tmp_path / "finished")  # as make_once does it
    moved = [tree / path.relative_to(tmp_path / "tree") for path in (file, directory / "security" / "policy")]
    assert [path.read_text() for path in moved] == ["-server KNOWN", "grant"]
    assert not any(path.readlink().is_absolute() for path in tree.rglob("*") if path.is_symlink())


def test_a_link_to_what_only_the_machine_has_stays(tmp_path: Path):
    """Such as the certificates that the machine trusts. Relative links are right already."""
    absolute = link(tmp_path / "usr" / "lib" / "ssl" / "cert.pem", "/etc/ssl/certs/ca-certificates.crt")
    relative = link(tmp_path / "usr" / "lib" / "jvm" / "java-1.17.0", "java-17")
    private_apt._turn_links(tmp_path)
    assert (str(absolute.readlink()), str(relative.readlink())) == ("/etc/ssl/certs/ca-certificates.crt", "java-17")
