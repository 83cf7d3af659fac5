"""The jobs API as a process: `python -m penstock_console`."""

from penstock_console.bootstrap import build
from penstock_runtime.service import run_service

if __name__ == "__main__":
    run_service("console", build)
