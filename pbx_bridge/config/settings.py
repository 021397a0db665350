"""Settings: from `HOME/pbx_bridge.toml` and the environment, read once, frozen. Seen by cli and app only.

An environment variable `PBX_BRIDGE_<SECTION>__<NAME>` wins over the file, e.g. `PBX_BRIDGE_WEB__PORT=8090`;
`PBX_BRIDGE_HOME` moves everything the system writes. Secrets are never settings: they stand in files of mode
0600 in `HOME/secrets`, made on first start.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SettingsUnreadable

from pbx_bridge.calls.promises import Promises
from pbx_bridge.calls.targets import Targets
from pbx_bridge.config.deploy_section import DeploySettings
from pbx_bridge.config.link_sections import AmiSettings, AriSettings, ReceiveSettings
from pbx_bridge.config.number_sections import NumberInSettings, NumbersSettings
from pbx_bridge.config.pbx_sections import NumberSettings, PbxSettings, QueueSettings, TrunkSettings
from pbx_bridge.config.sections import (
    CallbackSettings,
    ContractSettings,
    CustomerSettings,
    DeskSettings,
    EncryptionSettings,
    IvrSettings,
    LogSettings,
    MessageSettings,
    OidcSection,
    PromiseSettings,
    RecordingSettings,
    ReportSettings,
    Section,
    ServiceName,
    ServiceSettings,
    SpoolSettings,
    StoreSettings,
    WebSettings,
    known_zone,
)
from pbx_bridge.errors import FlowError, SettingsError
from pbx_bridge.services.service import Service, read_token, with_token
from pbx_bridge.services.template import UrlTemplate
from pbx_bridge.store.address import Address, StorePlace, mask
from pbx_bridge.store.callbacks_rules import Retry

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from pbx_bridge.ivr.opening.hours import OfficeHours
    from pbx_bridge.ivr.opening.working import OfficeCalendar
    from pbx_bridge.spool.sound_keys import SoundKeys
    from pbx_bridge.values.number_rules import NumberRules

_PREFIX = "PBX_BRIDGE_"
_FILE = "pbx_bridge.toml"
_REGION = r"^[A-Z]{2}(-[1-9][0-9]{0,4})?$"  # IR, or with the code of the area whose numbers need none: IR-21


def _known_region(region: str) -> str:
    from pbx_bridge.values.phone import check_region  # knows the world's numbers: not read without need

    return check_region(region)


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
    zone: Annotated[str, AfterValidator(known_zone)] = "Asia/Tehran"
    region: Annotated[str, AfterValidator(_known_region)] = Field(default="IR", pattern=_REGION)
    numbers: NumbersSettings = NumbersSettings()
    pbx: PbxSettings = PbxSettings()
    deploy: DeploySettings = DeploySettings()
    ari: AriSettings = AriSettings()
    ami: AmiSettings = AmiSettings()
    spool: SpoolSettings = SpoolSettings()
    receive: ReceiveSettings = ReceiveSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    ivr: IvrSettings = IvrSettings()
    recordings: RecordingSettings = RecordingSettings()
    messages: MessageSettings = MessageSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    services: dict[ServiceName, ServiceSettings] = {}
    reports: ReportSettings = ReportSettings()
    promises: PromiseSettings = PromiseSettings()
    contracts: ContractSettings = ContractSettings()
    customers: CustomerSettings = CustomerSettings()
    callbacks: CallbackSettings = CallbackSettings()
    desk: DeskSettings = DeskSettings()
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

    def promises_made(self) -> Promises:
        """What is promised of tickets. Raises SettingsError."""
        told = self.promises
        return Promises(
            respond={name: timedelta(minutes=minutes) for name, minutes in told.respond_minutes.items()},
            resolve={name: timedelta(minutes=minutes) for name, minutes in told.resolve_minutes.items()},
            near=timedelta(minutes=told.near_minutes),
            calendar=self._calendar(told.weekly) if told.weekly else None,
            zone=ZoneInfo(self.zone),
        )

    def targets(self) -> Targets:
        """What each queue should reach."""
        told, own = self.reports, self.promises
        return Targets(
            percent=told.answer_percent,
            seconds=told.answer_within_s,
            percents=own.queue_percent,
            within_s=own.queue_within_s,
        )

    def retry(self) -> Retry:
        """When callbacks are tried again. Raises SettingsError."""
        told, weekly = self.callbacks, self.promises.weekly
        rule = Retry(tries=told.tries, wait=timedelta(minutes=told.wait_minutes))
        return replace(rule, opens=self._calendar(weekly).hours.opens) if weekly else rule

    def dial_hours(self) -> OfficeHours | None:
        """When agents may call outside, on no holiday; None: at any hour. Raises SettingsError."""
        weekly = self.desk.dial_hours
        return self._calendar(weekly).hours if weekly else None

    def _calendar(self, weekly: Mapping[str, str | list[str]]) -> OfficeCalendar:
        from pbx_bridge.ivr.office import office_calendar  # reads flows' files, which few commands need

        try:
            return office_calendar(weekly, self.promises.holidays, self.home, ZoneInfo(self.zone))
        except FlowError as error:
            raise SettingsError(f"setting promises.holidays: {error}") from None

    @property
    def trunk_names(self) -> tuple[str, ...]:
        """Every trunk that callers may come by. The private Asterisk's own for trying is called `trunk`."""
        return (*self.pbx.trunks, *(("trunk",) if self.ari.url is None else ()), *self.numbers.trunks)

    def number_rules(self) -> NumberRules:
        """What the house does to numbers. Raises SettingsError naming everything that is wrong."""
        from pbx_bridge.values.number_rules import checked  # knows the world's numbers: not read without need

        told, pbx = self.numbers, self.pbx
        flows = {number: self.line_of(one.flow) for number, one in pbx.numbers.items() if one.flow}
        rules, wrong = checked(
            [one.rule() for one in told.inbound],
            [one.rule() for one in told.outbound],
            flows,
            trunks=self.trunk_names,
            region=self.region,
            ways_out=("0", "+") if self.ari.url is None else (),  # asterisk-conf: what leads outside
        )
        if rules is None:
            raise SettingsError("\n  ".join(f"{self.home / _FILE}: {one}" for one in wrong))
        return rules

    @staticmethod
    def line_of(flow: str) -> str:
        """What the numbers are called that lead to a flow: its name, or its file's without .yaml."""
        return Path(flow).name.removesuffix(".yaml")

    def flow_of_line(self, line: str) -> str:
        """The flow, by name or file, that the settings have for a line. Raises SettingsError if there is no such."""
        if not line:
            return self.ivr.flow
        told = list(dict.fromkeys(one.flow for one in self.pbx.numbers.values() if self.line_of(one.flow) == line))
        if not told:
            known = ", ".join(sorted({self.line_of(one.flow) for one in self.pbx.numbers.values() if one.flow}))
            raise SettingsError(f"no number leads to {line!r} (pbx.numbers); lines there are: {known or 'none'}")
        if len(told) > 1:
            raise SettingsError(f"pbx.numbers: {told[0]} and {told[1]} have one name, {line}: give one file another")
        return told[0]

    @property
    def recordings_path(self) -> Path:
        """The dated tree of recordings. `HOME/recordings` is the voice actor's."""
        return self.recordings.path or self.home / "recordings-kept"

    @property
    def messages_path(self) -> Path:
        """The dated tree of messages."""
        return self.messages.path or self.home / "messages-kept"

    @property
    def sound_keys(self) -> SoundKeys:
        """The keys of encrypted sounds. The first is made where only we put keys; a named folder may be away."""
        from pbx_bridge.spool.sound_keys import SoundKeys  # not read without need

        told = self.encryption
        return SoundKeys(folder=told.keys or self.secrets / "sound-keys", seals=told.sounds, makes=told.keys is None)

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
        wrong = (_explain(one, home / _FILE) for one in error.errors(include_url=False))
        raise SettingsError("\n  ".join(dict.fromkeys(wrong))) from None
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
        if isinstance(section, type) and issubclass(section, Section):
            names += [f"{_PREFIX}{name}__{field}".upper() for field in section.model_fields]
        else:
            names.append(f"{_PREFIX}{name}".upper())
    return names


def _inner_names() -> Iterator[str]:
    """What may be set of a service, a trunk, a queue, a number."""
    for section in (ServiceSettings, TrunkSettings, QueueSettings, NumberSettings, NumberInSettings):
        yield from (info.alias or name for name, info in section.model_fields.items())


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = _names()
    for name in environ:
        if name.startswith(_PREFIX) and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"unknown setting {name} in the environment{hint}")


def _explain(first: ErrorDetails, path: Path) -> str:
    setting = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        inner = len(first["loc"]) > 2
        if inner and "pass" in setting:
            return f"unknown setting {setting} in {path}: passwords are no settings, they stand in HOME/secrets"
        known = list(_inner_names()) if inner else [n.rpartition("__")[2].lower() for n in _names()]
        near = get_close_matches(setting.rpartition(".")[2], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"unknown setting {setting} in {path}{hint}"
    # What is wrong of a service may be a secret that stands where it must not.
    got = "" if first["loc"][:1] == ("services",) else f" (got {mask(repr(first['input']))})"
    return f"setting {setting}: {first['msg']}{got}"
