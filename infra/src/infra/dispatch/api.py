"""The REST API in front of the validator."""

import json
from collections.abc import Mapping

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
NOT_ALLOWED = "this path takes POST only"

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
        self.key = apigateway.ApiKey(self, "Key")
        self._limit(settings, submitting)
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
        resource.add_method(
            "ANY",
            _not_allowed(),
            api_key_required=True,
            method_responses=[
                apigateway.MethodResponse(
                    status_code="405", response_parameters={"method.response.header.Allow": True}
                )
            ],
        )
        return resource.add_method(
            "POST", apigateway.LambdaIntegration(validator, allow_test_invoke=False), api_key_required=True
        )

    def _limit(self, settings: ApiGateway, submitting: Mapping[str, apigateway.Method]) -> None:
        """Put the limits of submitting on its methods, so that polling a task's state never uses them up.

        The plan's own limit is the sum of what its methods may take, status and cancel included.
        """
        plan = self.api.add_usage_plan(
            "Plan", throttle=_sum([settings.throttle, settings.status_throttle] * 2)
        )
        plan.add_api_key(self.key)
        plan.add_api_stage(
            stage=self.stage,
            throttle=[
                apigateway.ThrottlingPerMethod(method=method, throttle=_sum([settings.throttle]))
                for method in submitting.values()
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


def _not_allowed() -> apigateway.MockIntegration:
    return apigateway.MockIntegration(
        request_templates={"application/json": '{"statusCode": 405}'},
        # A mock integration needs its template; a body of another type would be taken for it.
        passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
        integration_responses=[
            apigateway.IntegrationResponse(
                status_code="405",
                response_parameters={"method.response.header.Allow": "'POST'"},
                response_templates={"application/json": refusal(RequestCode.METHOD_NOT_ALLOWED, NOT_ALLOWED)},
            )
        ],
        timeout=Duration.seconds(5),
    )


def _sum(limits: list[Throttle]) -> apigateway.ThrottleSettings:
    return apigateway.ThrottleSettings(
        rate_limit=sum(limit.rate_limit for limit in limits),
        burst_limit=sum(limit.burst_limit for limit in limits),
    )
