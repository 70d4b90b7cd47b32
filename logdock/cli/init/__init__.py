"""`logdock init`: asks what a kind of export needs, and writes a settings file with comments that is valid."""
