"""The review by a model as a process: `python -m penstock_llm_review`."""

from penstock_llm_review.bootstrap import SERVICE, build
from penstock_runtime.service import run_service

if __name__ == "__main__":
    run_service(SERVICE, build)
