"""A specification (requirements, a project, another tool's lockfile) -> the exact artefacts that it stands for."""
