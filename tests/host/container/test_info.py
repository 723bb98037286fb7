"""An engine's traits are read from what it tells of itself."""

from envsnap.host.container.info import EngineInfo, describe_engine


def test_podman_rootless_and_selinux_are_recognised() -> None:
    """They change how a container is asked for."""
    version = {"Version": "4.9", "Components": [{"Name": "Podman Engine"}]}
    info = {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless", "name=selinux"]}

    expected = EngineInfo(address="a", version="4.9", podman=True, rootless=True, selinux=True)
    assert expected == describe_engine("a", version, info)
