"""Whether a deployed policy lets an AWS service in.

No caller can act as a service principal, so the emulator's own evaluator is asked, which decides all other requests:
with the policy that is deployed and the context that the service's request would bring.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ministack.core import iam_evaluator


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRequest:
    """A request that an AWS service makes of its own accord."""

    service: str
    """The service principal, such as ``cloudtrail.amazonaws.com``."""
    action: str
    resource_arn: str
    region: str
    source_account: str
    source_arn: str
    """`source_account`, `source_arn`: For whom: the account and the resource whose logs these are."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Further condition keys."""

    def is_allowed_by(self, policy: str) -> bool:
        """Evaluate a resource's policy for this request."""
        context = iam_evaluator.EvalContext(
            principal_arn=self.service,
            principal_type="Service",
            principal_account="",
            action=self.action,
            resource_arn=self.resource_arn,
            region=self.region,
            source_ip="127.0.0.1",
            secure_transport=True,
            service_context={
                "aws:sourceaccount": self.source_account,
                "aws:sourcearn": self.source_arn,
                "s3:x-amz-acl": "bucket-owner-full-control",
                **self.context,
            },
        )
        result = iam_evaluator.evaluate_resource_policy(policy, context, service=self.service)
        return bool(result.decision == "Allow")
