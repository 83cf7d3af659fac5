"""What implements the ports of the commenter."""
