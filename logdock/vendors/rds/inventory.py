"""What a stack has because of a database's export: what AWS counts (`logdock.kind_parts`)."""

from logdock.kind_parts import ConnectorParts, OwnParts, pages_of
from logdock.settings.deployment import Deployment
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.rds.security_events import database_filters
from logdock.vendors.rds.settings import RdsExport


def count(settings: Deployment, export: AuroraMysqlExport | RdsExport, region: str) -> OwnParts:
    """Count the rule for RDS's own events, the role of the older way, and the connector where it configures."""
    del settings, region  # a database is in the deployment's Region
    watched = not export.other_account
    pages = pages_of(export.log_group_names) if export.log_groups == "adopt" else 0
    configured = len(export.members) * export.is_configured
    several = export.members[0].member_id is not None
    return OwnParts(
        roles=int(export.has_own_role),
        alarms=("rds-events", *database_filters(export)) if watched else (),
        rules=int(watched),
        wildcard_rules=int(watched),
        connector=ConnectorParts(configurations=configured + pages + several, states=configured)
        if pages or export.is_configured
        else None,
    )
