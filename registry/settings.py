"""Every knob, one sentence each. The environment is read here and nowhere else; a secret has no default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_SECRETS = Path("/run/secrets")


class Settings(BaseSettings):
    """Read from variables TRACKRECORD_<NAME>, a file .env, and files in /run/secrets."""

    model_config = SettingsConfigDict(
        env_prefix="TRACKRECORD_",
        env_file=".env",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,  # a folder that is not there would be warned about
        extra="ignore",
    )

    data_dir: Path = Field(Path(".var"), description="Folder for artifacts, git mirrors and the SQLite file.")
    database_url: str = Field(
        "", description="SQLAlchemy URL; empty: SQLite in data_dir. postgresql+psycopg://… when outgrown."
    )
    host: str = Field("127.0.0.1", description="Address that the registry listens on.")
    port: int = Field(8321, ge=0, le=65535, description="Port that the registry listens on; 0: any free one.")
    public_url: str = Field(
        "", description="Address people reach the registry at; links in Slack start with it. Empty: host and port."
    )
    open_pages: bool = Field(
        False, description="Show the web pages to everybody who reaches them, without signing in by token."
    )
    trusted_hosts: str = Field(
        "", description="Host names that requests may be for, separated by commas; empty: any well-formed one."
    )
    threads: int = Field(16, ge=1, le=256, description="Requests worked on at once; the database pool is as large.")
    max_body_bytes: int = Field(8_000_000, ge=1024, description="Largest JSON body in bytes.")
    max_artifact_bytes: int = Field(20_000_000_000, ge=1024, description="Largest artifact in bytes.")
    silent_after_s: int = Field(
        900, ge=5, description="A run that was not heard of for so many seconds is called silent."
    )
    recheck_s: int = Field(
        300, ge=1, description="Seconds until a run whose checks could not pass yet is looked at again."
    )
    new_best_every_s: int = Field(
        3_600, ge=0, description="A project's new bests are announced at most once in so many seconds; 0: each at once."
    )
    git_protocols: str = Field(
        "https:ssh", description="Transports git may use for project repositories, separated by colons."
    )
    git_timeout_s: int = Field(60, ge=1, description="Seconds after which a git command is given up.")

    slack_mode: Literal["off", "socket", "http"] = Field("off", description="How Slack reaches the bot.")
    slack_bot_token: SecretStr | None = Field(None, description="The bot token, xoxb-….")
    slack_app_token: SecretStr | None = Field(None, description="The app-level token for Socket Mode, xapp-….")
    slack_signing_secret: SecretStr | None = Field(None, description="The signing secret for HTTP mode.")
    slack_teams: str = Field("", description="Workspace ids that are answered, separated by commas; empty: none.")
    slack_app_id: str = Field(
        "", description="The app's own id, A…; empty: any app that holds the tokens or the signing secret."
    )
    slack_api_url: str = Field("https://slack.com/api/", description="Slack's Web API, or any server that speaks it.")
    slack_host: str = Field("127.0.0.1", description="Address that the bot listens on in HTTP mode.")
    slack_port: int = Field(8322, ge=0, le=65535, description="Port that the bot listens on in HTTP mode.")
    command_prefix: str = Field(
        "", pattern=r"^[a-z0-9-]{0,12}$", description="Put before every slash command: with tr- it is /tr-best."
    )

    @property
    def database(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'registry.sqlite'}"

    @property
    def base_url(self) -> str:
        """Where people reach the registry, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
