"""The webhook handler as a process: `python -m penstock_ingest`."""

from penstock_ingest.bootstrap import build
from penstock_runtime.service import run_service

if __name__ == "__main__":
    run_service("ingest", build)
