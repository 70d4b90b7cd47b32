"""The security report: who can do what in one deployment, by which condition, and what shows it, as one HTML page."""
