"""What a command prints is handed on by line and kept in part."""

from hypothesis import given
from hypothesis import strategies as st

from envsnap.host.output import LiveOutput


def test_line_in_two_chunks_is_handed_on_once() -> None:
    """Chunks end anywhere, even inside a character: only whole lines are handed on."""
    lines: list[str] = []
    output = LiveOutput(lines.append)

    for chunk in (b"caf\xc3", b"\xa9 au", b" lait\r", b"\nnext"):
        output.feed(chunk)

    assert ["café au lait"] == lines
    assert b"caf\xc3\xa9 au lait\r\nnext" == output.finish()
    assert ["café au lait", "next"] == lines


def test_progress_bar_shows_while_it_moves() -> None:
    """A carriage return ends a line."""
    lines: list[str] = []

    LiveOutput(lines.append).feed(b"1%\r2%\r3%")

    assert ["1%", "2%"] == lines


def test_endless_line_is_handed_on_in_parts() -> None:
    """Output without line ends does not pile up in memory."""
    lines: list[str] = []
    output = LiveOutput(lines.append, limit=10)

    output.feed(b"x" * 200_000)

    assert ["x" * 200_000] == lines


@given(st.lists(st.binary(max_size=50)), st.integers(min_value=1, max_value=60))
def test_tail_is_kept(chunks: list[bytes], limit: int) -> None:
    """What is kept is the end of the stream, and never more than the limit."""
    output = LiveOutput(limit=limit)
    for chunk in chunks:
        output.feed(chunk)

    assert b"".join(chunks)[-limit:] == output.finish()


@given(st.text(alphabet=st.characters(exclude_characters="\r"), max_size=80), st.integers(1, 9))
def test_lines_do_not_depend_on_chunks(text: str, size: int) -> None:
    """The same bytes give the same lines however they arrive."""
    data = text.encode("utf-8", "replace")
    whole: list[str] = []
    parts: list[str] = []
    at_once, in_parts = LiveOutput(whole.append), LiveOutput(parts.append)

    at_once.feed(data)
    for start in range(0, len(data), size):
        in_parts.feed(data[start : start + size])
    at_once.finish()
    in_parts.finish()

    assert whole == parts
