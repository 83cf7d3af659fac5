"""The preparation as a process: `python -m penstock_prepare`."""

from penstock_prepare.bootstrap import SERVICE, build
from penstock_runtime.service import run_service

if __name__ == "__main__":
    run_service(SERVICE, build)
