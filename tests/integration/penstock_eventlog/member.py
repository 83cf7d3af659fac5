"""A member of a group in a process of its own, which takes records, never commits, and is killed."""

import asyncio
import json
import sys

from penstock_eventlog.kafka import KafkaAddress, KafkaLog


async def take(bootstrap: str, prefix: str, group: str, topic: str, instance: str = "") -> None:
    consumer = KafkaLog(KafkaAddress(bootstrap, prefix, instance=instance)).consumer(group, [topic], lambda _: None)
    taken: list[int] = []
    while True:
        records = await consumer.poll(500, 0.2)
        taken += [int(one.value or b"-1") for one in records]
        if records:
            print("took " + json.dumps(taken), flush=True)


if __name__ == "__main__":
    asyncio.run(take(*sys.argv[1:]))
