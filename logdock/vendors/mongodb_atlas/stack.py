"""MongoDB Atlas: a bucket that Atlas's log sink writes to, and the role that it assumes.

Source: MongoDB Atlas, "Export Logs to AWS S3 Buckets". Atlas exports from its control plane in us-east-1 whatever the
cluster's Region, so nothing here may depend on where a request comes from.
"""

from typing import Any

from aws_cdk import CustomResource
from constructs import Construct

from constructs_lib.connector import Connector, Permissions
from constructs_lib.customer_key import CustomerKey
from constructs_lib.export_role import ExportRole, ExportRoleProps
from constructs_lib.landing_bucket import LandingBucket
from constructs_lib.statements import Statement, document_of, endpoint, statement
from logdock.vendors.mongodb_atlas.documents import atlas_alert, atlas_auditing, atlas_log_integration
from logdock.vendors.mongodb_atlas.next_steps import atlas_connected, atlas_steps
from logdock.vendors.mongodb_atlas.security_events import audit_is_counted
from logdock.vendors.mongodb_atlas.settings import AtlasConnect, MongodbAtlasExport
from stacks.connection import connection, properties_of
from stacks.connector_permissions import credential, read_state, remember
from stacks.export_stack import ExportStack
from stacks.security_events import assumed_or_assuming


class MongodbAtlasStack(ExportStack):
    """One Atlas export path: bucket, key, role; with ``connect``, also what Atlas has of it.

    With ``connect`` the order is: the access role at Atlas, which says whom to trust; the bucket, which is kept and so
    must not be made when Atlas refuses; our role; the log integration. A destroy goes back the same way.

    Of several projects each has an access role, a role and a log integration of its own, under logical ids that hold
    its id: a project that is added or removed changes nothing of the others. An external id is one project's (Atlas
    Administration API, cloudProviderAccess), and its role accepts no other.
    """

    def __init__(self, scope: Construct, construct_id: str, *, export: MongodbAtlasExport, **common: Any) -> None:
        super().__init__(scope, construct_id, export=export, **common)
        self._atlas = export
        key = self.customer_key()
        connector = self.connector(key, export.connect) if export.connect else None
        access: list[CustomResource] = []
        if connector and export.connect:
            access = [self._access_role(connector, export.connect, each) for each in export.members]
        landing = self.landing_bucket(export, key)
        landing.node.add_dependency(*access)
        roles = [
            self._role(each, landing, key, access[place] if access else None)
            for place, each in enumerate(export.members)
        ]
        self.ship_landing(landing, key, f"{export.prefix}/")
        self.alarms.denied(assumed_or_assuming(self.vendor_roles_arn))
        if audit_is_counted(export):
            self.alarms.security_alarm("failed-logins")
        if not export.project_ids:
            self.output("RoleArn", roles[0].arn, "AWS IAM role ARN, to authorise in Atlas")
        self.output("BucketName", export.mrap_arn or landing.name, "Bucket Name")
        self.output("Prefix", export.prefix, "Prefix")
        self.output("KmsKeyArn", key.arn, "KMS Key")
        if connector and export.connect:
            for project, access_role, role in zip(export.members, access, roles, strict=True):
                log_export = self._log_export(connector, export.connect, project, access_role, role, key, landing)
                self._configure_project(connector, export.connect, project, log_export)
            self.output("NextSteps", atlas_connected(export), "What is left to do")
        else:
            self.output(
                "NextSteps",
                atlas_steps(
                    export,
                    role_arn=roles[0].arn,
                    bucket=landing.name,
                    key_arn=key.arn,
                    gov_cloud=self.names.partition == "aws-us-gov",
                ),
                "Authorise the role and create the log integration",
            )

    def _role(
        self, project: MongodbAtlasExport, landing: LandingBucket, key: CustomerKey, access: CustomResource | None
    ) -> ExportRole:
        of_several = f" of the project {project.member_id}" if project.member_id else ""
        return ExportRole(
            self,
            self.member_construct_id("Role", project),
            ExportRoleProps(
                role_name=self.vendor_role(project),
                description=f"Logdock: MongoDB Atlas writes logs{of_several}",
                principal_arn=access.get_att_string("PrincipalArn") if access else project.atlas_principal_arn or "",
                external_ids=(access.get_att_string("ExternalId"),) if access else project.external_id or (),
                session_seconds=project.session_seconds,
                permissions=document_of(self._permissions(project, landing, key)),
            ),
        )

    def _configure_project(
        self, connector: Connector, connect: AtlasConnect, project: MongodbAtlasExport, log_export: CustomResource
    ) -> None:
        """Set what is set for the whole project."""
        for operation, properties in self._project_settings(connect).items():
            connector.apply(
                self.member_construct_id(operation.removeprefix("atlas-").title(), project),
                operation,
                {**self._project(connect, project, operation), **properties},
                permissions=self._vendor_permissions(connect, operation),
                # Last to come: no cluster is restarted for an export that fails.
                after=[log_export],
            )

    def _vendor_permissions(self, connect: AtlasConnect, operation: str, *more: Statement) -> Permissions:
        return [credential(self.names, connect), [remember(self.names, self.state_parameter(operation)), *more]]

    def _project(self, connect: AtlasConnect, project: MongodbAtlasExport, operation: str) -> dict[str, object]:
        """Return the properties of every operation on a project."""
        return {
            **connection(connect),
            "ProjectId": project.object_id,
            "StateParameter": self.state_parameter(operation),
        }

    @property
    def _bucket(self) -> str:
        """What Atlas takes for a bucket's name."""
        return self._atlas.mrap_arn or self._atlas.landing(self.settings).bucket

    def _access_role(self, connector: Connector, connect: AtlasConnect, project: MongodbAtlasExport) -> CustomResource:
        return connector.apply(
            self.member_construct_id("AccessRole", project),
            "atlas-access-role",
            {
                **self._project(connect, project, "atlas-access-role"),
                # By its name, because the role itself comes after it.
                "RoleArn": self.names.role_arn(self.vendor_role(project)),
                "Bucket": self._bucket,
                "Prefix": project.prefix,
            },
            permissions=self._vendor_permissions(connect, "atlas-access-role"),
        )

    def _log_export(
        self,
        connector: Connector,
        connect: AtlasConnect,
        project: MongodbAtlasExport,
        access: CustomResource,
        role: ExportRole,
        key: CustomerKey,
        landing: LandingBucket,
    ) -> CustomResource:
        wanted = atlas_log_integration(project, role_arn=role.arn, bucket=landing.name, key_arn=key.arn)
        properties = {**self._project(connect, project, "atlas-log-export"), **properties_of(wanted)}
        remembered = self.state_parameter("atlas-access-role")
        return connector.apply(
            self.member_construct_id("LogExport", project),
            "atlas-log-export",
            {**properties, "RoleId": access.get_att_string("RoleId")},
            permissions=self._vendor_permissions(connect, "atlas-log-export", read_state(self.names, remembered)),
            # Our role by its name, and Atlas's from what is remembered: both wait for the access role.
            configuration={
                **properties,
                "RoleArn": self.names.role_arn(self.vendor_role(project)),
                "AccessRoleState": remembered,
            },
            after=[landing],
        )

    @staticmethod
    def _project_settings(connect: AtlasConnect) -> dict[str, dict[str, object]]:
        """Return what is set for the whole project, by operation."""
        asked: dict[str, dict[str, object]] = {}
        if connect.alert:
            asked["atlas-alert"] = properties_of(atlas_alert(connect))
        if connect.auditing:
            asked["atlas-auditing"] = properties_of(atlas_auditing(connect.auditing))
        if connect.redact_clusters:
            asked["atlas-redaction"] = {"Clusters": list(connect.redact_clusters)}
        return asked

    def _permissions(self, export: MongodbAtlasExport, landing: LandingBucket, key: CustomerKey) -> list[Statement]:
        buckets = [landing.arn, *(self.names.bucket_arn(name) for name in export.mrap_buckets)]
        documented = export.permissions == "vendor-documented"
        object_actions = ["s3:PutObject", *(["s3:GetObject"] if documented else [])]
        through = {"StringEquals": {"s3:DataAccessPointArn": export.mrap_arn}} if export.mrap_arn else None
        regions = [endpoint("s3", region) for region in self._key_regions(export)]
        statements = [
            statement("WriteLogs", object_actions, [f"{arn}/{export.prefix}/*" for arn in buckets], through),
            statement("FindBucket", ["s3:GetBucketLocation"], buckets),
            statement(
                "EncryptLogs",
                ["kms:GenerateDataKey", "kms:Decrypt"],
                [key.arn, *export.mrap_key_arns],
                {"StringEquals": {"kms:ViaService": regions if len(regions) > 1 else regions[0]}},
            ),
        ]
        if export.mrap_arn:
            statements.append(
                statement("WriteThroughAccessPoint", object_actions, [f"{export.mrap_arn}/object/{export.prefix}/*"])
            )
        if documented:
            statements += [
                statement(
                    "ListLogs",
                    ["s3:ListBucket"],
                    [*buckets, *([export.mrap_arn] if export.mrap_arn else [])],
                    {"StringLike": {"s3:prefix": [export.prefix, f"{export.prefix}/*"]}},
                ),
                statement("DescribeKey", ["kms:DescribeKey"], [key.arn]),
            ]
        return statements

    def _key_regions(self, export: MongodbAtlasExport) -> list[str]:
        """List the Regions of the keys: the landing bucket's, and those behind the access point."""
        return list(dict.fromkeys((self._in_region, *(arn.split(":")[3] for arn in export.mrap_key_arns))))


STACK = MongodbAtlasStack
