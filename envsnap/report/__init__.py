"""Results -> terminal, JSON, JUnit. Pure: nothing here prints or writes a file."""
