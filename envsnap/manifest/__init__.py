"""The frozen types that the stages exchange; envsnap.toml and envsnap.lock in and out. Pure."""
