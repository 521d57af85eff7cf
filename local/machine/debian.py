"""Programs from Debian's or Ubuntu's packages without installing them: a package name in, its unpacked tree out.

apt runs on a private state under the given directory; nothing on the system changes, and nobody has to be root.
"""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from local.machine.apt_sources import AptSource
from local.machine.processes import CannotStartError, run_to_end

# The state of the package system with nothing installed, and with every hook of the machine left out.
_APT_CONF = """\
#clear APT::Update;
#clear DPkg;
#clear APT::Architectures;
#clear Dir::Cache::archives;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Default-Release "";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::Cache "{state}/cache";
Dir::Cache::archives "archives/";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{state}/sources.list.d";
Dir::Log "{state}/log";
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::State::extended_states "{state}/extended_states";
"""

# A package that apt shall believe to be there already.
_ASSUMED = """\
Package: {name}
Status: install ok installed
Version: 999
Architecture: {architecture}
Multi-Arch: allowed
Maintainer: nobody
Description: not needed here

"""


def has_apt() -> bool:
    return all(map(shutil.which, ("apt-get", "apt-cache", "dpkg", "dpkg-deb")))


class PrivateApt:
    """apt with its own state in `state`, which knows `sources` only and takes nothing but `assumed` as installed."""

    def __init__(self, state: Path, *, log: Path, sources: Sequence[AptSource], assumed: Sequence[str] = ()) -> None:
        self._conf = state / "apt.conf"
        self._archives = state / "cache" / "archives"
        self._log = log
        architecture = _output("dpkg", "--print-architecture").strip()
        for directory in (self._archives / "partial", state / "lists" / "partial", state / "sources.list.d"):
            directory.mkdir(parents=True, exist_ok=True)
        (state / "sources.list.d" / "private.sources").write_text("\n".join(map(str, sources)))
        (state / "status").write_text("".join(_ASSUMED.format(name=n, architecture=architecture) for n in assumed))
        self._conf.write_text(_APT_CONF.format(state=_quotable(state), architecture=architecture))

    def update(self) -> None:
        """A source that cannot be read does not hide the others; what it had is then missing from `names`."""
        with suppress(CannotStartError):
            self._run("apt-get", "-c", self._conf, "update", "-q")

    def names(self, prefix: str) -> list[str]:
        return _output("apt-cache", "-c", self._conf, "pkgnames", prefix).split()

    def unpack(self, package: str, into: Path) -> None:
        """The package and all it depends on, each checked by apt against the archive's signature."""
        self._run("apt-get", "-c", self._conf, "install", "-q", "--download-only", package)
        for archive in sorted(self._archives.glob("*.deb")):
            self._run("dpkg-deb", "-x", archive, into)

    def _run(self, program: str, *arguments: str | Path) -> None:
        run_to_end([program, *arguments], name=program, log=self._log, env={"LC_ALL": "C"})


def _quotable(path: Path) -> str:
    if '"' in str(path):
        raise CannotStartError(f"apt cannot work in a directory with a quotation mark in its name: {path}")
    return str(path)


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
