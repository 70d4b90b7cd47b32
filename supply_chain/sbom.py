"""The software bill of materials of what ships (CycloneDX), and the list of its licences.

Run as ``python -m supply_chain.sbom [folder]``: writes ``logdock.cdx.json`` and ``licences.md``, by default into
``build/sbom``.
"""

import json
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from supply_chain.shipped import ROOT, UNDECLARED, Wheel, pinned, wheels

SCHEMA = SchemaVersion.V1_6
FOLDER = ROOT / "build" / "sbom"
FUNCTIONS = {
    "log_shipper": "Archives what arrives in log groups; ships what has landed. With the layer of the wheels below",
    "resource_tags": "Sends the tags of resources as metrics. The standard library and Lambda's SDK",
    "vendor_connector": "Configures what CloudFormation cannot, and undoes it. The standard library and Lambda's SDK",
}
_LICENCES = LicenseFactory()
_TAG = "logdock:wheel-tag"


def bill(shipped: Iterable[Wheel]) -> Bom:
    """Make the bill of materials of these wheels and of our functions."""
    shipped = list(shipped)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def ours(name: str, description: str, kind: ComponentType = ComponentType.APPLICATION) -> Component:
        return Component(
            type=kind,
            name=name,
            version=project["version"],
            description=description,
            licenses=[_LICENCES.make_from_string(project["license"])],
            bom_ref=name,
        )

    bom = Bom()
    bom.metadata.component = root = ours(project["name"], project["description"])
    functions = {name: ours(name, description) for name, description in FUNCTIONS.items()}
    parts = {wheel.name: _component(wheel) for wheel in shipped}
    framework = _framework()
    for component in (*functions.values(), framework, *parts.values()):
        bom.components.add(component)
    bom.register_dependency(root, functions.values())
    bom.register_dependency(functions["log_shipper"], parts.values())
    bom.register_dependency(functions["vendor_connector"], [framework])
    for wheel in shipped:
        bom.register_dependency(parts[wheel.name], [parts[name] for name in wheel.needs])
    return bom


def _component(wheel: Wheel) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=wheel.name,
        version=wheel.version,
        description=wheel.summary,
        purl=PackageURL("pypi", name=wheel.name, version=wheel.version),
        bom_ref=wheel.name,
        licenses=[_LICENCES.make_from_string(wheel.licence)],
        external_references=[_files(wheel.name, wheel.hashes)],
        properties=[Property(name=_TAG, value=tag) for tag in wheel.tags],
        components=[part for document in wheel.inside for part in _inside(wheel.name, document)],
    )


def _inside(wheel: str, document: dict[str, Any]) -> Iterable[Component]:
    """Yield what was compiled into a wheel, but for what only built it."""
    for entry in document["components"]:
        if entry.get("scope") == "excluded":
            continue
        # The specification has given up `author`.
        part: Component = Component.from_json({key: value for key, value in entry.items() if key != "author"})
        # Two wheels may hold the same part, and its reference may be a path of the machine that built it.
        part.bom_ref.value = f"{wheel}/{part.name}@{part.version}"
        if not part.licenses:
            part.licenses = [_LICENCES.make_from_string(UNDECLARED[part.name])]
        yield part


def _framework() -> Component:
    """Return the CDK's provider framework, a function of its own beside the connector's; its code is in aws-cdk-lib."""
    name, locked = "aws-cdk-lib", pinned(ROOT / "requirements.lock")["aws-cdk-lib"]
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version(name),
        description="Of this the provider framework ships: a Node.js function that calls vendor_connector",
        purl=PackageURL("pypi", name=name, version=version(name)),
        bom_ref=name,
        licenses=[_LICENCES.make_from_string("Apache-2.0")],
        external_references=[_files(name, locked.hashes)],
    )


def _files(name: str, hashes: Iterable[str]) -> ExternalReference:
    return ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(PackageURL("pypi", name=name))),
        comment="The files of this version that the lock admits",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in hashes],
    )


def licences(bom: Bom) -> str:
    """Write the list of licences."""
    rows = [
        "| what | version | licence | in |",
        "| --- | --- | --- | --- |",
    ]
    for component in sorted(bom.components, key=lambda each: each.name):
        rows.append(f"| {component.name} | {component.version} | {licence_of(component)} | |")
        rows += [
            f"| {part.name} | {part.version} | {licence_of(part)} | {component.name} |"
            for part in sorted(component.components, key=lambda each: each.name)
        ]
    silent = [each.name for each in bom.components if _is_compiled(each) and not each.components]
    head = (
        "# Licences\nWhat ships in Logdock's functions, and under which licence. The licences' texts are in the layer, "
        "in each wheel's `dist-info/licenses`.\nThese wheels hold compiled code and do not say of which parts: "
        f"{', '.join(sorted(silent))}.\n\n"
    )
    return head + "\n".join(rows) + "\n"


def _is_compiled(component: Component) -> bool:
    return any(each.name == _TAG and not str(each.value).endswith("-any") for each in component.properties)


def licence_of(component: Component) -> str:
    """Return a component's licence as one expression; empty if it says none."""
    found = [
        getattr(each, "value", None) or getattr(each, "id", None) or getattr(each, "name", None) or ""
        for each in component.licenses
    ]
    return " AND ".join(sorted(found))


def main(folder: Path = FOLDER) -> int:
    """Write both files; 1 if the bill is not what the specification wants, 2 if the layer is not what the lock says."""
    try:
        shipped = wheels()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    # Here, because importing it builds the grammars of every IRI, which takes seconds.
    from cyclonedx.validation.json import JsonStrictValidator

    bom = bill(shipped)
    text = make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2)
    if invalid := JsonStrictValidator(SCHEMA).validate_str(text):
        print(f"the bill of materials is not valid CycloneDX {SCHEMA.to_version()}: {invalid}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logdock.cdx.json").write_text(text + "\n", encoding="utf-8")
    (folder / "licences.md").write_text(licences(bom), encoding="utf-8")
    count = len(json.loads(text)["components"])
    print(f"{folder / 'logdock.cdx.json'}: {count} components, CycloneDX {SCHEMA.to_version()}; licences.md beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
