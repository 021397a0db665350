"""Settings: from `HOME/pbx_bridge.toml` and the environment, read once, frozen. Seen by cli and app only.

An environment variable `PBX_BRIDGE_<SECTION>__<NAME>` wins over the file, e.g. `PBX_BRIDGE_WEB__PORT=8090`;
`PBX_BRIDGE_HOME` moves everything the system writes. Secrets are never settings: they stand in files of mode
0600 in `HOME/secrets`, made on first start.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SettingsUnreadable

from pbx_bridge.calls.call import Outcome
from pbx_bridge.errors import SettingsError
from pbx_bridge.services.service import Method, Service, check_headers, read_token, with_token
from pbx_bridge.services.template import UrlTemplate
from pbx_bridge.store.address import Address, StorePlace, mask

_PREFIX = "PBX_BRIDGE_"
_FILE = "pbx_bridge.toml"

RoleName = Literal["admin", "lead", "agent", "read_only"]
Port = Annotated[int, Field(ge=1, le=65535)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone is called {name!r}") from error
    return name


def _known_outcomes(days: dict[str, int]) -> dict[str, int]:
    for outcome in days:
        if outcome not in (known := [*Outcome, "default"]):
            raise ValueError(f"{outcome!r} is no outcome: {', '.join(known)}")
    return days


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PbxSettings(_Section):
    """The private Asterisk. `root` is the Debian tree it runs in when the host has none of version 20 or later."""

    systemname: str = Field(default="pbx1", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    root: Path | None = None  # default: HOME/asterisk-root
    host: str = "127.0.0.1"
    sip_port: Port = 5060
    ari_port: Port = 8088
    ami_port: Port = 5038
    rtp_start: Port = 10000
    rtp_end: Port = 20000
    trunk: str | None = Field(default=None, pattern=r"^127(\.[0-9]{1,3}){3}:[0-9]{1,5}$")  # the way outside
    extension: str = Field(default="100", pattern=r"^[0-9]{1,15}$")  # the number the demo tells a newcomer to dial


class AriSettings(_Section):
    """The ARI of the PBX. Unset: the private Asterisk's own."""

    url: str | None = None
    user: str = "pbx_bridge"
    app: str = Field(default="pbx_bridge", pattern=r"^[A-Za-z0-9_]{1,32}$")


class AmiSettings(_Section):
    """The AMI of the PBX. Unset: the private Asterisk's own."""

    host: str | None = None
    port: Port | None = None
    user: str = "pbx_bridge"


class SpoolSettings(_Section):
    """Where Asterisk writes its CEL spool and queue_log. Unset: the private Asterisk's own, which are rotated."""

    cel: Path | None = None
    queue_log: Path | None = None
    rotate_mb: int = Field(default=64, ge=0)  # set aside when so big, or a day old; 0: never
    keep_days: int = Field(default=30, ge=0)  # dropped so long after their last row; 0: never


def _an_address(text: str | None) -> str | None:
    return None if text is None else str(Address.parse(text))


class StoreSettings(_Section):
    """The SQLite database, HOME/store.db by default; or with `url` a PostgreSQL database instead.

    Its password stands in HOME/secrets/postgres or in libpq's own ~/.pgpass, never here.
    """

    path: Path | None = None
    url: Annotated[str | None, AfterValidator(_an_address)] = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path and self.url:
            raise ValueError("path and url: a store has one place, so name one of them")
        return self


class OidcSection(_Section):
    """Sign-in by the company's OpenID Connect provider. A relative `client_secret_file` begins at HOME/secrets."""

    issuer: str
    client_id: str
    client_secret_file: Path
    redirect_uri: str  # https://OURS/sign-in/oidc/callback, exactly as the provider knows it
    role_claim: str = ""  # `a.b`: b within a
    roles: dict[str, RoleName] = {}  # role by value of that claim
    default_role: RoleName | None = None  # of those whom no value gives one; unset: they may not come in
    name_claim: str = "preferred_username"


class WebSettings(_Section):
    """The pages."""

    host: str = "127.0.0.1"
    port: Port = 8080
    idle_hours: float = Field(default=8.0, gt=0, le=744, allow_inf_nan=False)  # a session that is not used ends
    session_hours: float = Field(default=12.0, gt=0, le=744, allow_inf_nan=False)  # any session ends
    numbers_for: list[RoleName] = ["admin", "lead", "agent"]  # who sees whole phone numbers
    audit_days: int = Field(default=730, ge=0)  # 0: for ever
    passwords: bool = True  # False counts only while an admin can come in by `oidc`
    oidc: OidcSection | None = None


class IvrSettings(_Section):
    """The flow callers meet. `flow` is a shipped flow's name or a file."""

    flow: str = "support"
    voice_fa: str = "fa"  # espeak-ng's voice
    voice_en: str = "joe"  # a packaged piper voice, or a path to a piper .onnx file
    wrong_tries_per_hour: int = Field(default=9, ge=1)  # tracking numbers, customer codes and PINs of one caller
    wrong_tries_per_day: int = Field(default=20, ge=1)


class RecordingSettings(_Section):
    """Recordings of talks: in which directions, where they are, and for how many days by outcome they are kept."""

    inbound: bool = True
    outbound: bool = True
    internal: bool = True
    spool: Path | None = None  # where Asterisk writes them; default: the private Asterisk's own folder
    path: Path | None = None  # default: HOME/recordings-kept
    keep_days: Annotated[dict[str, Annotated[int, Field(ge=0)]], AfterValidator(_known_outcomes)] = {}


ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ServiceSettings(_Section):
    """A service that flows may ask: a URL with `{argument}` where something is put in. TLS is always checked.

    `token_file` holds its secret, by default for `Authorization: Bearer`; a relative path begins at HOME/secrets.
    """

    url: Annotated[str, AfterValidator(lambda text: str(UrlTemplate.parse(text)))]
    method: Method = "GET"
    headers: dict[str, str] = {}
    token_file: Path | None = None
    limit_s: float = Field(default=3.0, gt=0, le=7, allow_inf_nan=False)
    cache_s: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False)

    @model_validator(mode="after")
    def _no_secret_in_the_open(self) -> Self:
        check_headers(self.headers, has_token=self.token_file is not None)
        if self.token_file is not None and not UrlTemplate.parse(self.url).is_private:
            raise ValueError("a token over http:// can be read on the way: use https://")
        return self


class MessageSettings(_Section):
    """Messages that callers recorded: where they are, and for how many days they are kept (0: for ever)."""

    spool: Path | None = None  # where Asterisk records them; default: the private Asterisk's own folder
    path: Path | None = None  # default: HOME/messages-kept
    keep_days: int = Field(default=365, ge=0)


class ReportSettings(_Section):
    """What queues should reach: `answer_percent` of waits answered within seconds; and which wait is too long."""

    answer_percent: int = Field(default=80, ge=1, le=100)
    answer_within_s: int = Field(default=20, ge=5, le=1800)
    long_wait_s: int = Field(default=180, ge=1)


class LogSettings(_Section):
    """`console` for people, `json` for machines; `auto` is console on a terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["auto", "console", "json"] = "auto"


class Settings(BaseSettings):
    """Every setting, validated. Paths are absolute."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Path("var")
    zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Tehran"
    region: str = Field(default="IR", pattern=r"^[A-Z]{2}$")
    pbx: PbxSettings = PbxSettings()
    ari: AriSettings = AriSettings()
    ami: AmiSettings = AmiSettings()
    spool: SpoolSettings = SpoolSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    ivr: IvrSettings = IvrSettings()
    recordings: RecordingSettings = RecordingSettings()
    messages: MessageSettings = MessageSettings()
    services: dict[ServiceName, ServiceSettings] = {}
    reports: ReportSettings = ReportSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose values come in as init arguments."""
        return env_settings, init_settings

    @property
    def asterisk_root(self) -> Path:
        """The Debian tree of the private Asterisk."""
        return self.pbx.root or self.home / "asterisk-root"

    @field_validator("store", mode="before")
    @classmethod
    def _store_in_a_word(cls, value: object) -> object:
        """`store = "postgresql://…"` says the same as `store.url`."""
        return {"url": value} if isinstance(value, str) else value

    @property
    def store_path(self) -> Path:
        """The SQLite database, where that is the store."""
        return self.store.path or self.home / "store.db"

    @property
    def store_place(self) -> StorePlace:
        """The store, of either engine."""
        return self.postgres(self.store.url) if self.store.url else self.store_path

    def postgres(self, url: str) -> Address:
        """The address of a PostgreSQL store with the file of its password. Raises ValueError."""
        return Address.parse(url, self.secrets / "postgres")

    def services_known(self) -> dict[str, Service]:
        """The services as flows see them, without their secrets."""
        return {
            name: Service(
                name=name,
                url=UrlTemplate.parse(told.url),
                method=told.method,
                headers=told.headers,
                limit_s=told.limit_s,
                cache_s=told.cache_s,
            )
            for name, told in self.services.items()
        }

    def services_ready(self) -> dict[str, Service]:
        """The same, ready to be asked: their secrets are read from their files. Raises SettingsError."""
        return {name: self._with_token(name, service) for name, service in self.services_known().items()}

    def _with_token(self, name: str, service: Service) -> Service:
        file = self.services[name].token_file
        if file is None:
            return service
        token = read_token(self.secrets / file, f"services.{name}.token_file")
        return replace(service, headers=with_token(service.headers, token))

    def oidc_secret(self, oidc: OidcSection) -> str:
        """What the identity provider knows us by. Raises SettingsError."""
        return read_token(self.secrets / oidc.client_secret_file, "web.oidc.client_secret_file")

    @property
    def recordings_path(self) -> Path:
        """The dated tree of recordings. `HOME/recordings` is the voice actor's."""
        return self.recordings.path or self.home / "recordings-kept"

    @property
    def messages_path(self) -> Path:
        """The dated tree of messages."""
        return self.messages.path or self.home / "messages-kept"

    @property
    def secrets(self) -> Path:
        """The folder of secret files, mode 0700."""
        return self.home / "secrets"

    @property
    def run(self) -> Path:
        """Process ids and locks."""
        return self.home / "run"


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises SettingsError naming the setting and what is wrong with it."""
    _refuse_unknown(environ)
    home = Path(environ.get(f"{_PREFIX}HOME", "var")).absolute()
    told = _read_file(home / _FILE)
    try:
        settings = Settings(**{**told, "home": home})
    except ValidationError as error:
        raise SettingsError(_explain(error, home / _FILE)) from None
    except SettingsUnreadable as error:
        raise SettingsError(f"the environment: {error}: it is no JSON") from None
    return settings.model_copy(update={"home": home})


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _names() -> list[str]:
    names = []
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            names += [f"{_PREFIX}{name}__{field}".upper() for field in section.model_fields]
        else:
            names.append(f"{_PREFIX}{name}".upper())
    return names


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = _names()
    for name in environ:
        if name.startswith(_PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"unknown setting {name} in the environment{hint}")


def _explain(error: ValidationError, path: Path) -> str:
    first = error.errors(include_url=False)[0]
    setting = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [*(n.rpartition("__")[2].lower() for n in _names()), *ServiceSettings.model_fields]
        near = get_close_matches(setting.rpartition(".")[2], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown setting {setting} in {path}{hint}"
    # What is wrong of a service may be a secret that stands where it must not.
    got = "" if first["loc"][:1] == ("services",) else f" (got {mask(repr(first['input']))})"
    return f"setting {setting}: {first['msg']}{got}"
