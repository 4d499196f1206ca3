"""The metrics of a deployment in CloudWatch, by where they come from."""

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.observability.names import NAMESPACE, Agent, AgentLabel, Notifier, Validator
from task_schema import Status

FIVE_MINUTES = Duration.minutes(5)
MINUTE = Duration.minutes(1)


@dataclass(frozen=True)
class RuntimeMetrics:
    """Of one runtime: what SQS says of its queue, and what its agents say.

    `cluster` is the name of the EKS cluster, which the CloudWatch agent adds to what it scrapes.
    """

    runtime: str
    queue_name: str
    cluster: str

    def queue(self, name: str, statistic: str, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Return a metric of the queue."""
        return queue(self.queue_name, name, statistic, period)

    def age(self) -> cloudwatch.Metric:
        """Return the age of the oldest message, in seconds."""
        return self.queue("ApproximateAgeOfOldestMessage", "Maximum", MINUTE)

    def waiting(self, period: Duration = FIVE_MINUTES, statistic: str = "Minimum") -> cloudwatch.Metric:
        """Return the messages that nobody has; with the least of a period, there were some all the time."""
        return self.queue("ApproximateNumberOfMessagesVisible", statistic, period)

    def in_hand(self, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Return the messages that agents have, the most of a period."""
        return self.queue("ApproximateNumberOfMessagesNotVisible", "Maximum", period)

    def agents(
        self, name: str, statistic: str, period: Duration = FIVE_MINUTES, /, **labels: str
    ) -> cloudwatch.Metric:
        """Return a metric of the runtime's agents; of counters, `Sum` counts and `Average` is of a scrape."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={AgentLabel.CLUSTER: self.cluster, AgentLabel.RUNTIME: self.runtime, **labels},
            statistic=statistic,
            period=period,
        )

    def ended_as(self, result: Status) -> cloudwatch.Metric:
        """Return the tasks that ended with a result."""
        return self.agents(Agent.TASKS, "Sum", **{AgentLabel.RESULT: result.value})

    def failed_by_code(self) -> cloudwatch.MathExpression:
        """Return a graph of each code that tasks failed with. No alarm can watch it."""
        schema = f"{NAMESPACE},{AgentLabel.CLUSTER},{AgentLabel.RUNTIME},{AgentLabel.CODE}"
        found = " ".join(
            [
                f'MetricName="{Agent.TASKS}"',
                f'{AgentLabel.CLUSTER}="{self.cluster}"',
                f'{AgentLabel.RUNTIME}="{self.runtime}"',
            ]
        )
        return search(schema, found, label=f"${{PROP('Dim.{AgentLabel.CODE}')}}")


def search(schema: str, found: str, *, label: str) -> cloudwatch.MathExpression:
    """Return what a search finds, summed by five minutes."""
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{{{schema}}} {found}', 'Sum', 300)",
        using_metrics={},
        label=label,
        period=FIVE_MINUTES,
    )


@dataclass(frozen=True)
class ApiMetrics:
    """Of the API's stage."""

    api: str
    stage: str

    def of(self, name: str, statistic: str, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Return one of them, of all methods together."""
        return self._of(name, statistic, period)

    def of_submitting(self, name: str, statistic: str, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
        """Return one of submitting alone: a request that waits for a task takes as long as it was told to."""
        return self.of_method("POST", "/v1alpha2", name, statistic, period)

    def of_method(
        self, verb: str, path: str, name: str, statistic: str, period: Duration = FIVE_MINUTES
    ) -> cloudwatch.Metric:
        """Return one of one method alone."""
        return self._of(name, statistic, period, Method=verb, Resource=path)

    def _of(self, name: str, statistic: str, period: Duration, **more: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiName": self.api, "Stage": self.stage, **more},
            statistic=statistic,
            period=period,
        )


def queue(queue_name: str, name: str, statistic: str, period: Duration = FIVE_MINUTES) -> cloudwatch.Metric:
    """Return a metric of a queue. SQS tells nothing of a queue that was idle for six hours."""
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name=name,
        dimensions_map={"QueueName": queue_name},
        statistic=statistic,
        period=period,
    )


def function(name: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """Return a metric of a Lambda function, by its name."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=metric,
        dimensions_map={"FunctionName": name},
        statistic=statistic,
        period=FIVE_MINUTES,
    )


def table(name: str, operation: str) -> cloudwatch.Metric:
    """Return the requests of an operation that a table refused for their number, its indexes' included."""
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name="ThrottledRequests",
        dimensions_map={"TableName": name, "Operation": operation},
        statistic="Sum",
        period=FIVE_MINUTES,
    )


def accepted(runtime: str) -> cloudwatch.Metric:
    """Return the tasks that the validator accepted for a runtime."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=Validator.ACCEPTED,
        dimensions_map={"runtime": runtime, "service": Validator.SERVICE},
        statistic="Sum",
        period=FIVE_MINUTES,
    )


def refused_by_code() -> cloudwatch.MathExpression:
    """Return a graph of the validator's refusals."""
    schema = f"{NAMESPACE},{Validator.CODE},service"
    found = f'MetricName="{Validator.REFUSED}" service="{Validator.SERVICE}"'
    return search(schema, found, label=f"${{PROP('Dim.{Validator.CODE}')}}")


def letters_by_reason() -> cloudwatch.MathExpression:
    """Return a graph of the letters that the notifier settled."""
    schema = f"{NAMESPACE},{Notifier.QUEUE},{Notifier.REASON},service"
    return search(schema, f'MetricName="{Notifier.LETTERS}"', label=f"${{PROP('Dim.{Notifier.REASON}')}}")


def webhooks_by(dimension: str, name: str) -> cloudwatch.MathExpression:
    """Return a graph of a count of webhooks, by one of its dimensions."""
    schema = f"{NAMESPACE},{dimension},service"
    found = f'MetricName="{name}" service="{Notifier.SERVICE}"'
    return search(schema, found, label=f"${{PROP('Dim.{dimension}')}}")


def counted(name: str, service: str) -> cloudwatch.Metric:
    """Return what a function counts without a dimension of its own."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": service},
        statistic="Sum",
        period=FIVE_MINUTES,
    )


def concurrent(function_name: str | None = None) -> cloudwatch.Metric:
    """Return how many of a function ran at once, at most; without a name, of all that the account has."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name="ConcurrentExecutions",
        dimensions_map=None if function_name is None else {"FunctionName": function_name},
        statistic="Maximum",
        period=MINUTE,
    )


def swept_by_code() -> cloudwatch.MathExpression:
    """Return a graph of the tasks that the sweeper ended."""
    schema = f"{NAMESPACE},{Notifier.CODE},service"
    found = f'MetricName="{Notifier.SWEPT}" service="{Notifier.SERVICE}"'
    return search(schema, found, label=f"${{PROP('Dim.{Notifier.CODE}')}}")
