"""Where am I: the only reader of the environment. What a run should do is a `Recipe` instead."""

import atexit
import gc
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from errors import NotConfigured

# Prefect's console in the same form; its server and workers need it in their environment
JSON_LOGS = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FORMATTER": "json",
    "PREFECT_LOGGING_FORMATTERS_JSON_CLASS": "logs.JsonLines",
}

# An ending interpreter collects garbage among all that was imported: with Prefect, a second or more that
# somebody waits for. What lies in no cycle is still freed.
atexit.register(gc.freeze)


class Settings(BaseSettings):
    """Every setting can be given as LUTHIER_NAME in the environment or in a `.env` file."""

    model_config = SettingsConfigDict(
        env_prefix="LUTHIER_", env_file=".env", extra="ignore", populate_by_name=True
    )

    home: Path = Field(Path("~/.luthier"), description="where the embedded default keeps everything")
    store: str = Field(
        "", description="where artefacts are published: a folder, s3:// or gs://; default HOME/artifacts"
    )
    database_url: str = Field("", description="the registry; default SQLite at HOME/luthier.db")
    base_model: str = Field("smollm2-135m", description="the base model of a job that names none")
    bases_file: Path | None = Field(None, description="a TOML file that adds to the catalogue or changes it")
    max_cost: float | None = Field(
        None,
        gt=0,
        description="hosted jobs estimated above so many US dollars are refused, if they set no limit",
    )

    openai_api_key: str = Field("", validation_alias=AliasChoices("LUTHIER_OPENAI_API_KEY", "OPENAI_API_KEY"))
    openai_base_url: str = Field(
        "", validation_alias=AliasChoices("LUTHIER_OPENAI_BASE_URL", "OPENAI_BASE_URL")
    )
    openai_webhook_secret: str = Field(
        "",
        validation_alias=AliasChoices("LUTHIER_OPENAI_WEBHOOK_SECRET", "OPENAI_WEBHOOK_SECRET"),
        description="what OpenAI signs its webhooks with; without it none are accepted",
    )
    google_project: str = Field(
        "", validation_alias=AliasChoices("LUTHIER_GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT")
    )
    google_location: str = Field(
        "", validation_alias=AliasChoices("LUTHIER_GOOGLE_LOCATION", "GOOGLE_CLOUD_LOCATION")
    )
    google_bucket: str = Field("", description="Cloud Storage bucket that tuning files are staged in")

    poll_seconds: float = Field(
        30.0, gt=0, description="hosted jobs are asked for so often, all of a provider at once"
    )
    hosted_hours: float = Field(
        168.0, gt=0, description="a hosted job is given up after so long, not counting its vendor's queue"
    )
    vllm_url: str = Field("", description="a vLLM server that answers for own models, see docs/api.md")
    vllm_api_key: str = Field("", description="the key that the vLLM server asks for, if it does")
    prefect_api_url: str = Field(
        "", validation_alias="PREFECT_API_URL", description="the Prefect server; default: an ephemeral one"
    )
    plans_file: Path | None = Field(None, description="a TOML file instead of web/plans.toml")
    public_url: str = Field("", description="the address that browsers use, if a proxy is in front")
    metrics_token: str = Field(
        "", description="who shows it as a bearer token may read /metrics from elsewhere than this machine"
    )
    secret: str = Field("", description="signs the sessions; default: made once and kept in HOME")
    upload_bytes: int = Field(512 << 20, description="the largest file that can be uploaded")
    oidc_issuer: str = Field("", description="sign in by OpenID Connect at this issuer")
    oidc_client_id: str = Field("", description="what the issuer calls this Luthier")
    oidc_client_secret: str = Field("", description="what proves it to the issuer")
    oidc_plan: str = Field("", description="plan of accounts that a first sign-in makes; empty: makes none")
    task_runner: str = Field(
        "",
        description="where many files are read: threads, processes, dask, dask=ADDRESS, ray or ray=ADDRESS; "
        "default: processes of the step itself",
    )
    specs: str = Field(
        "", description="the job specs that are run at night: a folder, s3:// or gs://; default HOME/specs"
    )
    notify: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="who is told of runs: addresses of webhooks, or blocks as TYPE/NAME, blanks between",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="json: every line on stderr and in the logs is a JSON object"
    )
    run: str = Field("", description="the run that this process works for; set by Luthier itself")

    @field_validator("notify", mode="before")
    @classmethod
    def split_places(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @property
    def root(self) -> Path:
        return self.home.expanduser().absolute()

    @property
    def store_uri(self) -> str:
        return self.store or str(self.root / "artifacts")

    @property
    def work_uri(self) -> str:
        """Where steps hand files over: in a store with a URI, as the next step may run on another machine."""
        return f"{self.store.rstrip('/')}/work" if "://" in self.store else str(self.root / "work")

    @property
    def specs_uri(self) -> str:
        return self.specs or str(self.root / "specs")

    @property
    def registry_url(self) -> str:
        return self.database_url or f"sqlite:///{self.root / 'luthier.db'}"

    @property
    def registry_arguments(self) -> dict[str, Any]:
        return {"url": self.registry_url, "home": self.root, "store": self.store_uri}

    def provider_arguments(self, provider: str) -> dict[str, Any]:
        """What the provider of that name is constructed from."""
        match provider:
            case "openai":
                return {
                    "api_key": self.openai_api_key,
                    "base_url": self.openai_base_url,
                    "home": self.root,
                    "bases_file": self.bases_file,
                    "max_cost": self.max_cost,
                }
            case "gemini":
                return {
                    "project": self.google_project,
                    "location": self.google_location,
                    "bucket": self.google_bucket,
                    "bases_file": self.bases_file,
                    "max_cost": self.max_cost,
                }
            case _:
                return {"home": self.root, "log_format": self.log_format, "run": self.run}


@lru_cache(1)
def settings() -> Settings:
    """Of this process. Raises NotConfigured for a value that is none."""
    try:
        return Settings()
    except ValidationError as invalid:
        fault = invalid.errors()[0]
        name = f"LUTHIER_{fault['loc'][0]}".upper()
        raise NotConfigured(
            f"The setting {name} can't be {fault['input']!r}: {fault['msg']}.",
            "Correct it in the environment or in the file .env.",
        ) from invalid


def secret_named(variable: str) -> str:
    """What an environment variable holds, for keys that are given by name; empty if there is none."""
    return os.environ.get(variable) or dotenv_values(".env").get(variable) or ""


def work_for(run_id: str) -> None:
    """This process, and what it starts, works for that run."""
    os.environ["LUTHIER_RUN"] = run_id
    settings.cache_clear()


def quiet_dependencies(embedded: bool = False) -> None:
    """Set the switches that keep every dependency silent, offline and at home. Before importing them.

    `embedded`: the flow runs in this very process, which tells people by itself what happens.
    """
    home = settings().root
    try:
        # SQLite makes the file but not its folder
        (home / "prefect").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotConfigured(
            f"{home}, where everything is kept, can't be used: {error.strerror}.",
            "Set LUTHIER_HOME to a folder that this user may write to, on a disk with room.",
        ) from error
    defaults = {
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # without a batch the recorder fights the API for SQLite's lock
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
    if embedded:
        defaults |= {
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "",
            "PREFECT_LOGGING_ROOT_LEVEL": "WARNING",
            "PREFECT_SERVER_UI_ENABLED": "false",
        }
    else:
        defaults |= {"PREFECT_LOGGING_EXTRA_LOGGERS": "luthier"}
    if settings().log_format == "json":
        defaults |= JSON_LOGS
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
