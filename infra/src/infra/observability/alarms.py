"""Alarms, each with what it means and the page that says what to do."""

from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

PAGE = "docs/operate/alarms.md"

AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD

# A metric that is not there: nothing happened, or nobody works, which has alarms of its own.
QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
# What comes by the clock is wrong when it does not come.
SILENCE = cloudwatch.TreatMissingData.BREACHING


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What an alarm watches.

    Attributes:
        anchor: its name, and that of its section on the page.
        metric: what is compared.
        limit: with what.
        compared: how.
        periods: of the metric that are looked at.
        breaching: how many of them have to be wrong.
        missing: what a period without data counts as.
        means: one sentence.
        first: what to do first, one sentence.
    """

    anchor: str
    metric: cloudwatch.IMetric
    limit: float
    compared: cloudwatch.ComparisonOperator = AT_LEAST
    periods: int = 1
    breaching: int = 1
    missing: cloudwatch.TreatMissingData = QUIET
    means: str
    first: str


class AlarmBook(Construct):
    """The alarms of a deployment. `alarms` has them in the order in which they were added."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: str,
        action: cloudwatch.IAlarmAction | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarms: list[cloudwatch.Alarm] = []
        self._deployment = deployment
        self._action = action

    def add(self, watch: Watch, *, of: str | None = None) -> None:
        """Make an alarm; `of` tells those of one kind apart: a runtime, a function, an operation."""
        name = watch.anchor if of is None else f"{of}/{watch.anchor}"
        alarm = cloudwatch.Alarm(
            self,
            # No runtime's name, and no part of one, can look like this.
            watch.anchor if of is None else f"{watch.anchor}.{of}",
            alarm_name=f"{self._deployment}/{name}",
            alarm_description=f"{watch.means} {watch.first} See {PAGE}#{watch.anchor}",
            metric=watch.metric,
            threshold=watch.limit,
            comparison_operator=watch.compared,
            evaluation_periods=watch.periods,
            datapoints_to_alarm=watch.breaching,
            treat_missing_data=watch.missing,
        )
        if self._action is not None:
            alarm.add_alarm_action(self._action)
            alarm.add_ok_action(self._action)
        self.alarms.append(alarm)
