"""The Baseline on disk: envsnap.baseline/, each recording in a folder named by its content.

A new recording stands beside the former one until the lock that names it is written, so a freeze that is killed
leaves the former lock with its own baseline.
"""

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from envsnap.errors import InvalidFileError, JobError
from envsnap.host.files import atomic_write, link_or_copy, sha256_bytes, sha256_file
from envsnap.host.own_places import BASELINE
from envsnap.manifest.manifest import Baseline, BaselineOutput
from envsnap.manifest.outcome import Outcome, RecordedOutput
from envsnap.run.injection import VERSION

RECORDING = re.compile(r"[0-9a-f]{16}|\.new-.*")
LISTINGS = "inputs"
PATCHES = "patches"


def record_baseline(
    outcomes: Sequence[Outcome],
    project: Path,
    *,
    made: Sequence[str] = (),
    injection: int = VERSION,
    recorded: bool = False,
) -> Baseline:
    """Keep the outputs of the runs; identical runs are kept once.

    Args:
        outcomes: of the runs.
        project: its folder.
        made: folders of outputs that the job makes itself.
        injection: version of what the runs were given.
        recorded: whether the one outcome is what stood in the project, and nothing was run.

    Raises:
        JobError: a run did not write a declared output.
    """
    outputs = tuple(_summary(written) for written in zip(*(outcome.outputs for outcome in outcomes), strict=True))
    repeatable = all(len(output.sha256) == 1 for output in outputs)
    folder = _content_name(outputs)
    _store(outcomes[:1] if repeatable else outcomes, project / BASELINE / folder)
    return Baseline(
        runs=len(outcomes),
        folder=folder,
        bitwise_repeatable=repeatable,
        observed=all(outcome.observation is not None for outcome in outcomes),
        recorded=recorded,
        outputs=outputs,
        made_folders=tuple(made),
        injection=injection,
    )


def baseline_files(baseline: Baseline, project: Path) -> Mapping[str, tuple[Path, ...]]:
    """Return each output's recorded files, one a distinct run, after checking them against the lock.

    Raises:
        InvalidFileError: a file is missing, cannot be read, or is not the one that the lock pins; or the lock pins
            another number of runs than it says.
    """
    files: dict[str, tuple[Path, ...]] = {}
    runs = 1 if baseline.bitwise_repeatable else baseline.runs
    for output in baseline.outputs:
        pinned = output.sha256 * runs if len(output.sha256) == 1 else output.sha256
        if len(pinned) != runs:
            raise InvalidFileError(
                f"envsnap.lock pins {len(pinned)} digests of {output.path} for {runs} recorded runs: "
                "restore it from version control, or run 'envsnap freeze'"
            )
        places = tuple(project / BASELINE / baseline.folder / f"run-{run}" / output.path for run in range(1, runs + 1))
        for place, sha256 in zip(places, pinned, strict=True):
            _check(place, sha256, project)
        files[output.path] = places
    return files


def write_listings(listings: Mapping[str, str], project: Path) -> None:
    """Keep the listing of each input folder, so that verify can name the file that changed."""
    for digest, listing in listings.items():
        path = project / BASELINE / LISTINGS / f"{digest}.txt"
        if not path.is_file() or sha256_file(path)[0] != digest:
            atomic_write(path, listing.encode("utf-8", "surrogateescape"))


def write_patch(patch: bytes | None, project: Path) -> None:
    """Keep the uncommitted changes beside the baseline, under their digest."""
    if patch:
        atomic_write(project / BASELINE / PATCHES / f"{sha256_bytes(patch)}.patch", patch)


def read_listings(digests: Sequence[str], project: Path) -> Mapping[str, str]:
    """Return the recorded listings that are there and are what their digest says."""
    listings = {}
    for digest in digests:
        path = project / BASELINE / LISTINGS / f"{digest}.txt"
        if path.is_file():
            data = path.read_bytes()
            if sha256_bytes(data) == digest:
                listings[digest] = data.decode("utf-8", "surrogateescape")
    return listings


def prune_baselines(project: Path, locks: Iterable[str]) -> None:
    """Remove recordings and listings that none of the project's locks names.

    Args:
        project: the project's folder.
        locks: the text of every lock in it: another one than the usual may have been written with ``--output``.
    """
    texts = tuple(locks)
    root = project / BASELINE
    recordings = [entry for entry in _entries(root) if entry.is_dir() and RECORDING.fullmatch(entry.name)]
    for entry in recordings:
        if not any(entry.name in text for text in texts):
            shutil.rmtree(entry)
    for path in (*_entries(root / LISTINGS), *_entries(root / PATCHES)):
        if path.suffix in {".txt", ".patch"} and not any(path.stem in text for text in texts):
            path.unlink()


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _summary(recorded: Sequence[RecordedOutput]) -> BaselineOutput:
    for run, output in enumerate(recorded, start=1):
        if output.file is None:
            raise JobError(
                f"the job ended well but did not write {output.path} in run {run}: correct job.outputs in "
                "envsnap.toml, or make the job write it"
            )
    digests = tuple(output.sha256 for output in recorded)
    first = recorded[0]
    return BaselineOutput(
        path=first.path, format=first.format, sha256=digests[:1] if len(set(digests)) == 1 else digests, size=first.size
    )


def _content_name(outputs: Sequence[BaselineOutput]) -> str:
    lines = [f"{output.path} {' '.join(output.sha256)}" for output in outputs]
    return sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))[:16]


def _store(outcomes: Sequence[Outcome], folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    new.chmod(0o755)
    for run, outcome in enumerate(outcomes, start=1):
        for output in outcome.outputs:
            if output.file is not None:
                target = new / f"run-{run}" / output.path
                target.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(output.file, target)
    if folder.exists():
        shutil.rmtree(folder)
    new.rename(folder)


def _check(place: Path, sha256: str, project: Path) -> None:
    shown = place.relative_to(project)
    if not place.is_file():
        raise InvalidFileError(
            f"the baseline's {shown} is missing: check it out (it belongs beside envsnap.lock), or run 'envsnap freeze'"
        )
    try:
        found, _size = sha256_file(place)
    except OSError as error:
        raise InvalidFileError(f"the baseline's {shown} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise InvalidFileError(
            f"the baseline's {shown} is not the file that envsnap.lock pins: restore it, or run 'envsnap freeze'"
        )
