"""rattler: conda's channels are asked and specifications solved, without a conda executable."""

import asyncio
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from envsnap.errors import CaptureError, InvalidFileError, MissingToolError, UnsolvableError
from envsnap.host.credentials import CHANNEL_TOKEN, mask_credentials

if TYPE_CHECKING:
    from rattler import GenericVirtualPackage, RepoDataRecord

MISSING = "{name} is not installed, which {what} needs: install it with pip install 'envsnap[conda]'"


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaRecord:
    """A package that a channel serves; ``channel`` and ``url`` may hold a login or a token."""

    name: str
    version: str
    build: str
    channel: str
    subdir: str
    url: str
    sha256: str
    md5: str
    size: int
    depends: tuple[str, ...]


def check_specs(specs: Mapping[str, str]) -> None:
    """Parse conda's match specifications, each under the place that messages name.

    Raises:
        InvalidFileError: one is none.
        MissingToolError: rattler is not installed.
    """
    _require()
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    for where, spec in specs.items():
        try:
            MatchSpec(spec)
        except InvalidMatchSpecError as error:
            raise InvalidFileError(f"{where}: {spec!r} is no conda specification: {error}") from error


def solve(
    specs: Sequence[str], channels: Sequence[str], *, subdir: str, virtual: Mapping[str, tuple[str, str]]
) -> tuple[CondaRecord, ...]:
    """Choose for every package the newest release that fits, in order of name.

    Args:
        specs: conda's match specifications.
        channels: in order of priority, as name or URL.
        subdir: the platform, for example ``linux-64``.
        virtual: version and build of the virtual packages, such as ``__glibc``.

    Raises:
        MissingToolError: rattler is not installed.
        UnsolvableError: there is no solution.
        CaptureError: a channel does not answer.
    """
    _require()
    from rattler.exceptions import FetchRepoDataError, GatewayError, InvalidChannelError, SolverError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rattler warns of channels whose metadata names others
            records = asyncio.run(_solve(specs, channels, subdir, virtual))
    except SolverError as error:
        raise UnsolvableError(_reason(error)) from error
    except (FetchRepoDataError, GatewayError, InvalidChannelError) as error:
        raise CaptureError(f"a conda channel could not be asked: {_reason(error)}") from error
    return tuple(sorted(map(_record, records), key=lambda record: record.name))


async def _solve(
    specs: Sequence[str],
    channels: Sequence[str],
    subdir: str,
    virtual: Mapping[str, tuple[str, str]],
) -> "list[RepoDataRecord]":
    import rattler

    return await rattler.solve(
        [rattler.Channel(channel) for channel in channels],
        list(specs),
        gateway=rattler.Gateway(),  # it caches what channels say where rattler and pixi do
        platforms=[rattler.Subdir(subdir), rattler.Subdir("noarch")],
        virtual_packages=[_virtual(name, *facts) for name, facts in virtual.items()],
    )


def _virtual(name: str, version: str, build: str) -> "GenericVirtualPackage":
    import rattler

    return rattler.GenericVirtualPackage(
        rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
    )


def _record(record: "RepoDataRecord") -> CondaRecord:
    return CondaRecord(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        channel=record.channel or "",
        subdir=str(record.subdir),
        url=record.url,
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        size=record.size or 0,
        depends=tuple(record.depends),
    )


def _reason(error: Exception) -> str:
    return CHANNEL_TOKEN.sub("/t/***/", mask_credentials(str(error).strip()))


def _require() -> None:
    try:
        import rattler  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise MissingToolError(MISSING.format(name="py-rattler", what="environment.yml")) from error
