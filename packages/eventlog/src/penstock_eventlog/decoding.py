"""From raw records to events; schemas of newer processes are looked up in the store."""

from penstock_contracts.codec import Codec
from penstock_contracts.errors import ContractError, UnknownSchema
from penstock_contracts.event import Event
from penstock_contracts.facts import Fact
from penstock_contracts.flow import TOPIC_BY_NAME
from penstock_contracts.schemas import schema_id
from penstock_eventlog.outcomes import DeadLetter
from penstock_store.ports import Schemas
from penstock_store.rows import RawRecord

UNDECODABLE = "undecodable"


class Decoder:
    def __init__(self, codec: Codec, schemas: Schemas) -> None:
        self._codec = codec
        self._schemas = schemas

    async def decode(self, record: RawRecord) -> Event[Fact] | DeadLetter:
        """Raises StoreUnavailable when a schema is unknown here and the store cannot be asked for it."""
        try:
            return _in_its_place(record, self._codec.decode(record.headers, record.value))
        except UnknownSchema as unknown:
            return await self._with_schema(record, unknown)
        except ContractError as error:
            return DeadLetter(UNDECODABLE, str(error))

    async def _with_schema(self, record: RawRecord, unknown: UnknownSchema) -> Event[Fact] | DeadLetter:
        text = await self._schemas.text(unknown.schema_id)
        if text is None or schema_id(text) != unknown.schema_id:
            return DeadLetter(UNDECODABLE, f"{unknown}, nor is it in the table of schemas")
        try:
            self._codec.learn(unknown.schema_id, text)
            return _in_its_place(record, self._codec.decode(record.headers, record.value))
        except ContractError as error:
            return DeadLetter(UNDECODABLE, str(error))


def _in_its_place(record: RawRecord, event: Event[Fact]) -> Event[Fact] | DeadLetter:
    """What another topic carries cannot be meant here, and no repair of ours would make it so."""
    topic = TOPIC_BY_NAME.get(record.topic)
    if topic is None or isinstance(event.fact, topic.types):
        return event
    return DeadLetter(UNDECODABLE, f"{event.envelope.type} has no place on {record.topic}")
