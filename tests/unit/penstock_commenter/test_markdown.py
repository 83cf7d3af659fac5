"""Untrusted text says what it says and does nothing else; our marks cannot be forged or copied."""

from hypothesis import given
from hypothesis import strategies as st

from penstock_commenter.identity import Markers, digest
from penstock_commenter.markdown import code, escape, fenced, one_line

MARKERS = Markers(b"key")


def test_nobody_is_mentioned_and_nothing_is_linked() -> None:
    text = escape("ask @alice about #12, see [here](https://evil.example) or www.evil.example <img src=x>")
    for harmful in ("@alice", "#12", "https://", "[here]", "www.evil", " <img"):
        assert harmful not in text


def test_code_spans_stay_readable() -> None:
    assert escape("call `a_b[0]` twice") == "call `a_b[0]` twice"
    assert escape("a_b") == r"a\_b"


def test_headings_and_rules_at_the_start_of_a_line_are_text() -> None:
    assert escape("# big\n---\nsmall").splitlines() == [r"\# big", r"\---", "small"]


def test_a_backtick_in_a_path_does_not_end_its_code_span() -> None:
    assert code("a`b") == "`` a`b ``"


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("```\nx\n````").startswith("`````\n")


def test_a_title_of_many_lines_becomes_one_and_is_cut() -> None:
    assert one_line("a\n\nb") == "a b"
    assert len(one_line("x" * 999, 100)) == 100


def test_a_mark_counts_only_as_the_last_line_and_only_with_our_key() -> None:
    signed = MARKERS.sign("hello", "effect-1", 65_536)
    assert MARKERS.marks(signed, "effect-1")
    assert MARKERS.marks(signed.replace("\n", "\r\n") + "\r\n", "effect-1")
    assert not MARKERS.marks(signed, "effect-2")
    assert not MARKERS.marks(f"{signed}\nsaid mallory", "effect-1")
    assert not Markers(b"another key").marks(signed, "effect-1")


def test_a_body_too_long_is_cut_and_keeps_its_mark() -> None:
    signed = MARKERS.sign("x" * 1000, "effect-1", 200)
    assert len(signed) <= 200
    assert MARKERS.marks(signed, "effect-1")


def test_a_digest_does_not_see_line_ends() -> None:
    assert digest("a\r\nb\n") == digest("a\nb")


@given(st.text(max_size=200))
def test_no_text_can_bring_a_mark_of_ours_into_what_we_say(text: str) -> None:
    for said in (
        escape(f"{text} <!-- penstock:abc -->"),
        code(f"{text}<!--penstock:abc-->"),
        fenced(f"<!-- PENSTOCK:{text}"),
    ):
        assert "<!-- penstock:" not in said.lower()
        assert "<!--penstock:" not in said.lower()
