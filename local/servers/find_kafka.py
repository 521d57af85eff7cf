"""Fetches Apache Kafka's jars with Maven into the cache."""

import os
import pwd
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.machine.make_once import make_once
from local.machine.processes import CannotStartError, run_to_end
from local.machine.trusted_certificates import machine_certificates, trust_store
from local.servers.find_java import Java, find_java, find_maven

VERSION = "4.3.1"
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
    java: Java
    jars: Path

    def __str__(self) -> str:
        return f"Apache Kafka {VERSION} (KRaft, one JVM; {self.java})"


def find_apache_kafka(cache: Path, *, say: Callable[[str], None]) -> ApacheKafka:
    """Raises with a line that says why there is none. Maven is needed only until the jars have been fetched."""
    java = find_java(cache, say=say)
    jars = cache.resolve() / "kafka" / f"jars-{VERSION}"
    if not jars.exists():
        maven = find_maven(cache, say=say)
        make_once(jars, partial(_fetch, java, maven, jars.with_name("maven.log"), say), say=say)
    return ApacheKafka(java=java, jars=jars)


def _fetch(java: Java, maven: Sequence[str], log: Path, say: Callable[[str], None], directory: Path) -> None:
    say(f"hongyan: fetching Apache Kafka {VERSION} from Maven (44 MB, once)")
    (work := directory / "maven").mkdir()
    (work / "pom.xml").write_text(_POM)
    goal = [_COPY_DEPENDENCIES, "-DincludeScope=runtime", f"-DoutputDirectory={directory.resolve()}"]
    step = [*maven, "-B", "-q", *_repository(work.resolve()), *goal]
    try:
        run_to_end(step, name="Maven", log=log, cwd=work, env=_environment(java, work))
    except CannotStartError:
        raise CannotStartError(f"Maven cannot fetch Apache Kafka: see {log}") from None
    shutil.rmtree(work)


def _environment(java: Java, work: Path) -> dict[str, str]:
    """In the C locale Java cannot name a directory that is not ASCII."""
    environment = {"LC_ALL": "C.UTF-8", "JAVA_HOME": java.home}
    if java.unpacked:
        (work / "cacerts").write_bytes(trust_store(machine_certificates()))
        options = os.environ.get("MAVEN_OPTS", "")
        environment["MAVEN_OPTS"] = f"-Djavax.net.ssl.trustStore=cacerts {options}"  # relative to `work`
    return environment


def _repository(work: Path) -> list[str]:
    """Maven keeps what it fetches below the home directory; some accounts have none that they may write to."""
    try:
        home = Path(pwd.getpwuid(os.geteuid()).pw_dir)  # Java looks there, whatever HOME says
    except KeyError:
        home = Path("/nonexistent")
    own = home / ".m2" / "repository"
    existing = next(path for path in [own, *own.parents] if path.exists())
    return [] if os.access(existing, os.W_OK) else [f"-Dmaven.repo.local={work / 'repository'}"]
