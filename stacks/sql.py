"""SQL over what landed: Glue tables whose partitions are computed, so that none is ever registered, and a workgroup.

No permission is granted here: Athena reads with the permissions of the caller. Sources: Athena User Guide, "Partition
projection", "OpenX JSON SerDe", "Regex SerDe", "Workgroups and data usage controls".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.settings.sql import ARCHIVE, ARCHIVE_TABLE, COLUMNS, COLUMNS_TABLE, LANDED, SqlTable, landed_table
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport

RESULTS_PREFIX = "athena/"
"""Where the archive bucket keeps what queries answered; short-lived, and outside of what is searched or copied."""
COLUMNS_PREFIX, COLUMNS_INDEX_PREFIX, STARTED_SUFFIX = "columns/", "columns-index/", ".started.json"
"""How the shipper names the columnar copy; a test holds them together. It is kept as long as the archive."""
GB = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class TableProps:
    """A table over the objects of a bucket."""

    name: str
    """Its name in the database."""
    location: str
    """Where its objects are, with a final slash."""
    partitions: str
    """The location of each partition, in the names of the partition columns."""
    table: SqlTable
    """Its columns and the keys of its partitions."""
    serde: str
    reads: dict[str, str]
    """`serde`, `reads`: The Hive class that reads its objects, and that class's parameters."""
    projection: dict[str, str]
    """How the values of each key are computed."""
    input_format: str = "org.apache.hadoop.mapred.TextInputFormat"
    output_format: str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    """`input_format`, `output_format`: The Hive classes of its files. Default: text."""


class SqlTables(Construct):
    """The database, its tables, and the workgroup that queries them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Deployment,
        names: Names,
        key_arn: str,
        scan_limit_gb: int,
    ) -> None:
        super().__init__(scope, construct_id)
        account = Stack.of(self).account
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=names.sql_database, description=f"Logdock: the logs of {names.deployment}"
            ),
        )
        copies = [columns_table(settings)] if settings.is_columnar else []
        for props in (archive_table(settings), *copies, *atlas_tables(settings)):
            table = glue.CfnTable(
                self,
                f"Table-{props.name}",
                catalog_id=account,
                database_name=names.sql_database,
                table_input=_input(props),
            )
            table.add_resource_dependency(database)
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=names.sql_workgroup,
            description=f"Logdock: queries of {names.deployment}'s logs",
            # what it deletes is the list of past queries, and only when the workgroup itself goes
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=scan_limit_gb * GB,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{settings.archive_bucket}/{RESULTS_PREFIX}",
                    expected_bucket_owner=account,
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key_arn
                    ),
                ),
            ),
        )
        CfnOutput(
            Stack.of(self), "SqlWorkgroup", value=workgroup.name, description="Choose it in Athena, and see docs/sql.md"
        )


def archive_table(settings: Deployment) -> TableProps:
    """Return the table of the archive: every export that is in it, by day and hour."""
    location = f"s3://{settings.archive_bucket}/logs/"
    return TableProps(
        name=ARCHIVE_TABLE,
        location=location,
        partitions=f"{location}${{export}}/dt=${{dt}}/hour=${{hour}}/",
        table=ARCHIVE,
        serde="org.openx.data.jsonserde.JsonSerDe",
        # with `case.insensitive`, its default, a name in `fields` may lose its capitals
        reads={"ignore.malformed.json": "true", "case.insensitive": "false"},
        projection={
            **_by_export_and_day(settings),
            "projection.hour.type": "integer",
            "projection.hour.range": "0,23",
            "projection.hour.digits": "2",
        },
    )


def columns_table(settings: Deployment) -> TableProps:
    """Return the table of the columnar copy, by day."""
    location = f"s3://{settings.archive_bucket}/{COLUMNS_PREFIX}"
    return TableProps(
        name=COLUMNS_TABLE,
        location=location,
        partitions=f"{location}${{export}}/dt=${{dt}}/",
        table=COLUMNS,
        serde="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        reads={"serialization.format": "1"},
        projection=_by_export_and_day(settings),
        input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    )


def _by_export_and_day(settings: Deployment) -> dict[str, str]:
    return {
        "projection.export.type": "enum",
        "projection.export.values": ",".join(export.name for export in settings.exports),
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2020-01-01,NOW+1DAYS",
    }


def atlas_tables(settings: Deployment) -> Sequence[TableProps]:
    """Return a table for each export of MongoDB Atlas: its lines as they landed, by cluster, host and log type."""
    return [
        TableProps(
            name=landed_table(export.name),
            location=(location := f"s3://{export.landing(settings).bucket}/{export.prefix}/"),
            partitions=f"{location}${{cluster}}/${{host}}/${{log_type}}/",
            table=LANDED,
            serde="org.apache.hadoop.hive.serde2.RegexSerDe",
            reads={"input.regex": "^(.*)$"},
            projection={f"projection.{name}.type": "injected" for name in LANDED.keys},
        )
        for export in settings.exports
        # Athena reads as the caller, whom the policies of another account do not name.
        if isinstance(export, MongodbAtlasExport) and not export.other_account
    ]


def _input(props: TableProps) -> glue.CfnTable.TableInputProperty:
    return glue.CfnTable.TableInputProperty(
        name=props.name,
        table_type="EXTERNAL_TABLE",
        partition_keys=_columns(props.table.keys),
        parameters={
            "EXTERNAL": "TRUE",
            "projection.enabled": "true",
            "storage.location.template": props.partitions,
            **props.projection,
        },
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            location=props.location,
            columns=_columns(props.table.columns),
            input_format=props.input_format,
            output_format=props.output_format,
            serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=props.serde, parameters=props.reads),
        ),
    )


def _columns(columns: Mapping[str, str]) -> list[glue.CfnTable.ColumnProperty]:
    return [glue.CfnTable.ColumnProperty(name=name, type=kind) for name, kind in columns.items()]
