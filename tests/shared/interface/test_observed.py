"""What is counted and traced of requests."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY

from shared import tracing
from shared.interface.observed import Observed, router

jobs = APIRouter(prefix="/jobs")


@jobs.get("/{job_id}")
async def read_job(job_id: str) -> dict[str, str]:
    return {"job_id": job_id, **tracing.inject()}


@jobs.get("/{job_id}/events")
async def stream_events(job_id: str) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        yield job_id
        await asyncio.Event().wait()

    return StreamingResponse(events())


@jobs.delete("/{job_id}")
async def break_down(job_id: str) -> None:
    raise LookupError(job_id)


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(jobs, prefix="/v1")
    app.include_router(router)
    app.add_middleware(Observed)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.configure("gateway", exporter=exporter)
    yield exporter
    tracing.shut_down()


def requests(method: str, route: str, status: int) -> float:
    labels = {"method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("aip_http_requests_total", labels) or 0.0


def timed(route: str) -> float:
    return REGISTRY.get_sample_value("aip_http_seconds_count", {"route": route}) or 0.0


async def test_a_request_is_counted_by_its_routes_pattern(client: httpx.AsyncClient) -> None:
    before = requests("GET", "/v1/jobs/{job_id}", 200)
    timed_before = timed("/v1/jobs/{job_id}")

    await client.get("/v1/jobs/1")
    await client.get("/v1/jobs/2")

    assert requests("GET", "/v1/jobs/{job_id}", 200) == before + 2
    assert timed("/v1/jobs/{job_id}") == timed_before + 2


async def test_invented_paths_and_methods_make_no_new_series(client: httpx.AsyncClient) -> None:
    unmatched = requests("GET", "unmatched", 404)
    other = requests("OTHER", "/v1/jobs/{job_id}", 405)

    await client.get("/wp-admin.php")
    await client.request("BREW", "/v1/jobs/1")

    assert requests("GET", "unmatched", 404) == unmatched + 1
    assert requests("OTHER", "/v1/jobs/{job_id}", 405) == other + 1


async def test_a_request_that_breaks_down_is_counted_as_500(client: httpx.AsyncClient) -> None:
    before = requests("DELETE", "/v1/jobs/{job_id}", 500)

    response = await client.delete("/v1/jobs/1")

    assert response.status_code == 500
    assert requests("DELETE", "/v1/jobs/{job_id}", 500) == before + 1


async def test_a_stream_is_timed_until_it_begins(client: httpx.AsyncClient) -> None:
    before = timed("/v1/jobs/{job_id}/events")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.get("/v1/jobs/1/events")

    assert timed("/v1/jobs/{job_id}/events") == before + 1


async def test_metrics_are_read_over_http(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics")

    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# HELP aip_jobs_accepted_total" in response.text
    assert "process_resident_memory_bytes" in response.text


async def test_a_request_continues_its_callers_trace(
    client: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    response = await client.get("/v1/jobs/1", headers={"traceparent": traceparent})

    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("GET /v1/jobs/{job_id}", SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/jobs/{job_id}",
        "http.response.status_code": 200,
    }
    assert response.json()["traceparent"].split("-")[1] == traceparent.split("-")[1]


async def test_a_request_that_breaks_down_fails_its_span(
    client: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    await client.delete("/v1/jobs/1")

    (span,) = exporter.get_finished_spans()
    assert span.name == "DELETE /v1/jobs/{job_id}"
    assert span.status.status_code is StatusCode.ERROR
