"""The REST API in front of the validator and the status function."""

import json
from collections.abc import Sequence

from aws_cdk import Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import ApiGateway, Throttle
from infra.dispatch.gateway_answers import add_gateway_answers, refusal
from infra.nag import acknowledge
from task_schema import RequestCode

VERSIONS = ("v1alpha1", "v1alpha2")
LOGGING_POLICY = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"  # the CDK gives it to the role

# One JSON object a line. The key's id tells who it was; the key itself is a secret.
ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "latency_ms": "$context.responseLatency",
    "integration_latency_ms": "$context.integrationLatency",
    "response_bytes": "$context.responseLength",
    "api_key_id": "$context.identity.apiKeyId",
    "source_ip": "$context.identity.sourceIp",
    "gateway_error": "$context.error.responseType",
    "trace_id": "$context.xrayTraceId",
}


class DispatchApi(Construct):
    """The API with its key, its limits and its own answers. `api`, `stage` and `key` are for outputs."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: ApiGateway,
        validator: lambda_.IFunction,
        status: lambda_.IFunction,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self._log_retention = log_retention
        self._access_log = self._log_group("AccessLogs")
        self.api = self._rest_api(settings.stage_name)
        self.stage = self.api.deployment_stage
        self._name_execution_logs(settings.stage_name)
        add_gateway_answers(self.api)
        submitting = {version: self._submitting(version, validator) for version in VERSIONS}
        newest = submitting["v1alpha2"].resource
        uploading = _methods(newest.add_resource("uploads"), validator, "POST")
        asking = self._asking(newest, status)
        self.key = apigateway.ApiKey(self, "Key")
        self._limit(settings, [*submitting.values(), *uploading], asking)
        self._acknowledge()

    def _rest_api(self, stage_name: str) -> apigateway.RestApi:
        api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=Stack.of(self).stack_name,
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            # Without it a region where no API has logged before refuses the stage. It is the region's, not
            # ours alone, so it stays when we go.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
            deploy_options=apigateway.StageOptions(
                stage_name=stage_name,
                tracing_enabled=True,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                access_log_destination=apigateway.LogGroupLogDestination(self._access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
            ),
        )
        api.node.try_remove_child("Endpoint")  # an output with a name of the CDK's
        return api

    def _submitting(self, version: str, validator: lambda_.IFunction) -> apigateway.Method:
        """Add the path of an API version: POST goes to the validator, all else is not allowed."""
        resource = self.api.root.add_resource(version)
        [method] = _methods(resource, validator, "POST")
        return method

    def _asking(self, version: apigateway.IResource, status: lambda_.IFunction) -> list[apigateway.Method]:
        """Add the paths of tasks: one, which GET shows and DELETE cancels, and the list of all."""
        tasks = version.add_resource("tasks")
        return [
            *_methods(tasks, status, "GET"),
            *_methods(tasks.add_resource("{id}"), status, "GET", "DELETE"),
        ]

    def _limit(
        self,
        settings: ApiGateway,
        submitting: Sequence[apigateway.Method],
        asking: Sequence[apigateway.Method],
    ) -> None:
        """Put limits on the methods, so that neither polling nor uploading uses up what submitting may take.

        The plan's own limit is the sum of what its methods may take.
        """
        limits = [(method, settings.throttle) for method in submitting]
        limits += [(method, settings.status_throttle) for method in asking]
        plan = self.api.add_usage_plan("Plan", throttle=_sum([limit for _, limit in limits]))
        plan.add_api_key(self.key)
        plan.add_api_stage(
            stage=self.stage,
            throttle=[
                apigateway.ThrottlingPerMethod(method=method, throttle=_sum([limit]))
                for method, limit in limits
            ],
        )

    def _name_execution_logs(self, stage_name: str) -> None:
        """Make the log group that API Gateway else makes itself, which would keep its lines for ever."""
        group = self._log_group(
            "ExecutionLogs",
            name=Fn.join("", ["API-Gateway-Execution-Logs_", self.api.rest_api_id, "/", stage_name]),
        )
        self.stage.node.add_dependency(group)

    def _log_group(self, construct_id: str, *, name: str | None = None) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            retention=self._log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _acknowledge(self) -> None:
        acknowledge(
            self.api,
            "APIG2",
            reason="the validator checks the whole request and tells every fault in the shape of DESIGN 4.1;"
            " a model in the gateway would tell less",
        )
        for rule in ("APIG4", "COG4"):
            acknowledge(
                self.api,
                rule,
                reason="the guide's contract is an API key in x-api-key, required by every method",
            )
        acknowledge(
            self.api,
            "APIG3",
            reason="a web ACL costs a fee each month; the key keeps strangers out, and one can be added",
        )
        acknowledge(
            self.api,
            f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{LOGGING_POLICY}]",
            reason="API Gateway logs through one role for all APIs of a region, and this is its policy",
        )


def _methods(
    resource: apigateway.Resource, function: lambda_.IFunction, *verbs: str
) -> list[apigateway.Method]:
    """Give a path methods that a function answers; all others are not allowed."""
    resource.add_method(
        "ANY",
        _not_allowed(verbs),
        api_key_required=True,
        method_responses=[
            apigateway.MethodResponse(
                status_code="405", response_parameters={"method.response.header.Allow": True}
            )
        ],
    )
    integration = apigateway.LambdaIntegration(function, allow_test_invoke=False)
    return [resource.add_method(verb, integration, api_key_required=True) for verb in verbs]


def _not_allowed(verbs: Sequence[str]) -> apigateway.MockIntegration:
    message = f"this path takes {' and '.join(verbs)} only"
    return apigateway.MockIntegration(
        request_templates={"application/json": '{"statusCode": 405}'},
        # A mock integration needs its template; a body of another type would be taken for it.
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        integration_responses=[
            apigateway.IntegrationResponse(
                status_code="405",
                response_parameters={"method.response.header.Allow": f"'{', '.join(verbs)}'"},
                response_templates={"application/json": refusal(RequestCode.METHOD_NOT_ALLOWED, message)},
            )
        ],
        timeout=Duration.seconds(5),
    )


def _sum(limits: list[Throttle]) -> apigateway.ThrottleSettings:
    return apigateway.ThrottleSettings(
        rate_limit=sum(limit.rate_limit for limit in limits),
        burst_limit=sum(limit.burst_limit for limit in limits),
    )
