"""Counts of what a function of this deployment logged.

The metrics that our functions count carry no name of a deployment: one of another deployment in the account
would ring our alarms. The logs are a deployment's own, and the counts are lines in them (EMF).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.observability.names import NAMESPACE


@dataclass(frozen=True)
class LogCounts:
    """What the functions of a deployment counted; `scope` gets the filters of their logs."""

    scope: Construct
    deployment: str

    def lines_with(
        self,
        construct_id: str,
        *groups: logs.ILogGroup,
        counted: str,
        but_not: tuple[str, Sequence[str]] | None = None,
        only: tuple[str, str] | None = None,
    ) -> cloudwatch.Metric:
        """Return a metric of the lines that count something, in all of some functions' logs.

        Args:
            construct_id: of the first filter; the name of the metric.
            groups: the logs.
            counted: name of the count.
            but_not: a dimension of the count, and values of it whose lines are left out.
            only: a dimension of the count, and the one value of it that lines have to have.
        """
        pattern = _pattern(counted, but_not, only)
        namespace = f"{NAMESPACE}/{self.deployment}"
        for number, group in enumerate(groups):
            logs.MetricFilter(
                self.scope,
                f"{construct_id}{number or ''}",
                log_group=group,
                filter_pattern=pattern,
                metric_namespace=namespace,
                metric_name=construct_id,
                metric_value="1",
                default_value=0,
            )
        return cloudwatch.Metric(
            namespace=namespace, metric_name=construct_id, statistic="Sum", period=Duration.minutes(5)
        )


def _pattern(
    counted: str, but_not: tuple[str, Sequence[str]] | None, only: tuple[str, str] | None
) -> logs.JsonPattern:
    at_least_one = [  # one library writes the number, another a list of it
        logs.FilterPattern.number_value(f"$.{counted}{at}", ">=", 1) for at in ("", "[0]")
    ]
    patterns: list[logs.JsonPattern] = [logs.FilterPattern.any(*at_least_one)]
    if but_not is not None:
        dimension, values = but_not
        patterns += [logs.FilterPattern.string_value(f"$.{dimension}", "!=", value) for value in values]
    if only is not None:
        patterns.append(logs.FilterPattern.string_value(f"$.{only[0]}", "=", only[1]))
    return logs.FilterPattern.all(*patterns) if len(patterns) > 1 else patterns[0]
