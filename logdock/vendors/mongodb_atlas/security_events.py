"""What in the logs of MongoDB Atlas is a security event."""

from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport


def audit_is_counted(export: MongodbAtlasExport) -> bool:
    """Return whether the shipper counts failed logins in this export's audit logs: it must read them."""
    return bool(export.ship_to) and bool({"MONGOD_AUDIT", "MONGOS_AUDIT"} & {*export.log_types})
