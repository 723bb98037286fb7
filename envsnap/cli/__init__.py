"""A module per command: arguments in; printed result and exit code out."""
