"""The length of physical names: AWS refuses a longer one, and the CDK with a traceback."""

from collections.abc import Iterator

from pydantic_core import InitErrorDetails

from logdock.settings.document import Document, Part, setting_error

FUNCTION_NAME_LENGTH = 64
"""Characters of a function's name (Lambda API Reference, CreateFunction). It is the shortest limit that names come near
to: with the longest deployment and export every other name fits, which a test shows on the templates."""
LONGEST_SUFFIX = "-connector-framework"


def _connector_names(document: Document) -> Iterator[InitErrorDetails]:
    if document.deployment is None:
        return
    most = FUNCTION_NAME_LENGTH - len(LONGEST_SUFFIX) - len(document.deployment) - 1
    for part in (*document.exports, *document.destinations):
        if part.name is not None and len(part.name) > most and _has_connector(part):
            allowed = (
                f"at most {most} characters, because the deployment has a function for it: "
                f"{document.deployment}-{part.name}{LONGEST_SUFFIX} is longer than the {FUNCTION_NAME_LENGTH} that "
                "Lambda takes. Shorten this name or `deployment`"
            )
            yield setting_error((*part.loc, "name"), part.name, allowed)


def _has_connector(part: Part) -> bool:
    """Return whether a function configures what CloudFormation cannot, for an export or a destination."""
    entry = part.entry
    if entry.get("connect") is not None:
        return True
    match part.text("kind"):
        case "cockroachdb":
            return bool(entry.get("adopt_log_groups"))
        case "aurora-mysql" | "rds" as kind:
            configures = "configure_cluster" if kind == "aurora-mysql" else "configure_database"
            return entry.get(configures, True) is not False or entry.get("log_groups") == "adopt"
        case "s3-logs":
            return entry.get("existing_bucket") is not None
        case "cloudwatch-logs":
            return any(entry.get(key) for key in ("log_group_prefixes", "retention_days", "encrypt"))
    return False


NAME_RULES = (_connector_names,)
