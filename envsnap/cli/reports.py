"""The report files of ``envsnap verify``: removed before it works, written when it has a verdict."""

from dataclasses import dataclass
from pathlib import Path

from envsnap.errors import UsageError
from envsnap.report.accepted import ADVICE, render_accepted
from envsnap.report.envelope import envelope
from envsnap.report.junit import render_junit
from envsnap.report.openmetrics import render_metrics
from envsnap.report.printable import printable
from envsnap.report.terminal import render_verdict
from envsnap.workflow.verify import VerifyResult

PAGE_WIDTH = 120
TEXT, JSON, JUNIT, METRICS = "verify.txt", "verify.json", "junit.xml", "metrics.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reports:
    """The files that the user asked for: ``folder`` gets four, the others are one each; None where not asked for."""

    folder: Path | None
    junit_file: Path | None
    metrics_file: Path | None

    def remove(self) -> None:
        """Remove those of an earlier run: where this one ends without a verdict, nobody may take them for its own.

        Raises:
            UsageError: one of them cannot be removed.
        """
        in_folder = [self.folder / name for name in (TEXT, JSON, JUNIT, METRICS)] if self.folder is not None else []
        for path in (*in_folder, self.junit_file, self.metrics_file):
            try:
                if path is not None:
                    path.unlink(missing_ok=True)
            except OSError as error:
                raise UsageError(f"the earlier report {path} cannot be removed: {error.strerror}") from error

    def write(self, verified: VerifyResult, *, code: int, value: object, name: str) -> None:
        """Write them: ``code`` and ``value`` as they go into the envelope, ``name`` is the project's.

        Raises:
            UsageError: a place cannot be written.
        """
        suites = render_junit(verified.verdict, name=name, seconds=sum(verified.seconds))
        metrics = render_metrics(verified.verdict)
        if self.junit_file is not None:
            _write(self.junit_file, suites)
        if self.metrics_file is not None:
            _write(self.metrics_file, metrics)
        if self.folder is not None:
            if not self.folder.exists():
                _write(self.folder / ".gitignore", "*\n")  # or the next verify would call the reports changed code
            _write(self.folder / TEXT, table(verified, color=False, width=PAGE_WIDTH))
            _write(self.folder / JSON, envelope("verify", code, value))
            _write(self.folder / JUNIT, suites)
            _write(self.folder / METRICS, metrics)


def table(verified: VerifyResult, *, color: bool, width: int) -> str:
    """Return the verdict for people, where the job ran, and what was accepted or could be; ``width`` in columns."""
    text = render_verdict(verified.verdict, color=color, width=width)
    text = f"{text.rstrip()}\nran in the {printable(verified.environment)}\n"
    if verified.accepted is not None:
        return text + render_accepted(verified.accepted)
    return text + (f"{ADVICE}\n" if verified.acceptable else "")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the report {path} cannot be written: {error.strerror}") from error
