"""What ships, what it is made of, and what is known against it. Runs on a developer's machine and ships nowhere."""
