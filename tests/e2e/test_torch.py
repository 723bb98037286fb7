"""Arrays are judged as torch judges them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from envsnap.compare.reading import Tensor
from envsnap.compare.tensors import single, tally_tensors
from envsnap.manifest.tolerance import Bounds

from .conftest import EXAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.network]


def test_torch_judges_every_element_alike(make_environment: Callable[[Path], Path], tmp_path: Path) -> None:
    """Pairs of each dtype under each tolerance, about as far apart as it allows; NaN and infinity are among them."""
    python = make_environment(EXAMPLES / "fashion-mnist" / "requirements.txt")
    judged = tmp_path / "judged.npz"
    subprocess.run([python, str(Path(__file__).with_name("judge_by_torch.py")), str(judged)], check=True)
    cases = np.load(judged)
    names = sorted({name.split("/")[0] for name in cases.files})

    for name in names:
        ours, theirs, bounds, close = (cases[f"{name}/{part}"] for part in ("ours", "theirs", "bounds", "close"))
        held = Bounds(rtol=float(bounds[0]), atol=float(bounds[1]), equal_nan=bool(bounds[2]))
        dtype = name.split("-")[0]
        one, other = (Tensor(dtype=dtype, shape=side.shape, stored=side) for side in (ours, theirs))
        inside = [tally_tensors(single(one, at), single(other, at), held).beyond == 0 for at in range(len(ours))]
        assert [] == np.flatnonzero(close != inside).tolist(), name
        assert int((~close).sum()) == tally_tensors(one, other, held).beyond, name
        assert 0 < close.sum() < len(close), f"{name} shows nothing"
    assert len(names) == 65
