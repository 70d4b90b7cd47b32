"""Where a secret is: its name or ARN in AWS Secrets Manager. A pasted secret is detected, and never shown."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

_NAME = r"[\w/+=.@-]{1,512}"
_ARN = rf"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{{12}}:secret:{_NAME}"
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_KEY_FORMATS = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\beyJ[\w-]{8,}|CCDB1_|mdb_sa_sk_|\bgh[pousr]_|\bxox[a-z]-|\bgl(c|sa)_|\bNRAK-|-----BEGIN"
    r"|(?i:\b(bearer|basic)\s+\S)"
)
_RANDOM_LENGTH = 20
"""A run of this many letters and digits of more than one kind is taken for a secret, not for a word."""

_AWS_SECRET_KEY = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9/+]{40}")


def has_key_format(text: str) -> bool:
    """Return whether a text holds something in the format of a well-known kind of key."""
    return bool(_KEY_FORMATS.search(text))


def looks_secret(text: str) -> bool:
    """Return whether a text that stands where a secret's name belongs is likely the secret itself."""
    if text.startswith("arn:"):
        return False
    if has_key_format(text) or re.fullmatch(_UUID, text) or _AWS_SECRET_KEY.fullmatch(text):
        return True
    if re.fullmatch(r"(?=.*[+=])[A-Za-z0-9+/]{24,}={0,2}", text):
        return True
    return any(
        len(run) >= _RANDOM_LENGTH and sum(bool(re.search(kind, run)) for kind in ("[a-z]", "[A-Z]", "[0-9]")) > 1
        for run in re.split(r"[^A-Za-z0-9]", text)
    )


def named_secrets(value: Any, name: str = "") -> set[str]:
    """Return the names and ARNs of every secret in settings, as plain values."""
    if isinstance(value, Mapping):
        return {secret for key, inner in value.items() for secret in named_secrets(inner, str(key))}
    if isinstance(value, list | tuple):
        return {secret for inner in value for secret in named_secrets(inner, name)}
    return {value} if isinstance(value, str) and name.endswith("secret") else set()


def _check(value: str) -> str:
    allowed = "the NAME or ARN of a secret in AWS Secrets Manager, such as acme/logzio"
    if looks_secret(value):
        allowed += (
            "; this looks like the secret itself: store it with `aws secretsmanager create-secret`, put its name here, "
            "and replace the secret if this file was ever shared (if it is a name after all, give the ARN)"
        )
    elif re.fullmatch(f"{_ARN}|{_NAME}", value, re.ASCII):
        return value
    raise PydanticCustomError("secret_value", "{allowed}", {"allowed": allowed})


SecretReference = Annotated[str, AfterValidator(_check), Field(json_schema_extra={"pattern": f"^(?:{_ARN}|{_NAME})$"})]
"""A Secrets Manager name or ARN, never a secret's value. A refused value is not printed."""


def _check_whole_arn(value: str) -> str:
    if not re.fullmatch(rf"{_ARN}-[A-Za-z0-9]{{6}}", value, re.ASCII):
        allowed = (
            "the secret's whole ARN, which ends with six characters that AWS chose: the service that reads it takes no "
            "name (`aws secretsmanager describe-secret --secret-id <name> --query ARN`)"
        )
        raise PydanticCustomError("secret_value", "{allowed}", {"allowed": allowed})
    return value


SecretArn = Annotated[
    str,
    AfterValidator(_check),
    AfterValidator(_check_whole_arn),
    Field(json_schema_extra={"pattern": f"^{_ARN}-[A-Za-z0-9]{{6}}$"}),
]
"""A Secrets Manager ARN, for services that take nothing else. A refused value is not printed."""
