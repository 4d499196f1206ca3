"""What X-Ray is told: the share of requests, and who may write segments."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.observability.tracing import short_name, wildcard
from infra.testing import Template, resolved

RULE = "AWS::XRay::SamplingRule"
POLICY = "AWS::XRay::ResourcePolicy"
SEARCH = "AWS::XRay::TransactionSearchConfig"


@pytest.fixture(name="rare")
def _rare(changed: dict[str, Template]) -> Template:
    """A deployment that traces little, leaves the account's policies alone, and searches transactions."""
    return changed["observed"]


def rule(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template.only(RULE)[1]["SamplingRule"]
    return found


def test_every_request_of_this_api_is_traced_and_no_other_service_is_meant(observed: Template) -> None:
    found = rule(observed)
    assert (found["FixedRate"], found["ReservoirSize"]) == (1, 0)
    assert (found["ServiceName"], found["ServiceType"]) == ("sdoneksStack/prod", "AWS::ApiGateway::Stage")


def test_a_smaller_share_is_that_share_and_nothing_beside(rare: Template) -> None:
    assert (rule(rare)["FixedRate"], rule(rare)["ReservoirSize"]) == (0.05, 0)


def test_sns_may_write_segments_for_our_topics_of_this_account_only(
    observed: Template, template: Template
) -> None:
    _, policy = observed.only(POLICY)
    [statement] = json.loads(resolved(policy["PolicyDocument"]))["Statement"]
    outputs = {
        f"<sdoneksStack.{name}>": output["Ref"]
        for name, output in template.outputs.items()
        if name.startswith("PublishOutputRef")
    }
    meant = statement["Condition"].pop("StringLike")["aws:SourceArn"]
    assert {outputs[arn] for arn in meant} == set(template.resources("AWS::SNS::Topic"))
    assert statement == {
        "Sid": "SNSAccess",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": ["xray:PutTraceSegments", "xray:GetSamplingRules", "xray:GetSamplingTargets"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}},
    }


def test_the_policy_is_left_out_where_the_account_has_one_for_all(rare: Template) -> None:
    assert POLICY not in rare.types


def test_transaction_search_is_the_accounts_and_not_touched_unless_asked_for(observed: Template) -> None:
    assert SEARCH not in observed.types
    assert "AWS::Logs::ResourcePolicy" not in observed.types


def test_transaction_search_waits_for_its_permission_in_whatever_partition(rare: Template) -> None:
    search, _ = rare.only(SEARCH)
    policy, properties = rare.only("AWS::Logs::ResourcePolicy")
    [statement] = json.loads(resolved(properties["PolicyDocument"]))["Statement"]
    arn = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
    assert rare.body["Resources"][search]["DependsOn"] == [policy]
    assert statement["Resource"] == [f"{arn}aws/spans:*", f"{arn}/aws/application-signals/data:*"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "<AWS::AccountId>"}


def test_names_that_x_ray_would_refuse_are_cut(rare: Template) -> None:
    assert len(rule(rare)["RuleName"]) == 32
    assert rule(rare)["ServiceName"] == "x" * 63 + "*"


def test_two_names_stay_two_when_they_are_cut() -> None:
    assert short_name("x" * 40 + "a", 32) != short_name("x" * 40 + "b", 32)
    assert short_name("short", 32) == "short"


@given(st.text("ab-", min_size=1, max_size=80), st.integers(min_value=12, max_value=64))
def test_a_cut_name_fits_and_its_pattern_still_matches(name: str, most: int) -> None:
    assert len(short_name(name, most)) <= most
    pattern = wildcard(name, most)
    assert len(pattern) <= most
    assert name.startswith(pattern.removesuffix("*"))
