"""Finds Java on this machine, and fetches Apache Kafka's jars with Maven into the cache."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.machine.make_once import make_once
from local.machine.processes import CannotStartError, run_to_end

VERSION = "4.3.1"
_OLDEST_JAVA = 17
_COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApacheKafka:
    java: str
    java_version: str
    jars: Path

    def __str__(self) -> str:
        return f"Apache Kafka {VERSION} (KRaft, one JVM)"


def find_apache_kafka(cache: Path, *, say: Callable[[str], None]) -> ApacheKafka | None:
    """None without Java 17, or if the jars have not been fetched yet and there is no Maven."""
    java = _java()
    jars = cache.resolve() / "kafka" / f"jars-{VERSION}"
    maven = shutil.which("mvn")
    if java is None or (maven is None and not jars.exists()):
        return None
    make_once(jars, partial(_fetch, maven or "mvn", jars.with_name("maven.log"), say), say=say)
    return ApacheKafka(java=java[0], java_version=java[1], jars=jars)


def _java() -> tuple[str, str] | None:
    """The command and its version: JAVA_HOME's if it is new enough, otherwise the one on the PATH."""
    home = os.environ.get("JAVA_HOME")
    for java in [*([str(Path(home) / "bin" / "java")] if home else []), "java"]:
        version = _java_version(java)
        if version and int(version.split(".")[0]) >= _OLDEST_JAVA:
            return java, version
    return None


def _java_version(java: str) -> str | None:
    try:
        done = subprocess.run([java, "-version"], check=False, capture_output=True, text=True)
    except OSError:
        return None
    match = re.search(r'version "(\d+[\d.]*)', done.stderr)
    return match[1] if match else None


def _fetch(maven: str, log: Path, say: Callable[[str], None], directory: Path) -> None:
    say(f"hongyan: fetching Apache Kafka {VERSION} from Maven (44 MB, once)")
    (work := directory / "maven").mkdir()
    (work / "pom.xml").write_text(_POM)
    goal = [_COPY_DEPENDENCIES, "-DincludeScope=runtime", f"-DoutputDirectory={directory.resolve()}"]
    step = [maven, "-B", "-q", *_repository(work.resolve()), *goal]
    try:
        run_to_end(step, name="Maven", log=log, cwd=work)
    except CannotStartError as error:
        raise CannotStartError(
            f"Apache Kafka cannot be fetched: try again online, or set KAFKA_BOOTSTRAP_SERVERS. {error}"
        ) from None
    shutil.rmtree(work)


def _repository(work: Path) -> list[str]:
    """Maven keeps what it fetches below the home directory; some accounts have none that they may write to."""
    try:
        home = Path(pwd.getpwuid(os.geteuid()).pw_dir)  # Java looks there, whatever HOME says
    except KeyError:
        home = Path("/nonexistent")
    own = home / ".m2" / "repository"
    existing = next(path for path in [own, *own.parents] if path.exists())
    return [] if os.access(existing, os.W_OK) else [f"-Dmaven.repo.local={work / 'repository'}"]
