"""Which GPU driver a CUDA needs: NVIDIA's tables as values. Pure.

Source: NVIDIA, CUDA Compatibility (minor-version compatibility) and CUDA Toolkit Release Notes, table "CUDA Toolkit
and Corresponding Driver Versions", drivers for Linux: https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/
"""

import re

Driver = tuple[int, ...]

_FLOORS: dict[int, Driver] = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580,)}
"""By major CUDA: from this driver on, every minor version of it runs."""

_RELEASES: dict[tuple[int, int], Driver] = {
    (9, 0): (384, 81),
    (9, 1): (390, 46),
    (9, 2): (396, 26),
    (10, 0): (410, 48),
    (10, 1): (418, 39),
    (10, 2): (440, 33),
    (11, 0): (450, 51, 5),
    (11, 1): (455, 23),
    (11, 2): (460, 27, 3),
    (11, 3): (465, 19, 1),
    (11, 4): (470, 42, 1),
    (11, 5): (495, 29, 5),
    (11, 6): (510, 39, 1),
    (11, 7): (515, 43, 4),
    (11, 8): (520, 61, 5),
    (12, 0): (525, 60, 13),
    (12, 1): (530, 30, 2),
    (12, 2): (535, 54, 3),
    (12, 3): (545, 23, 6),
    (12, 4): (550, 54, 14),
    (12, 5): (555, 42, 2),
    (12, 6): (560, 28, 3),
    (12, 8): (570, 26),
    (12, 9): (575, 51, 3),
    (13, 0): (580, 65, 6),
    (13, 1): (590, 44, 1),
}
"""By CUDA: the driver that the toolkit was released with. It serves that CUDA whole, PTX included."""

_DRIVER = re.compile(r"\d+(?:\.\d+){0,3}", re.ASCII)
_CUDA = re.compile(r"(\d{1,3})(?:\.(\d{1,3})(?:\.\d+)*)?", re.ASCII)


def oldest_driver(cuda: str) -> Driver | None:
    """Return the oldest driver that runs programs made for ``cuda``, for example ``12.4`` or only ``12``.

    It is the floor of minor-version compatibility for the whole major version; before CUDA 11 there was none, and
    each release needed its own driver. None: the tables do not know it.
    """
    match = _CUDA.fullmatch(cuda)
    return (_FLOORS.get(int(match[1])) if match else None) or toolkit_driver(cuda)


def toolkit_driver(cuda: str) -> Driver | None:
    """Return the driver that the toolkit ``cuda`` was released with; None: the tables do not know it.

    Between :func:`oldest_driver` and this one, programs run, but not what needs PTX of this toolkit compiled.
    """
    match = _CUDA.fullmatch(cuda)
    return _RELEASES.get((int(match[1]), int(match[2]))) if match and match[2] else None


def parse_driver(text: str) -> Driver | None:
    """Return a driver's version such as ``550.54.14`` as numbers that compare; None for anything else."""
    return tuple(int(part) for part in text.split(".")) if _DRIVER.fullmatch(text) else None
