"""Logz.io."""
