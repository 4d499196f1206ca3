"""Kubernetes' API over HTTP, reading only: no kubectl, no kubeconfig, no other program.

An EKS cluster is entered as `aws eks get-token` does: the token is a presigned question to STS, who am I,
with the cluster's name in a signed header. The stack's access role is taken first; it may read everything.
"""

import base64
import ssl
from collections.abc import Callable
from typing import Any

import boto3
import httpx
from botocore.signers import RequestSigner

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.doctor.scene import Json
from s3io.errors import SDK_ERRORS

TIMEOUT = 10.0  # seconds
PAGE = 200  # objects of an answer; a list goes on where it has more
_TOKEN_PREFIX = "k8s-aws-v1."  # noqa: S105 - no secret: what EKS wants before the URL
_TOKEN_SECONDS = 60

type Aws = Callable[[str], Any]


class ClusterError(Exception):
    """The cluster's API was not reached, or lets nobody in; the message says which."""


class Kubernetes:
    """One cluster's API."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @classmethod
    def at(cls, url: str) -> "Kubernetes":
        """Return the API at a URL that needs no login, such as that of `kubectl proxy`.

        Raises:
            BadRequestOptionError: it is none.
        """
        try:
            return cls(httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False))
        except httpx.InvalidURL as exc:
            raise BadRequestOptionError(f"--kubernetes: {url!r} is not a URL: {exc}") from exc

    @classmethod
    def of_eks(cls, cluster: str, role: str, *, aws: Aws) -> "Kubernetes":
        """Return the API of an EKS cluster, entered by a role.

        Raises:
            ClusterError: there is no such cluster, or the role may not be taken.
        """
        try:
            told = aws("eks").describe_cluster(name=cluster)["cluster"]
            taken = aws("sts").assume_role(RoleArn=role, RoleSessionName="darkroom-doctor")["Credentials"]
            region = told["arn"].split(":")[3]
            session = boto3.session.Session(
                aws_access_key_id=taken["AccessKeyId"],
                aws_secret_access_key=taken["SecretAccessKey"],
                aws_session_token=taken["SessionToken"],
                region_name=region,
            )
            token = eks_token(session, cluster)
        except SDK_ERRORS as exc:
            raise ClusterError(f"the cluster {cluster} cannot be entered: {exc}") from exc
        authority = base64.b64decode(told["certificateAuthority"]["data"]).decode()
        return cls(
            httpx.Client(
                base_url=told["endpoint"],
                headers={"authorization": f"Bearer {token}"},
                verify=ssl.create_default_context(cadata=authority),
                timeout=TIMEOUT,
            )
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str) -> Json | None:
        """Return an object, None where there is none, or where the cluster does not know its kind.

        Raises:
            ClusterError: no usable answer came.
        """
        return self._asked(path, {})

    def items(self, path: str, **selectors: str) -> tuple[Json, ...]:
        """Return all objects of a list; `selectors` are labelSelector and fieldSelector.

        Raises:
            ClusterError: no usable answer came.
        """
        found: list[Json] = []
        more: dict[str, str] = {}
        while True:
            told = self._asked(path, {"limit": str(PAGE), **selectors, **more}) or {}
            found += told.get("items") or ()
            token = (told.get("metadata") or {}).get("continue")
            if not token:
                return tuple(found)
            more = {"continue": str(token)}

    def text(self, path: str) -> tuple[int, str]:
        """Return status and text of an answer that need not be JSON.

        Raises:
            ClusterError: nothing was reached.
        """
        try:
            answer = self._http.get(path)
        except httpx.RequestError as exc:
            raise ClusterError(f"Kubernetes' API was not reached: {type(exc).__name__}: {exc}") from exc
        return answer.status_code, answer.text

    def _asked(self, path: str, params: dict[str, str]) -> Json | None:
        try:
            answer = self._http.get(path, params=params)
        except httpx.RequestError as exc:
            raise ClusterError(f"Kubernetes' API was not reached: {type(exc).__name__}: {exc}") from exc
        if answer.status_code == 404:
            return None
        if answer.status_code in (401, 403):
            raise ClusterError(f"Kubernetes' API lets you not read {path} ({answer.status_code})")
        try:
            told = answer.raise_for_status().json()
        except (httpx.HTTPStatusError, ValueError) as exc:
            raise ClusterError(f"Kubernetes' API answers {answer.status_code} to {path}") from exc
        if not isinstance(told, dict):
            raise ClusterError(f"what answers at {path} is not Kubernetes' API")
        return told


def eks_token(session: boto3.session.Session, cluster: str) -> str:
    """Return a token with which a session's credentials enter a cluster for a minute."""
    client = session.client("sts")
    service = client.meta.service_model.service_id
    signer = RequestSigner(
        service, session.region_name, "sts", "v4", session.get_credentials(), session.events
    )
    suffix = "amazonaws.com.cn" if session.region_name.startswith("cn-") else "amazonaws.com"
    url: str = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"https://sts.{session.region_name}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {"x-k8s-aws-id": cluster},
            "context": {},
        },
        region_name=session.region_name,
        expires_in=_TOKEN_SECONDS,
        operation_name="",
    )
    return _TOKEN_PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
