"""No corruption passes or crashes, and its reason names what is wrong; what is the same passes."""

import msgspec
import pytest

from .conftest import Compare
from .corruptions import CORRUPTIONS, EQUAL, Pair

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize("pair", CORRUPTIONS, ids=str)
def test_a_corruption_fails_with_its_reason(compare: Compare, pair: Pair) -> None:
    """Somewhere in the verdict, which can be written as JSON whatever the output held."""
    verdict = compare(pair.kind, [pair.baseline], [pair.rerun], pair.tolerance)

    reasons = [verdict.reason]
    for output in verdict.outputs:
        reasons += [output.reason, *(item.reason for item in output.items)]
    assert "fail" == verdict.status
    assert pair.word in " | ".join(reasons)
    assert msgspec.json.encode(verdict)


@pytest.mark.parametrize("pair", EQUAL, ids=str)
def test_the_same_passes(compare: Compare, pair: Pair) -> None:
    """In whichever way it is written."""
    verdict = compare(pair.kind, [pair.baseline], [pair.rerun], pair.tolerance)

    assert "pass" == verdict.status, verdict


def test_there_are_enough_kinds() -> None:
    """A table that shrinks proves less."""
    assert len({repr(pair) for pair in CORRUPTIONS}) >= 190
    assert len({repr(pair) for pair in EQUAL}) >= 60
