"""envsnap bundle: one folder or archive out of a lock, and a project out of one."""
