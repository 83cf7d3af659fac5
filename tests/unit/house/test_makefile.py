"""Every target says what it does, and what it calls exists."""

import re
import subprocess

from tools.setup import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))


def test_every_target_is_in_the_help_with_one_line() -> None:
    told = subprocess.run(["make", "-C", str(ROOT), "help"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert {line.split()[0] for line in told.splitlines() if line.startswith("  ")} == targets()


def test_every_target_is_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY:((?:.*\\\n)*.*)", MAKEFILE, flags=re.MULTILINE)
    assert set(phony.replace("\\", "").split()) == targets()


def test_every_script_the_makefile_runs_exists() -> None:
    for module in re.findall(r"-m (tools\.\w+)", MAKEFILE):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
