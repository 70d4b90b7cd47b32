"""What ends a command: an error with what happened, why and what to do, and the exit code that says what kind it is."""

import difflib
import re
from collections.abc import Collection
from enum import IntEnum

from botocore import exceptions as boto


class ExitCode(IntEnum):
    """What a command ends with."""

    FINE = 0
    SOMETHING_LEFT = 1
    USAGE = 2
    AWS = 3
    NOT_DEPLOYED = 4
    DEFECT = 70
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends the command; the text is for the person who typed it."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


_ENDED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_UNKNOWN = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
     "AuthFailure", "InvalidToken", "IncompleteSignature", "InvalidSignatureException"}
)  # fmt: skip
_REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "403", "Forbidden", "KMS.AccessDeniedException"})
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
     "RequestThrottled", "SlowDown", "ProvisionedThroughputExceededException"}
)  # fmt: skip
_ABSENT = frozenset(
    {"NoSuchBucket", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "ResourceNotFoundException",
     "ParameterNotFound", "NoSuchEntity", "ResourceNotFound", "NotFoundException", "DBClusterNotFoundFault",
     "DBClusterNotFound", "NoSuchBucketPolicy", "StateMachineDoesNotExist", "404", "NoSuchKey", "NoSuchVersion",
     "NotFound"}
)  # fmt: skip
_ACTIONS = {
    "ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions", "HeadBucket": "s3:ListBucket",
    "GetObject": "s3:GetObject", "HeadObject": "s3:GetObject", "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject", "DeleteObjects": "s3:DeleteObjectVersion", "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage", "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "Invoke": "lambda:InvokeFunction", "PutRecordBatch": "firehose:PutRecordBatch",
}  # fmt: skip
"""What an operation is called where its name is not the action's, for answers that do not name the action."""


def code_of(error: Exception) -> str:
    """Return AWS's code of an error, empty when it is none of AWS's answers."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, boto.ClientError) else ""


def is_absent(error: Exception) -> bool:
    """Say whether AWS answered that a thing does not exist."""
    return code_of(error) in _ABSENT


def is_refused(error: Exception) -> bool:
    """Say whether AWS answered that the caller may not do this."""
    return code_of(error) in _REFUSED


def is_transient(error: Exception) -> bool:
    """Say whether the same request may be answered another time: AWS was too busy, failed, or was not reached."""
    if isinstance(error, boto.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code_of(error) in _THROTTLED or status >= 500
    return isinstance(error, boto.HTTPClientError)


def action_of(error: boto.ClientError) -> str:
    """Return the action that was refused, as a policy names it."""
    named = re.search(r"not authorized to perform: ([\w-]+:\w+)", str(error))
    return named[1] if named else _ACTIONS.get(error.operation_name, error.operation_name)


def from_aws(error: Exception) -> CommandError:
    """Return the message for an error of the AWS SDK."""
    if isinstance(error, boto.ClientError):
        return _answered(error)
    text = str(error)
    if isinstance(error, boto.ProfileNotFound):
        return CommandError(f"{text}. `aws configure list-profiles` lists them", ExitCode.USAGE)
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return CommandError(
            f"No AWS credentials: {text}. Log in as you do for the AWS CLI, set AWS_PROFILE, or give --profile",
            ExitCode.AWS,
        )
    if isinstance(error, boto.SSOError | boto.TokenRetrievalError | boto.UnauthorizedSSOTokenError):
        return CommandError(f"The SSO session cannot be used: {text}. `aws sso login` opens a new one", ExitCode.AWS)
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError):
        return CommandError(f"AWS could not be reached: {text}. Check the network and its proxy", ExitCode.AWS)
    return CommandError(f"AWS could not be asked: {type(error).__name__}: {text}", ExitCode.AWS)


def _answered(error: boto.ClientError) -> CommandError:
    code, operation = code_of(error), error.operation_name
    said = str(error.response.get("Error", {}).get("Message", "")).strip()
    if code in _ENDED:
        return CommandError(f"The AWS credentials have expired ({code}). Log in again", ExitCode.AWS)
    if code in _UNKNOWN:
        return CommandError(
            f"AWS does not know these credentials ({code}). Log in again, or give --profile", ExitCode.AWS
        )
    if code in _REFUSED:
        return CommandError(
            f"AWS refused {action_of(error)}: {said}. docs/logdock.md has the actions that each command needs",
            ExitCode.AWS,
        )
    if code in _THROTTLED:
        return CommandError(f"AWS asks for fewer requests ({operation}: {code}). Run the command again", ExitCode.AWS)
    return CommandError(f"{operation} failed: {code}: {said}", ExitCode.AWS)


def closest(given: str, known: list[str]) -> str:
    """Return the end of a message about a name that nothing has: what was meant, or what there is."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(dict.fromkeys(known)) or 'none'}"


def require_known(given: str, known: Collection[str], otherwise: str) -> None:
    """Raise an error of use, which ends as `closest` says, for a name that nothing has."""
    if given not in known:
        raise CommandError(f"{otherwise}; {closest(given, list(known))}", ExitCode.USAGE)
