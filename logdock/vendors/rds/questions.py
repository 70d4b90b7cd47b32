"""What `logdock init` asks for an export of a database of RDS."""

from logdock.cli.init.questions import PARAMETER_GROUP, Kind, Question
from logdock.vendors.rds.settings import RdsExport

QUESTIONS = Kind(
    RdsExport,
    (
        Question("engine", "Engine: aurora-postgresql, postgres, mysql or mariadb."),
        Question("cluster_id", "Identifier of the DB cluster, if it is Aurora or a Multi-AZ DB cluster.", ""),
        Question("instance_id", "Identifier of the DB instance, if there is no cluster.", ""),
        Question(
            "log_types",
            "Logs to export. PostgreSQL: postgresql, upgrade, iam-db-auth-error. Aurora PostgreSQL: postgresql, "
            "instance, iam-db-auth-error. MySQL and MariaDB: error, general, slowquery, iam-db-auth-error, and audit "
            "of an instance.",
            is_list=True,
        ),
        Question("parameter_group", PARAMETER_GROUP, ""),
    ),
)
