"""Changed symbols and structural findings, without a model."""
