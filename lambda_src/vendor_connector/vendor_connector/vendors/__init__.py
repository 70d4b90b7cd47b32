"""One package for each vendor: its API client, and its operations in the package `operations`, which names them."""
