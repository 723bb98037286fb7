import pytest

from envsnap.errors import InvalidFileError
from envsnap.manifest.quantity import BYTES, SECONDS, Measure, parse_quantity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(90, 90), ("90", 90), ("90s", 90), ("1.5h", 5400), (" 30 m ", 1800), ("2H", 7200), ("1d", 86400)],
)
def test_duration_is_read_in_its_unit(text: str | int, seconds: float) -> None:
    assert seconds == parse_quantity(text, SECONDS, where="job.timeout")


@pytest.mark.parametrize(("text", "size"), [(1, 1), ("64b", 64), ("1k", 1024), ("512M", 512 * 2**20), ("1g", 2**30)])
def test_size_is_read_in_its_unit(text: str | int, size: float) -> None:
    assert size == parse_quantity(text, BYTES, where="job.shm-size")


@pytest.mark.parametrize(
    "text", ["", "m", "ten minutes", "-5m", -5, "1e3s", "5 weeks", "1h30m", "inf", "nan", "٣m", "5m\nx"]
)
def test_what_is_no_duration_is_an_error_with_an_example(text: str | int) -> None:
    with pytest.raises(InvalidFileError) as caught:
        parse_quantity(text, SECONDS, where="job.timeout")

    assert f'job.timeout = {text!r} is not a quantity like "90s", "30m" or "2h"' == str(caught.value)


@pytest.mark.parametrize(
    ("text", "measure"),
    [(0, SECONDS), ("0.0001s", SECONDS), ("400d", SECONDS), ("0b", BYTES), ("9" * 400 + "g", BYTES)],
)
def test_senseless_amount_is_refused(text: str | int, measure: Measure) -> None:
    """No time at all, or a number that no clock and no memory can hold."""
    with pytest.raises(InvalidFileError, match="too small or too large"):
        parse_quantity(text, measure, where="job")
