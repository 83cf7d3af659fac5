"""Run one service as its own process, until SIGTERM or SIGINT.

Each service needs PENSTOCK_DATABASE_URL and, to share the work with other processes, PENSTOCK_KAFKA_BOOTSTRAP.
Give each process of one host its own PENSTOCK_OPS_PORT.
"""

import argparse

from penstock.services import BOOTSTRAPS, build_of
from penstock_runtime.service import run_service


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", choices=sorted(BOOTSTRAPS), help="which one")


def run(arguments: argparse.Namespace) -> int:
    run_service(arguments.service, build_of(arguments.service))
