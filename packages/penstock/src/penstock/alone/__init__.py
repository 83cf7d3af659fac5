"""Everything in one process: one store, the log in a table of it, and the lease that makes it the only one."""
