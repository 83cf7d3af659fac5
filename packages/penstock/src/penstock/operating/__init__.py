"""What operators ask on the command line: jobs, dead letters, the database, the topics."""
