"""What in the logs of CockroachDB is a security event. Source: CockroachDB, "Notable event types"."""

from collections.abc import Sequence

from logdock.vendors.cockroachdb.settings import Channel, CockroachdbExport
from logdock.vendors.filter_patterns import any_of

_COCKROACHDB: dict[str, tuple[tuple[Channel, ...], Sequence[str]]] = {
    "failed-logins": (("SESSIONS",), ("client_authentication_failed",)),
    "privilege-changes": (
        ("PRIVILEGES", "USER_ADMIN"),
        (
            "change_[a-z]*_privilege",
            "alter_default_privileges",
            "grant_role",
            "revoke_role",
            "create_role",
            "alter_role",
            "drop_role",
        ),
    ),
    # The other channels' create_role and alter_default_privileges are no change of a schema.
    "schema-changes": (
        ("SQL_SCHEMA",),
        ("create_[a-qs-z]", "drop_[a-qs-z]", "rename_", "truncate_", "alter_[a-ce-qs-z]", "alter_da"),
    ),
}
"""What is counted, the channels that have it, and the event types."""


def cockroachdb_filters(export: CockroachdbExport) -> dict[str, dict[str, str]]:
    """Return what can be counted in an export's channels: by name, the pattern of each log group that has them.

    The event type is spelt alike in both of CockroachDB's formats, and markers never hide it.
    """
    found: dict[str, dict[str, str]] = {}
    for cluster in export.members:
        elsewhere = {channel: group.log_name for group in cluster.groups for channel in group.channels}
        for name, (channels, types) in _COCKROACHDB.items():
            pattern = any_of(*(rf"EventType\x22:\s?\x22{each}" for each in types))
            exported = [channel for channel in channels if channel not in cluster.omitted_channels]
            groups = dict.fromkeys(elsewhere.get(channel, cluster.log_group) for channel in exported)
            if groups:
                found.setdefault(name, {}).update(dict.fromkeys(groups, pattern))
    return found
