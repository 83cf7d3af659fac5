"""Verifies, normalises and records webhooks."""
