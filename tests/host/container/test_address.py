"""An engine is looked for where Docker and Podman listen, and what cannot be looked into is passed over."""

from pathlib import Path

import pytest

from envsnap.host.container.address import DEFAULT_SOCKET, engine_addresses, is_missing_socket, local_root


def test_docker_host_rules_out_every_other_place(tmp_path: Path) -> None:
    """The user named it: no other engine may answer in its place."""
    (tmp_path / "docker.sock").touch()

    assert ["tcp://h:1"] == engine_addresses({"DOCKER_HOST": "tcp://h:1", "XDG_RUNTIME_DIR": str(tmp_path)})


def test_sockets_that_are_there_follow_the_usual_one(tmp_path: Path) -> None:
    """A rootless Docker comes before Podman."""
    (tmp_path / "podman").mkdir()
    for name in ("podman/podman.sock", "docker.sock"):
        (tmp_path / name).touch()

    expected = [DEFAULT_SOCKET, f"unix://{tmp_path}/docker.sock", f"unix://{tmp_path}/podman/podman.sock"]
    assert expected == engine_addresses({"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)})


def test_socket_in_another_users_folder_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``su`` keeps XDG_RUNTIME_DIR: looking into it is refused, and that is no error."""

    def refuse(_path: Path, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)

    assert [DEFAULT_SOCKET] == engine_addresses({"XDG_RUNTIME_DIR": str(tmp_path / "other"), "HOME": str(tmp_path)})


def test_only_a_socket_of_this_machine_can_be_missing(tmp_path: Path) -> None:
    """Another machine is asked."""
    assert is_missing_socket(f"unix://{tmp_path}/none.sock")
    assert not is_missing_socket("tcp://engine.example:2375")


def test_images_of_an_engine_lie_here_only_if_it_runs_here(tmp_path: Path) -> None:
    """A remote engine, one in a virtual machine, and a folder that is not there say nothing of this machine's disk."""
    info = {"DockerRootDir": str(tmp_path)}

    assert str(tmp_path) == local_root("unix:///engine.sock", info)
    assert [""] * 4 == [
        local_root("tcp://far.example:2375", info),
        local_root("unix:///engine.sock", info | {"OperatingSystem": "Docker Desktop"}),
        local_root("unix:///engine.sock", {"DockerRootDir": str(tmp_path / "none")}),
        local_root("unix:///engine.sock", {}),
    ]
