"""One folder per Git platform, the ports they share, and a forge to test against."""
