"""Aggregates findings, plans and carries out what is said on the platform."""
