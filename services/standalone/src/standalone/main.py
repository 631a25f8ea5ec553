"""The whole platform as one application: `uvicorn standalone.main:app`, or `ai-platform up`."""

from ai_engine.wiring import SERVICE as AI_ENGINE
from gateway.wiring import SERVICE as GATEWAY
from shared.interface.service import create_app

app = create_app(
    "AI Platform",
    [GATEWAY, AI_ENGINE],
    description="Durable LLM jobs for many tenants. Every job that was answered with 202 ends.",
)
