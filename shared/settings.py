"""Settings from the environment (and `.env`), one class per concern; bad values end the process."""

import difflib
import ipaddress
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

#: sysexits.h: EX_CONFIG
EXIT_BAD_CONFIGURATION = 78

#: How secrets begin in .env.example.
EXAMPLE = "change-me"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", hide_input_in_errors=True
    )


class Platform(_Settings):
    """Where and how this process runs."""

    environment: Literal["development", "production"] = "development"
    #: what of a service runs here: `api`, `worker`, or both
    run: str = "api,worker"
    data_dir: Path = Path(".data")
    port: int | None = Field(default=None, ge=1, le=65_535)
    host: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    #: 32 bytes in base64; secrets of tenants are encrypted with it
    encryption_key: SecretStr | None = None
    #: the name by which the world reaches the platform; the edge proxy gets a certificate for it
    domain: str = ""
    #: networks (comma separated) whose callers need no key, as this machine's; in development alone
    keyless_networks: str = ""
    #: SIGTERM: how long running work may take to finish before it is handed back
    drain_s: Seconds = 20.0

    @field_validator("run")
    @classmethod
    def _known_parts(cls, value: str) -> str:
        parts = {part.strip() for part in value.split(",")}
        if not parts or not parts <= {"api", "worker"}:
            raise ValueError("must be api, worker, or api,worker")
        return value

    @field_validator("keyless_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            [ipaddress.ip_network(network) for network in _parts(value)]
        except ValueError:
            raise ValueError("must be networks such as 172.16.0.0/12, comma separated") from None
        return value

    @model_validator(mode="after")
    def _the_world_needs_keys(self) -> "Platform":
        if self.domain and not self.is_production:
            raise ValueError("DOMAIN lets the world in: it needs ENVIRONMENT=production")
        return self

    @property
    def open_to(self) -> Sequence[Network]:
        """Networks whose callers are taken for this machine's."""
        if self.is_production:
            return []
        return [ipaddress.ip_network(network) for network in _parts(self.keyless_networks)]

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def runs_api(self) -> bool:
        return "api" in self.run

    @property
    def runs_worker(self) -> bool:
        return "worker" in self.run


class Infrastructure(_Settings):
    """Real servers where a URL is given; embedded ones where it is not."""

    database_url: SecretStr | None = None
    #: the tables' owner, for migrations; defaults to DATABASE_URL
    migrations_database_url: SecretStr | None = None
    rabbitmq_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    rabbitmq_task_queue: str = Field(default="ai_tasks", pattern=r"^[A-Za-z0-9_.\-]{1,200}$")
    rabbitmq_result_queue: str = Field(default="ai_results", pattern=r"^[A-Za-z0-9_.\-]{1,200}$")
    rabbitmq_crm_queue: str = Field(default="crm_tasks", pattern=r"^[A-Za-z0-9_.\-]{1,200}$")
    rabbitmq_wa_queue: str = Field(default="wa_messages", pattern=r"^[A-Za-z0-9_.\-]{1,200}$")
    rabbitmq_wa_result_queue: str = Field(default="wa_results", pattern=r"^[A-Za-z0-9_.\-]{1,200}$")
    #: longer than this nobody waits for a hint
    redis_timeout_s: Seconds = 0.1
    database_pool_size: int = Field(default=10, ge=1, le=100)
    #: of PostgreSQL's superuser; docker-compose tells it to the migration step alone, which only
    #: looks whether it is the example
    postgres_password: SecretStr | None = None

    @property
    def has_example_secrets(self) -> bool:
        """Whether a password is one of those in .env.example, which everybody knows."""
        urls = (self.database_url, self.migrations_database_url, self.rabbitmq_url, self.redis_url)
        told = (*urls, self.postgres_password)
        return any(EXAMPLE in one.get_secret_value() for one in told if one is not None)

    @property
    def queues(self) -> list[str]:
        """Every queue that any service speaks or listens on."""
        return [
            self.rabbitmq_task_queue,
            self.rabbitmq_result_queue,
            self.rabbitmq_crm_queue,
            self.rabbitmq_wa_queue,
            self.rabbitmq_wa_result_queue,
        ]

    @field_validator("database_url", "migrations_database_url")
    @classmethod
    def _asyncpg(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value, {"postgresql+asyncpg", "postgresql", "postgres"})

    @field_validator("rabbitmq_url")
    @classmethod
    def _amqp(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value, {"amqp", "amqps"})

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        return _checked_url(value, {"redis", "rediss", "unix"})


class Jobs(_Settings):
    """How long a job may take, and how patiently it is pursued."""

    job_deadline_s: Annotated[float, Field(gt=0, lt=1_800)] = 600.0
    #: how long a job may go unheard of before ai_engine is asked again; doubles each time
    reask_after_s: Seconds = 15.0
    sweep_every_s: Seconds = 5.0
    worker_concurrency: int = Field(default=200, ge=1, le=5_000)
    #: tries that end in an error (a provider's outage, say), for one job
    max_attempts: int = Field(default=5, ge=1, le=50)
    heartbeat_every_s: Seconds = 1.0
    #: a worker that has not beaten for this long is dead, and its jobs are taken over
    worker_dead_after_s: Seconds = 3.0
    #: first pause after an error; doubles, with full jitter
    retry_base_s: Seconds = 1.0
    result_limit_bytes: int = Field(default=1_000_000, ge=1_000, le=16_000_000)
    callback_timeout_s: Seconds = 15.0
    #: hosts and networks that callbacks may reach although they are private (comma separated)
    callback_allowed_hosts: str = ""
    callback_allow_http: bool = False
    #: first pause after a failed callback; the next ones grow, and span about a day in all
    callback_retry_base_s: Seconds = 5.0
    #: requests a minute for one API key; 0 switches the limit off
    rate_limit_per_minute: int = Field(default=1_000, ge=0)

    @model_validator(mode="after")
    def _dead_only_after_several_missed_beats(self) -> "Jobs":
        if self.worker_dead_after_s <= 2 * self.heartbeat_every_s:
            raise ValueError("WORKER_DEAD_AFTER_S must be more than twice HEARTBEAT_EVERY_S")
        return self


class Models(_Settings):
    """Keys of model providers. The catalogue names the variable; this checks its content."""

    openai_api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None
    #: whole-platform spending per day, in US dollars; none means no limit
    llm_daily_budget_usd: float | None = Field(default=None, ge=0)
    #: shape of the offline model's answers, for demonstrations and benchmarks
    offline_delay_s: float = Field(default=0.0, ge=0, le=600)

    @field_validator("openai_api_key", "anthropic_api_key")
    @classmethod
    def _fit_for_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value and any(c.isspace() or not c.isprintable() for c in value.get_secret_value()):
            raise ValueError("must not contain spaces, line breaks or control characters")
        return value


class Shop(_Settings):
    """WhatsApp, payments and conversations: the specification's variables, and our own."""

    waha_server_url: str | None = None
    waha_api_key: SecretStr | None = None
    #: hosts and networks that tenants' WAHA servers may have although they are private
    waha_allowed_hosts: str = ""
    waha_timeout_s: Seconds = 20.0
    #: lets webhooks in that carry no signature; loud, and never wise in production
    allow_unsigned_webhooks: bool = False
    #: how far a webhook's own time may be from ours; 0: it is not looked at, for it is not signed
    webhook_window_s: float = Field(default=0.0, ge=0, le=86_400)
    midtrans_server_key: SecretStr | None = None
    midtrans_is_production: bool = False
    #: in production, too, shops may give keys that move no real money; for demonstrations
    allow_sandbox_payments: bool = False
    #: both of Midtrans's servers in one place; for a stand-in
    midtrans_base_url: str | None = None
    xendit_secret_key: SecretStr | None = None
    #: what Xendit sends with every webhook, from its dashboard
    xendit_callback_token: SecretStr | None = None
    xendit_base_url: str | None = None
    #: where the world reaches this platform: payment providers are told of it with each payment
    public_url: str | None = None
    #: how often it is looked whether a payment provider is to be asked; callbacks do not wait
    payment_poll_s: Seconds = 0.5
    #: how long a conversation's history is cached, in seconds
    conversation_ttl: int = Field(default=3_600, ge=1, le=31_536_000)
    #: conversations that one worker answers at a time
    turn_concurrency: int = Field(default=1_000, ge=1, le=5_000)
    #: how long one turn may take before the customer gets a fixed text
    turn_deadline_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    #: how long one turn may take before the customer is asked, once, to wait; 0: never
    turn_patience_s: Annotated[float, Field(ge=0, le=600)] = 20.0
    #: messages that are older than this when they arrive are not answered by the bot
    stale_after_s: Seconds = 900.0
    #: how often WAHA's history is compared with ours
    catch_up_every_s: Seconds = 300.0
    #: how long the sender may go unheard of before it is asked again; doubles each time
    resend_ask_after_s: Seconds = 30.0

    @field_validator("midtrans_base_url", "xendit_base_url", "public_url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        checked = _checked_url(SecretStr(value) if value else None, {"http", "https"})
        return None if checked is None else checked.get_secret_value().rstrip("/")

    @model_validator(mode="after")
    def _real_money_by_real_keys(self) -> "Shop":
        key = self.midtrans_server_key.get_secret_value() if self.midtrans_server_key else ""
        if self.midtrans_is_production and key.startswith("SB-"):
            raise ValueError(
                "MIDTRANS_IS_PRODUCTION: MIDTRANS_SERVER_KEY is a sandbox's (it begins with SB-)"
            )
        if bool(self.xendit_secret_key) != bool(self.xendit_callback_token):
            raise ValueError("XENDIT_SECRET_KEY and XENDIT_CALLBACK_TOKEN: give both, or neither")
        return self


class Sending(_Settings):
    """How humanly WhatsApp messages are sent, so that numbers are not banned. Per session."""

    #: off: neither typing nor pauses; for benchmarks and tests
    wa_pacing: bool = True
    wa_messages_per_minute: int = Field(default=20, ge=1, le=600)
    #: least pause between two messages to one chat
    wa_chat_gap_s: float = Field(default=1.0, ge=0, le=600)
    #: typing takes this long for each character, within a second and eight, give or take 30 %
    wa_typing_s_per_character: float = Field(default=0.05, ge=0, le=1)
    wa_messages_per_day: int = Field(default=1_000, ge=1, le=100_000)
    #: a new number may send this many on its first day, twice as many on its second, and so on
    wa_first_day_messages: int = Field(default=100, ge=1, le=100_000)
    #: a message that could not leave for so long is given up, and shown as failed
    wa_give_up_after_s: Seconds = 21_600.0


class Retention(_Settings):
    """For how many days what is needed no more is kept, for those who want to know what was."""

    #: what became of each webhook; a look into WAHA's history goes back seven days, and must
    #: still know what was heard
    keep_webhooks_days: float = Field(default=30.0, ge=8, le=3_650)
    keep_timelines_days: float = Field(default=90.0, ge=1, le=3_650)
    #: of turns that nobody will go on with
    keep_checkpoints_days: float = Field(default=1.0, ge=1, le=3_650)
    #: a message that is asked for later than this would be sent a second time
    keep_deliveries_days: float = Field(default=14.0, ge=7, le=3_650)


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _checked_url(value: SecretStr | None, schemes: set[str]) -> SecretStr | None:
    from urllib.parse import urlsplit  # noqa: PLC0415 - only here

    if value is None or not value.get_secret_value():
        return None
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in schemes:
        raise ValueError(f"must start with one of {', '.join(sorted(schemes))}://")
    try:
        _ = parts.port
    except ValueError:
        # Nothing of it is shown: it may be a password's second half.
        raise ValueError("has no port where one belongs; a password must not hold / or :") from None
    return value


def variables() -> Mapping[str, str]:
    """The environment, and below it `.env`: for names that are only known at run time."""
    given = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**given, **os.environ}


def likely_typos(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that nobody reads but that look much like one of ours, and which that is."""
    concerns = (Platform, Infrastructure, Jobs, Models, Shop, Sending, Retention)
    ours = {name.upper() for concern in concerns for name in concern.model_fields}
    return [
        (name, meant[0])
        for name in sorted(environment.keys() - ours)
        if (meant := difflib.get_close_matches(name.removeprefix("AIP_"), ours, n=1, cutoff=0.9))
    ]


SettingsT = TypeVar("SettingsT", bound=BaseSettings)

# By hand, because functools.cache would hide from type checkers what comes back.
_loaded: dict[type[BaseSettings], Any] = {}


def load(kind: type[SettingsT]) -> SettingsT:
    """Read one concern's settings, once; a bad value ends the process with one line (exit 78)."""
    if kind not in _loaded:
        try:
            _loaded[kind] = kind()
        except ValidationError as bad:
            refuse("; ".join(_sentence(error) for error in bad.errors()))
    settings: SettingsT = _loaded[kind]
    return settings


def refuse(reason: str) -> NoReturn:
    """End the process because its configuration cannot work."""
    sys.stderr.write(f"bad configuration: {reason}\n")
    raise SystemExit(EXIT_BAD_CONFIGURATION)


def _sentence(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper()
    text = error["msg"].removeprefix("Value error, ")
    return f"{name}: {text}" if name else text


def end_at_once(reason: str) -> NoReturn:
    """The same, from inside a running server, which would turn SystemExit into a traceback."""
    sys.stderr.write(f"bad configuration: {reason}\n")
    sys.stderr.flush()
    os._exit(EXIT_BAD_CONFIGURATION)
