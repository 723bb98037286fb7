"""What runs inside a captured interpreter: standard library only, Python 3.8 or newer."""

import os

FOLDER = os.path.dirname(__file__)
"""All that must be readable there."""

START = os.path.join(FOLDER, "start.py")
"""Runs the scripts in :data:`SCRIPTS`: one of them is its first argument."""

SCRIPTS = os.path.join(FOLDER, "probe")

OBSERVER = os.path.join(FOLDER, "observer")
"""Stands in front of a job's PYTHONPATH."""

EDITABLE = os.path.join(FOLDER, "editable.py")
"""Makes the project's own packages importable in a rebuilt environment."""
