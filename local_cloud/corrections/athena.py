"""Athena: by whose rights a query reads and writes, and that its workgroup has the last word."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.services import athena, glue

from local_cloud.corrections.athena_tables import Answer, Lake, QueryError, ScanLimitError, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALLER: ContextVar[str] = ContextVar("caller")


def apply(*, endpoint_url: str, ca_bundle: str) -> None:
    """Make these corrections."""
    _name_workgroups_as_iam_does()
    _keep_to_the_workgroup()
    # One session for all: it keeps the services' models, which take longer to load than a query takes.
    _ask_as_the_caller(partial(_s3, boto3.Session(), endpoint_url, ca_bundle))


def _name_workgroups_as_iam_does() -> None:
    """IAM sees the workgroup of the query that a request is about; MiniStack sees ``*``."""
    original = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        arn = original(service, method, path, headers, body, *rest)
        if service != "athena" or arn != "*":
            return arn
        execution = athena._executions.get(json.loads(body or b"{}").get("QueryExecutionId"))
        return athena._arn_workgroup(execution["WorkGroup"]) if execution else arn

    iam_actions.extract_resource_arn = extract_resource_arn


def _keep_to_the_workgroup() -> None:
    """A workgroup must be there, and one that enforces its configuration lets no query choose where it answers."""
    original = athena._start_query_execution

    def start(data: Mapping[str, Any]) -> Any:
        name = data.get("WorkGroup", "primary")
        if name not in athena._workgroups:
            return responses.error_response_json("InvalidRequestException", f"WorkGroup {name} is not found.", 400)
        configuration = athena._workgroups[name]["Configuration"]
        results = configuration.get("ResultConfiguration", {})
        if not configuration.get("EnforceWorkGroupConfiguration"):
            results = {**results, **data.get("ResultConfiguration", {})}
        answer = original({**data, "ResultConfiguration": results})
        if answer[0] == 200:
            execution = athena._executions[json.loads(answer[2])["QueryExecutionId"]]
            execution["ResultConfiguration"] = {**results, **execution["ResultConfiguration"]}
        return answer

    athena._start_query_execution = start


def _ask_as_the_caller(s3: Any) -> None:
    """A query reads the catalogue, the objects and their keys as its caller; MiniStack checks no permission.

    It is stopped at its workgroup's limit, which MiniStack does not know. Who fetches an answer reads its object.
    """
    handle, execute_ddl = athena.handle_request, athena._execute_query

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        _CALLER.set(router.extract_access_key_id(headers, query_params))
        data = json.loads(body or b"{}")
        execution = athena._executions.get(data.get("QueryExecutionId"))
        if headers.get("x-amz-target", "").endswith(".GetQueryResults") and execution:
            bucket, _, key = _parts(execution["ResultConfiguration"]["OutputLocation"])
            if execution["Status"]["State"] == "SUCCEEDED":
                try:
                    await asyncio.to_thread(s3().get_object, Bucket=bucket, Key=key)
                except ClientError as error:
                    return responses.error_response_json("AccessDeniedException", str(error), 400)
        return await handle(method, path, headers, body, query_params)

    async def execute(query_id: str, query: str, database: str, ddl: Any, catalog: str | None = None) -> None:
        if ddl is not None:
            await execute_ddl(query_id, query, database, ddl, catalog)
            return
        execution = athena._executions[query_id]
        status = execution["Status"]
        status["State"] = "RUNNING"
        try:
            answer = await asyncio.to_thread(_run, execution, query, database, s3())
        except Exception as error:  # noqa: BLE001 - whatever it is, the query ends by it and says so
            status["State"] = "CANCELLED" if isinstance(error, ScanLimitError) else "FAILED"
            status["StateChangeReason"] = str(error)
        else:
            execution["_results"] = {"columns": answer.columns, "rows": answer.rows}
            execution["_column_types"] = answer.types
            execution["Statistics"]["DataScannedInBytes"] = answer.scanned_bytes
            status["State"] = "SUCCEEDED"
        status["CompletionDateTime"] = int(time.time())

    athena.handle_request = handle_request
    athena._execute_query = execute


def _run(execution: Mapping[str, Any], query: str, database: str, s3: Any) -> Answer:
    configuration = athena._workgroups[execution["WorkGroup"]]["Configuration"]
    lake = Lake(
        table=_table,
        objects=partial(_objects, s3),
        read=partial(_read, s3),
        scan_limit_bytes=configuration.get("BytesScannedCutoffPerQuery"),
    )
    answer = ask(query, database, lake)
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([answer.columns, *answer.rows])
    results = execution["ResultConfiguration"]
    encryption = results.get("EncryptionConfiguration", {})
    headers = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["KmsKey"]} if encryption else {}
    bucket, _, key = _parts(results["OutputLocation"])
    s3.get_bucket_location(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=text.getvalue().encode(), **headers)
    return answer


def _table(database: str, name: str) -> Mapping[str, Any]:
    # What is asked of a database or a table is asked of all above it too (Athena User Guide, "Configure access to
    # databases and tables in the AWS Glue Data Catalog").
    above = ("catalog", f"database/{database}")
    for action, resources in (("glue:GetDatabase", above), ("glue:GetTable", (*above, f"table/{database}/{name}"))):
        for resource in resources:
            region = responses.get_region()
            arn = f"arn:aws:glue:{region}:{responses.get_account_id()}:{resource}"
            if iam_evaluator.enforce(_CALLER.get(), action, "glue", region, arn):
                raise QueryError(f"Insufficient permissions to execute the query: {action} on resource: {arn}")
    table = glue._tables.get(f"{database}/{name}")
    if table is None:
        raise QueryError(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
    found: Mapping[str, Any] = table
    return found


def _objects(s3: Any, location: str) -> list[tuple[str, int]]:
    bucket, _, prefix = _parts(location)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [(f"s3://{bucket}/{each['Key']}", each["Size"]) for page in pages for each in page.get("Contents", [])]


def _read(s3: Any, address: str) -> bytes:
    bucket, _, key = _parts(address)
    body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def _parts(address: str) -> tuple[str, str, str]:
    return address.removeprefix("s3://").partition("/")


def _s3(session: Any, endpoint_url: str, ca_bundle: str) -> Any:
    """Return a client of the front door that acts as who asked Athena, so IAM and KMS are asked as usual."""
    credential = iam_evaluator.resolve_credential(_CALLER.get())
    return session.client(
        "s3",
        endpoint_url=endpoint_url,
        verify=ca_bundle,
        region_name=responses.get_region(),
        aws_access_key_id=credential.access_key_id,
        aws_secret_access_key=credential.secret_access_key,
        aws_session_token=credential.session_token,
    )
