"""Processes, files, container engine, git, uv, NVML: the only side effects on this machine."""
