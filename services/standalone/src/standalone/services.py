"""Every service of the platform: what the all-in-one runs, and what it seeds."""

from ai_engine.wiring import SERVICE as AI_ENGINE
from crm_chatbot.wiring import SERVICE as CRM_CHATBOT
from gateway.wiring import SERVICE as GATEWAY
from waha_sender.wiring import SERVICE as WAHA_SENDER

SERVICES = (GATEWAY, AI_ENGINE, CRM_CHATBOT, WAHA_SENDER)

SEEDS = [seed for service in SERVICES for seed in service.seeds]
