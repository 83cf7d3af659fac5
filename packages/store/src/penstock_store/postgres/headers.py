"""Record headers as the bytes of one column: names and values, any bytes, in order."""

import msgspec

from penstock_contracts.envelope import Headers

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Headers)
pack_headers = _encoder.encode
unpack_headers = _decoder.decode
