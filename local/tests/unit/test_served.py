import httpx

from local.served import serve


def test_a_file_is_served_with_its_type_while_it_is_needed() -> None:
    with serve({"cat.png": (b"picture", "image/png")}) as links:
        url = links["cat.png"]
        answer = httpx.get(url, trust_env=False)
        assert (answer.content, answer.headers["content-type"]) == (b"picture", "image/png")
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(url.replace("cat", "dog"), trust_env=False).status_code == 404
        assert httpx.get(url.rpartition("/")[0], trust_env=False).status_code == 404
    try:
        httpx.get(url, trust_env=False)
    except httpx.ConnectError:
        gone = True
    assert gone
