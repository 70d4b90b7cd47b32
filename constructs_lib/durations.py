"""Durations, each made once: an object of the CDK is a call to another process."""

from functools import cache

from aws_cdk import Duration


@cache
def days(number: int) -> Duration:
    """Return so many days."""
    return Duration.days(number)


@cache
def minutes(number: int) -> Duration:
    """Return so many minutes."""
    return Duration.minutes(number)


@cache
def seconds(number: int) -> Duration:
    """Return so many seconds."""
    return Duration.seconds(number)
