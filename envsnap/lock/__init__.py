"""Installed distributions -> exact artefacts with hashes."""
