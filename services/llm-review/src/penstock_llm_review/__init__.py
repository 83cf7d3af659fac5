"""Asks a model for findings, validates them."""
