"""What `logdock init` proposes: the account and the Region of the user's own credentials."""

import os
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

_QUICK = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
_ANYWHERE = "us-east-1"
"""Any Region answers whose the credentials are; one is needed to ask."""


def proposals() -> dict[str, str]:
    """Return `account` and `region`, as far as credentials and a Region are configured; nothing otherwise.

    An instance's own role is not looked for: without one, that takes seconds.
    """
    untyped: Any = Session()
    try:
        region = os.environ.get("AWS_REGION") or untyped.get_config_variable("region") or ""
        untyped.get_component("credential_provider").remove("iam-role")
        if untyped.get_credentials() is None:
            return {"region": region}
        sts = untyped.create_client("sts", region_name=region or _ANYWHERE, config=_QUICK)
        return {"account": sts.get_caller_identity()["Account"], "region": region}
    except (BotoCoreError, ClientError):
        return {}
