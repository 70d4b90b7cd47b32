"""Databases of RDS, and what Aurora MySQL shares with them."""
