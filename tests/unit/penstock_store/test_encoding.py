"""Strategies of stored states: what was packed is unpacked, whatever it is, and what is broken says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_store.encoding import DEFAULT, DELTA_ROOT, SMALL, Packed, StateEncoding, check, pack, unpack
from penstock_store.errors import CorruptState

ANY_STATE = st.binary(max_size=200) | st.lists(
    st.sampled_from([b'{"a":1}', b'{"b":2},', b"}", b"", b'"runs":{', b"x" * 300]), max_size=40
).map(b"".join)
KEPT = [strategy for strategy in StateEncoding if strategy is not StateEncoding.MINIMAL]
LARGE = b",".join(b'{"part":"%d","blob":"%064d"}' % (number, number) for number in range(100))


@pytest.mark.parametrize("strategy", KEPT)
@given(states=st.lists(ANY_STATE, min_size=1, max_size=5))
def test_what_was_packed_is_unpacked_also_after_others(strategy: StateEncoding, states: list[bytes]) -> None:
    before: Packed | None = None
    for state in states:
        packed = pack(strategy, state, before)
        assert unpack(packed) == state
        check(packed, state)
        before = packed


@given(states=st.lists(ANY_STATE, min_size=1, max_size=5))
def test_a_minimal_state_is_left_to_its_facts_and_knows_itself_again(states: list[bytes]) -> None:
    before: Packed | None = None
    for state in states:
        before = pack(StateEncoding.MINIMAL, state, before)
        assert unpack(before) is None
        check(before, state)
        with pytest.raises(CorruptState, match="another state"):
            check(before, state + b"!")


@given(
    turns=st.lists(st.tuples(st.sampled_from(StateEncoding), ANY_STATE | st.just(LARGE)), min_size=2, max_size=8),
)
def test_any_strategy_follows_any_other(turns: list[tuple[StateEncoding, bytes]]) -> None:
    before: Packed | None = None
    for strategy, state in turns:
        before = pack(strategy, state, before)
        check(before, state)


@pytest.mark.parametrize("strategy", StateEncoding)
def test_a_state_is_not_taken_for_another(strategy: StateEncoding) -> None:
    with pytest.raises(CorruptState, match="another state"):
        check(pack(strategy, LARGE), LARGE[:-1])


@pytest.mark.parametrize("strategy", [StateEncoding.COMPRESSED, StateEncoding.DELTA])
def test_a_small_state_is_stored_as_it_is(strategy: StateEncoding) -> None:
    small, large = b"x" * (SMALL - 1), b"x" * SMALL
    assert pack(strategy, small) == Packed("full", small)
    assert pack(strategy, large).encoding == strategy
    assert len(pack(strategy, large).data) < 100


def test_a_small_change_is_a_small_delta_and_a_large_one_a_new_base() -> None:
    first = pack(StateEncoding.DELTA, LARGE)
    changed = pack(StateEncoding.DELTA, LARGE.replace(b'"50"', b'"fifty"'), first)
    other = pack(StateEncoding.DELTA, LARGE.replace(b"part", b"stage"), changed)

    assert first.base == LARGE
    assert changed.base == LARGE
    assert len(changed.data) < 150
    assert unpack(changed) != unpack(first)
    assert other.base == LARGE.replace(b"part", b"stage")


def test_a_delta_grows_until_a_new_base_is_cheaper() -> None:
    state, before = LARGE, pack(StateEncoding.DELTA, LARGE)
    largest = 0
    for number in range(100):
        state = state.replace(b'"part":"%d"' % number, b'"answered":"%d"' % number)
        after = pack(StateEncoding.DELTA, state, before)
        assert unpack(after) == state
        if after.base != before.base:
            break
        before, largest = after, max(largest, len(after.data))

    assert after.base == state
    assert 0.8 < largest**2 / (DELTA_ROOT**2 * len(LARGE)) <= 1


def test_the_name_of_the_first_release_is_still_read() -> None:
    assert unpack(Packed("json", b"{}")) == b"{}"


def broken() -> list[tuple[str, Packed]]:
    compressed = pack(StateEncoding.COMPRESSED, LARGE)
    delta = pack(StateEncoding.DELTA, LARGE.replace(b'"7"', b'"seven"'), pack(StateEncoding.DELTA, LARGE))
    return [
        ("no state encoding", Packed("riddle", b"{}")),
        ("inflated", Packed("compressed", b"{}")),
        ("inflated", Packed("compressed", compressed.data[:-9])),
        ("inflated", Packed("compressed", compressed.data[:50] + b"!" + compressed.data[51:])),
        ("cannot be read", Packed("delta", b"", LARGE)),
        ("cannot be read", Packed("delta", delta.data[:-1], LARGE)),
        ("cannot be read", Packed("delta", delta.data[:4] + b"\x81\x01\x02", LARGE)),
        ("belong together", Packed("delta", delta.data, b"")),
        ("belong together", Packed("delta", delta.data, LARGE.replace(b'"9"', b'"nine"'))),
        ("belong together", Packed("delta", b"1234" + delta.data[4:], LARGE)),
    ]


@pytest.mark.parametrize(("said", "packed"), broken())
def test_what_is_broken_is_a_corrupt_state(said: str, packed: Packed) -> None:
    with pytest.raises(CorruptState, match=said):
        unpack(packed)


@given(data=st.binary(max_size=60), base=st.binary(max_size=60), encoding=st.sampled_from(StateEncoding))
def test_whatever_lies_in_the_columns_nothing_but_a_corrupt_state_is_raised(
    data: bytes, base: bytes, encoding: StateEncoding
) -> None:
    try:
        found = unpack(Packed(encoding, data, base))
    except CorruptState:
        return
    assert found is None or encoding in (StateEncoding.FULL, StateEncoding.DELTA, StateEncoding.COMPRESSED)


def test_the_default_is_the_one_that_was_measured_to_be_best() -> None:
    assert DEFAULT is StateEncoding.DELTA
