"""Reads the package sources configured on this machine, in both of apt's formats, with their keys and options.

`apt-get indextargets` does not print `Signed-By`, and python-debian reads only one of the two formats.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

_LONG_NAMES = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}
_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AptSource:
    uris: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    #: such as Signed-By and Trusted: field name to value, which may have several lines
    options: Mapping[str, str]

    def __str__(self) -> str:
        fields = {"URIs": self.uris, "Suites": " ".join(self.suites), "Components": " ".join(self.components)}
        # Only the package lists, not the catalogues for desktop software.
        stanza = {"Types": "deb", **fields, **self.options, "Targets": "Packages"}
        return "".join(f"{name}: {value}\n" for name, value in stanza.items() if value)


def machine_sources(etc_apt: Path = Path("/etc/apt")) -> list[AptSource]:
    """Every enabled source of binary packages, in apt's order."""
    lists = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*.list"))]
    stanzas = sorted((etc_apt / "sources.list.d").glob("*.sources"))
    found = [source for file in lists if file.exists() for source in _from_lines(file.read_text(errors="replace"))]
    return found + [source for file in stanzas for source in _from_stanzas(file.read_text(errors="replace"))]


def with_suite(sources: Iterable[AptSource], suite: str) -> list[AptSource]:
    """The same archives with another suite. Archives that hold only updates are left out: they do not have it."""
    archives: dict[str, AptSource] = {}
    for source in sources:
        if "main" in source.components and not all(map(_is_update, source.suites)):
            archives.setdefault(source.uris, replace(source, suites=(suite,), components=("main",)))
    return list(archives.values())


def _is_update(suite: str) -> bool:
    return suite.endswith(("-security", "/updates", "-updates", "-backports"))


def _from_lines(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.partition("#")[0].strip()):
            yield AptSource(
                uris=match["uri"],
                suites=(match["suite"],),
                components=tuple(match["components"].split()),
                options=dict(_option(pair) for pair in (match["options"] or "").split() if "=" in pair),
            )


def _option(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return _LONG_NAMES.get(name.lower(), name), value.replace(",", " ")


def _from_stanzas(text: str) -> Iterator[AptSource]:
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", without_comments):
        fields = {name.lower(): value.strip(" \t").rstrip() for name, value in re.findall(_FIELD, stanza)}
        if "deb" in fields.pop("types", "").split() and fields.pop("enabled", "yes").lower() not in _NO:
            yield AptSource(
                uris=fields.pop("uris", "").strip(),
                suites=tuple(fields.pop("suites", "").split()),
                components=tuple(fields.pop("components", "").split()),
                options={name: value for name, value in fields.items() if name not in _DESCRIPTIVE},
            )


_FIELD = re.compile(r"^([A-Za-z][\w-]*):((?:.*)(?:\n[ \t].*)*)", re.MULTILINE)
_NO = ("no", "false", "off", "0", "without", "disable")
_DESCRIPTIVE = ("x-repolib-name", "targets", "enabled")
