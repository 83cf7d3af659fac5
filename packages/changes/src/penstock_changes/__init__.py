"""Unified diffs, hunks, anchors, fingerprints and the language of a file; pure."""
