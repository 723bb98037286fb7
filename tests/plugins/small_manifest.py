"""A manifest of packages alone, as a value."""

import sys

from envsnap.manifest.accelerator import Accelerator
from envsnap.manifest.hardware import Cpu, Hardware
from envsnap.manifest.interpreter import Interpreter, Platform
from envsnap.manifest.manifest import Contents, Manifest, Snapshot
from envsnap.manifest.numerics import Numerics
from envsnap.manifest.package import Package

HERE = ".".join(map(str, sys.version_info[:3]))


def manifest(*packages: Package, python: str = HERE) -> Manifest:
    """Return a manifest of these packages."""
    contents = Contents(
        interpreter=Interpreter(
            implementation="cpython", version=python, build="", compiler="", soabi="", provenance="unknown"
        ),
        platform=Platform(system="Linux", arch="x86_64", libc="", libc_version="", distribution="", kernel=""),
        hardware=Hardware(cpu=Cpu(vendor="", model="", cores=1)),
        accelerator=Accelerator(),
        numerics=Numerics(threads=1),
        packages=packages,
    )
    return Manifest(snapshot=Snapshot(created_by="t", created_at="t", digest="0" * 64), contents=contents)
