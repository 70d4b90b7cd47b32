"""Operation ``logzio-fetchers`` (polled): Logz.io's S3 fetchers of one destination, one for each export's feed.

Under a new external id a fetcher is made anew, because Logz.io's page knows no other way ("Migrating IAM roles to a new
external ID"). A new one fetches nothing that landed before it was made, so it is made beside the former, which goes at
the next deploy: what lands in between arrives twice, and nothing is missed. Sources: Logz.io API, s3-buckets (OpenAPI
description and Logz.io's own client, where ``logsType`` is any text); docs.logz.io, "AWS S3 Bucket".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from vendor_connector import answers, aws, state, vendor_object
from vendor_connector.request import ConnectorError, Document, Request, RetryLaterError, read, read_to_delete
from vendor_connector.vendors.logzio import api as logzio_api
from vendor_connector.vendors.logzio import documents
from vendor_connector.vendors.logzio.operations.account_state import Account, AccountProperties, fingerprint

T = TypeVar("T")
_FIELDS = ("arn", "bucket", "prefix", "active", "addS3ObjectKeyAsLogField", "region", "logsType")
_ALL_SECONDS = 3300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(AccountProperties):
    """The properties."""

    fetchers: documents.Fetchers

    @property
    def id(self) -> str:
        """What names the resource: one per account and IAM role."""
        logzio_account, _ = self.account_and_ids()
        return f"logzio-fetchers/{logzio_account}/{self.fetchers.role_arn.rpartition('/')[2]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What an account is to have: its id at Logz.io, the external ids that the role trusts, the fetchers by prefix."""

    account: Account
    logzio_account: str
    trusted: tuple[str, ...]
    role_arn: str
    bucket: str
    documents: Mapping[str, Document]

    def api(self, request: Request) -> logzio_api.LogzioApi:
        """Return the API, if its token is still of the account that the fetchers are in."""
        return self.account.api_of(request, self.logzio_account, "fetchers are")


def _wanted(properties: Mapping[str, Any], physical_id: str = "") -> Wanted:
    # only a Delete knows the account by the resource's id
    given = (read_to_delete if physical_id else read)(Settings, properties)
    logzio_account, trusted = given.account_and_ids(physical_id)
    return Wanted(
        account=given.target,
        logzio_account=logzio_account,
        trusted=trusted,
        role_arn=given.fetchers.role_arn,
        bucket=given.fetchers.bucket,
        documents=given.fetchers.documents,
    )


def apply(request: Request) -> dict[str, str]:
    """Have a fetcher for every prefix, under the account's external id; then remove what is ours and not wanted.

    Returns
    -------
    dict
        ``FetcherIds``; ``NextSteps``, what a rotation of the external id still needs.
    """
    wanted = _wanted(request.properties)
    api = wanted.api(request)
    deploy = fingerprint({**request.properties, "trusted": wanted.trusted, "in": wanted.logzio_account})
    _, current = api.principal()
    kept: dict[str, str] = {}
    ids: list[str] = []
    for prefix in wanted.documents:
        if request.remaining_seconds() < aws.RESERVE_SECONDS:
            raise RetryLaterError(f"{len(ids)} fetchers are done, the others follow", timeout_seconds=_ALL_SECONDS)
        kept[prefix] = _label(api, wanted, prefix, current)
        ids.append(_keep(api, wanted, prefix, kept[prefix], deploy))
    beside = False
    for prefix, saved in wanted.account.saved_fetchers(wanted.logzio_account).items():
        for external_id, entry in saved.items():
            if external_id == kept.get(prefix):
                continue
            if prefix in kept and entry.get("beside") == deploy:
                beside = True
                continue
            store = wanted.account.fetcher_store(wanted.logzio_account, external_id, prefix)
            vendor_object.remove(partial(_fetcher, api, wanted, prefix, external_id), store)
    return {"FetcherIds": ",".join(ids), "NextSteps": _next_steps(wanted, {*kept.values()}, is_beside=beside)}


def delete(request: Request) -> None:
    """Remove all that is ours in the account."""
    wanted = _wanted(request.properties, request.physical_id)
    saved = wanted.account.saved_fetchers(wanted.logzio_account)
    # Without saved state nothing was made, and then not even the credential is needed.
    if not saved:
        return
    api = wanted.api(request)
    for prefix, entries in saved.items():
        for external_id in entries:
            store = wanted.account.fetcher_store(wanted.logzio_account, external_id, prefix)
            vendor_object.remove(partial(_fetcher, api, wanted, prefix, external_id), store)


def _label(api: logzio_api.LogzioApi, wanted: Wanted, prefix: str, current: str) -> str:
    """Return the external id under which a prefix's fetcher is to be saved."""
    saved = wanted.account.saved_fetchers(wanted.logzio_account).get(prefix, {})
    if wanted.account.adopt:
        adopted = next((label for label, entry in saved.items() if "adopted" in entry), None)
        if adopted is not None:
            return adopted
        found = [one for one in api.fetchers().values() if _is_at(one, wanted.bucket, prefix)]
        if found and not saved:
            if found[0].get("accessKey"):
                raise ConnectorError(
                    f"the S3 fetcher {found[0]['id']} of {wanted.bucket}/{prefix} signs in with access keys, which "
                    "Logz.io does not give back: it cannot be adopted. Remove it in Logz.io, then deploy again."
                )
            # One that was made by hand came with the external id that the settings had until now.
            return wanted.account.former_external_ids[0] if wanted.account.former_external_ids else current
    if current in wanted.trusted:
        return current
    # A rollback, or another external id since the deploy began: what is there stays as it is.
    known = [label for label in saved if label in wanted.trusted] or list(saved)
    if not known:
        raise ConnectorError(
            "Logz.io has given the account another external id, which the role does not trust yet: change "
            "`connect.revision` and deploy again"
        )
    return known[0]


def _keep(api: logzio_api.LogzioApi, wanted: Wanted, prefix: str, label: str, deploy: str) -> str:
    """Have one fetcher, and wait until Logz.io shows it as active; return its id."""
    account, logzio_account = wanted.account, wanted.logzio_account
    saved = account.saved_fetchers(logzio_account).get(prefix, {})
    current = saved.get(label, {}).get("id")
    # A new one may be there before it is listed.
    if current is None or (current not in api.fetchers() and _find(api, current) is None):
        for former, entry in saved.items():
            if former != label:
                entry = {name: value for name, value in entry.items() if name != "adopted" or account.adopt}
                account.fetcher_store(logzio_account, former, prefix).save({**entry, "beside": deploy})
    fetcher = _fetcher(api, wanted, prefix, label)
    object_id, shown = vendor_object.reconcile(
        fetcher, account.fetcher_store(logzio_account, label, prefix), adopt=account.adopt
    )
    if not shown.get("active"):
        raise RetryLaterError(
            f"Logz.io took {fetcher.description} ({object_id}) and does not show it as active",
            timeout_seconds=vendor_object.CONSISTENCY_TIMEOUT_SECONDS,
        )
    return object_id


def _next_steps(wanted: Wanted, in_use: set[str], *, is_beside: bool) -> str:
    again = "Then change `connect.revision` and deploy again"
    if is_beside:
        return (
            "The external id is being changed. Two fetchers read each feed now, so what lands arrives twice. See in "
            f"Logz.io that it does. {again}: the former fetchers are removed."
        )
    if in_use & {*wanted.account.former_external_ids}:
        return "Fetchers that were made by hand come with `external_id`: take `adopt` out of the settings, then deploy."
    if wanted.account.former_external_ids:
        return "Nothing comes with `external_id` any more: take it out of the settings, then deploy."
    if len(wanted.trusted) > 1:
        return f"The external id has been changed, and the former one is still trusted. {again}: it no longer is."
    return "Nothing to do: the deploy created the fetchers."


def _find(api: logzio_api.LogzioApi, object_id: str) -> Document | None:
    return api.find(logzio_api.FETCHERS, object_id, logzio_api.FETCHER)


def _is_at(document: Document, bucket: str, prefix: str) -> bool:
    return document.get("bucket") == bucket and str(document.get("prefix") or "").strip("/") == prefix.strip("/")


def _fetcher(api: logzio_api.LogzioApi, wanted: Wanted, prefix: str, label: str) -> Fetcher:
    saved: Mapping[str, state.Entry] = wanted.account.saved_fetchers(wanted.logzio_account).get(prefix, {})
    others = frozenset(str(entry.get("id")) for former, entry in saved.items() if former != label)
    return Fetcher(api, wanted, prefix, others)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """A fetcher; ``others`` are ours for the same prefix under another external id."""

    api: logzio_api.LogzioApi
    wanted: Wanted
    prefix: str
    others: frozenset[str]

    @property
    def description(self) -> str:
        """Its name, and where a person finds it."""
        return f"an S3 fetcher of {self.wanted.bucket}/{self.prefix} (Logz.io, Integration Hub, S3 Bucket)"

    def find(self, object_id: str) -> Document | None:
        """Return one by its id."""
        return _find(self.api, object_id)

    def list_all(self) -> dict[str, Document]:
        """Return the account's fetchers by id."""
        return {object_id: one for object_id, one in self.api.fetchers().items() if object_id not in self.others}

    def matches(self, document: Document) -> bool:
        """Return whether it reads our prefix."""
        return _is_at(document, self.wanted.bucket, self.prefix)

    matches_new = matches

    def create(self) -> str:
        """Make it. Logz.io assumes the role before it takes it."""
        return self._write("POST", logzio_api.FETCHERS, logzio_api.created, self.wanted.documents[self.prefix])

    def is_up_to_date(self, document: Document) -> bool:
        """Return whether Logz.io has what is asked."""
        wanted = self.wanted.documents[self.prefix]
        return all(document.get(name) == wanted[name] for name in _FIELDS)

    def update(self, object_id: str, former: Document | None) -> None:
        """Replace it whole, in place: it goes on after the last object that it fetched."""
        body = {name: former[name] for name in _FIELDS if former.get(name) is not None} if former else None
        path = f"{logzio_api.FETCHERS}/{object_id}"
        self._write("PUT", path, answers.ignored, body or self.wanted.documents[self.prefix])

    def remove(self, object_id: str) -> None:
        """Remove it."""
        self.api.remove(f"{logzio_api.FETCHERS}/{object_id}")

    def _write(self, method: str, path: str, read: Callable[[Any], T], body: Document) -> T:
        answer = self.api.write(
            method,
            path,
            read,
            body,
            cannot=f"read {body['bucket']}/{body.get('prefix', '')} through {body.get('arn')}",
            needs="the role's trust and permissions, and a bucket without a policy that shuts it out",
        )
        aws.log("written", method=method, prefix=self.prefix)
        return answer
