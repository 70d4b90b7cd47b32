"""What the deploy does at Logz.io."""

from vendor_connector.vendors.logzio.operations import account, archive, fetchers

POLLED = {"logzio-account": account, "logzio-archive": archive, "logzio-fetchers": fetchers}
