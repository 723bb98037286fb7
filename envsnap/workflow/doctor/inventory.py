"""What of a lock lies on this machine: base image, rebuilt environment, wheels, inputs, baseline, variables."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from envsnap.errors import CaptureError, MissingToolError
from envsnap.host.container.engine import Engine
from envsnap.host.files import sha256_file
from envsnap.host.index.config import IndexConfig, read_index_config
from envsnap.host.own_places import BASELINE
from envsnap.manifest.build_spec import BuildTarget
from envsnap.manifest.machine import FoundFile, Inventory
from envsnap.manifest.manifest import Contents, Manifest
from envsnap.manifest.specification import SpecificationFile
from envsnap.workflow.doctor.machine import DoctorRequest, Tools
from envsnap.workflow.environments import RebuiltEnvironment, choose_rebuilt, image_tag

if TYPE_CHECKING:
    from envsnap.host.index.http import IndexConnections


def take_inventory(manifest: Manifest, tools: Tools, request: DoctorRequest) -> Inventory:
    """Look what is here; only a specification is hashed, and a network is touched where ``request`` says online."""
    folder, env = request.folder, request.env
    contents, config = manifest.contents, read_index_config(env)
    base, jobs = contents.build.base_image, contents.each_job
    data = dict.fromkeys(datum for one in jobs for datum in one.data)
    passed = dict.fromkeys(name for one in jobs if one.job is not None for name in one.job.pass_env)
    return Inventory(
        interpreter=tools.interpreter,
        base_image=base is not None and _has_image(tools.engine, base),
        rebuilt=_rebuilt(manifest, folder, request.target, tools.engine),
        wheels=tuple(_wheels(contents, (folder / ".envsnap" / "wheels", *config.local_folders))),
        inputs=tuple(_look(folder, datum.path, None if datum.files else datum.size) for datum in data),
        baseline=tuple(file for one in jobs for file in look_for_baseline(one, folder)),
        unset=tuple(name for name in passed if name not in env),
        changed=tuple(changed_specification(contents, folder)),
        unreachable=_unreachable(contents, config) if request.online else None,
    )


def _has_image(engine: Engine | None, name: str) -> bool:
    try:
        return engine is not None and engine.image(name) is not None
    except MissingToolError:
        return False


def _rebuilt(manifest: Manifest, folder: Path, target: BuildTarget | None, engine: Engine | None) -> str:
    """Name the environment that was built from this very lock already; "" where none was."""
    if (folder / ".envsnap").is_dir():
        rebuilt = choose_rebuilt(folder, manifest, target=target, image=None)
    else:  # or the folder would be made
        rebuilt = RebuiltEnvironment("docker", image_tag(folder, manifest))
    if rebuilt.target == "venv":
        return f"the virtual environment {rebuilt.reference}" if Path(rebuilt.reference).exists() else ""
    return f"image {rebuilt.reference}" if _has_image(engine, rebuilt.reference) else ""


def _wheels(contents: Contents, stores: Iterable[Path]) -> Iterator[FoundFile]:
    """Look for the wheels that no index serves, where ``build`` looks for them."""
    folders = list(stores)
    for package in contents.packages:
        wheel = package.wheel
        if wheel is not None and wheel.path:
            looked = [_look(folder, wheel.name, wheel.size) for folder in folders]
            yield next((file for file in looked if file.there), looked[0])


def look_for_baseline(contents: Contents, folder: Path) -> Iterator[FoundFile]:
    """Look for the recorded outputs; the lock knows the size of the first run's."""
    baseline = contents.baseline
    if baseline is None:
        return
    for run in range(1, (1 if baseline.bitwise_repeatable else baseline.runs) + 1):
        for output in baseline.outputs:
            place = f"{BASELINE}/{baseline.folder}/run-{run}/{output.path}"
            yield _look(folder, place, output.size if run == 1 else None)


def changed_specification(contents: Contents, folder: Path) -> Iterator[str]:
    """Name the files that the lock was resolved from and that are others by now."""
    locked = contents.specification
    if locked is None:
        return
    for file in (SpecificationFile(path=locked.path, sha256=locked.sha256), *locked.included):
        place = folder / file.path
        try:
            same = place.is_file() and sha256_file(place)[0] == file.sha256  # the path may name a device
        except OSError:
            same = False
        if not same:
            yield file.path


def _look(folder: Path, path: str, expected: int | None) -> FoundFile:
    try:
        found = (folder / path).stat()
    except OSError:
        return FoundFile(path=path, there=False, expected=expected)
    return FoundFile(path=path, there=True, size=found.st_size, expected=expected)


def _unreachable(contents: Contents, config: IndexConfig) -> tuple[str, ...]:
    """Fetch a few bytes of one locked wheel from each host that serves some."""
    from envsnap.host.index.http import IndexConnections

    urls = [package.wheel.url for package in contents.packages if package.wheel and package.wheel.url]
    by_host = {urlsplit(url).hostname or "": url for url in urls}
    try:
        http = IndexConnections(config)
        http.prepare()
    except CaptureError as error:
        return (str(error),)
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = pool.map(lambda host: _refusal(http, host, by_host[host]), sorted(by_host))
        return tuple(answer for answer in answers if answer)


def _refusal(http: "IndexConnections", host: str, url: str) -> str:
    from envsnap.host.index.wheel import read_remote_record

    try:
        read_remote_record(http, url)
    except CaptureError as error:
        return f"{host}: {error}"
    return ""
