"""What a construct makes of props that can be given in two ways."""

from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam

from constructs_lib.export_role import ExportRole, ExportRoleProps
from constructs_lib.landing_bucket import LandingBucket, LandingBucketProps
from constructs_lib.statements import document_of, statement
from tests.constructs_lib.test_props import ROLE


def role(permissions: Any) -> dict[str, Any]:
    """Return the template of a stack with one role."""
    app = App()
    ExportRole(Stack(app, "Vendor"), "Role", ExportRoleProps(**ROLE | {"permissions": permissions}))
    template: dict[str, Any] = app.synth().stacks[0].template
    return template


def test_role_of_a_policy_document_is_that_of_its_statements() -> None:
    actions, resources = ["s3:PutObject"], ["arn:aws:s3:::logs/*"]
    conditions = {"Bool": {"aws:SecureTransport": "true"}}
    made = iam.PolicyStatement(sid="WriteLogs", actions=actions, resources=resources, conditions=conditions)
    of_document = role(document_of([statement("WriteLogs", actions, resources, conditions)]))
    assert of_document == role([made])
    assert "s3:PutObject" in str(of_document)


@pytest.mark.parametrize(("given", "arn"), [(None, "arn:aws-cn:s3:::logs"), ("aws", "arn:aws:s3:::logs")])
def test_bucket_arn_has_the_partition_given_or_that_of_the_stack(given: str | None, arn: str) -> None:
    app = App(context={"@aws-cdk/core:enablePartitionLiterals": True})
    stack = Stack(app, "Vendor", env=Environment(account="111122223333", region="cn-north-1"))
    props = LandingBucketProps(bucket_name="logs", hot_days=90, archive_days=400, partition=given)
    assert LandingBucket(stack, "Landing", props).arn == arn
