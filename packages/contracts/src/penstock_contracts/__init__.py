"""The facts, the envelope, the flow table and the codec that all processes share."""
