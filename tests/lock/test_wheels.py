"""The wheel that a distribution was installed from is found by its contents, in whichever folder it lies."""

from pathlib import Path
from typing import Any

import pytest
from installed_package import make_installed

from envsnap.lock.wheels import find_wheel, list_wheels, wheel_digest


@pytest.mark.parametrize("installed", ["a", "b"])
def test_two_folders_may_hold_two_wheels_of_one_name(tmp_path: Path, make_wheel: Any, installed: str) -> None:
    """As those for two accelerators do: each is opened."""
    made = {
        name: make_wheel("demo", "1.0", {"demo.py": f"FOR = {name!r}\n"}, folder=tmp_path / name) for name in ("a", "b")
    }
    package = make_installed(tags=("py3-none-any",), content_digest=wheel_digest(made[installed]))

    for order in (("a", "b"), ("b", "a")):
        assert made[installed] == find_wheel(package, list_wheels(tmp_path / name for name in order))


def test_a_wheel_that_cannot_be_read_is_passed_over(tmp_path: Path, make_wheel: Any) -> None:
    """It may be half a download."""
    good = make_wheel("demo", "1.0", folder=tmp_path / "b")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / good.name).write_bytes(b"PK")
    package = make_installed(tags=("py3-none-any",), content_digest=wheel_digest(good))

    assert good == find_wheel(package, list_wheels([tmp_path / "a", tmp_path / "b"]))
