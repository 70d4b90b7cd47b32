"""`logdock backfill`: what landed before an export was shipped is announced to its destinations, as S3 would have."""
