"""Which labels a resource has, and in which bytes they are written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resource_tags.labels import identity_of, label_name, labels_of
from resource_tags.opentelemetry import RECORD_BYTES, records

from logdock.settings.resource_types import RESOURCE_TYPES
from tests.lambda_src.resource_tags.conftest import points, requests_in, text

HERE = "eu-west-1:111122223333"
FIREHOSE_RECORD_BYTES = 1000 * 1024
ARNS = {
    f"arn:aws:mq:{HERE}:broker:orders:b-1234": ("broker", "orders"),
    f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/web/50dc6c495c0c9188": (
        "loadbalancer",
        "app/web/50dc6c495c0c9188",
    ),
    f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/net/web/50dc6c495c0c9188": (
        "loadbalancer",
        "net/web/50dc6c495c0c9188",
    ),
    f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/gwy/web/50dc6c495c0c9188": (
        "loadbalancer",
        "gwy/web/50dc6c495c0c9188",
    ),
    f"arn:aws:acm:{HERE}:certificate/1-2": ("certificatearn", f"arn:aws:acm:{HERE}:certificate/1-2"),
    "arn:aws:cloudfront::111122223333:distribution/E1ABC": ("distributionid", "E1ABC"),
    f"arn:aws:cognito-idp:{HERE}:userpool/eu-west-1_a1": ("userpool", "eu-west-1_a1"),
    f"arn:aws:rds:{HERE}:cluster:orders": ("dbclusteridentifier", "orders"),
    f"arn:aws:rds:{HERE}:db:orders-1": ("dbinstanceidentifier", "orders-1"),
    f"arn:aws:dynamodb:{HERE}:table/orders": ("tablename", "orders"),
    f"arn:aws:ec2:{HERE}:volume/vol-1": ("volumeid", "vol-1"),
    f"arn:aws:ec2:{HERE}:instance/i-1": ("instanceid", "i-1"),
    f"arn:aws:ecs:{HERE}:cluster/web": ("clustername", "web"),
    f"arn:aws:ecs:{HERE}:service/web/shop": ("servicename", "shop"),
    f"arn:aws:elasticfilesystem:{HERE}:file-system/fs-1": ("filesystemid", "fs-1"),
    f"arn:aws:es:{HERE}:domain/logs": ("domainname", "logs"),
    f"arn:aws:elasticache:{HERE}:cluster:sessions-001": ("cacheclusterid", "sessions-001"),
    f"arn:aws:events:{HERE}:rule/nightly": ("rulename", "nightly"),
    f"arn:aws:fsx:{HERE}:file-system/fs-2": ("filesystemid", "fs-2"),
    f"arn:aws:firehose:{HERE}:deliverystream/m": ("deliverystreamname", "m"),
    f"arn:aws:kms:{HERE}:key/1-2-3": ("keyid", "1-2-3"),
    f"arn:aws:kafka:{HERE}:cluster/events/abcd-1": ("cluster_name", "events"),
    f"arn:aws:kinesis:{HERE}:stream/clicks": ("streamname", "clicks"),
    f"arn:aws:lambda:{HERE}:function:resize": ("functionname", "resize"),
    f"arn:aws:logs:{HERE}:log-group:/acme/apps": ("loggroupname", "/acme/apps"),
    f"arn:aws:ec2:{HERE}:natgateway/nat-1": ("natgatewayid", "nat-1"),
    f"arn:aws:redshift:{HERE}:cluster:dw": ("clusteridentifier", "dw"),
    "arn:aws:s3:::orders": ("bucketname", "orders"),
    f"arn:aws:sns:{HERE}:alerts": ("topicname", "alerts"),
    f"arn:aws:sqs:{HERE}:jobs": ("queuename", "jobs"),
    f"arn:aws:states:{HERE}:stateMachine:pay": ("statemachinearn", f"arn:aws:states:{HERE}:stateMachine:pay"),
    f"arn:aws:ec2:{HERE}:transit-gateway/tgw-1": ("transitgateway", "tgw-1"),
    f"arn:aws:ec2:{HERE}:vpn-connection/vpn-1": ("vpnid", "vpn-1"),
    f"arn:aws:acm-pca:{HERE}:certificate-authority/1-2": (
        "privatecaarn",
        f"arn:aws:acm-pca:{HERE}:certificate-authority/1-2",
    ),
    f"arn:aws:apigateway:{HERE}:/apis/a1b2": ("apiid", "a1b2"),
    f"arn:aws:appstream:{HERE}:fleet/desks": ("fleet", "desks"),
    f"arn:aws:appsync:{HERE}:apis/abc123": ("graphqlapiid", "abc123"),
    f"arn:aws:athena:{HERE}:workgroup/team": ("workgroup", "team"),
    f"arn:aws:backup:{HERE}:backup-vault:daily": ("backupvaultname", "daily"),
    f"arn:aws:cloudhsm:{HERE}:cluster/cluster-1": ("clusterid", "cluster-1"),
    f"arn:aws:codebuild:{HERE}:project/web": ("projectname", "web"),
    f"arn:aws:connect:{HERE}:instance/1-2": ("instanceid", "1-2"),
    f"arn:aws:datasync:{HERE}:agent/agent-1": ("agentid", "agent-1"),
    f"arn:aws:datasync:{HERE}:task/task-1": ("taskid", "task-1"),
    f"arn:aws:dms:{HERE}:rep:ABC": ("Arn", f"arn:aws:dms:{HERE}:rep:ABC"),
    f"arn:aws:dms:{HERE}:task:ABC": ("Arn", f"arn:aws:dms:{HERE}:task:ABC"),
    f"arn:aws:directconnect:{HERE}:dxcon/dxcon-1": ("connectionid", "dxcon-1"),
    f"arn:aws:directconnect:{HERE}:dxlag/dxlag-1": ("lagid", "dxlag-1"),
    f"arn:aws:directconnect:{HERE}:dxvif/dxvif-1": ("virtualinterfaceid", "dxvif-1"),
    f"arn:aws:elasticbeanstalk:{HERE}:environment/shop/shop-prod": ("environmentname", "shop-prod"),
    f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/classic": ("loadbalancername", "classic"),
    f"arn:aws:elasticmapreduce:{HERE}:cluster/j-1": ("jobflowid", "j-1"),
    f"arn:aws:gamelift:{HERE}:fleet/fleet-1": ("fleetid", "fleet-1"),
    f"arn:aws:glue:{HERE}:job/nightly": ("jobname", "nightly"),
    f"arn:aws:ivs:{HERE}:channel/abc": ("channel", "abc"),
    f"arn:aws:kinesisanalytics:{HERE}:application/clicks": ("application", "clicks"),
    f"arn:aws:medialive:{HERE}:channel:123": ("channelid", "123"),
    f"arn:aws:mediapackage:{HERE}:channels/1-2": ("Arn", f"arn:aws:mediapackage:{HERE}:channels/1-2"),
    f"arn:aws:mediatailor:{HERE}:playbackConfiguration/ads": ("configurationname", "ads"),
    f"arn:aws:sagemaker:{HERE}:endpoint/model": ("endpointname", "model"),
    f"arn:aws:secretsmanager:{HERE}:secret:orders-AbCdEf": (
        "Arn",
        f"arn:aws:secretsmanager:{HERE}:secret:orders-AbCdEf",
    ),
    f"arn:aws:servicecatalog:{HERE}:/applications/1": ("Arn", f"arn:aws:servicecatalog:{HERE}:/applications/1"),
    f"arn:aws:ses:{HERE}:identity/acme.example": ("Arn", f"arn:aws:ses:{HERE}:identity/acme.example"),
    f"arn:aws:storagegateway:{HERE}:gateway/sgw-1": ("gatewayid", "sgw-1"),
    f"arn:aws:storagegateway:{HERE}:share/share-1": ("shareid", "share-1"),
    f"arn:aws:swf:{HERE}:/domain/orders": ("domain", "orders"),
    f"arn:aws:synthetics:{HERE}:canary:login": ("canaryname", "login"),
    f"arn:aws:transfer:{HERE}:server/s-1": ("serverid", "s-1"),
    f"arn:aws:wafv2:{HERE}:regional/webacl/edge/1-2": ("webacl", "edge"),
    f"arn:aws:workspaces:{HERE}:directory/d-1": ("directoryid", "d-1"),
    f"arn:aws:workspaces:{HERE}:workspace/ws-1": ("workspaceid", "ws-1"),
    "arn:aws:globalaccelerator::111122223333:accelerator/1-2": ("accelerator", "1-2"),
    "arn:aws:route53:::healthcheck/1-2": ("healthcheckid", "1-2"),
}


@pytest.mark.parametrize("arn", ARNS)
def test_a_resource_has_the_name_that_its_metrics_have(arn: str) -> None:
    assert identity_of(arn) == ARNS[arn]


def test_every_type_that_the_settings_know_has_a_name_among_its_metrics() -> None:
    kinds = {":".join(arn.split(":", 5)[2::3]) for arn in ARNS}
    for kind in {kind for kinds_of in RESOURCE_TYPES.values() for kind in kinds_of}:
        assert [each for each in kinds if re.match(rf"{re.escape(kind)}(?![a-z-])", each)], kind


@pytest.mark.parametrize(
    "arn", [f"arn:aws:s3:{HERE}:accesspoint/a", f"arn:aws:rds:{HERE}:og:default", f"arn:aws:glue:{HERE}:table/a/b"]
)
def test_a_resource_of_another_kind_is_called_by_its_arn(arn: str) -> None:
    assert labels_of(arn, {"team": "ops"}) == {"team": "ops", "Arn": arn}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("team", "team"),
        ("Cost Center", "Cost_Center"),
        ("aws:cloudformation:stack-name", "aws_cloudformation_stack_name"),
        ("2fa", "key_2fa"),
        ("__name__", "key___name__"),
        ("größe", "gr_e"),
        ("+", "key__"),
    ],
)
def test_a_tags_key_becomes_a_name_that_prometheus_takes(key: str, name: str) -> None:
    assert label_name(key) == name


def test_tags_that_become_one_name_become_one_label_in_the_order_of_their_keys() -> None:
    assert labels_of("arn:aws:s3:::b", {"a_b": "2", "a-b": "1", "c": "3"}) == {
        "a_b": "1;2",
        "c": "3",
        "bucketname": "b",
    }


def test_no_tag_takes_the_place_of_a_resources_identity() -> None:
    found = labels_of("arn:aws:s3:::b", {"bucketname": "another", "Arn": "x"})
    assert found == {"tag_bucketname": "another", "Arn": "x", "bucketname": "b"}


def test_a_tag_without_a_value_is_no_label() -> None:
    assert labels_of("arn:aws:s3:::b", {"public": ""}) == {"bucketname": "b"}


TAGS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=20), max_size=8)


@given(st.lists(TAGS, max_size=5))
def test_what_is_written_is_what_the_official_definitions_read(tags: list[dict[str, str]]) -> None:
    labels = [labels_of("arn:aws:s3:::b", each) for each in tags]
    found = requests_in(b"".join(records("m", labels, about={"cloud.region": "x"}, time_ns=7)))
    assert [text(each.attributes) for each in points(found)] == labels
    for each in labels:
        assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) and not name.startswith("__") for name in each)


def test_a_record_is_within_firehoses_limit_with_the_longest_tags_that_aws_takes() -> None:
    tags = {f"{number:03}" + "k" * 125: "\N{GRINNING FACE}" * 256 for number in range(50)}
    found = list(records("m", [labels_of("arn:aws:s3:::b", tags)] * 40, about={}, time_ns=7))
    assert max(map(len, found)) <= FIREHOSE_RECORD_BYTES
    assert len(points(requests_in(b"".join(found)))) == 40
    assert len(found) == 5


def test_records_are_filled() -> None:
    found = list(records("m", [{"a": "x" * 900}] * 2000, about={}, time_ns=7))
    assert all(RECORD_BYTES * 0.99 < len(each) < RECORD_BYTES * 1.01 for each in found[:-1])


def test_a_point_larger_than_a_record_is_filled_up_to_makes_no_empty_record() -> None:
    (found,) = records("m", [{"a": "x" * (RECORD_BYTES + 1)}], about={}, time_ns=7)
    assert len(points(requests_in(found))) == 1
