"""Starts the observer in each Python process of a job; Python imports it before the job's first line.

Its folder stands first in PYTHONPATH. Environment variables decide what it starts; without
ENVSNAP_OBSERVE_DIR it starts nothing. It then takes its folder off ``sys.path`` and imports the
``sitecustomize`` that Python would have found without it. PYTHONPATH itself stays, so that child processes
are observed too.
"""

import os
import sys


def begin() -> None:
    """Start the observer once in this process."""
    if os.environ.get("ENVSNAP_OBSERVE_DIR") and "_envsnap" not in sys.modules:
        __import__("_envsnap.observer", fromlist=["start"]).start(os.environ)


def leave_path() -> None:
    """Make ``sys.path`` what the job would see without the observer."""
    here = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != here]


def hand_over() -> None:
    """Import the next ``sitecustomize``; its errors are its own, and Python reports them as ever."""
    ours = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        # The import system expects an entry of this name when our own import ends.
        if ours is not None:
            sys.modules.setdefault("sitecustomize", ours)


try:
    begin()
finally:
    leave_path()
    hand_over()
