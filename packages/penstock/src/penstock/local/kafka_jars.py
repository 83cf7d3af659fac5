"""Apache Kafka's programs from Maven's jars, fetched once into the cache folder."""

import fcntl
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from penstock.local.errors import KafkaUnavailable
from penstock.local.placement import cache_dir

KAFKA_VERSION = "4.3.1"
_LOG4J_VERSION = "2.25.4"  # of the log4j-core that this Kafka brings
_JAVA_NEEDED = 17
_ATTEMPTS = 3  # repositories have bad moments
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>penstock</groupId><artifactId>local-kafka</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{_LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
_LOGGING = """Configuration:
  Appenders:
    Console: {name: out, PatternLayout: {pattern: "%d %p %c{1} %m%n"}}
  Loggers:
    Root: {level: "WARN", AppenderRef: {ref: out}}
"""


def java_problem() -> str | None:
    """Why Java cannot run Kafka here, None when it can."""
    java = shutil.which("java")
    if java is None:
        return "there is no Java"
    told = subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < _JAVA_NEEDED:
        return f"Java {_JAVA_NEEDED} is needed and {version[1] if version else 'an unknown one'} is installed"
    return None


def jars_problem() -> str | None:
    """Why the jars cannot be had, None when they are here or Maven can get them."""
    return None if _is_complete() or shutil.which("mvn") else "there is no Maven"


def kafka_jars() -> Path:
    """The folder with `libs/` and `log4j2.yaml`. The first call takes a quarter of a minute."""
    place = _place()
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_complete():
            unfinished = Path(tempfile.mkdtemp(dir=place.parent))
            try:
                _fetch(unfinished)
                shutil.rmtree(place, ignore_errors=True)
                unfinished.rename(place)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return place


def _place() -> Path:
    return cache_dir() / f"kafka_{KAFKA_VERSION.replace('.', '_')}"


def _is_complete() -> bool:
    return (_place() / "log4j2.yaml").exists()


def _fetch(folder: Path) -> None:
    (folder / "pom.xml").write_text(_POM)
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=libs"]
    for _ in range(_ATTEMPTS):
        finished = subprocess.run(command, cwd=folder, check=False, stdin=subprocess.DEVNULL, capture_output=True)
        if finished.returncode == 0 and list((folder / "libs").glob("kafka_2.13-*.jar")):
            (folder / "log4j2.yaml").write_text(_LOGGING)
            return
    said = (finished.stdout + finished.stderr).decode(errors="replace").strip()[-1500:]
    raise KafkaUnavailable(reason=f"Maven does not get its jars: {said}")
