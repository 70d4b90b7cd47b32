"""The principals that our role is to trust, as a vendor names them: validated, because they go into a trust policy."""

import re

from vendor_connector.request import ConnectorError

_PRINCIPAL = r"arn:aws[a-z-]*:iam::\d{12}:(root|(role|user)/[\w+=,.@/-]{1,512})"
# STS, AssumeRole, ExternalId: 2 to 1224 characters.
_EXTERNAL_ID = r"[\w+=,.@:/-]{2,1224}"


def principal_arn(value: object, source: str) -> str:
    """Return the ARN of one account's root, role or user.

    Raises
    ------
    ConnectorError
        When it is anything else, a wildcard among it.
    """
    return _checked(value, _PRINCIPAL, f"{source} names no IAM principal that a role could trust")


def account_id(value: object, source: str) -> str:
    """Return an AWS account's id, twelve digits."""
    return _checked(value, r"\d{12}", f"{source} names no AWS account that a role could trust")


def external_id(value: object, source: str) -> str:
    """Return an external id as STS takes it."""
    return _checked(value, _EXTERNAL_ID, f"{source} gives no external id")


def _checked(value: object, pattern: str, complaint: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        shown = value[:80] if isinstance(value, str) else value
        raise ConnectorError(f"{complaint}: it answered {shown!r}. Nothing is trusted; ask the vendor.")
    return value
