"""envsnap: freeze the environment of a job, rebuild it, and prove that the numbers are the same."""

__version__ = "0.1.0"
