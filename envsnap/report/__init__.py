"""Results become text: for the terminal, as JSON, as JUnit. Pure: nothing here prints or writes a file."""

from envsnap.report.differences import render_differences
from envsnap.report.envelope import envelope
from envsnap.report.junit import junit
from envsnap.report.terminal import render_verdict

__all__ = ["envelope", "junit", "render_differences", "render_verdict"]
