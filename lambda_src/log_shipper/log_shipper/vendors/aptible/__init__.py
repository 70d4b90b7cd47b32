"""Aptible."""
