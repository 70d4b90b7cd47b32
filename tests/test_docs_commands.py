"""The `aws` commands in the documentation exist: service, operation and options, by the SDK's own description."""

import re
from collections.abc import Iterator

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SERVICES = {"s3api": "s3", "configservice": "config"}
"""Names of the AWS CLI where they differ from the SDK's."""
OWN_COMMANDS = {
    ("s3", "cp"),
    ("s3", "sync"),
    ("s3", "ls"),
    ("logs", "tail"),
    ("cloudformation", "deploy"),
    ("configure", "list-profiles"),
    ("sso", "login"),
}
"""What the AWS CLI has and the SDK does not (AWS CLI Command Reference)."""
OWN_OPTIONS = {"region", "output", "query", "profile", "no-cli-pager"}
"""Options that every command has (AWS CLI Command Reference, "Global options"), as far as the pages use them."""


def commands() -> Iterator[tuple[str, str, str, set[str]]]:
    """Yield page, service, command and options of each call: a span of code, or a line of a block."""
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        spans = re.findall(r"`([^`\n]+)`", text)
        for span in [*spans, *text.splitlines()]:
            for service, command, rest in re.findall(
                r"(?:^|&& |then |`|\| )\s*aws ([a-z0-9]+) ((?:wait )?[a-z0-9-]+)([^`&|]*)", span
            ):
                options = re.findall(r"--([a-z0-9-]+)", re.sub(r"'[^']*'|\"[^\"]*\"", "", rest))
                yield page.name, service, command, set(options)


def test_commands_of_the_pages_exist() -> None:
    session = botocore.session.get_session()
    wrong, seen = [], 0
    for page, service, command, options in commands():
        if (service, command) in OWN_COMMANDS:
            continue
        seen += 1
        try:
            model = session.get_service_model(SERVICES.get(service, service))
        except UnknownServiceError:
            wrong.append(f"{page}: aws {service}: no such service")
            continue
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if command.startswith("wait "):
            waiters = session.get_waiter_model(SERVICES.get(service, service))
            operations = {
                f"wait {xform_name(name, '-')}": waiters.get_waiter(name).operation for name in waiters.waiter_names
            }
        operation = operations.get(command)
        if operation is None:
            wrong.append(f"{page}: aws {service} {command}: no such command")
            continue
        shape = model.operation_model(operation).input_shape
        members = shape.members if shape else {}
        known = {xform_name(name, "-") for name in members} | OWN_OPTIONS
        known |= {f"no-{xform_name(name, '-')}" for name, one in members.items() if one.type_name == "boolean"}
        wrong += [f"{page}: aws {service} {command}: no option --{name}" for name in sorted(options - known)]
    assert wrong == []
    assert seen > 20
