"""The files of a directory that deploys Logdock, apart from its settings. Pure, apart from what the package holds."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from logdock.settings import Deployment
from logdock.sources import ROOT, version

APP = ".venv/bin/python -O -P -m logdock.app"
PIPELINES = {"github": ".github/workflows/logdock.yml", "gitlab": ".gitlab-ci.yml"}
"""Where each pipeline expects its file."""
SHARED = "shared.yaml"
"""What the files of environments extend."""


def project_files(deployments: Mapping[str, Deployment], pipeline: str) -> dict[str, str]:
    """Return the content of each file by its path, apart from the settings files.

    Parameters
    ----------
    deployments
        The deployment of each environment by its name; one without a name where there are no environments.
    pipeline
        One of `PIPELINES`, or another word for none. Each environment has one of its own.
    """
    first = next(iter(deployments))
    made = {
        ".gitignore": _filled("gitignore", {}),
        "README.md": _filled("README.md", _values(first, deployments[first]) | _about(deployments)),
        "cdk.json": _json({"app": APP}),
        "requirements.txt": f"logdock[deploy]=={version()}\n",
        **_npm_files(),
    }
    if pipeline in PIPELINES:
        for environment, settings in deployments.items():
            name = PIPELINES[pipeline]
            name = name.replace("logdock.yml", f"logdock-{environment}.yml") if environment else name
            made[name] = _filled(f"{pipeline}.yml", _values(environment, settings))
    return made


def _values(environment: str, settings: Deployment) -> dict[str, str]:
    """Return the placeholders of an environment's files, with their values."""
    file = f"{environment}.yaml"
    return {
        "account": settings.account,
        "deployment": settings.deployment,
        "region": settings.region,
        "environment": environment or "production",
        "title": f" {environment}" if environment else "",
        "settings": f" --settings {file}" if environment else "",
        "context": f" -c settings={file}" if environment else "",
    }


def _about(deployments: Mapping[str, Deployment]) -> dict[str, str]:
    """Return the placeholders of the README about the whole project."""
    names = ", ".join(each.deployment for each in deployments.values())
    first, settings = next(iter(deployments.items()))
    if not first:
        about = f"`logdock.yaml` says which vendors' logs land in account {settings.account}, Region {settings.region}."
    else:
        own = ", ".join(f"`{name}.yaml` (account {each.account})" for name, each in deployments.items())
        about = (
            f"`{SHARED}` says which vendors' logs land in every environment; what differs is in {own}. "
            f"The commands below are for {first}."
        )
    return {"deployments": names, "about": about}


def _filled(name: str, values: Mapping[str, str]) -> str:
    text = (files(__package__) / "files" / name).read_text(encoding="utf-8")
    for placeholder, value in {**values, "version": version()}.items():
        text = text.replace(f"<{placeholder}>", value)
    return text


def _npm_files() -> dict[str, str]:
    """Return package.json and its lock, with the CDK command line that this version was tested with."""
    lock: dict[str, Any] = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    name = "node_modules/aws-cdk"
    wanted = {"devDependencies": {"aws-cdk": lock["packages"][name]["version"]}}
    packages = {"": {"name": "logs", **wanted}, name: lock["packages"][name]}
    return {
        "package.json": _json({"name": "logs", "private": True, **wanted}),
        "package-lock.json": _json(
            {"name": "logs", "lockfileVersion": lock["lockfileVersion"], "requires": True, "packages": packages}
        ),
    }


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
