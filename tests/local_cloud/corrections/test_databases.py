"""Databases: which logs they export, and the parameter groups that they use.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.vendors.rds import databases
from logdock.settings import Deployment
from logdock.vendors.rds.settings import DatabaseExport
from tests.local_cloud.corrections import made
from tests.local_cloud.corrections.made import ACCOUNT, REGION
from tests.settings.documents import Document, document, export

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator


def test_a_cluster_shows_which_logs_it_exports(emulator: Emulator) -> None:
    rds = made.client(emulator, "rds")
    rds.create_db_cluster(
        DBClusterIdentifier="billing",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="not-a-secret",
        EnableCloudwatchLogsExports=["error"],
    )

    rds.modify_db_cluster(
        DBClusterIdentifier="billing",
        CloudwatchLogsExportConfiguration={"EnableLogTypes": ["audit", "slowquery"], "DisableLogTypes": ["error"]},
    )

    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier="billing")["DBClusters"]
    assert cluster["EnabledCloudwatchLogsExports"] == ["audit", "slowquery"]


def test_an_instance_shows_which_logs_it_exports_and_refuses_those_of_another_engine(emulator: Emulator) -> None:
    rds = made.client(emulator, "rds")
    rds.create_db_instance(
        DBInstanceIdentifier="shop",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="admin",
        MasterUserPassword="not-a-secret",
        EnableCloudwatchLogsExports=["upgrade"],
    )

    change = {"EnableLogTypes": ["postgresql"], "DisableLogTypes": ["upgrade"]}
    rds.modify_db_instance(DBInstanceIdentifier="shop", CloudwatchLogsExportConfiguration=change)
    with pytest.raises(ClientError, match="audit"):
        rds.modify_db_instance(
            DBInstanceIdentifier="shop", CloudwatchLogsExportConfiguration={"EnableLogTypes": ["audit"]}
        )

    (instance,) = rds.describe_db_instances(DBInstanceIdentifier="shop")["DBInstances"]
    assert instance["EnabledCloudwatchLogsExports"] == ["postgresql"]


@pytest.mark.parametrize("passed", [True, False])
def test_role_is_associated_by_who_may_pass_it(emulator: Emulator, passed: bool) -> None:
    name = f"audited-{passed}".lower()
    owner: Any = made.client(emulator, "rds")
    owner.create_db_cluster(
        DBClusterIdentifier=name, Engine="aurora-mysql", MasterUsername="admin", MasterUserPassword="not-a-secret"
    )
    actions = ["rds:AddRoleToDBCluster", "rds:RemoveRoleFromDBCluster"]
    allowed = [made.allow(actions, f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{name}")]
    writer = f"arn:aws:iam::{ACCOUNT}:role/writer"
    if passed:
        condition = {"StringEquals": {"iam:PassedToService": "rds.amazonaws.com"}}
        allowed.append({**made.allow("iam:PassRole", writer), "Condition": condition})
    session = made.assume(emulator, made.role(emulator, *allowed))
    rds: Any = made.client(emulator, "rds", session)

    def roles() -> list[str]:
        (cluster,) = owner.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"]
        return [role["RoleArn"] for role in cluster["AssociatedRoles"]]

    if not passed:
        with pytest.raises(ClientError, match="iam:PassRole"):
            rds.add_role_to_db_cluster(DBClusterIdentifier=name, RoleArn=writer)
        assert roles() == []
        return
    rds.add_role_to_db_cluster(DBClusterIdentifier=name, RoleArn=writer)
    assert roles() == [writer]
    with pytest.raises(ClientError, match="DBClusterRoleAlreadyExists"):
        rds.add_role_to_db_cluster(DBClusterIdentifier=name, RoleArn=writer)
    rds.remove_role_from_db_cluster(DBClusterIdentifier=name, RoleArn=writer)
    with pytest.raises(ClientError, match="DBClusterRoleNotFound"):
        rds.remove_role_from_db_cluster(DBClusterIdentifier=name, RoleArn=writer)
    assert roles() == []


@pytest.mark.parametrize("database", [{"instance_id": "used"}, {"instance_id": None, "cluster_id": "used"}])
def test_parameter_group_in_use_is_neither_deleted_nor_of_another_kind(emulator: Emulator, database: Document) -> None:
    settings = Deployment.model_validate(
        document(export("rds", **database, parameter_group="used-own"), account=ACCOUNT, region=REGION)
    )
    (one,) = settings.exports
    assert isinstance(one, DatabaseExport)
    databases.prepare(emulator, settings, one)
    rds: Any = made.client(emulator, "rds")

    def delete() -> None:
        if one.is_cluster:
            rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="used-own")
        else:
            rds.delete_db_parameter_group(DBParameterGroupName="used-own")

    with pytest.raises(ClientError, match="ParameterGroupNotFound"):
        databases.attach_group(rds, one, "nowhere")
    with pytest.raises(ClientError, match="InvalidDBParameterGroupState"):
        delete()
    databases.attach_group(rds, one, databases.default_group(one))
    delete()
