"""What a proxy does wrong on purpose: rules, each for some calls, by chance, for a number or for a time."""

import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from ministack_testing.calls import Call
from ministack_testing.errors import BadRuleError

Cut = Literal["request", "response"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Delays, refuses or cuts some calls.

    Attributes:
        service: of the calls that it is for ("s3", "sqs", "sns", "dynamodb", "other"); None: any.
        operation: their operation ("PutObject", "ReceiveMessage", "Publish", ...); None: any.
        path: what their path must contain.
        delay_ms: added to the call, half before the target gets it and half before its answer goes on.
        status: refuse with this HTTP status, and do not ask the target.
        code: the AWS error code of a refusal.
        cut: "request": the target gets `after_bytes` of the request, then both connections end.
            "response": the target has acted, the caller gets `after_bytes` of the answer (head included),
            then its connection ends.
        after_bytes: see `cut`; 0 for nothing at all.
        probability: 0 to 1, that a call it is for is hit.
        times: how many calls it hits at most; None: any number.
        seconds: how long it holds from when it is given to the proxy; None: until rules are replaced.
    """

    service: str | None = None
    operation: str | None = None
    path: str = ""
    delay_ms: float = 0
    status: int | None = None
    code: str = "InternalError"
    cut: Cut | None = None
    after_bytes: int = 0
    probability: float = 1.0
    times: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> "Rule":
        """Read the JSON form, an object with the attributes' names.

        Raises:
            BadRuleError: a key is unknown, or a value is not of its kind.
        """
        known = {each.name for each in fields(cls)}
        if unknown := set(spec) - known:
            raise BadRuleError(
                f"unknown keys: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
            )
        if spec.get("cut") not in (None, "request", "response"):
            raise BadRuleError(f"cut: {spec['cut']!r} is neither request nor response")
        for name in ("delay_ms", "status", "after_bytes", "probability", "times", "seconds"):
            if not isinstance(spec.get(name, 0), int | float | None):
                raise BadRuleError(f"{name}: {spec[name]!r} is no number")
        return cls(**spec)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def is_for(self, call: Call) -> bool:
        """Whether a call is one of those that it is for."""
        return (
            self.service in (None, call.service)
            and self.operation in (None, call.operation)
            and self.path in call.path
        )

    @property
    def is_fault(self) -> bool:
        """Whether it does more than to delay."""
        return self.status is not None or self.cut is not None


class _Active:
    """A rule with what is left of it."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.left = rule.times
        self._until = None if rule.seconds is None else time.monotonic() + rule.seconds

    @property
    def over(self) -> bool:
        return self.left == 0 or (self._until is not None and time.monotonic() >= self._until)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to happen to one call: seconds of delay, and the rule that spoils it, if any."""

    delay: float
    fault: Rule | None

    def limit(self, side: Cut) -> int | None:
        """After how many bytes of that side the connection is cut; None: not at all."""
        return self.fault.after_bytes if self.fault is not None and self.fault.cut == side else None


class RuleBook:
    """The rules that hold now. Delays of all that hit are added up; the first fault that hits is the one."""

    def __init__(self, rules: Iterable[Rule] = (), *, seed: int | None = None) -> None:
        self._random = random.Random(seed)
        self._active: list[_Active] = []
        self.replace(rules)

    @property
    def rules(self) -> list[Rule]:
        """Those that have not run out."""
        self._active = [active for active in self._active if not active.over]
        return [active.rule for active in self._active]

    def replace(self, rules: Iterable[Rule]) -> None:
        """Forget the rules there are; from now on these hold."""
        self._active = [_Active(rule) for rule in rules]

    def judge(self, call: Call) -> Verdict:
        """Decide about one call."""
        delay = 0.0
        fault: Rule | None = None
        for active in self._active:
            rule = active.rule
            if active.over or not rule.is_for(call) or (fault is not None and rule.is_fault):
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            if active.left is not None:
                active.left -= 1
            delay += rule.delay_ms / 1000
            if rule.is_fault:
                fault = rule
        return Verdict(delay, fault)
