"""Writes requirements.lock: names, versions and hashes of everything, and no address of any index.

uv.lock carries such addresses and stays on this machine; where it exists, versions only move when they must.
"""

import subprocess
import sys

from tools.get_uv import find_uv
from tools.setup import LOCK, ROOT, environment


def main() -> None:
    uv = find_uv(ROOT / ".tools")
    variables = environment()
    subprocess.run([uv, "--quiet", "lock"], cwd=ROOT, env=variables, check=True)
    exported = subprocess.run(
        [
            uv,
            "--quiet",
            "export",
            "--all-packages",
            "--all-extras",
            "--all-groups",
            "--no-emit-workspace",
            "--no-header",
        ],
        cwd=ROOT,
        env=variables,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    if "://" in exported:
        sys.exit("lock: the export contains an address; a dependency that is not from an index cannot be locked")
    LOCK.write_text(exported)


if __name__ == "__main__":
    main()
