"""The files of a directory that deploys Logdock, apart from its settings. Pure, apart from what the package holds."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from logdock.settings import Deployment
from logdock.sources import ROOT, version

APP = ".venv/bin/python -P -m logdock.app"
PIPELINES = {"github": ".github/workflows/logdock.yml", "gitlab": ".gitlab-ci.yml"}
"""Where each pipeline expects its file."""


def project_files(settings: Deployment, pipeline: str) -> dict[str, str]:
    """Return the content of each file by its path."""
    values = {
        "<account>": settings.account,
        "<deployment>": settings.deployment,
        "<region>": settings.region,
        "<version>": version(),
    }

    def filled(name: str) -> str:
        text = (files(__package__) / "files" / name).read_text(encoding="utf-8")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    made = {
        ".gitignore": filled("gitignore"),
        "README.md": filled("README.md"),
        "cdk.json": _json({"app": APP}),
        "requirements.txt": f"logdock[deploy]=={version()}\n",
        **_npm_files(),
    }
    if pipeline in PIPELINES:
        made[PIPELINES[pipeline]] = filled(f"{pipeline}.yml")
    return made


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
