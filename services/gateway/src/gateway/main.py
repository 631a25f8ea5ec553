"""The gateway as a process: `uvicorn gateway.main:app`."""

from gateway.wiring import SERVICE
from shared.interface.service import create_app

app = create_app(
    "AI Platform: gateway",
    [SERVICE],
    description="Durable LLM jobs: a job that was answered with 202 ends, one way or another.\n\n"
    "Where the services share one address: [shops](/v1/crm/docs), "
    "[models, prompts and agents](/v1/engine/docs).",
)
