"""The driver tables answer for what they hold, and say nothing of what they do not."""

import pytest

from envsnap.manifest.cuda_driver import oldest_driver, parse_driver, toolkit_driver


@pytest.mark.parametrize(
    ("cuda", "oldest", "toolkit"),
    [
        ("11.0", (450, 80, 2), (450, 51, 5)),
        ("11.8", (450, 80, 2), (520, 61, 5)),
        ("12.4", (525, 60, 13), (550, 54, 14)),
        ("12.4.131", (525, 60, 13), (550, 54, 14)),
        ("12.7", (525, 60, 13), None),
        ("13.0", (580,), (580, 65, 6)),
        ("10.2", (440, 33), (440, 33)),
        ("8.0", None, None),
        ("99.0", None, None),
        ("", None, None),
        ("12", (525, 60, 13), None),
        ("12.", None, None),
        ("twelve", None, None),
    ],
)
def test_drivers_of_a_cuda(cuda: str, oldest: tuple[int, ...] | None, toolkit: tuple[int, ...] | None) -> None:
    """A patch release has its minor version's drivers; what NVIDIA's tables lack is None, not a guess."""
    assert (oldest, toolkit) == (oldest_driver(cuda), toolkit_driver(cuda))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("550.54.14", (550, 54, 14)), ("580", (580,)), ("", None), ("550.54-beta", None), ("550.", None)],
)
def test_drivers_are_numbers(text: str, expected: tuple[int, ...] | None) -> None:
    """What is no version is None: a driver's answer is not believed."""
    assert expected == parse_driver(text)


def test_drivers_compare_as_numbers() -> None:
    """As text, 99 would be newer than 450."""
    assert (parse_driver("99.1") or ()) < (parse_driver("450.80.02") or ())
