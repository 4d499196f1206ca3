"""What POST /prompt refuses, in the shapes that were recorded (03, 04, 19)."""

from dataclasses import dataclass, field
from typing import Any

from local.sketch.comfyui.library import NODE_TYPES
from local.sketch.comfyui.nodes import Context, NodeType

MANY_CHOICES = 20
FAILED = "prompt_outputs_failed_validation"
CONVERT = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


@dataclass(slots=True)
class Verdict:
    """Whether a prompt may run: an error of the whole, the outputs that are good, the faults of each node."""

    error: dict[str, Any] | None = None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


def whole_error(kind: str, message: str, details: str) -> dict[str, Any]:
    """The `error` object of a 400."""
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def validate(context: Context, prompt: dict[str, Any]) -> Verdict:
    """Judge a prompt; values are converted in place (64.9, "64" and true become an INT), as recorded."""
    for node_id, node in prompt.items():
        if "class_type" not in node:
            says = "Cannot execute because a node is missing the class_type property."
            return Verdict(whole_error("invalid_prompt", says, f"Node ID '#{node_id}'"))
        if node["class_type"] not in NODE_TYPES:
            says = f"Cannot execute because node {node['class_type']} does not exist."
            return Verdict(whole_error("invalid_prompt", says, f"Node ID '#{node_id}'"))
    outputs = [key for key, node in prompt.items() if NODE_TYPES[node["class_type"]].is_output]
    if not outputs:
        return Verdict(whole_error("prompt_no_outputs", "Prompt has no outputs", ""))
    return _judge(context, prompt, outputs)


def _judge(context: Context, prompt: dict[str, Any], outputs: list[str]) -> Verdict:
    verdict = Verdict()
    checker = Checker(context, prompt)
    details: list[str] = []
    for output in outputs:
        try:
            good = checker.node_is_good(output, ())
        except (KeyError, IndexError) as error:
            good = False
            checker.errors.setdefault(output, []).append(_raised("exception_during_validation", error, {}))
            details.append(f"Exception when validating node: {error}")
        if good:
            verdict.outputs.append(output)
        for node_id in checker.bad_on_the_way:
            entry = verdict.node_errors.setdefault(
                node_id,
                {
                    "errors": checker.errors[node_id],
                    "dependent_outputs": [],
                    "class_type": prompt[node_id]["class_type"],
                },
            )
            entry["dependent_outputs"].append(output)
        checker.seen_on_the_way.clear()
    if not verdict.outputs:
        verdict.error = whole_error(FAILED, "Prompt outputs failed validation", "\n".join(details))
    return verdict


class Checker:
    """Checks nodes from the outputs backwards, each once."""

    def __init__(self, context: Context, prompt: dict[str, Any]) -> None:
        self._context = context
        self._prompt = prompt
        self._verdicts: dict[str, bool] = {}
        self.errors: dict[str, list[dict[str, Any]]] = {}
        self.seen_on_the_way: set[str] = set()

    @property
    def bad_on_the_way(self) -> list[str]:
        """The faulty nodes that the present output depends on."""
        return [key for key in self._prompt if key in self.errors and key in self.seen_on_the_way]

    def node_is_good(self, node_id: str, path: tuple[str, ...]) -> bool:
        """Check a node and all before it.

        Raises:
            KeyError, IndexError: the graph is broken here, as in the real server's own code.
        """
        self.seen_on_the_way.add(node_id)
        if node_id in path:
            return False  # Recorded: a cycle is refused without a word about where it is.
        if node_id in self._verdicts and node_id not in self.errors:
            self._walk_again(node_id)
            return self._verdicts[node_id]
        self.errors.pop(node_id, None)
        self._verdicts[node_id] = self._check(node_id, (*path, node_id))
        return self._verdicts[node_id]

    def _walk_again(self, node_id: str) -> None:
        for value in self._prompt[node_id].get("inputs", {}).values():
            source = value[0] if isinstance(value, list) and value else None
            if source in self._prompt and source not in self.seen_on_the_way:
                self.seen_on_the_way.add(source)
                self._walk_again(source)

    def _check(self, node_id: str, path: tuple[str, ...]) -> bool:
        node = NODE_TYPES[self._prompt[node_id]["class_type"]]
        inputs = self._prompt[node_id]["inputs"]
        good, faults = True, []
        for name, spec in node.specs(self._context).items():
            if name not in inputs:
                if name in node.inputs:
                    faults.append(_missing(name))
                continue
            if isinstance(inputs[name], list):
                fault, fine = self._check_link(name, spec, inputs[name], path)
                good = good and fine
            else:
                fault = self._check_value(node, name, spec, inputs)
            faults += [fault] if fault else []
        faults += self._check_own(node, inputs) if not faults and good else []
        if faults:
            self.errors[node_id] = faults
        return good and not faults

    def _check_link(
        self, name: str, spec: list[Any], link: list[Any], path: tuple[str, ...]
    ) -> tuple[dict[str, Any] | None, bool]:
        if len(link) != 2:
            says = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return _fault("bad_linked_input", says, name, name, spec, received_value=link), False
        source, slot = link
        given = NODE_TYPES[self._prompt[source]["class_type"]].outputs[slot]
        wanted = spec[0] if isinstance(spec[0], str) else "COMBO"
        if wanted not in {given, "*"}:
            says = "Return type mismatch between linked nodes"
            detail = f"{name}, received_type({given}) mismatch input_type({wanted})"
            extra = {"received_type": given, "linked_node": link}
            return _fault("return_type_mismatch", says, detail, name, spec, **extra), False
        try:
            return None, self.node_is_good(source, path)
        except (KeyError, IndexError) as error:
            extra = {
                "input_name": name,
                "input_config": spec,
                "exception_message": str(error),
                "linked_node": link,
            }
            self.errors[source] = [_raised("exception_during_inner_validation", error, extra)]
            return None, False

    def _check_value(
        self, node: NodeType, name: str, spec: list[Any], inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        kind, limits = spec
        value = inputs[name]
        if isinstance(kind, list):
            return None if name in node.checked else _check_choice(name, spec, value)
        if kind in CONVERT:
            try:
                inputs[name] = value = CONVERT[kind](value)
            except (TypeError, ValueError, OverflowError) as error:
                says = f"Failed to convert an input value to a {kind} value"
                detail = f"{name}, {value}, {error}"
                extra = {"received_value": value, "exception_message": str(error)}
                return _fault("invalid_input_type", says, detail, name, spec, **extra)
        return _check_limits(name, spec, value, limits)

    def _check_own(self, node: NodeType, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        says = node.check(self._context, inputs) if node.check else None
        if says is None:
            return []
        return [
            {
                "type": "custom_validation_failed",
                "message": "Custom validation failed for node",
                "details": says,
                "extra_info": {"input_name": says.partition(" - ")[0]},
            }
        ]


def _check_limits(name: str, spec: list[Any], value: Any, limits: dict[str, Any]) -> dict[str, Any] | None:
    if "min" in limits and value < limits["min"]:
        says = f"Value {value} smaller than min of {limits['min']}"
        return _fault("value_smaller_than_min", says, name, name, spec, received_value=value)
    if "max" in limits and value > limits["max"]:
        says = f"Value {value} bigger than max of {limits['max']}"
        return _fault("value_bigger_than_max", says, name, name, spec, received_value=value)
    return None


def _check_choice(name: str, spec: list[Any], value: Any) -> dict[str, Any] | None:
    choices = spec[0]
    if value in choices:
        return None
    many = len(choices) > MANY_CHOICES
    shown = f"(list of length {len(choices)})" if many else str(choices)
    fault = _fault(
        "value_not_in_list",
        "Value not in list",
        f"{name}: '{value}' not in {shown}",
        name,
        spec,
        received_value=value,
    )
    if many:
        fault["extra_info"]["input_config"] = None
    return fault


def _missing(name: str) -> dict[str, Any]:
    return {
        "type": "required_input_missing",
        "message": "Required input is missing",
        "details": name,
        "extra_info": {"input_name": name},
    }


def _fault(kind: str, message: str, details: str, name: str, spec: list[Any], **extra: Any) -> dict[str, Any]:
    info = {"input_name": name, "input_config": spec, **extra}
    return {"type": kind, "message": message, "details": details, "extra_info": info}


def _raised(kind: str, error: Exception, extra: dict[str, Any]) -> dict[str, Any]:
    inner = "inner " if "inner" in kind else ""
    info = {
        **extra,
        "exception_type": type(error).__name__,
        "traceback": ["  the sketch keeps no traceback\n"],
    }
    return {
        "type": kind,
        "message": f"Exception when validating {inner}node",
        "details": str(error),
        "extra_info": info,
    }
