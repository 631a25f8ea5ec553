"""ai_engine as a process: `python -m ai_engine.main` (or `uvicorn ai_engine.main:app`)."""

from ai_engine.wiring import SERVICE
from shared.interface.service import create_app
from shared.interface.serving import serve

app = create_app(
    "AI Platform: ai_engine",
    [SERVICE],
    description="Answers prompts; configures the models, templates and agents that do.",
    place="/v1/engine",
)

if __name__ == "__main__":
    serve(app, default_port=8002)
