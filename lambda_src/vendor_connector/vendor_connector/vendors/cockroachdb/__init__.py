"""CockroachDB Cloud."""
