"""One package for each vendor, by kind."""
