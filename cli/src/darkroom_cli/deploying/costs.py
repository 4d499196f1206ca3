"""About what a deployment costs, for the summary before it is made: as `darkroom cost` counts."""

from collections.abc import Iterator, Sequence

from darkroom_cli.deploying.configuration import SYSTEM_INSTANCE, Document, Runtime
from darkroom_cli.deploying.instances import FAMILIES, family
from planning.cost.estimate import Estimate, estimate
from planning.cost.guide import ASSUMED_SPOT
from planning.cost.plan import Group, Plan
from planning.cost.prices import Prices, load

CLUSTER, NODES, GATEWAYS = "cluster", "system nodes", "NAT gateways"
OTHERS = "snapshot, alarms, metrics and looks at queues"


def monthly_costs(document: Document) -> Sequence[str]:
    """Return lines about what it costs while nobody uses it, and what a GPU costs."""
    prices = load()
    instance, _ = document.system_nodes
    counted = instance if f"ec2.{instance}" in prices.prices else SYSTEM_INSTANCE
    idle = _idle(document, prices, counted)
    parts = _parts(idle)
    told = ", ".join(f"{name} {dollars:,.0f}" for name, dollars in parts.items() if round(dollars))
    return [
        f"about {idle.total:,.0f} dollars a month while nobody uses it: {told}",
        *([] if counted == instance else [f"a {instance} is not in our price file: counted as {counted}"]),
        *_gpus(document, prices),
        f"prices of us-east-1, {idle.prices_as_of}, before tax; ./darkroom cost adds what your images cost",
    ]


def _idle(document: Document, prices: Prices, instance: str) -> Estimate:
    """Estimate a month in which one image is made and no pod waits for another."""
    plan = Plan(
        images=1,
        pods_started=0,
        nat_gateways=document.nat_gateways,
        runtimes=len(document.runtimes),
        system_instance=instance,
        system_nodes=document.system_nodes[1],
    )
    return estimate(plan, prices)


def _parts(idle: Estimate) -> dict[str, float]:
    parts = dict.fromkeys((CLUSTER, NODES, GATEWAYS, OTHERS), 0.0)
    for line in idle.lines:
        if line.group is Group.FIXED:
            parts[CLUSTER if line.service == "EKS" else NODES] += line.dollars
        else:
            parts[GATEWAYS if line.service == "NAT gateway" else OTHERS] += line.dollars
    return parts


def _gpus(document: Document, prices: Prices) -> Iterator[str]:
    names = dict.fromkeys(_first(one) for one in document.runtimes)
    for name in names:
        listed = prices.prices.get(f"ec2.{name}")
        if listed is None:
            yield f"GPUs only while there are tasks; what a {name} costs is not in our price file"
        else:
            spot = listed.usd * ASSUMED_SPOT
            yield (
                f"GPUs only while there are tasks: a {name} is {listed.usd:.3f} an hour on demand, and as"
                f" spot perhaps {spot:.2f}, which changes"
            )


def _first(runtime: Runtime) -> str:
    return runtime.instance_types[0] if runtime.instance_types else family(FAMILIES[0])[0]
