"""`logdock status`: what landed last, what was shipped last, what waits and what failed."""
