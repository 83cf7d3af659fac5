"""The Kafka topics of the flow table: create those that are missing, or print them.

  penstock topics                       create what PENSTOCK_KAFKA_BOOTSTRAP does not have; what exists stays as it is
  penstock topics --print               name, partitions, how long records are kept, key, who says, who hears
  penstock topics --print --json        the same for programs

Replication is the cluster's default. PENSTOCK_TOPIC_PREFIX stands before every name, PENSTOCK_KAFKA_CONFIG names a
properties file for SASL and TLS.

exit codes:
  0  done
  2  the command line or a setting is wrong, or Kafka refuses the credentials
  3  Kafka does not answer
"""

import argparse
import os
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--print", action="store_true", help="print them; needs no Kafka")
    parser.add_argument("--json", action="store_true", help="with --print")


def run(arguments: argparse.Namespace) -> int:
    from penstock.operating.ending import ended

    return ended("topics", _performed(arguments))


async def _performed(arguments: argparse.Namespace) -> int:
    from penstock.operating.errors import NotUnderstood
    from penstock.operating.settings import Brokers
    from penstock.operating.topics import created, log_of, printed
    from penstock.operating.waiting import reaching, telling
    from penstock_runtime.settings import load

    brokers = load(Brokers, os.environ)
    if arguments.print:
        return printed(brokers.prefix, sys.stdout, as_json=arguments.json)
    if arguments.json:
        raise NotUnderstood("--json goes with --print: give both, or neither to create topics")
    log = log_of(brokers)
    with reaching(brokers), telling(f"Kafka at {brokers.bootstrap}"):
        return await created(log, brokers.prefix, sys.stdout)
