"""The vendor's API credential, read from Secrets Manager each time it is needed and kept nowhere else."""

import json
import re
from collections.abc import Callable, Sequence

from botocore.exceptions import ClientError

from vendor_connector import aws, public_text
from vendor_connector.request import ConnectorError

Read = Callable[..., dict[str, str]]
"""Reads a secret of one of some shapes, as `read` does: who is no function reads it with other permissions."""

_MEANING = {
    "ResourceNotFoundException": "no such secret in this account and Region, or it has no value yet: create it, or "
    "correct the name in `connect.secret`",
    "AccessDeniedException": "this stack's role may not read it: if the secret has a KMS key of your own, name the key "
    "in `connect.secret_key_arn`; if the secret has a policy, let this account in",
    "InvalidRequestException": "it cannot be read; is it scheduled for deletion?",
    "DecryptionFailure": "its KMS key cannot be used; name the key in `connect.secret_key_arn`",
}

# What every vendor's credentials consist of, and what a header takes: printable ASCII without blanks.
_VALUE = re.compile(r"[!-~]{1,4096}")


def read(secret: str, *shapes: Sequence[str]) -> dict[str, str]:
    """Return the fields of a credential.

    Parameters
    ----------
    secret : str
        Name or ARN of the secret.
    shapes : Sequence
        The sets of fields that it may consist of; the first that is there whole is returned. The secret is a JSON
        object of texts; where a shape has one field alone, the secret may be that text itself.

    Raises
    ------
    ConnectorError
        Says what is wrong with the secret, and never what is in it.
    """
    try:
        text = aws.secrets_manager().get_secret_value(SecretId=secret).get("SecretString", "").strip()
    except ClientError as error:
        meaning = _MEANING.get(aws.error_code(error), f"AWS says {aws.error_code(error)}")
        raise ConnectorError(f"secret {secret}: {meaning}") from error
    return fields(secret, text, *shapes)


def fields(secret: str, text: str, *shapes: Sequence[str]) -> dict[str, str]:
    """Return the fields of a credential whose secret has this text; `read` says of what shapes, and what is raised."""
    expected = " or ".join("{" + ", ".join(f'"{name}": "..."' for name in shape) + "}" for shape in shapes)
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    _register(text, document)
    if isinstance(document, dict):
        for shape in shapes:
            values = {name: document.get(name) for name in shape}
            if all(isinstance(value, str) and value.strip() for value in values.values()):
                return _checked(secret, {name: str(value).strip() for name, value in values.items()})
    elif text and document is None:
        alone = next((shape[0] for shape in shapes if len(shape) == 1), None)
        if alone and len(text.split()) == 1 and not text.startswith(("{", "[", '"')):
            return _checked(secret, {alone: text})
    raise ConnectorError(
        f"secret {secret}: its value must be the JSON object {expected}, each a text that is not empty"
    )


def _register(text: str, document: object) -> None:
    """Have everything that the secret holds taken out of messages, also of a secret that has the wrong shape."""
    if isinstance(document, dict):
        for value in document.values():
            if isinstance(value, str):
                public_text.register_secret(value)
    else:
        public_text.register_secret(text)


def _checked(secret: str, values: dict[str, str]) -> dict[str, str]:
    """Return the values if each can be sent in a header as it is."""
    wrong = sorted(name for name, value in values.items() if not _VALUE.fullmatch(value))
    if wrong:
        raise ConnectorError(
            f"secret {secret}: {' and '.join(wrong)} must be printable ASCII characters without blanks or line breaks, "
            "at most 4,096 of them: store the value again as the vendor shows it"
        )
    return values
