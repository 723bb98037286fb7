"""Says in a few lines what a bundle holds, or what was made of one."""

from collections import Counter

from envsnap.manifest.bundle_index import BundleIndex
from envsnap.report.printable import printable

NOUNS = {"wheel": "wheel", "conda": "conda package", "baseline": "file of the baseline"}
PLURALS = {"wheel": "wheels", "conda": "conda packages", "baseline": "files of the baseline"}


def render_bundled(path: str, index: BundleIndex, fetched: int, inputs: int) -> str:
    """Describe a bundle; ``fetched`` bytes came from a server, ``inputs`` are not in it."""
    counts: Counter[str] = Counter(entry.kind for entry in index.entries)
    parts = ["the lock", *(_count(counts[kind], kind) for kind in NOUNS if counts[kind])]
    if index.commit is not None:
        parts.append(f"the source at commit {index.commit[:12]}")
    lines = [
        f"bundle {printable(path)}",
        f"lock {index.lock[:12]}: {', '.join(parts)}; {index.size:,} bytes, {fetched:,} of them fetched",
    ]
    lines += [
        f"{item.package}: a wheel made from the installed files stands for {item.wheel or 'the one that is missing'}"
        for item in index.replaced
    ]
    if index.original_lock is not None:
        lines.append(f"its lock pins those wheels, so its digest is not that of {index.original_lock[:12]}")
    return "\n".join([*lines, *_lacking(inputs)]) + "\n"


def render_unpacked(project: str, lock: str, inputs: int) -> str:
    """Describe a project folder that was made out of a bundle."""
    return "\n".join([f"project {printable(project)}, lock {lock[:12]}", *_lacking(inputs)]) + "\n"


def _count(number: int, kind: str) -> str:
    return f"{number} {NOUNS[kind] if number == 1 else PLURALS[kind]}"


def _lacking(inputs: int) -> list[str]:
    if not inputs:
        return []
    return [
        f"the job's inputs ({inputs} in the lock) are not in a bundle: bring them along; verify checks their hashes"
    ]
