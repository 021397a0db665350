"""The sections of the settings: each names what may be set, its default, and what is refused."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pbx_bridge.calls.call import Outcome
from pbx_bridge.ivr.opening.hours import Week
from pbx_bridge.services.service import Method, check_headers
from pbx_bridge.services.template import UrlTemplate
from pbx_bridge.store.address import Address
from pbx_bridge.values.number_pattern import NumberPattern

RoleName = Literal["admin", "lead", "agent", "read_only"]
Port = Annotated[int, Field(ge=1, le=65535)]


def known_zone(name: str) -> str:
    """The name of a time zone, as it came. Raises ValueError."""
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


def _a_network(text: str) -> str:
    return str(ipaddress.ip_network(text))


NetworkName = Annotated[str, AfterValidator(_a_network)]


class Section(BaseModel):
    """A frozen group of settings; a name it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SpoolSettings(Section):
    """Where Asterisk writes its CEL spool and queue_log. Unset: the private Asterisk's own, which are rotated."""

    cel: Path | None = None
    queue_log: Path | None = None
    rotate_mb: int = Field(default=64, ge=0)  # set aside when so big, or a day old; 0: never
    keep_days: int = Field(default=30, ge=0)  # dropped so long after their last row; 0: never


def _an_address(text: str | None) -> str | None:
    return None if text is None else str(Address.parse(text))


class StoreSettings(Section):
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


class OidcSection(Section):
    """Sign-in by the company's OpenID Connect provider. A relative `client_secret_file` begins at HOME/secrets."""

    issuer: str  # https address of the provider, as it calls itself
    client_id: str  # what the provider knows us as
    client_secret_file: Path  # what we prove it by; one line
    redirect_uri: str  # https://HOST/sign-in/oidc/callback, exactly as the provider knows it
    role_claim: str = ""  # `a.b`: b within a
    roles: dict[str, RoleName] = {}  # role by value of that claim
    default_role: RoleName | None = None  # of those whom no value gives one; unset: they may not come in
    name_claim: str = "preferred_username"  # their user name here is made of it


class WebSettings(Section):
    """The pages: over TLS with `certificate` and `key`, else plain. `proxies`: who is believed for whom they ask."""

    host: str = "127.0.0.1"
    port: Port = 8080
    certificate: Path | None = None  # PEM, with what leads to its issuer; read anew when it changes
    key: Path | None = None  # PEM, of the certificate
    proxies: list[NetworkName] = []  # whose X-Forwarded-For and X-Forwarded-Proto count
    idle_hours: float = Field(default=8.0, gt=0, le=744, allow_inf_nan=False)  # a session that is not used ends
    session_hours: float = Field(default=12.0, gt=0, le=744, allow_inf_nan=False)  # any session ends
    numbers_for: list[RoleName] = ["admin", "lead", "agent"]  # who sees whole phone numbers
    audit_days: int = Field(default=730, ge=0)  # 0: for ever
    metrics_for: list[NetworkName] = ["127.0.0.0/8", "::1/128"]  # whose programs may read /metrics
    passwords: bool = True  # False counts only while an admin can come in by `oidc`
    oidc: OidcSection | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together: name both or none")
        return self


class IvrSettings(Section):
    """The flow callers meet. `flow` is a shipped flow's name or a file."""

    flow: str = "support"
    voice_fa: str = "fa"  # espeak-ng's voice
    voice_en: str = "joe"  # a packaged piper voice, or a path to a piper .onnx file
    wrong_tries_per_hour: int = Field(default=9, ge=1)  # tracking numbers, customer codes and PINs of one caller
    wrong_tries_per_day: int = Field(default=20, ge=1)


class RecordingSettings(Section):
    """Recordings of talks: in which directions, where they are, and for how many days by outcome they are kept."""

    inbound: bool = True
    outbound: bool = True
    internal: bool = True
    spool: Path | None = None  # where Asterisk writes them; default: the private Asterisk's own folder
    path: Path | None = None  # default: HOME/recordings-kept
    keep_days: Annotated[dict[str, Annotated[int, Field(ge=0)]], AfterValidator(_known_outcomes)] = {}


ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class ServiceSettings(Section):
    """A service that flows may ask: a URL with `{argument}` where something is put in. TLS is always checked.

    `token_file` holds its secret, by default for `Authorization: Bearer`; a relative path begins at HOME/secrets.
    """

    url: Annotated[str, AfterValidator(lambda text: str(UrlTemplate.parse(text)))]  # {argument} in path and query
    method: Method = "GET"  # with POST all arguments are sent as a JSON object, too
    headers: dict[str, str] = {}  # further ones; {token} in them is the secret
    token_file: Path | None = None  # its secret, one line; unset: it needs none
    limit_s: float = Field(default=3.0, gt=0, le=7, allow_inf_nan=False)  # for the whole exchange
    cache_s: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False)  # so long an answer counts; 0: once

    @model_validator(mode="after")
    def _no_secret_in_the_open(self) -> Self:
        check_headers(self.headers, has_token=self.token_file is not None)
        if self.token_file is not None and not UrlTemplate.parse(self.url).is_private:
            raise ValueError("a token over http:// can be read on the way: use https://")
        return self


class MessageSettings(Section):
    """Messages that callers recorded: where they are, and for how many days they are kept (0: for ever)."""

    spool: Path | None = None  # where Asterisk records them; default: the private Asterisk's own folder
    path: Path | None = None  # default: HOME/messages-kept
    keep_days: int = Field(default=365, ge=0)


class EncryptionSettings(Section):
    """Sounds encrypted as they lie in our folders: recordings of talks and the messages of callers."""

    sounds: bool = False  # new ones are; those from before: `pbx-bridge encryption encrypt`
    keys: Path | None = None  # the folder of their keys, each of mode 0600; default: HOME/secrets/sound-keys


class ReportSettings(Section):
    """What queues should reach: `answer_percent` of waits answered within seconds; and which wait is too long."""

    answer_percent: int = Field(default=80, ge=1, le=100)
    answer_within_s: int = Field(default=20, ge=5, le=1800)
    long_wait_s: int = Field(default=180, ge=1)


Minutes = Annotated[int, Field(ge=1, le=525_600)]


def _of_kinds(minutes: dict[str, int]) -> dict[str, int]:
    for name in minutes:
        kind, colon, grade = name.partition(":")
        if kind != "request" or (colon and not grade):
            raise ValueError(f"{name!r}: write request, or request:GRADE for a customer's tier or contract level")
    return minutes


def hours_of_office(weekly: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    """Weekly hours, as they came. Raises ValueError."""
    if weekly:
        Week.parse(weekly)
    return weekly


class EscalationSettings(Section):
    """One level of a complaint that nobody answers: who is told, by itself after so many hours (unset: never)."""

    to: str = Field(min_length=1, max_length=80)  # who is told
    after_hours: float | None = Field(default=None, gt=0, le=8760, allow_inf_nan=False)  # unset: by a button only


class ComplaintSettings(Section):
    """Complaints filed on a page: their deadlines, the reasons to choose from, and who is told next."""

    acknowledge_hours: int = Field(default=24, ge=1, le=720)  # until somebody says that it is looked at
    answer_days: int = Field(default=10, ge=1, le=365)  # until it is answered
    reasons: list[Annotated[str, Field(min_length=1, max_length=200)]] = []  # what it is about, to choose from
    levels: list[EscalationSettings] = []  # who is told next, in this order


class PromiseSettings(Section):
    """What customers are promised, in the office's hours; `request:gold`: another for a tier or contract level."""

    weekly: Annotated[dict[str, str | list[str]], AfterValidator(hours_of_office)] = {}  # unset: round the clock
    holidays: list[str] = []  # iran, and .yaml or .ics files in HOME
    near_minutes: int = Field(default=60, ge=0, le=10_000)  # with no more left a promise is near
    respond_minutes: Annotated[dict[str, Minutes], AfterValidator(_of_kinds)] = {"request": 240}
    resolve_minutes: Annotated[dict[str, Minutes], AfterValidator(_of_kinds)] = {"request": 1440}
    queue_percent: dict[str, Annotated[int, Field(ge=1, le=100)]] = {}  # by queue, else reports.answer_percent
    queue_within_s: dict[str, Annotated[int, Field(ge=5, le=1800)]] = {}  # by queue, else reports.answer_within_s
    complaints: ComplaintSettings = ComplaintSettings()


Word = Annotated[str, Field(min_length=1, max_length=60)]
Points = Annotated[int, Field(ge=0, le=1000)]
_REASONS = ("third", "unhappy", "abandoned", "tried", "late_hour")


def _known_reasons(points: dict[str, int]) -> dict[str, int]:
    for name in points:
        if name not in _REASONS:
            raise ValueError(f"{name!r} is no reason: {', '.join(_REASONS)}")
    return points


class ContractSettings(Section):
    """Renewals: so many Jalali months before its end a contract is on the list; why one is lost, to choose from."""

    ending_months: int = Field(default=6, ge=1, le=24)
    lost_reasons: list[Word] = ["price", "rival", "service", "no_need", "closed", "other"]


class CallbackSettings(Section):
    """Callbacks: when one is tried again (in the office's hours, promises.weekly), and which comes first."""

    tries: int = Field(default=3, ge=1, le=20)  # so many in vain, and it is given up
    wait_minutes: Minutes = 60  # from one to the next
    lock_minutes: int = Field(default=10, ge=1, le=240)  # whoever takes one has it for so long
    tier_points: dict[Word, Points] = {"gold": 30, "silver": 15}
    points: Annotated[dict[str, Points], AfterValidator(_known_reasons)] = {}  # of reasons that are not as shipped


def _number_patterns(texts: list[str]) -> list[str]:
    for text in texts:
        NumberPattern.parse(text)
    return texts


Patterns = Annotated[list[str], AfterValidator(_number_patterns)]
PauseReason = Annotated[str, Field(pattern=r"^[^\x00-\x1f|]{1,60}$")]  # a line of queue_log has | between its fields


class DeskSettings(Section):
    """The agent's desk. `reasons`: what a call was about, to choose from; those with words of ours are translated.

    A pattern of numbers has digits, X for any digit, a + before, a * after; numbers outside are written as E.164.
    """

    dial_allow: Patterns = ["*"]  # what agents may call from the pages
    dial_deny: Patterns = []  # and what not, whatever is allowed besides
    dial_hours: Annotated[dict[str, str | list[str]], AfterValidator(hours_of_office)] = {}  # unset: at any hour
    pause_reasons: list[PauseReason] = ["lunch", "break", "meeting", "training"]  # of ours are translated
    call_tokens: list[str] = []  # the names of the API tokens whose programs may place calls

    reasons: list[Annotated[str, Field(min_length=1, max_length=60)]] = [
        "question",
        "fault",
        "order",
        "payment",
        "complaint",
        "other",
    ]


class CustomerSettings(Section):
    """Which customers agents see: `all`, or their `own`: those whose calls came to their phone or their queues."""

    agents_see: Literal["all", "own"] = "all"


class LogSettings(Section):
    """`console` for people, `json` for machines; `auto` is console on a terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["auto", "console", "json"] = "auto"
