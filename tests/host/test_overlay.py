"""Where there is no overlay that is said, with the reason; options and mounts are read as the kernel writes them."""

from pathlib import Path

import pytest

from envsnap.errors import CommandNotFoundError, OverlayRefusedError
from envsnap.host import overlay as module
from envsnap.host import process
from envsnap.host.overlay import Overlay


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    (tmp_path / "lower").mkdir()
    return Overlay(tmp_path / "lower", tmp_path / "upper", tmp_path / "work")


def test_a_mount_in_the_folder_is_refused(overlay: Overlay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look empty; a blank in its name is written as the kernel does."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"25 1 8:1 / / rw - ext4 /dev/sda rw\n36 25 8:2 / {overlay.lower}/my\\040data rw - ext4 /dev/sdb rw\n"
    )
    monkeypatch.setattr(module, "_MOUNTS", mounts)

    with pytest.raises(OverlayRefusedError, match="lower/my data is a mount of its own"):
        overlay.make()


def test_a_system_without_mountinfo_is_refused(
    overlay: Overlay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not Linux: its folders are used as they are."""
    monkeypatch.setattr(module, "_MOUNTS", tmp_path / "none")

    with pytest.raises(OverlayRefusedError):
        overlay.make()


@pytest.mark.processes
@pytest.mark.usefixtures("needs_overlay")
def test_a_kernel_that_refuses_is_quoted(overlay: Overlay) -> None:
    """An upper folder that is not there; the command was not started."""
    with pytest.raises(OverlayRefusedError, match="mount: No such file or directory"):
        process.run(("touch", "ran"), cwd=overlay.lower, env={"PATH": "/usr/bin:/bin"}, overlay=overlay)

    assert [] == list(overlay.lower.iterdir())


@pytest.mark.processes
@pytest.mark.usefixtures("needs_overlay")
def test_a_command_that_is_not_there_is_told_as_ever(overlay: Overlay) -> None:
    """The error is not the overlay's."""
    overlay.make()

    with pytest.raises(CommandNotFoundError, match="not found"):
        process.run(("no-such-command",), cwd=overlay.lower, env={"PATH": "/usr/bin:/bin"}, overlay=overlay)


def test_an_engine_gets_whole_paths(overlay: Overlay) -> None:
    """The administrator's overlay refers to nothing of the lower folder; a user's cannot."""
    lower = f"lowerdir={overlay.lower},upperdir={overlay.upper},workdir={overlay.work}"

    assert f"{lower},redirect_dir=on,index=off,metacopy=off" == overlay.options(rootless=False)
    assert f"{lower},userxattr" == overlay.options(rootless=True)


@pytest.mark.parametrize("name", ["a,b", "a:b", "a b", 'a"b', "a\\b"])
def test_a_path_that_ends_an_option_is_refused(tmp_path: Path, name: str) -> None:
    """An engine splits the options at commas."""
    with pytest.raises(OverlayRefusedError, match="separates options"):
        Overlay(tmp_path / name, tmp_path / "upper", tmp_path / "work").options(rootless=False)
