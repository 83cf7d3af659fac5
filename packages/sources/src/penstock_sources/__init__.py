"""Repository mirrors, diffs and file texts."""
