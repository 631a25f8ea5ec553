"""crm_chatbot as a process: `uvicorn crm_chatbot.main:app`."""

from crm_chatbot.wiring import SERVICE
from shared.interface.service import create_app

app = create_app(
    "AI Platform: crm_chatbot",
    [SERVICE],
    description="Answers the customers of many shops on WhatsApp, and lets people take over.",
    place="/v1/crm",
)
