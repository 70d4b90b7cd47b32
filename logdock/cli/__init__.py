"""The `logdock` command, for people and scripts: what was deployed is checked, watched, searched and repaired.

It knows the settings and the pure modules of the shipper (key layout, parsers, decryption), and asks AWS for the rest;
it never imports the stacks, so no command needs Node.
"""
