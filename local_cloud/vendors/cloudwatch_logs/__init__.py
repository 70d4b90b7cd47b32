"""Log groups that exist."""
