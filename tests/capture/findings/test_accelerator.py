"""What looks wrong about the accelerator is found and named; what is as it should be is not."""

from typing import Any

import msgspec
import pytest

from envsnap.capture.findings.accelerator import accelerator_findings
from envsnap.manifest.accelerator import Accelerator, AcceleratorLibrary, FrameworkBuild
from envsnap.manifest.finding import KINDS, Finding

WHEEL = AcceleratorLibrary(
    name="libcudnn.so.9", version="9.1.0.70", origin="wheel", path="{prefix}/nvidia/cudnn/lib/libcudnn.so.9",
    sha256="ab" * 32, size=100, loaded=False, packages=("nvidia-cudnn-cu12 9.1.0.70",),
)  # fmt: skip
OTHER = AcceleratorLibrary(
    name="libcudnn.so.9.5.1", version="9.5.1", origin="ld-library-path", path="/opt/cudnn/libcudnn.so.9.5.1",
    sha256="", size=200, loaded=False,
)  # fmt: skip


def changed(library: AcceleratorLibrary, **changes: Any) -> AcceleratorLibrary:
    """Return another library."""
    return msgspec.structs.replace(library, **changes)


def findings(*libraries: AcceleratorLibrary) -> tuple[Finding, ...]:
    """Return what is found about these libraries."""
    return accelerator_findings(Accelerator(libraries=libraries))


def test_two_copies_side_by_side_are_named_in_search_order() -> None:
    """Without a job nobody knows which one counts."""
    detail = (
        "side by side, in search order: {prefix}/nvidia/cudnn/lib/libcudnn.so.9"
        " (9.1.0.70, of nvidia-cudnn-cu12 9.1.0.70),"
        " /opt/cudnn/libcudnn.so.9.5.1 (9.5.1, of LD_LIBRARY_PATH); which one a job loads depends on who asks for it"
    )

    assert (Finding(kind="shadowed-library", subject="libcudnn.so.9", detail=detail),) == findings(WHEEL, OTHER)


def test_the_loaded_copy_is_named_and_the_one_that_it_took_the_place_of() -> None:
    """A wheel's cuDNN that is shadowed by another one."""
    found = findings(WHEEL, changed(OTHER, loaded=True))

    assert (
        "the job loaded /opt/cudnn/libcudnn.so.9.5.1 (9.5.1, of LD_LIBRARY_PATH) although another one comes first;"
        " beside it: {prefix}/nvidia/cudnn/lib/libcudnn.so.9 (9.1.0.70, of nvidia-cudnn-cu12 9.1.0.70)"
    ) == found[0].detail


def test_the_first_copy_that_was_loaded_is_told_with_the_other_one() -> None:
    """Another process may load the other."""
    found = findings(changed(WHEEL, loaded=True), OTHER)

    assert found[0].detail.startswith("the job loaded {prefix}/nvidia/cudnn/lib/libcudnn.so.9 (9.1.0.70")
    assert "although" not in found[0].detail


def test_two_loaded_copies_are_both_named() -> None:
    """One job, two cuDNNs."""
    found = findings(changed(WHEEL, loaded=True), changed(OTHER, loaded=True))

    assert "beside it" not in found[0].detail
    assert all(path in found[0].detail for path in (WHEEL.path, OTHER.path))


@pytest.mark.parametrize(
    "second",
    [
        changed(OTHER, origin="system"),
        changed(OTHER, name="libcudnn.so.8.9.7", version="8.9.7"),
        changed(OTHER, name="libcudnn_ops.so.9"),
        changed(OTHER, name="libnccl.so.2"),
        changed(OTHER, version="9.1.0", size=100),
        changed(OTHER, sha256="ab" * 32),
        changed(OTHER, name="odd"),
    ],
    ids=["system", "other interface", "part", "other library", "same version and size", "same bytes", "no library"],
)
def test_what_takes_no_place_is_no_finding(second: AcceleratorLibrary) -> None:
    """Most machines have several libraries; only copies of one that can be taken for it count."""
    assert () == findings(changed(WHEEL, loaded=True), second)


def test_a_system_copy_counts_where_it_was_loaded() -> None:
    """Then the wheel's was passed over."""
    found = findings(WHEEL, changed(OTHER, origin="system", loaded=True))

    assert ["libcudnn.so.9"] == [finding.subject for finding in found]


def test_two_wheels_that_claim_one_file_are_named() -> None:
    """The one that was installed last has overwritten the other."""
    found = findings(changed(WHEEL, packages=("nvidia-cudnn-cu12 9.1.0.70", "nvidia-cudnn-cu11 9.0.0.312")))

    assert "nvidia-cudnn-cu12 9.1.0.70 and to nvidia-cudnn-cu11 9.0.0.312" in found[0].detail


def test_a_library_that_says_another_version_than_its_wheel_is_named() -> None:
    """The file was put in the wheel's place."""
    found = findings(changed(WHEEL, version="9.5.1", loaded=True))

    assert "says that it is 9.5.1, its wheel is nvidia-cudnn-cu12 9.1.0.70" in found[0].detail


@pytest.mark.parametrize(
    ("driver", "serves", "cuda", "found"),
    [
        ("470.82.01", "11.4", "12.4", 1),
        ("525.60.13", "12.0", "12.4", 0),
        ("550.54.14", "12.4", "12.4", 0),
        ("550.54.14", "12.4", "13.0", 1),
        ("550.54.14", "12.4", "12", 0),
        ("470.82.01", "11.4", "12", 1),
        ("470.82.01", "12.4", "12.4", 0),
        ("470.82.01", "", "12.4", 1),
        ("", "", "12.4", 0),
        ("", "", "", 0),
        ("unknown", "12.4", "13.0", 0),
        ("550.54.14", "12.4", "99.0", 0),
    ],
)  # fmt: skip
def test_a_driver_that_is_too_old_for_the_framework_is_named(driver: str, serves: str, cuda: str, found: int) -> None:
    """Minor versions are compatible; what a package of forward compatibility serves, it serves."""
    build = FrameworkBuild(name="torch", version="2.9.0", cuda=cuda)

    seen = accelerator_findings(Accelerator(driver=driver, driver_cuda=serves, frameworks=(build,)))

    assert found == len(seen)
    assert {"torch"} >= {finding.subject for finding in seen}


def test_the_driver_that_is_needed_is_told() -> None:
    """A person can act on it."""
    build = FrameworkBuild(name="torch", version="2.9.0+cu124", cuda="12.4")

    found = accelerator_findings(Accelerator(driver="470.82.01", driver_cuda="11.4", frameworks=(build,)))

    assert (
        "torch 2.9.0+cu124 is compiled for CUDA 12.4, which needs driver 525.60.13 or newer; this one is 470.82.01 and"
        " serves CUDA 11.4"
    ) == found[0].detail


def test_a_driver_that_did_not_answer_is_a_finding() -> None:
    """Its kind stands in the table."""
    found = accelerator_findings(Accelerator(), "the GPU driver did not answer within 10 s")

    assert (Finding(kind="driver", subject="NVML", detail="the GPU driver did not answer within 10 s"),) == found
    assert {"driver", "shadowed-library"} <= KINDS.keys()


def test_nothing_wrong_is_nothing_found() -> None:
    """A machine without a GPU is one."""
    assert () == accelerator_findings(Accelerator())
