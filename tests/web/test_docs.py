"""`/docs` needs no network but the daemon, and describes every operation."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from tests.conftest import Api
from tests.web.openapi import document


async def test_everything_that_the_page_loads_comes_from_the_daemon(api: Api) -> None:
    page = await api.client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']|url: ["']([^"']+)["']""", page.text)
    addresses = [urljoin(f"{api.daemon.url}/docs", one or other) for one, other in loaded]
    assert {urlsplit(address).netloc for address in addresses} == {urlsplit(api.daemon.url).netloc}
    assert "/openapi.json" in {urlsplit(address).path for address in addresses}
    kinds = set()
    for address in addresses:
        response = await api.client.get(address)
        assert response.status_code == 200, address
        assert response.content
        kinds.add(response.headers["content-type"].partition(";")[0])
    assert kinds >= {"text/css", "text/javascript", "application/json"}
    assert not re.findall(r"https?://(?!127\.0\.0\.1)", page.text)


def test_every_operation_has_a_sentence_and_says_how_it_fails() -> None:
    summaries = []
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            told = f"{method} {path}"
            assert " " in operation["summary"], told
            assert {"4XX", "503"} <= set(operation["responses"]), told
            summaries.append(operation["summary"])
    assert len(set(summaries)) == len(summaries), "no two say the same"
