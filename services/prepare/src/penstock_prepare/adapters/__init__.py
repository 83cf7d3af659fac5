"""What implements the ports of this service."""
