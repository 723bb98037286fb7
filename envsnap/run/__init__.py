"""Environment + Job -> Outcome: runs a job under injected settings and records what came of it."""
