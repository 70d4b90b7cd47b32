"""Conditions on CloudTrail's records of who was denied access to what an export uses."""


def assumed_or_assuming(role_arn: str) -> str:
    """Return the condition on CloudTrail's record that is true of a role's sessions, and of who asks for one."""
    name = role_arn.rpartition("/")[2]
    session = f'($.userIdentity.sessionContext.sessionIssuer.userName = "{name}")'
    return f'{session} || ($.requestParameters.roleArn = "{role_arn}")'


def from_account(principal_arn: str, bucket_name: str) -> str:
    """Return the condition that is true of another account's calls on a bucket."""
    account = principal_arn.split(":")[4]
    return f'($.userIdentity.accountId = "{account}") && ($.requestParameters.bucketName = "{bucket_name}")'
