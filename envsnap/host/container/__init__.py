"""The container engine: where it listens, what it tells, what it runs, and the docker command line beside it."""
