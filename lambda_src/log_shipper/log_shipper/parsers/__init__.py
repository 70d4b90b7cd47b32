"""One module per vendor's format; each turns one line into one record and never raises on what it does not know."""
