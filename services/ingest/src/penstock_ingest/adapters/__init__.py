"""What implements the ports of ingest."""
