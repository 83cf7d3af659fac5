"""A review of a working copy: the services' own pipeline on memory, spoken into a report instead of a platform."""
