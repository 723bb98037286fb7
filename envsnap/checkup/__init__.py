"""Machine + Manifest -> Checkup: whether this machine can rebuild and rerun a lock. Pure: facts in, checks out."""

from envsnap.checkup.examine import examine, survey

__all__ = ["examine", "survey"]
