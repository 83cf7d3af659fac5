"""The commenter as a process: `python -m penstock_commenter`."""

from penstock_commenter.bootstrap import SERVICE, build
from penstock_runtime.service import run_service

if __name__ == "__main__":
    run_service(SERVICE, build)
