"""One file per figure, each a ratio against a named peer or a bound, measured in the same run."""
