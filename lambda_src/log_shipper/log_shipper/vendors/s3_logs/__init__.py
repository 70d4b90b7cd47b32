"""Logs that AWS services, or anything else, write to a bucket."""
