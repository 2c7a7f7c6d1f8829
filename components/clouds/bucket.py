"""One question to a bucket at a service that speaks S3: whether these keys may list it."""

import hashlib
import hmac
import http.client
import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from components.clouds.api import TIMEOUT_SECONDS, Unreachable

QUERY = "list-type=2&max-keys=1"
EMPTY = hashlib.sha256(b"").hexdigest()
DEFAULT_REGION = "us-east-1"
"""Where a service has no regions it takes this one, as R2 does for its `auto`."""
_CODE = re.compile(rb"<Code>(\w+)</Code>")


@dataclass(frozen=True)
class Bucket:
    """`endpoint` is the service's URL; `authority` a PEM, if its certificate is of a private one."""

    endpoint: str
    name: str
    region: str | None
    authority: str | None
    access_key: str
    secret_key: str

    def refusal(self) -> str | None:
        """The code of the error that it answers with, such as `NoSuchBucket`; None: it lets in.

        https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList

        Raises:
            Unreachable: there was no answer to be had, or one that may pass.
        """
        request = urllib.request.Request(f"{self.endpoint}/{self.name}?{QUERY}", headers=self._signed())
        trusted = ssl.create_default_context()
        if self.authority:
            trusted.load_verify_locations(cadata=self.authority)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=trusted):
                return None
        except urllib.error.HTTPError as error:
            with error:
                code = _CODE.search(error.read())
            if code and error.code < http.client.INTERNAL_SERVER_ERROR:
                return code[1].decode()
            failure = f"HTTP {error.code}"
        except (OSError, http.client.HTTPException) as error:
            failure = str(error) or type(error).__name__
        raise Unreachable(f"{self.endpoint} cannot be asked ({failure})")

    def _signed(self) -> dict[str, str]:
        """The headers, by https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html."""
        moment = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        region = self.region or DEFAULT_REGION
        scope = f"{moment[:8]}/{region}/s3/aws4_request"
        headers = {
            "host": urlsplit(self.endpoint).netloc,
            "x-amz-content-sha256": EMPTY,
            "x-amz-date": moment,
        }
        names = ";".join(headers)
        lines = [f"{name}:{value}" for name, value in headers.items()]
        asked = "\n".join(("GET", f"/{self.name}", QUERY, *lines, "", names, EMPTY))
        to_sign = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(asked.encode()).hexdigest()))
        key = f"AWS4{self.secret_key}".encode()
        for part in (*scope.split("/"), to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        credential = f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}"
        return {**headers, "authorization": f"{credential},SignedHeaders={names},Signature={key.hex()}"}
