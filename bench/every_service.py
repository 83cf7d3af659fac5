"""Ingest's endpoint in a process that holds every service, the peer of ingest as a process of its own.

python -m bench.every_service loaded     every service is loaded, ingest alone runs
python -m bench.every_service running    every service runs, as in `penstock up`
"""

import sys

from penstock.services import BOOTSTRAPS, build_of
from penstock_runtime.service import run_services

LOADED = ("-m", "bench.every_service", "loaded")
RUNNING = ("-m", "bench.every_service", "running")


def main(how: str) -> None:
    builds = {name: build_of(name) for name in BOOTSTRAPS}
    if how == "running":
        from penstock.alone.bootstrap import builds as alone

        run_services("together", alone())
    run_services("together", {"ingest": builds["ingest"]})


if __name__ == "__main__":
    main(sys.argv[1])
