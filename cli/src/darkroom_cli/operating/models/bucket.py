"""Which bucket the models are in, and a client for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import AwsError
from darkroom_cli.operating.system import telling
from local.home import Home

CONFIG = "config.yaml"
THREADS = 8
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@dataclass(frozen=True)
class Bucket:
    """A bucket, and boto3's client for it."""

    name: str
    s3: Any


def find_bucket(name: str | None, region: str | None, *, home: Home, environ: Mapping[str, str]) -> Bucket:
    """Return the bucket that was named, else the one of `config.yaml`.

    Raises:
        BadRequestOptionError: none was named, and `config.yaml` names none; or there is none of that name.
        AwsError: it may not be used.
    """
    bucket = Bucket(name or _configured(home), s3_client(region, environ))
    with telling(f"s3://{bucket.name}"):
        try:
            bucket.s3.head_bucket(Bucket=bucket.name)
        except ClientError as exc:
            status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                raise BadRequestOptionError(
                    f"there is no bucket {bucket.name}: make it in the region of the deployment, or let"
                    " ./darkroom deploy make one"
                ) from exc
            if status == 403:
                raise AwsError(
                    f"s3://{bucket.name} is not open to you: another account has it, or your policies lack"
                    " s3:ListBucket, s3:GetObject and s3:PutObject"
                ) from exc
            raise
    return bucket


def s3_client(region: str | None, environ: Mapping[str, str]) -> Any:
    """Make the client; an emulator, which a variable names, is reached by path."""
    emulated = any(environ.get(variable) for variable in _ENDPOINTS)
    s3 = {"addressing_style": "path" if emulated else "auto"}
    config = Config(signature_version="s3v4", s3=s3, max_pool_connections=2 * THREADS)
    with telling("S3"):
        return boto3.client("s3", region_name=region, config=config)


def _configured(home: Home) -> str:
    path = home.root / CONFIG
    try:
        data = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise BadRequestOptionError(f"--bucket is missing, and there is no {path} that names one") from None
    except (OSError, ValueError, yaml.YAMLError) as exc:
        raise BadRequestOptionError(f"{path} cannot be read: {exc}") from exc
    arn = data.get("modelBucketArn") if isinstance(data, dict) else None
    if not isinstance(arn, str) or ":s3:::" not in arn:
        raise BadRequestOptionError(f"--bucket is missing, and modelBucketArn of {path} is no bucket's ARN")
    return arn.rpartition(":")[2]
