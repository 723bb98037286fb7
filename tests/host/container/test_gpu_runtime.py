"""Each way to give a container GPUs is found, and none is made up."""

from pathlib import Path
from typing import Any

import pytest

from envsnap.host.container.info import HOOK, gpu_support

PLAIN: dict[str, Any] = {"Runtimes": {"runc": {}, "io.containerd.runc.v2": {}}, "CDISpecDirs": None}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (PLAIN, ()),
        ({}, ()),
        ({"Runtimes": {"nvidia": {}, "runc": {}}}, ("runtime nvidia",)),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]}, ("CDI nvidia.com/gpu",)),
        ({"DiscoveredDevices": [{"Source": "cdi", "ID": "vendor.example/net=0"}]}, ()),
    ],
)
def test_engine_s_own_words(info: dict[str, Any], expected: tuple[str, ...]) -> None:
    """A far engine is known by its answer alone."""
    assert expected == gpu_support(info, local=False)


def test_tools_beside_a_local_engine_count(tmp_path: Path) -> None:
    """Docker finds the hook by itself; a specification lies in a folder that the engine names, or in the usual one."""
    hook, specs = tmp_path / "bin" / HOOK, tmp_path / "cdi" / "nvidia.yaml"
    for path in (hook, specs):
        path.parent.mkdir()
        path.touch()
    hook.chmod(0o755)
    named = PLAIN | {"CDISpecDirs": [str(specs.parent)]}

    assert (HOOK,) == gpu_support(PLAIN, local=True, programs=(str(hook.parent),), folders=())
    assert ("CDI nvidia.com/gpu",) == gpu_support(named, local=True, programs=(), folders=())
    assert () == gpu_support(named, local=False, programs=(str(hook.parent),), folders=(str(specs.parent),))
    assert () == gpu_support(PLAIN, local=True, programs=(str(tmp_path),), folders=(str(tmp_path / "none"),))
