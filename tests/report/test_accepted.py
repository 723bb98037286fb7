"""What was accepted is said in the words of whoever accepted it, and nothing in a lock steers a terminal."""

from pathlib import Path

import msgspec

from envsnap.manifest.accepted import Accepted, AcceptedOutput
from envsnap.manifest.lockfile import parse_manifest, seal
from envsnap.manifest.manifest import Manifest
from envsnap.report.accepted import render_accepted

LOCK = Path(__file__).parent.parent / "e2e" / "locks" / "envsnap-1.3.lock"


def accepted(*entries: Accepted) -> Manifest:
    """A lock with these entries."""
    contents = parse_manifest(LOCK.read_text(encoding="utf-8"), source="envsnap.lock")[0].contents
    assert contents.baseline is not None
    baseline = msgspec.structs.replace(contents.baseline, runs=2, folder="0a" * 8, accepted=entries)
    return seal(msgspec.structs.replace(contents, baseline=baseline), created_by="e", created_at="t")


def test_last_entry_is_told_with_what_to_commit() -> None:
    """The others were told when they were made."""
    outputs = (AcceptedOutput(path="a\u202e", summary="loss: 1 -> 2"), AcceptedOutput(path="b", summary="new"))
    former = Accepted(reason="former", accepted_at="2026-01-01")
    last = Accepted(reason="why", accepted_at="2026-01-02", outputs=outputs, others=3)
    manifest = accepted(former, last)

    lines = render_accepted(manifest).splitlines()

    digest = manifest.snapshot.digest[:12]
    assert [
        "accepted: why",
        r"  a\u202e: loss: 1 -> 2",
        "  b: new",
        "  and 3 more outputs",
        f"envsnap.lock {digest} and envsnap.baseline/0a0a0a0a0a0a0a0a have these numbers, of 2 runs: commit both",
    ] == lines
