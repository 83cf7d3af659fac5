"""A record that only a client of another make can write."""

import ctypes
from pathlib import Path

import confluent_kafka
import pytest

from penstock_eventlog.kafka import KafkaAddress, KafkaLog
from penstock_eventlog.ports import NewRecord
from penstock_store.rows import RawRecord
from tests.suites.log import TOPIC
from tests.support.kafka import KafkaForTest
from tests.support.waiting import eventually

pytestmark = pytest.mark.kafka
_PRODUCER = 0
_END, _TOPIC, _PARTITION, _VALUE, _KEY, _FLAGS, _HEADERS = 0, 1, 3, 4, 5, 7, 10
_COPY = 2
WARM = 200
"""Records after which the interpreter has made the calls fast by which records are read."""


async def test_a_header_whose_name_is_no_text_leaves_its_record_without_headers_and_the_next_ones_come(
    kafka: KafkaForTest,
) -> None:
    log = KafkaLog(KafkaAddress(kafka.bootstrap, kafka.prefix))
    await log.prepare()
    before = [NewRecord(TOPIC, "k", (("name", b"x"),), b"before it", "k", spread=0)] * WARM
    producer = log.producer()
    await producer.send(before)
    send(kafka.bootstrap, f"{kafka.prefix}{TOPIC}", 0, b"\xff\xfe")
    await producer.send([NewRecord(TOPIC, "k", (("name", b"x"),), b"after it", "k", spread=0)])
    await producer.close()
    consumer = log.consumer("reader", [TOPIC], lambda _: None)
    found: list[RawRecord] = []

    async def both() -> bool:
        found.extend(await consumer.poll(100, 0.2))
        return len(found) == WARM + 2

    await eventually(both, within=20, what="both records")
    strange, after = found[WARM:]
    assert (strange.key, strange.headers, strange.value) == (b"key", (), b"value")
    assert (after.headers, after.value) == ((("name", b"x"),), b"after it")
    await consumer.close()
    await log.close()


def send(bootstrap: str, topic: str, partition: int, name: bytes) -> None:
    """By librdkafka itself: its Python client takes texts alone for the names of headers."""
    library = _library()
    configuration = ctypes.c_void_p(library.rd_kafka_conf_new())
    error = ctypes.create_string_buffer(500)
    assert library.rd_kafka_conf_set(configuration, b"bootstrap.servers", bootstrap.encode(), error, 500) == 0
    client = ctypes.c_void_p(library.rd_kafka_new(_PRODUCER, configuration, error, ctypes.c_size_t(500)))
    assert client, error.value
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(ctypes.c_size_t(1)))
    assert library.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"v", ctypes.c_ssize_t(1)) == 0
    refused = library.rd_kafka_producev(
        client,
        *(_TOPIC, topic.encode()),
        *(_PARTITION, ctypes.c_int32(partition)),
        *(_KEY, b"key", ctypes.c_size_t(3)),
        *(_VALUE, b"value", ctypes.c_size_t(5)),
        *(_FLAGS, _COPY),
        *(_HEADERS, headers),
        _END,
    )
    assert refused == 0
    assert library.rd_kafka_flush(client, 10_000) == 0
    library.rd_kafka_destroy(client)


def _library() -> ctypes.CDLL:
    """The one that the client brings with it."""
    (path,) = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka*")
    library = ctypes.CDLL(str(path))
    for function in (library.rd_kafka_conf_new, library.rd_kafka_new, library.rd_kafka_headers_new):
        function.restype = ctypes.c_void_p
    return library
