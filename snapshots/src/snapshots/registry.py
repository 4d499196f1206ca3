"""From a tag to the digest that it stands for now, and whether the image is there for an architecture."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import httpx

from snapshots.errors import OptionError, StepError
from snapshots.failures import code_of, step
from snapshots.images import DOCKER_HUB, Image

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    *INDEXES,
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_HOSTS = {DOCKER_HUB: "registry-1.docker.io"}
_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')
_GIVE_DIGEST = "give it by digest (REPOSITORY:TAG@sha256:...)"
_NOT_THERE = frozenset({"ImageNotFound", "RepositoryNotFoundException", "ImageNotFoundException"})


class Registries:
    """Where images are looked up: private ones of ECR by its API, all others as anybody may."""

    def __init__(self, *, ecr: Callable[[str], Any], http: httpx.Client) -> None:
        """Take how a client of ECR in a region is had, and a client for all other registries."""
        self._ecr = ecr
        self._http = http

    def resolve(self, image: Image, arches: Collection[str]) -> Image:
        """Return the image with its digest; one that has a digest is taken as it is.

        Args:
            image: what to look up.
            arches: architectures that it has to be there for, as in a manifest (`amd64`, `arm64`).

        Raises:
            OptionError: there is no such image, or not for these architectures.
            StepError: the registry does not answer as it should.
        """
        if image.digest is not None:
            return image
        digest, manifest = self._of_ecr(image) if image.ecr else self._of_any(image)
        _check_arches(image, manifest, arches)
        return image.at(digest)

    def _of_ecr(self, image: Image) -> tuple[str, str]:
        registry = image.ecr
        assert registry is not None
        try:
            with step(f"looking up {image}"):
                answer = self._ecr(registry.region).batch_get_image(
                    registryId=registry.account,
                    repositoryName=image.repository,
                    imageIds=[{"imageTag": image.tag}],
                    acceptedMediaTypes=list(MANIFESTS),
                )
        except StepError as exc:
            if exc.__cause__ is not None and code_of(exc.__cause__) in _NOT_THERE:
                raise OptionError(f"IMAGE: {image} is not there: {exc}") from exc
            raise
        if not answer["images"]:
            failures = "; ".join(str(one.get("failureReason")) for one in answer.get("failures", ()))
            raise OptionError(f"IMAGE: {image} is not there: {failures or 'ECR knows no such tag'}")
        [found, *_] = answer["images"]
        return str(found["imageId"]["imageDigest"]), str(found.get("imageManifest") or "{}")

    def _of_any(self, image: Image) -> tuple[str, str]:
        host = _HOSTS.get(image.registry, image.registry)
        url = f"https://{host}/v2/{image.repository}/manifests/{image.tag}"
        headers = {"accept": ", ".join(MANIFESTS)}
        try:
            answer = self._http.get(url, headers=headers)
            if answer.status_code == 401:
                token = self._token(image, answer.headers.get("www-authenticate", ""))
                answer = self._http.get(url, headers={**headers, "authorization": f"Bearer {token}"})
        except httpx.HTTPError as exc:
            raise StepError(
                f"looking up {image}: {str(exc) or type(exc).__name__}; else {_GIVE_DIGEST}"
            ) from exc
        if answer.status_code == 404:
            raise OptionError(f"IMAGE: {image} is not there, says {host}")
        if answer.status_code in (401, 403):
            raise OptionError(
                f"IMAGE: {image}: {host} wants a login. Private registries other than ECR do not work here:"
                " the instance could not pull from them either; copy the image to ECR"
            )
        if answer.status_code != 200:
            raise StepError(f"looking up {image}: {host} answered {answer.status_code}; else {_GIVE_DIGEST}")
        computed = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if answer.headers.get("docker-content-digest", computed) != computed:
            raise StepError(f"looking up {image}: {host} sent something else than its digest says")
        return computed, answer.text

    def _token(self, image: Image, challenge: str) -> str:
        scheme, _, rest = challenge.partition(" ")
        said = dict(_PARAMETER.findall(rest))
        realm = said.get("realm", "")
        if scheme.lower() != "bearer" or not realm.startswith("https://"):
            raise OptionError(f"IMAGE: {image}: its registry lets nobody in without a login; {_GIVE_DIGEST}")
        query = {"scope": said.get("scope") or f"repository:{image.repository}:pull"}
        if service := said.get("service"):
            query["service"] = service
        answer = self._http.get(realm, params=query)
        try:
            body = answer.json()
            return str(body.get("token") or body["access_token"])
        except (ValueError, KeyError, AttributeError) as exc:
            raise StepError(
                f"looking up {image}: no token of its registry ({answer.status_code}); else {_GIVE_DIGEST}"
            ) from exc


def _check_arches(image: Image, manifest: str, arches: Collection[str]) -> None:
    """Look for the architectures where the manifest is a list; a single image does not say what it is for."""
    try:
        parsed = json.loads(manifest)
    except ValueError:
        return
    if not isinstance(parsed, Mapping) or not isinstance(parsed.get("manifests"), list):
        return
    there = {
        one.get("platform", {}).get("architecture")
        for one in parsed["manifests"]
        if isinstance(one, Mapping) and one.get("platform", {}).get("os") == "linux"
    }
    if missing := [arch for arch in arches if arch not in there]:
        known = ", ".join(sorted(str(one) for one in there)) or "none"
        raise OptionError(f"IMAGE: {image} is not there for --arch {missing[0]}; it is for: {known}")
