"""Aurora MySQL."""
