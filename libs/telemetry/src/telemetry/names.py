"""Names of span attributes: the semantic conventions' where they have one, else `darkroom.`.

Never in an attribute: prompts (unless switched on), keys, headers, bodies, queries of URLs.
"""

TASK_ID = "darkroom.task.id"
SUBMISSION = "darkroom.submission"
RUNTIME = "darkroom.runtime"
TASK_TYPE = "darkroom.task.type"
ATTEMPT = "darkroom.attempt"
CODE = "darkroom.code"  # a TaskCode or RequestCode
OUTCOME = "darkroom.outcome"
MODEL = "darkroom.model"
SAMPLER = "darkroom.sampler"
STEPS = "darkroom.steps"
WIDTH = "darkroom.width"  # pixels
HEIGHT = "darkroom.height"  # pixels
SEED = "darkroom.seed"
PROMPT = "darkroom.prompt"  # only where it was switched on
NODE_ID = "darkroom.node.id"  # of a ComfyUI workflow
NODE_CLASS = "darkroom.node.class"
# What X-Ray finds traces by: its annotations, in whose keys dots are underscores (`darkroom_task_id`).
SEARCHED = (TASK_ID, SUBMISSION, RUNTIME, TASK_TYPE, OUTCOME, CODE)
# Under it an OpenTelemetry span lists the attributes that become annotations.
XRAY_ANNOTATIONS = "aws.xray.annotations"

# Spans with it are those in which a GPU worked for the task.
GPU = "darkroom.gpu"

# Semantic conventions for messaging (status: development; facts of 2026-10).
MESSAGING_SYSTEM = "messaging.system"
MESSAGING_OPERATION = "messaging.operation.name"
MESSAGING_OPERATION_TYPE = "messaging.operation.type"  # send, receive, process, settle
MESSAGING_DESTINATION = "messaging.destination.name"
MESSAGING_MESSAGE_ID = "messaging.message.id"
MESSAGING_BODY_SIZE = "messaging.message.body.size"  # bytes
TOPIC_ARN = "aws.sns.topic.arn"
QUEUE_URL = "aws.sqs.queue.url"
ERROR_TYPE = "error.type"
HTTP_METHOD = "http.request.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"

SNS = "aws.sns"
SQS = "aws_sqs"
