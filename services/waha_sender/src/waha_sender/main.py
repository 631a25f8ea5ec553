"""waha_sender as a process: `python -m waha_sender.main` (or `uvicorn waha_sender.main:app`)."""

from shared.interface.service import create_app
from shared.interface.serving import serve
from waha_sender.wiring import SERVICE

app = create_app(
    "AI Platform: waha_sender",
    [SERVICE],
    description="Sends WhatsApp messages in order, at a human pace, and never twice.",
)

if __name__ == "__main__":
    serve(app, default_port=8003)
