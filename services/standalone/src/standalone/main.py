"""The whole platform as one application: `uvicorn standalone.main:app`, or `ai-platform up`."""

from shared.interface.service import create_app
from standalone.services import SERVICES

app = create_app(
    "AI Platform",
    SERVICES,
    description="Durable LLM jobs and a WhatsApp shop assistant, for many tenants. Every job that "
    "was answered with 202 ends; every message that a customer wrote is considered once.",
)
