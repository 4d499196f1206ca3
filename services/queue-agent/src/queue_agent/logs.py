"""Logs as one JSON object a line, in the same shape as the Lambdas' logs."""

import logging
import sys

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter


def configure(level: str, *, service: str, runtime: str) -> None:
    """Send all logs to standard output as JSON.

    Libraries that would log URLs with their query strings are kept quiet: those may hold signatures.
    """
    formatter = LambdaPowertoolsFormatter(utc=True, log_record_order=["timestamp", "level", "message"])
    formatter.append_keys(service=service, runtime=runtime)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("httpx", "httpcore", "botocore", "boto3", "urllib3", "s3transfer", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
