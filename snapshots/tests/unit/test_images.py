import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshots.errors import OptionError
from snapshots.images import Image, parse_images

DIGEST = f"sha256:{'a' * 64}"
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("library/nginx:1.27", "docker.io/library/nginx:1.27"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("public.ecr.aws/a/b/c", "public.ecr.aws/a/b/c:latest"),
        ("localhost:5000/a:b", "localhost:5000/a:b"),
        (f"{ECR}/a/b@{DIGEST}", f"{ECR}/a/b@{DIGEST}"),
        (f"{ECR}/a/b:1@{DIGEST}", f"{ECR}/a/b:1@{DIGEST}"),
        (f"  {ECR}/a__b/c.d-e:V_1 ", f"{ECR}/a__b/c.d-e:V_1"),
    ],
)
def test_a_reference_is_written_in_full_as_the_kubelet_looks_for_it(text: str, full: str) -> None:
    assert str(Image.parse(text)) == full


def test_names_by_tag_and_by_digest() -> None:
    image = Image.parse(f"a/b:1@{DIGEST}")
    assert (image.pinned, image.tagged) == (f"docker.io/a/b@{DIGEST}", "docker.io/a/b:1")
    assert Image.parse(f"a/b@{DIGEST}").tagged is None


@pytest.mark.parametrize(
    ("registry", "account", "region", "china"),
    [
        (ECR, "123456789012", "us-east-1", False),
        ("123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn", "123456789012", "cn-northwest-1", True),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "123456789012", "us-gov-west-1", False),
        ("123456789012.dkr.ecr.ap-southeast-10.amazonaws.com", "123456789012", "ap-southeast-10", False),
    ],
)
def test_private_registries_of_ecr_are_known(registry: str, account: str, region: str, china: bool) -> None:
    found = Image.parse(f"{registry}/a:1").ecr
    assert found is not None
    assert (found.account, found.region, found.in_china) == (account, region, china)


@pytest.mark.parametrize(
    "text", ["public.ecr.aws/a", "docker.io/a/b", f"{ECR}.example.com/a", f"x.{ECR}/a", "ghcr.io/a/b"]
)
def test_other_registries_are_not_taken_for_one(text: str) -> None:
    assert Image.parse(text).ecr is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Nginx", "lower case"),
        ("a b", "lower case"),
        ("nginx:", "''"),
        ("nginx@sha256:abc", "no digest"),
        ("nginx@", "no digest"),
        ("a//b", "lower case"),
        ("-x.example.com/a", "lower case"),
        ("nginx; rm -rf /", "lower case"),
        ("$(id)", "lower case"),
        ("123456789012.dkr-ecr.us-east-1.on.aws/a", "dkr.ecr.REGION"),
        ("a" * 250, "longer"),
    ],
)
def test_what_is_no_reference_is_refused_and_says_why(text: str, why: str) -> None:
    with pytest.raises(OptionError, match="IMAGE") as caught:
        Image.parse(text)
    assert why in str(caught.value)


@given(st.text(max_size=40))
def test_whatever_is_taken_is_safe_on_a_command_line(text: str) -> None:
    try:
        image = Image.parse(text)
    except OptionError:
        return
    assert set(str(image)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@")


def test_several_come_with_commas_or_without_each_once() -> None:
    images = parse_images(["a,b:1", "b:1", " c ,"])
    assert [str(image) for image in images] == [
        "docker.io/library/a:latest",
        "docker.io/library/b:1",
        "docker.io/library/c:latest",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "at least one"),
        ([","], "at least one"),
        ([f"a:1@{DIGEST}", "a:1"], "different digests"),
        ([f"a{number}" for number in range(31)], "at most 30"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(arguments: list[str], why: str) -> None:
    with pytest.raises(OptionError, match=why):
        parse_images(arguments)
