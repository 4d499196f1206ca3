"""What stands in the way of a deployment: each kind has an exit code, which scripts may rely on."""

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """Why nothing was made, as exit codes; docs/deploy/quick-start.md has them as a table."""

    NODE_MISSING = 10
    NODE_OLD = 11
    NO_ENGINE = 12
    NOT_BUILT = 13
    NO_CREDENTIALS = 20
    CREDENTIALS_EXPIRED = 21
    CREDENTIALS_REFUSED = 22
    NO_PROFILE = 23
    NO_REGION = 24
    REGION_UNKNOWN = 25
    REGION_DISABLED = 26
    NOT_ALLOWED = 27
    NO_ANSWER = 28
    QUOTA_GPU_ON_DEMAND = 30
    QUOTA_GPU_SPOT = 31
    QUOTA_STANDARD = 32
    QUOTA_VPCS = 33
    QUOTA_NAT_GATEWAYS = 34
    QUOTA_ADDRESSES = 35
    QUOTA_LAMBDA = 36
    NO_INSTANCES = 40
    NO_BUCKET = 50
    FOREIGN_BUCKET = 51
    BUCKET_ELSEWHERE = 52
    NO_MODELS = 53
    NO_SUCH_MODEL = 54
    MODELS_IN_CHINA = 55
    NO_CHECKPOINT = 56
    NO_SNAPSHOT = 60
    SNAPSHOT_PENDING = 61
    SNAPSHOT_FAILED = 62
    SNAPSHOT_TOO_LARGE = 63
    NO_AGENT_IMAGE = 64
    CONFIG_UNREADABLE = 70
    CONFIG_DIFFERS = 71
    CONFIG_REFUSED = 72
    STACK_BROKEN = 80
    STACK_GOING = 81
    FOREIGN_STACK = 82


# What may be passed over with --ignore: the account may know better than the figures.
IGNORABLE = frozenset(
    {
        Code.QUOTA_GPU_ON_DEMAND,
        Code.QUOTA_GPU_SPOT,
        Code.QUOTA_STANDARD,
        Code.QUOTA_VPCS,
        Code.QUOTA_NAT_GATEWAYS,
        Code.QUOTA_ADDRESSES,
        Code.QUOTA_LAMBDA,
        Code.NO_INSTANCES,
        Code.NO_SUCH_MODEL,
    }
)


@dataclass(frozen=True)
class Finding:
    """Something that has to be done first; `text` says what, and how."""

    code: Code
    text: str


class Findings:
    """What the checks came upon, in their order."""

    def __init__(self, ignored: frozenset[Code] = frozenset()) -> None:
        """Take the codes that only warn."""
        self._ignored = ignored & IGNORABLE
        self.found: list[Finding] = []
        self.warnings: list[str] = []

    def add(self, code: Code, text: str) -> None:
        """Note what stands in the way."""
        if code in self._ignored:
            self.warn(f"{text} (passed over: --ignore {code.value})")
        else:
            self.found.append(Finding(code, text))

    def warn(self, text: str) -> None:
        """Note what the user should know, and what does not stand in the way."""
        self.warnings.append(text)
