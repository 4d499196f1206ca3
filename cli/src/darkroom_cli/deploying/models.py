"""The model bucket: whose it is, where it is, and what is in it."""

from collections.abc import Iterator

from darkroom_cli.deploying.aws import AWS_ERRORS, CHINA, Aws, code_of, told, unanswered
from darkroom_cli.deploying.configuration import MODEL_FILE, PLACEHOLDER, Document
from darkroom_cli.deploying.findings import Code, Findings
from darkroom_cli.deploying.options import MODEL_SUFFIXES, Options, shown
from darkroom_cli.deploying.ports import ModelSource

FOLDER = "Stable-diffusion"
SHOWN = 5


def own_bucket(aws: Aws, stack_name: str) -> str:
    """Return the name of the bucket that is made where none is given."""
    tail = f"-models-{aws.account}-{aws.region}"
    return f"{stack_name.lower()[: 63 - len(tail)].rstrip('-')}{tail}"


def choose_bucket(aws: Aws, document: Document, options: Options) -> str:
    """Say in the document which bucket it is, and return its name."""
    said = document.bucket
    if said == PLACEHOLDER or (said and "<" in said):
        said = None
    name = options.bucket or said or own_bucket(aws, document.stack_name)
    document.put(["modelBucketArn"], f"arn:{aws.partition}:s3:::{name}")
    return name


def check_models(
    aws: Aws, document: Document, options: Options, source: ModelSource, findings: Findings
) -> None:
    """See whether the bucket is there, in the right region, with a model; or can be made and filled.

    Args:
        aws: the account.
        document: the deployment, with its bucket; the only model of the bucket becomes that of a new one.
        options: say where a checkpoint comes from.
        source: where it is downloaded from.
        findings: is told what is missing.
    """
    was_new = document.is_new
    name = choose_bucket(aws, document, options)
    if not _check_access(aws, name, options, findings, ours=name == own_bucket(aws, document.stack_name)):
        return
    exists = bucket_exists(aws, name)
    try:
        models = list(find_models(aws, name)) if exists else []
    except AWS_ERRORS as exc:
        unanswered(exc, f"what is in {name}", findings)
        return
    if models:
        _check_named(document, name, models, findings, may_choose=was_new)
    elif name != own_bucket(aws, document.stack_name):
        findings.add(
            Code.NO_MODELS,
            f"the bucket {name} has no model in its folder {FOLDER}: aws s3 cp MODEL.safetensors"
            f" s3://{name}/{FOLDER}/ (docs/deploy/planning.md has all folders)",
        )
    else:
        _check_source(aws, document, options, source, findings)


def _check_access(aws: Aws, name: str, options: Options, findings: Findings, *, ours: bool) -> bool:
    try:
        answer = aws["s3"].get_bucket_location(Bucket=name)
    except AWS_ERRORS as exc:
        if code_of(exc) == "NoSuchBucket":
            if not ours:
                where = "--bucket" if options.bucket else "modelBucketArn"
                findings.add(
                    Code.NO_BUCKET,
                    f"{where}: there is no bucket {name}; say nothing, and one is made with a model in it",
                )
            return ours
        if code_of(exc) in {"AccessDenied", "403", "AllAccessDisabled"}:
            findings.add(
                Code.FOREIGN_BUCKET,
                f"the bucket {name} may not be read with these credentials: it belongs to another account, or"
                " its policy refuses",
            )
            return False
        unanswered(exc, f"where the bucket {name} is", findings)
        return False
    where = {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(
        answer.get("LocationConstraint"), answer.get("LocationConstraint")
    )
    if where != aws.region:
        findings.add(
            Code.BUCKET_ELSEWHERE,
            f"the bucket {name} is in {where}, and the deployment in {aws.region}: models would load slowly"
            f" and cost. Copy it (aws s3 sync s3://{name} s3://OTHER), or say --region {where}",
        )
        return False
    return True


def _check_named(
    document: Document, bucket: str, models: list[str], findings: Findings, *, may_choose: bool
) -> None:
    for runtime in document.runtimes:
        model = runtime.model
        if model is None or model in models:
            continue
        if may_choose and model == MODEL_FILE and len(models) == 1:
            document.put(["modelsRuntime", runtime.index, "modelFilename"], models[0])
            findings.warn(f"{runtime.name} serves {models[0]}, the only model of {bucket}")
            continue
        shown = ", ".join(models[:SHOWN]) + (", ..." if len(models) > SHOWN else "")
        findings.add(
            Code.NO_SUCH_MODEL,
            f"modelFilename: {runtime.name} is to serve {model}, which is not in {FOLDER} of {bucket}; there"
            f" are: {shown}",
        )


def _check_source(
    aws: Aws, document: Document, options: Options, source: ModelSource, findings: Findings
) -> None:
    if aws.partition == CHINA:
        findings.add(
            Code.MODELS_IN_CHINA,
            "models cannot be downloaded from China: download them elsewhere, put them into a bucket in"
            f" {aws.region} (folder {FOLDER}), and say --bucket (docs/deploy/china.md)",
        )
        return
    if problem := source.check(options.model_url):
        findings.add(
            Code.NO_CHECKPOINT,
            f"--model-url: {shown(options.model_url)} cannot be downloaded: {problem}; say another address,"
            " or --bucket with models in it",
        )
        return
    _check_named(document, "the new bucket", [options.model_file], findings, may_choose=True)


def find_models(aws: Aws, bucket: str) -> Iterator[str]:
    """Return the models of the folder that has to be there, as the servers name them."""
    pages = aws["s3"].get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{FOLDER}/")
    for page in pages:
        for one in page.get("Contents", ()):
            name = str(one["Key"]).removeprefix(f"{FOLDER}/")
            if name.lower().endswith(MODEL_SUFFIXES) and one["Size"] > 0:
                yield name


def bucket_exists(aws: Aws, name: str) -> bool:
    """Whether there is such a bucket, readable or not.

    Raises:
        StepError: S3 does not tell.
    """
    try:
        aws["s3"].head_bucket(Bucket=name)
    except AWS_ERRORS as exc:
        if code_of(exc) in {"404", "NoSuchBucket"}:
            return False
        if code_of(exc) in {"403", "AccessDenied"}:
            return True
        with told(f"looking for the bucket {name}"):
            raise
    return True
