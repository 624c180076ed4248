"""Settings that the environment lacks for a store of results that is not on this machine's disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

# Where credentials can come from beside a key: a token of the cluster, or of the container.
_OTHER_CREDENTIALS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def lacking_settings(url: str, environment: Mapping[str, str]) -> list[str]:
    """What an `s3://` address needs and the environment does not say, a sentence each; nothing for other stores."""
    return list(_lacking(environment)) if urlsplit(url).scheme in ("s3", "s3a") else []


def _lacking(environment: Mapping[str, str]) -> Iterator[str]:
    has_key = "AWS_ACCESS_KEY_ID" in environment
    if has_key and "AWS_SECRET_ACCESS_KEY" not in environment:
        yield "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both"
    if not has_key and not any(name in environment for name in _OTHER_CREDENTIALS):
        yield "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: only an Amazon machine with a role needs none"
    address = environment.get("AWS_ENDPOINT_URL", "")
    if address.startswith("http://") and environment.get("AWS_ALLOW_HTTP", "").lower() != "true":
        yield f"AWS_ENDPOINT_URL is {address}: set AWS_ALLOW_HTTP=true, or name an https:// address"
    if not address and "AWS_REGION" not in environment and "AWS_DEFAULT_REGION" not in environment:
        yield "AWS_REGION is not set: us-east-1 is taken; a store that is not Amazon's needs AWS_ENDPOINT_URL"
