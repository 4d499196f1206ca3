import asyncio
import json
import socket
import urllib.request
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from hypothesis import given
from hypothesis import strategies as st

from ministack_testing import BadRuleError, RemoteProxy, Rule, client, ministack_url, proxy_process
from ministack_testing.calls import Call, classify, refusal
from ministack_testing.proxy import FaultProxy
from ministack_testing.rules import RuleBook
from ministack_testing.wire import Head, read_head, request_body, response_body


def head(start: str, **headers: str) -> Head:
    return Head(b"", start, {name.replace("_", "-"): value for name, value in headers.items()})


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"


# Which call a request is


@pytest.mark.parametrize(
    ("request_head", "body", "name"),
    [
        (head("PUT /b/k HTTP/1.1", authorization=signed("s3")), b"", "s3.PutObject"),
        (head("GET /b?list-type=2 HTTP/1.1", authorization=signed("s3")), b"", "s3.ListObjects"),
        (head("POST /b?delete HTTP/1.1", authorization=signed("s3")), b"", "s3.DeleteObjects"),
        (
            head("POST / HTTP/1.1", authorization=signed("sqs"), x_amz_target="AmazonSQS.SendMessage"),
            b"",
            "sqs.SendMessage",
        ),
        (
            head(
                "POST / HTTP/1.1", authorization=signed("dynamodb"), x_amz_target="DynamoDB_20120810.PutItem"
            ),
            b"",
            "dynamodb.PutItem",
        ),
        (head("POST / HTTP/1.1", authorization=signed("sns")), b"Action=Publish&Message=x", "sns.Publish"),
        (head("GET /b/k?X-Amz-Credential=a/1/r/s3/aws4_request HTTP/1.1"), b"", "s3.GetObject"),
        (head("POST /sdapi/v1/txt2img HTTP/1.1"), b"", "other.POST"),
        (head("GET / HTTP/1.1", authorization="Bearer x"), b"", "other.GET"),
    ],
)
def test_a_request_is_known_by_service_and_operation(request_head: Head, body: bytes, name: str) -> None:
    assert classify(request_head, body).name == name


@given(st.text(), st.text(), st.binary())
def test_whatever_is_said_in_headers_is_some_call(authorization: str, target: str, body: bytes) -> None:
    strange = Head(b"", "POST / HTTP/1.1", {"authorization": authorization, "x-amz-target": target})
    assert classify(strange, body).path == "/"


# Rules


def test_delays_add_up_and_the_first_fault_counts() -> None:
    book = RuleBook([Rule(delay_ms=20), Rule(service="s3", status=500, delay_ms=5), Rule(cut="request")])
    verdict = book.judge(Call("s3", "PutObject", "/b/k"))
    assert verdict.fault is not None
    assert (round(verdict.delay, 6), verdict.fault.status) == (0.025, 500)
    verdict = book.judge(Call("sqs", "SendMessage", "/"))
    assert verdict.fault is not None
    assert (round(verdict.delay, 6), verdict.fault.cut) == (0.02, "request")


def test_a_rule_runs_out_after_its_times() -> None:
    book = RuleBook([Rule(status=500, times=2)])
    call = Call("s3", "PutObject", "/b/k")
    assert [book.judge(call).fault is not None for _ in range(4)] == [True, True, False, False]
    assert book.rules == []


def test_a_rule_runs_out_after_its_time() -> None:
    book = RuleBook([Rule(status=500, seconds=0)])
    assert book.judge(Call("s3", "PutObject", "/b/k")).fault is None


def test_a_seed_makes_chances_repeat() -> None:
    call = Call("s3", "PutObject", "/b/k")

    def row(seed: int) -> list[bool]:
        book = RuleBook([Rule(status=500, probability=0.5)], seed=seed)
        return [book.judge(call).fault is not None for _ in range(64)]

    assert row(1) == row(1) != row(2)
    assert any(row(1))
    assert not all(row(1))


@pytest.mark.parametrize("spec", [{"kind": "slow"}, {"cut": "both"}, {"status": "500"}, {"times": []}])
def test_what_is_no_rule_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(BadRuleError):
        Rule.parse(spec)


def test_a_rule_survives_its_json() -> None:
    rule = Rule(service="s3", cut="response", after_bytes=10, probability=0.5, times=3, seconds=2.5)
    assert Rule.parse(json.loads(json.dumps(rule.as_json()))) == rule


def test_each_service_refuses_in_its_own_words() -> None:
    assert b"<Code>SlowDown</Code>" in refusal(Call("s3", "PutObject", "/"), 503, "SlowDown")[1]
    assert b"<Type>Receiver</Type>" in refusal(Call("sns", "Publish", "/"), 500, "InternalError")[1]
    assert json.loads(refusal(Call("sqs", "SendMessage", "/"), 400, "Nope")[1])["__type"] == "Nope"


# Framing


def fed(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


async def test_a_chunked_body_passes_with_its_frames_and_ends_where_it_ends() -> None:
    body = b"5;x=y\r\nhello\r\n3\r\n\r\n!\r\n0\r\nx-checksum: abc\r\n\r\n"
    reader = fed(body + b"next")
    got = [piece async for piece in request_body(reader, head("PUT / HTTP/1.1", transfer_encoding="chunked"))]
    assert b"".join(got) == body
    assert await reader.read() == b"next"


async def test_a_body_that_ends_early_is_an_error() -> None:
    async def read(data: bytes, **headers: str) -> None:
        async for _ in request_body(fed(data), head("PUT / HTTP/1.1", **headers)):
            pass

    with pytest.raises(ConnectionResetError):
        await read(b"abc", content_length="4")
    with pytest.raises(ConnectionResetError):
        await read(b"5\r\nabc", transfer_encoding="chunked")
    with pytest.raises(ConnectionResetError):
        await read_head(fed(b"GET / HT"))


async def test_answers_without_a_body_end_with_their_head() -> None:
    for start, method in (("HTTP/1.1 204 x", "GET"), ("HTTP/1.1 304 x", "GET"), ("HTTP/1.1 200 x", "HEAD")):
        answer = head(start, content_length="5")
        assert [piece async for piece in response_body(fed(b"hello"), answer, method)] == []


# The proxy in front of a server


class Target:
    """A server that keeps what it was asked, and says `answer`."""

    def __init__(self) -> None:
        self.asked: list[tuple[Head, bytes]] = []
        self.connections = 0
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (asked := await read_head(reader)) is not None:
                body = b"".join([piece async for piece in request_body(reader, asked)])
                self.asked.append((asked, body))
                writer.write(self.answer)
                if asked.headers.get("upgrade"):
                    writer.write(await reader.read(64))
                    break
                if b"Content-Length" not in self.answer:
                    break
        except ConnectionResetError:
            self.asked.append((Head(b"", "", {}), b""))
        finally:
            writer.close()


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    target = Target()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield target


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        yield http


async def test_a_request_passes_unchanged_and_connections_are_kept(
    target: Target, http: httpx.AsyncClient
) -> None:
    async with FaultProxy(target.url) as proxy:
        for _ in range(3):
            answer = await http.put(
                f"{proxy.url}/a/b?c=d", content=b"x" * 1_000_000, headers={"Host": "known"}
            )
            assert (answer.status_code, answer.text) == (200, "hello")
        stats = proxy.stats.as_json()
    assert target.connections == 1
    assert {(asked.start, asked.headers["host"]) for asked, _ in target.asked} == {
        ("PUT /a/b?c=d HTTP/1.1", "known")
    }
    assert {len(body) for _, body in target.asked} == {1_000_000}
    assert stats["calls"] == {"other.PUT": 3}


async def test_an_answer_that_only_the_connection_ends_passes(
    target: Target, http: httpx.AsyncClient
) -> None:
    target.answer = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
    async with FaultProxy(target.url) as proxy:
        for _ in range(2):
            assert (await http.get(proxy.url)).text == "until the end"


async def test_a_refused_call_does_not_reach_the_target(target: Target, http: httpx.AsyncClient) -> None:
    async with FaultProxy(target.url, rules=[Rule(status=503, code="SlowDown", times=1)]) as proxy:
        answer = await http.put(proxy.url, content=b"x" * 100_000)
        assert (answer.status_code, answer.json()["__type"]) == (503, "SlowDown")
        assert target.asked == []
        assert (await http.put(proxy.url, content=b"y")).text == "hello"
        assert proxy.stats.as_json()["refused"] == {"other.PUT": 1}


async def test_a_lost_answer_is_one_to_a_call_that_was_made(target: Target, http: httpx.AsyncClient) -> None:
    async with FaultProxy(target.url, rules=[Rule(cut="response", times=1)]) as proxy:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.put(proxy.url, content=b"done")
        assert [body for _, body in target.asked] == [b"done"]
        assert (await http.get(proxy.url)).text == "hello"
        assert proxy.stats.as_json()["cut"] == {"other.PUT": 1}


async def test_half_an_answer_arrives_before_the_cut(target: Target, http: httpx.AsyncClient) -> None:
    cut_at = len(target.answer) - 2
    async with FaultProxy(target.url, rules=[Rule(cut="response", after_bytes=cut_at)]) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.read() == target.answer[:cut_at]
        writer.close()


async def test_half_a_request_arrives_before_the_cut(target: Target, http: httpx.AsyncClient) -> None:
    async with FaultProxy(target.url, rules=[Rule(cut="request", after_bytes=500)]) as proxy:
        with pytest.raises(httpx.TransportError):
            await http.put(proxy.url, content=b"x" * 1000)
        while not target.asked:
            await asyncio.sleep(0.01)
    assert [(asked.start, body) for asked, body in target.asked] == [("", b"")]


async def test_whoever_expects_a_continue_gets_one(target: Target) -> None:
    async with FaultProxy(target.url) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        writer.close()
    [(asked, body)] = target.asked
    assert body == b"ok"
    assert "expect" not in asked.headers


async def test_an_upgraded_connection_carries_bytes_both_ways(target: Target) -> None:
    target.answer = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
    async with FaultProxy(target.url) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ping")
        assert await reader.read() == b"ping"
        writer.close()


async def test_a_target_that_is_gone_looks_like_a_cut_connection(http: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with FaultProxy(f"http://127.0.0.1:{port}") as proxy:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(proxy.url)


async def test_rules_and_stats_are_controlled_over_http(target: Target, http: httpx.AsyncClient) -> None:
    async with FaultProxy(target.url) as proxy:
        answer = await http.post(f"{proxy.url}/_proxy/rules", json=[{"status": 500, "times": 1}])
        assert answer.json()[0]["status"] == 500
        assert (await http.get(proxy.url)).status_code == 500
        assert (await http.get(f"{proxy.url}/_proxy/stats")).json()["refused"] == {"other.GET": 1}
        assert (await http.delete(f"{proxy.url}/_proxy/stats")).json()["calls"] == {}
        assert (await http.get(f"{proxy.url}/_proxy/rules")).json() == []
        for wrong in ("[{}", '[{"kind": 1}]', "7"):
            assert (await http.post(f"{proxy.url}/_proxy/rules", content=wrong)).status_code == 400
        assert (await http.get(f"{proxy.url}/_proxy/what")).status_code == 404


# A proxy process in front of the emulator


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with ministack_url() as url:
        yield url


@pytest.fixture(scope="module")
def remote(emulator: str) -> Iterator[RemoteProxy]:
    with proxy_process(emulator, seed=1) as proxy:
        yield proxy


def test_every_service_works_through_it_and_is_counted(remote: RemoteProxy) -> None:
    remote.use([])
    remote.forget_stats()
    s3, sqs, sns = (client(name, remote.url) for name in ("s3", "sqs", "sns"))
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"x" * 3_000_000, IfNoneMatch="*")
    assert len(s3.get_object(Bucket="bucket", Key="key")["Body"].read()) == 3_000_000
    queue = sqs.create_queue(QueueName="queue")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert "hello" in message["Body"]
    assert client("dynamodb", remote.url).list_tables()["TableNames"] == []
    calls = remote.stats()["calls"]
    for name in (
        "s3.PutObject",
        "s3.GetObject",
        "sqs.ReceiveMessage",
        "sns.Publish",
        "dynamodb.ListTables",
    ):
        assert calls[name] == 1, calls


@pytest.mark.parametrize("service", ["s3", "sqs", "sns", "dynamodb"])
def test_boto3_understands_a_refusal(remote: RemoteProxy, service: str) -> None:
    call = {
        "s3": "list_buckets",
        "sqs": "list_queues",
        "sns": "list_topics",
        "dynamodb": "list_tables",
    }[service]
    remote.use([Rule(service=service, status=400, code="InjectedFault")])
    with pytest.raises(ClientError) as caught:
        getattr(client(service, remote.url), call)()
    assert caught.value.response["Error"]["Code"] == "InjectedFault"


def test_boto3_tries_again_after_a_cut(remote: RemoteProxy) -> None:
    remote.use([Rule(service="sqs", cut="response", times=1)])
    assert "QueueUrl" in client("sqs", remote.url).create_queue(QueueName="again")
    remote.use([Rule(service="sqs", cut="request", after_bytes=100)])
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client("sqs", remote.url).list_queues()
    assert [rule.cut for rule in remote.rules()] == ["request"]
    remote.use([])


def test_the_process_is_gone_afterwards(emulator: str) -> None:
    with proxy_process(emulator, rules=[Rule(delay_ms=1)]) as proxy:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{proxy.url}/_ministack/health", timeout=10) as answer:
            assert answer.status == 200
        port = int(proxy.url.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
