"""What the deploy does at Cloudflare."""

from vendor_connector.vendors.cloudflare.operations import logpush_job

POLLED = {"cloudflare-logpush-job": logpush_job}
