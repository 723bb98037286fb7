"""Installed distributions -> exact artefacts with hashes."""

LISTED_CHILD = ("-m", "envsnap.lock.listed_child")
"""Python's arguments for the process that reads half of the indexes' pages; it starts before listed.py is loaded."""
