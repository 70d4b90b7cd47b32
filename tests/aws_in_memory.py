"""AWS in memory, for what moto has not: a clock of its own, small pages, and a step before and after every call.

A test that needs none of these uses moto. What is here answers as the API references of the services say, as far as the
code under test asks; a test subclasses it to fail at a step.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError


def error(code: str, operation: str, message: str = "", **more: Any) -> ClientError:
    """Return an error of AWS."""
    return ClientError(cast("Any", {"Error": {"Code": code, "Message": message}, **more}), operation)


def _call(operation: Callable[..., Any]) -> Any:
    @wraps(operation)
    def called(self: Memory, **asked: Any) -> Any:
        self.calls.append(operation.__name__)
        self.before(operation.__name__, asked)
        answer = operation(self, **asked)
        self.after(operation.__name__, asked)
        return answer

    return called


@dataclass
class Stored:
    """An object."""

    body: bytes
    etag: str
    modified: datetime
    metadata: dict[str, str] = field(default_factory=dict)


class Memory:
    """S3, DynamoDB, SQS, Parameter Store and Secrets Manager: one client for all of them.

    A received message is hidden for its visibility timeout, and of a queue whose name ends with `.fifo` so are the
    other messages of its group (SQS Developer Guide, "Amazon SQS FIFO queues: FIFO delivery logic").

    Attributes
    ----------
    calls
        The calls that were made, by name.
    page
        Keys of a page of a listing.
    smallest_upload
        Bytes of the smallest part but the last of an upload: S3's 5 MiB, scaled down.
    modified
        When what is stored was modified.
    now
        Seconds of the clock of the queues.
    hidden
        Seconds for which messages were hidden, by their receipts.
    """

    def __init__(self, page: int = 1000) -> None:
        self.objects: dict[tuple[str, str], Stored] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.described: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, dict[str, Any]]] = {}
        self.hidden: dict[str, int] = {}
        self.calls: list[str] = []
        self.page, self.smallest_upload, self.now = page, 5 * 1024, 0.0
        self.modified = datetime(2026, 11, 21, tzinfo=UTC)

    def before(self, operation: str, asked: Mapping[str, Any]) -> None:
        """Begin a call; may fail it."""

    def after(self, operation: str, asked: Mapping[str, Any]) -> None:
        """End a call; may lose its answer."""

    # S3

    def store(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        """Store an object."""
        etag = f'"{len(self.calls)}"'
        self.objects[bucket, key] = Stored(body, etag, self.modified, dict(metadata or {}))

    def _found(self, asked: Mapping[str, str]) -> Stored:
        found = self.objects.get((asked["Bucket"], asked["Key"]))
        if found is None:
            raise error("NoSuchKey", "GetObject")
        if asked.get("IfMatch", found.etag) != found.etag:
            raise error("PreconditionFailed", "GetObject")
        return found

    @_call
    def get_object(self, **asked: str) -> dict[str, Any]:
        found = self._found(asked)
        body = found.body
        if "Range" in asked:
            first, _, last = asked["Range"].removeprefix("bytes=").partition("-")
            body = body[int(first) : int(last) + 1 if last else None]
        return {
            "Body": io.BytesIO(body), "Metadata": dict(found.metadata), "ETag": found.etag,
            "ContentLength": len(body), "LastModified": found.modified,
        }  # fmt: skip

    @_call
    def head_object(self, **asked: str) -> dict[str, Any]:
        found = self._found(asked)
        return {
            "Metadata": dict(found.metadata), "ETag": found.etag, "ContentLength": len(found.body),
            "LastModified": found.modified,
        }  # fmt: skip

    @_call
    def put_object(self, **given: Any) -> None:
        self._put(given, given["Body"], given.get("Metadata", {}))

    def _put(self, given: Mapping[str, Any], body: bytes, metadata: Mapping[str, str]) -> None:
        if "IfNoneMatch" in given and (given["Bucket"], given["Key"]) in self.objects:
            raise error("PreconditionFailed", "PutObject")
        self.store(given["Bucket"], given["Key"], body, metadata)

    def copy_object(self, **given: Any) -> None:
        body = self.get_object(**given["CopySource"])["Body"].read()
        self.put_object(Bucket=given["Bucket"], Key=given["Key"], Body=body)

    @_call
    def create_multipart_upload(self, **given: Any) -> dict[str, str]:
        identity = f"upload-{len(self.described)}"
        self.uploads[identity], self.described[identity] = {}, given
        return {"UploadId": identity}

    @_call
    def upload_part(self, **given: Any) -> dict[str, str]:
        self.uploads[given["UploadId"]][given["PartNumber"]] = given["Body"]
        return {"ETag": f'"{given["PartNumber"]}"'}

    @_call
    def complete_multipart_upload(self, **given: Any) -> None:
        sent = self.uploads[given["UploadId"]]
        numbers = [part["PartNumber"] for part in given["MultipartUpload"]["Parts"]]
        assert numbers == sorted(sent)
        assert all(len(sent[number]) >= self.smallest_upload for number in numbers[:-1])
        metadata = self.described[given["UploadId"]]["Metadata"]
        self._put(given, b"".join(sent[number] for number in numbers), metadata)
        del self.uploads[given["UploadId"]]

    @_call
    def abort_multipart_upload(self, **given: Any) -> None:
        del self.uploads[given["UploadId"]]

    @_call
    def delete_objects(self, **given: Any) -> dict[str, Any]:
        errors = []
        for each in given["Delete"]["Objects"]:
            found = self.objects.get((given["Bucket"], each["Key"]))
            if found is None:
                # only a condition fails on what is not there
                errors += [{"Key": each["Key"], "Code": "NoSuchKey"}] * ("ETag" in each)
            elif each.get("ETag", found.etag) != found.etag:
                errors.append({"Key": each["Key"], "Code": "PreconditionFailed"})
            else:
                del self.objects[given["Bucket"], each["Key"]]
        return {"Errors": errors}

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys below a prefix."""
        return sorted(key for where, key in self.objects if where == bucket and key.startswith(prefix))

    @_call
    def list_objects_v2(self, **asked: str) -> dict[str, Any]:
        prefix, delimiter, after = asked["Prefix"], asked.get("Delimiter", ""), asked.get("StartAfter", "")
        keys = [key for key in self.keys(asked["Bucket"], prefix) if key > after]
        if delimiter:
            found = sorted({prefix + key.removeprefix(prefix).partition(delimiter)[0] + delimiter for key in keys})
            return {"CommonPrefixes": [{"Prefix": each} for each in found], "IsTruncated": False}
        shown = keys[: self.page]
        contents = [
            {"Key": key, "Size": len(found.body), "ETag": found.etag, "LastModified": found.modified}
            for key in shown
            for found in [self.objects[asked["Bucket"], key]]
        ]
        return {"Contents": contents, "IsTruncated": len(keys) > len(shown)}

    def get_paginator(self, _: str) -> Memory:
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        while True:
            page = self.list_objects_v2(**asked)
            yield page
            if not page["IsTruncated"]:
                return
            asked["StartAfter"] = page["Contents"][-1]["Key"]

    # DynamoDB

    @_call
    def get_item(self, **asked: Any) -> dict[str, Any]:
        assert asked["ConsistentRead"]
        found = self.items.get(asked["Key"]["id"]["S"])
        return {} if found is None else {"Item": dict(found)}

    @_call
    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        ((table, wanted),) = asked["RequestItems"].items()
        keys = [each["id"]["S"] for each in wanted["Keys"]]
        assert 0 < len(keys) <= 100
        return {"Responses": {table: [{"id": {"S": key}, **self.items[key]} for key in keys if key in self.items]}}

    @_call
    def update_item(self, **asked: Any) -> dict[str, Any]:
        key, values = asked["Key"]["id"]["S"], asked["ExpressionAttributeValues"]
        before = self.items.get(key, {})
        conditions = {
            "": True,
            "attribute_not_exists(holder)": "holder" not in before,
            "holder = :before": before.get("holder") == values.get(":before"),
            "attribute_not_exists(holder) OR holder = :me": before.get("holder") in (None, values.get(":me")),
        }
        if not conditions[asked.get("ConditionExpression", "")]:
            raise error("ConditionalCheckFailedException", "UpdateItem", Item=dict(before))
        after = dict(before)
        for assignment in asked["UpdateExpression"].removeprefix("SET ").split(", "):
            name, _, value = assignment.partition(" = ")
            if not (value.startswith("if_not_exists") and name in before):
                after[name] = values[value.removeprefix(f"if_not_exists({name}").strip("(, )")]
            if "if_not_exists" in value:
                break
        self.items[key] = after
        return {"Attributes": after if asked.get("ReturnValues") == "ALL_NEW" else before}

    # Parameter Store and Secrets Manager

    def parameter(self, name: str) -> str:
        """Return the value of a parameter."""
        raise NotImplementedError(name)

    def get_parameter(self, **asked: str) -> dict[str, Any]:
        return {"Parameter": {"Value": self.parameter(asked["Name"])}}

    def get_secret_value(self, **_: str) -> dict[str, str]:
        return {"SecretString": "token"}

    # SQS

    def put(self, queue: str, bodies: Sequence[str], groups: Sequence[str] = ()) -> None:
        """Put messages on a queue."""
        held = self.messages.setdefault(queue, {})
        for number, body in enumerate(bodies):
            name = str(len(held))
            group = groups[number] if groups else ""
            held[name] = {"MessageId": name, "Body": body, "group": group, "visible": 0.0}

    def hide(self, queue: str, count: int, seconds: float) -> None:
        """Have another reader hold messages."""
        for message in list(self.messages[queue].values())[:count]:
            message["visible"] = self.now + seconds

    @_call
    def get_queue_url(self, QueueName: str, **_: str) -> dict[str, str]:  # noqa: N803 - the AWS client's names
        self.messages.setdefault(QueueName, {})
        return {"QueueUrl": QueueName}

    @_call
    def get_queue_attributes(self, QueueUrl: str, AttributeNames: Sequence[str]) -> Any:  # noqa: N803
        held = self.messages[QueueUrl].values()
        hidden = sum(each["visible"] > self.now for each in held)
        counts = {
            "ApproximateNumberOfMessages": len(held) - hidden,
            "ApproximateNumberOfMessagesNotVisible": hidden,
            "ApproximateNumberOfMessagesDelayed": 0,
        }
        return {"Attributes": {name: str(counts[name]) for name in AttributeNames}}

    @_call
    def receive_message(self, *, QueueUrl: str, VisibilityTimeout: float, **_: Any) -> Any:  # noqa: N803
        held = self.messages[QueueUrl].values()
        locked = {each["group"] for each in held if each["group"] and each["visible"] > self.now}
        free = [each for each in held if each["visible"] <= self.now and each["group"] not in locked][:10]
        for message in free:
            message["visible"] = self.now + VisibilityTimeout
        received = []
        for each in free:
            attributes = {"SentTimestamp": "1", **({"MessageGroupId": each["group"]} if each["group"] else {})}
            named = {"MessageId": each["MessageId"], "ReceiptHandle": each["MessageId"], "Body": each["Body"]}
            received.append({**named, "Attributes": attributes})
        return {"Messages": received}

    @_call
    def send_message(self, QueueUrl: str, MessageBody: str, **_: Any) -> None:  # noqa: N803
        self.put(QueueUrl, [MessageBody])

    @_call
    def send_message_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        self.put(QueueUrl, [each["MessageBody"] for each in Entries])
        return {"Successful": [{"Id": each["Id"]} for each in Entries]}

    @_call
    def delete_message_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        for each in Entries:
            del self.messages[QueueUrl][each["ReceiptHandle"]]
        return {"Successful": [{"Id": each["Id"]} for each in Entries]}

    @_call
    def change_message_visibility_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803
        for each in Entries:
            self.hidden[each["ReceiptHandle"]] = each["VisibilityTimeout"]
            if message := self.messages[QueueUrl].get(each["ReceiptHandle"]):
                message["visible"] = self.now + each["VisibilityTimeout"]
        return {}


@dataclass(frozen=True)
class Functions:
    """Lambda, which runs the archiver in this process."""

    handler: Callable[[Any, Any], Any]

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - the AWS client's names
        assert FunctionName == "acme-archiver"
        try:
            answer = self.handler(json.loads(Payload), None)
        except Exception as failure:  # noqa: BLE001 - Lambda answers with whatever it is
            answer = {"errorType": type(failure).__name__, "errorMessage": str(failure)}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(answer).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


DESCRIPTIONS = {
    "RoleArn": "AWS IAM role ARN, to authorise in Atlas",
    "BucketName": "Bucket Name",
    "Prefix": "Prefix",
    "KmsKeyArn": "KMS Key",
}
"""What the stack of an Atlas export says of its outputs."""


class Stacks:
    """Stacks as CloudFormation describes them, by their outputs; nothing in them has been changed by hand."""

    def __init__(
        self,
        outputs: dict[str, dict[str, str]],
        *,
        deployment: str = "acme",
        templates: Mapping[str, object] | None = None,
        status: str = "CREATE_COMPLETE",
    ) -> None:
        self._outputs, self._deployment, self._templates = outputs, deployment, templates or {}
        self._status = status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - the AWS client's names
        if StackName not in self._outputs:
            raise error("ValidationError", "DescribeStacks", message=f"Stack with id {StackName} does not exist")
        outputs = [
            {"OutputKey": key, "OutputValue": value, "Description": DESCRIPTIONS.get(key, "")}
            for key, value in self._outputs[StackName].items()
        ]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs, "Tags": self._tags}]}

    @property
    def _tags(self) -> list[dict[str, str]]:
        return [{"Key": "logdock:deployment", "Value": self._deployment}]

    def get_template(self, StackName: str, **_: str) -> dict[str, Any]:  # noqa: N803
        return {"TemplateBody": self._templates.get(StackName, {})}

    def get_paginator(self, _: str) -> Any:
        stacks = [
            {
                "StackName": name,
                "StackStatus": self._status,
                "EnableTerminationProtection": name.endswith("-core"),
                "Tags": self._tags,
            }
            for name in self._outputs
        ]
        return SimpleNamespace(paginate=lambda: [{"Stacks": stacks[:1]}, {"Stacks": stacks[1:]}])
