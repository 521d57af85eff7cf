"""Checks requests that are signed with AWS credentials, by signing them again with the local stack's.

Source: IAM user guide, "AWS Signature Version 4 for API requests".
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.http_api.request import HttpRequest
from local.servers.aws import ACCOUNT, Aws

_SERVICE = "execute-api"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
    r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})"
)
#: The allowed difference between the clocks of caller and service.
_SKEW = timedelta(minutes=5)


def signer(request: HttpRequest, aws: Aws, *, now: datetime) -> Mapping[str, object] | None:
    """The signer as a function sees it; None unless it was signed just now with the local stack's credentials."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found:
        return None
    key, day, region, service, names, signature = found.groups()
    at = request.headers.get("x-amz-date", "")
    meant = (key, region, service) == (aws.access_key_id, aws.region, _SERVICE) and at.startswith(day)
    if not (meant and _is_recent(at, now) and _holds_its_body(request)):
        return None
    expected = _signature(request, aws, names=names.split(";"), at=at)
    return _identity(key) if hmac.compare_digest(expected, signature) else None


def _signature(request: HttpRequest, aws: Aws, *, names: list[str], at: str) -> str:
    headers = {name: request.headers.get(name, "") for name in names}
    query = f"?{request.query}" if request.query else ""
    url = f"http://{request.headers.get('host', '')}{request.path}{query}"
    signed = AWSRequest(method=request.method, url=url, data=request.body, headers=headers)
    signed.context["timestamp"] = at
    auth = SigV4Auth(Credentials(aws.access_key_id, aws.secret_access_key), _SERVICE, aws.region)
    text = auth.string_to_sign(signed, auth.canonical_request(signed))
    return str(auth.signature(text, signed))


def _is_recent(at: str, now: datetime) -> bool:
    try:
        signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - signed_at) <= _SKEW


def _holds_its_body(request: HttpRequest) -> bool:
    """The signature covers only the caller's hash of the body, so the hash must match the body."""
    return request.headers.get("x-amz-content-sha256") in (None, hashlib.sha256(request.body).hexdigest())


def _identity(access_key: str) -> Mapping[str, object]:
    return {
        "accessKey": access_key,
        "accountId": ACCOUNT,
        "callerId": access_key,
        "cognitoIdentity": None,
        "principalOrgId": "",
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
        "userId": access_key,
    }
