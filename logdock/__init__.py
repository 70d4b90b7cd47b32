"""Logdock: the settings of a deployment, and the `logdock` command."""
