from envsnap.manifest.diff import Difference
from envsnap.report.differences import render_differences


def test_each_difference_is_a_row() -> None:
    """What differs stands beside both of its values."""
    text = render_differences([Difference(what="numpy", locked="2.0.0", found="2.1.0\x1b[2J")], color=False)

    assert ["what", "in", "the", "lock", "rebuilt"] == text.split()[:5]
    assert "\x1b" not in text
    assert any(line.split() == ["numpy", "2.0.0", "2.1.0\\x1b[2J"] for line in text.splitlines())


def test_no_difference_is_said() -> None:
    """An empty table would leave the reader in doubt."""
    assert "no differences\n" == render_differences([], color=False)
