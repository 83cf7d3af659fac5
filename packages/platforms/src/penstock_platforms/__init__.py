"""One folder per Git platform, the port they share and a forge to test against."""
