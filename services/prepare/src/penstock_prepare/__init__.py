"""Reads head, configuration and change of a pull request."""
