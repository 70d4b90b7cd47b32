"""A settings file as it was read, before it is validated: what is known of it although parts are malformed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from logdock.settings.alerts import TopicArn
from logdock.settings.text import AccountId, DeploymentName, Name, Region, invalid
from logdock.vendors.registry import EXPORTS, load_part

Loc = tuple[str | int, ...]
_NAME, _DEPLOYMENT, _ACCOUNT, _REGION, _TOPIC = (
    TypeAdapter[str](kind) for kind in (Name, DeploymentName, AccountId, Region, TopicArn)
)


def setting_error(loc: Loc, value: object, allowed: str) -> InitErrorDetails:
    """Make the error of a value that another part of the file rules out."""
    return InitErrorDetails(type=invalid(allowed), loc=loc, input=value)


def region_code(value: object) -> str | None:
    """Return a value if it is a Region's code."""
    return _valid(_REGION, value)


def strings(value: object, loc: Loc = (), around: frozenset[int] = frozenset()) -> Iterator[tuple[Loc, str]]:
    """Yield every string value of a document, with its place; a value that YAML put into itself is entered once."""
    if isinstance(value, str):
        yield loc, value
        return
    if id(value) in around or not isinstance(value, Mapping | list | tuple):
        return
    around |= {id(value)}
    for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from strings(each, (*loc, key if isinstance(key, int) else str(key)), around)


def _valid(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of `exports` or `destinations`, as far as it is well-formed."""

    loc: Loc
    entry: Mapping[object, Any]

    @property
    def where(self) -> str:
        """Its place in the file, for messages about another part."""
        return f"{self.loc[0]}[{self.loc[1]}]"

    @property
    def name(self) -> str | None:
        """Its name, if it has a valid one."""
        return _valid(_NAME, self.entry.get("name"))

    @property
    def model(self) -> Any:
        """The model of an export's kind; None for a kind that does not exist."""
        kind = self.text("kind")
        return load_part(kind, "settings").EXPORT if kind in EXPORTS else None

    @property
    def lands_in_bucket(self) -> bool:
        """Whether an export of this kind lands in a bucket."""
        return self.model is not None and self.model.lands_in == "bucket"

    def text(self, key: str) -> str | None:
        """Return a setting that is a text."""
        value = self.entry.get(key)
        return value if isinstance(value, str) else None

    def texts(self, key: str) -> list[tuple[Loc, str]]:
        """List the texts of a setting that is a list, each with its place."""
        listed = self.entry.get(key)
        found = enumerate(listed) if isinstance(listed, list | tuple) else ()
        return [((*self.loc, key, at), value) for at, value in found if isinstance(value, str)]

    def ids(self, setting: str) -> list[tuple[Loc, str]]:
        """List the objects of the export, each with its place: that of `cluster_id`, or those of `cluster_ids`."""
        one = self.text(setting)
        return [*([((*self.loc, setting), one)] if one else []), *self.texts(f"{setting}s")]

    def parts(self, key: str) -> list[Part]:
        """List the mappings of a setting that is a list."""
        return _parts(self.entry, key, self.loc)


def _parts(mapping: Mapping[object, Any], key: str, loc: Loc = ()) -> list[Part]:
    listed = mapping.get(key)
    found = enumerate(listed) if isinstance(listed, list | tuple) else ()
    return [Part((*loc, key, at), entry) for at, entry in found if isinstance(entry, dict)]


def _topics(alerts: object) -> list[tuple[int, str]]:
    """List the well-formed topics of `alerts`, each with its place."""
    listed = alerts.get("sns_topic_arns") if isinstance(alerts, dict) else None
    found = enumerate(listed) if isinstance(listed, list | tuple) else ()
    return [(at, topic) for at, topic in found if _valid(_TOPIC, topic)]


@dataclass(frozen=True, slots=True)
class Document:
    """A settings file, as far as it is well-formed."""

    deployment: str | None
    account: str | None
    region: str | None
    exports: list[Part]
    destinations: list[Part]
    alert_topics: list[tuple[int, str]]
    retention: object
    replica: Part | None
    data: Mapping[object, Any]

    def regions(self, export: Part) -> list[str]:
        """List the Regions that an export has a stack in, the deployment's own first (empty text: not known)."""
        others = (region for _, region in export.texts("regions")) if export.text("kind") == "cockroachdb" else ()
        return list(dict.fromkeys((self.region or "", *others)))

    @classmethod
    def of(cls, data: Mapping[object, Any]) -> Document:
        """Read what is well-formed."""
        return cls(
            deployment=_valid(_DEPLOYMENT, data.get("deployment")),
            account=_valid(_ACCOUNT, data.get("account")),
            region=region_code(data.get("region")),
            exports=_parts(data, "exports"),
            destinations=_parts(data, "destinations"),
            alert_topics=_topics(data.get("alerts")),
            retention=data.get("retention", "soc2"),
            replica=Part(("replica",), data["replica"]) if isinstance(data.get("replica"), dict) else None,
            data=data,
        )
