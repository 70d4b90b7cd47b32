"""A resource as the labels of a metric: its tags, and what its metrics call it, so that one can be joined to the other.

A label's name is what Prometheus takes: letters, digits and underscores, beginning with a letter. How other names
become such is the OpenTelemetry specification's ("Prometheus and OpenMetrics Compatibility", metric attributes). The
number and length of labels are bounded by AWS: 50 tags of 128 and 256 characters, and those that AWS sets itself.
"""

import re
from collections.abc import Mapping

_IDENTITIES = [
    (label, re.compile(pattern))
    for label, pattern in (
        ("bucketname", r"s3:([^:/]+)"),
        ("functionname", r"lambda:function:([^:]+)"),
        ("instanceid", r"ec2:instance/(.+)"),
        ("volumeid", r"ec2:volume/(.+)"),
        ("natgatewayid", r"ec2:natgateway/(.+)"),
        ("transitgateway", r"ec2:transit-gateway/(.+)"),
        ("vpnid", r"ec2:vpn-connection/(.+)"),
        ("queuename", r"sqs:([^:/]+)"),
        ("topicname", r"sns:([^:/]+)"),
        ("tablename", r"dynamodb:table/([^/]+)"),
        ("dbinstanceidentifier", r"rds:db:(.+)"),
        ("dbclusteridentifier", r"rds:cluster:(.+)"),
        ("loadbalancer", r"elasticloadbalancing:loadbalancer/((?:app|net|gwy)/.+)"),
        ("cacheclusterid", r"elasticache:cluster:(.+)"),
        ("clusteridentifier", r"redshift:cluster:(.+)"),
        ("domainname", r"es:domain/(.+)"),
        ("clustername", r"ecs:cluster/(.+)"),
        ("servicename", r"ecs:service/(?:.+/)?([^/]+)"),
        ("filesystemid", r"(?:elasticfilesystem|fsx):file-system/(.+)"),
        ("streamname", r"kinesis:stream/([^/]+)"),
        ("deliverystreamname", r"firehose:deliverystream/(.+)"),
        ("statemachinearn", r"states:stateMachine:.+"),
        ("distributionid", r"cloudfront:distribution/(.+)"),
        ("loggroupname", r"logs:log-group:([^:]+)(?::\*)?"),
        ("keyid", r"kms:key/(.+)"),
        ("cluster_name", r"kafka:cluster/([^/]+)/.+"),
        ("broker", r"mq:broker:([^:]+):.+"),
        ("rulename", r"events:rule/(?:.+/)?([^/]+)"),
        ("certificatearn", r"acm:certificate/.+"),
        ("userpool", r"cognito-idp:userpool/(.+)"),
        ("privatecaarn", r"acm-pca:certificate-authority/.+"),
        ("apiid", r"apigateway:/apis/([^/]+)"),
        ("fleet", r"appstream:fleet/(.+)"),
        ("graphqlapiid", r"appsync:apis/([^/]+)"),
        ("workgroup", r"athena:workgroup/(.+)"),
        ("backupvaultname", r"backup:backup-vault:(.+)"),
        ("clusterid", r"cloudhsm:cluster/(.+)"),
        ("projectname", r"codebuild:project/(.+)"),
        ("instanceid", r"connect:instance/([^/]+)"),
        ("agentid", r"datasync:agent/(.+)"),
        ("taskid", r"datasync:task/([^/]+)"),
        ("connectionid", r"directconnect:dxcon/(.+)"),
        ("lagid", r"directconnect:dxlag/(.+)"),
        ("virtualinterfaceid", r"directconnect:dxvif/(.+)"),
        ("environmentname", r"elasticbeanstalk:environment/.+/([^/]+)"),
        ("loadbalancername", r"elasticloadbalancing:loadbalancer/([^/]+)"),
        ("jobflowid", r"elasticmapreduce:cluster/(.+)"),
        ("fleetid", r"gamelift:fleet/(.+)"),
        ("accelerator", r"globalaccelerator:accelerator/([^/]+)"),
        ("jobname", r"glue:job/(.+)"),
        ("channel", r"ivs:channel/(.+)"),
        ("application", r"kinesisanalytics:application/(.+)"),
        ("channelid", r"medialive:channel:(.+)"),
        ("configurationname", r"mediatailor:playbackConfiguration/(.+)"),
        ("healthcheckid", r"route53:healthcheck/(.+)"),
        ("endpointname", r"sagemaker:endpoint/(.+)"),
        ("gatewayid", r"storagegateway:gateway/([^/]+)"),
        ("shareid", r"storagegateway:share/(.+)"),
        ("domain", r"swf:/domain/(.+)"),
        ("canaryname", r"synthetics:canary:(.+)"),
        ("serverid", r"transfer:server/(.+)"),
        ("webacl", r"wafv2:(?:regional|global)/webacl/([^/]+)/.+"),
        ("directoryid", r"workspaces:directory/(.+)"),
        ("workspaceid", r"workspaces:workspace/(.+)"),
    )
]
"""The label that a resource's own metrics have, and where its value is in ``<service>:<resource>`` of the ARN.

The names are those of CloudWatch's dimensions, in lower case as Logz.io's own function has them. Without a group it is
the whole ARN.
"""
WITHOUT_KIND = "Arn"
"""The label of a resource whose metrics are not known (Logz.io's own function calls it so)."""


def labels_of(arn: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a resource; a tag that would take the place of its identity is called ``tag_...``."""
    identity, value = identity_of(arn)
    labels: dict[str, str] = {}
    # What becomes one name is one label, in the order of the tags' own names.
    for key in sorted(tags):
        name = label_name(key)
        name = f"tag_{name}" if name == identity else name
        if tags[key]:
            labels[name] = f"{labels[name]};{tags[key]}" if name in labels else tags[key]
    return {**labels, identity: value}


def identity_of(arn: str) -> tuple[str, str]:
    """Return the label that a resource's metrics have, and its value."""
    _, _, service, _, _, resource = arn.split(":", 5)
    for label, pattern in _IDENTITIES:
        if found := pattern.fullmatch(f"{service}:{resource}"):
            return label, found[1] if found.groups() else arn
    return WITHOUT_KIND, arn


def label_name(key: str) -> str:
    """Return a tag's key as the name of a label."""
    name = re.sub(r"[^a-zA-Z0-9_]+", "_", key)
    return name if name[:1].isalpha() else f"key_{name}"
