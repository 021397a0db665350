"""Every error of ours, in one tree. The docstring says what happened; the message names place and reason.

BridgeError                 anything we raise on purpose; `cli` prints it as one line, exit status 1
├── SettingsError           a setting that is unknown, missing or impossible
├── InputError              a file a person gave us: names file, line and reason
│   ├── FlowError           a flow that cannot be run as it stands
│   ├── PromptError         a prompt text or recording that is missing or broken
│   ├── ImportRefused       a CRM import with at least one bad row; nothing of it was kept
│   └── RequestRefused      a ticket or complaint cannot be as it was asked for
├── StoreError              the store cannot be opened, read or written
│   ├── StoreNewer          the store was made by a newer version
│   └── AccountRefused      an account, password or token that cannot be as it was asked for
├── PbxError                the private Asterisk cannot be had, configured or started
│   ├── PlanRefused         the settings of a PBX do not fit together: says everything that does not
│   └── PortTaken           another program listens where we must
├── ServiceUnavailable      a service of the settings gave no answer that can be used
├── PhoneError              our small phone's call was refused, or nobody answered in time
└── AsteriskError           what a running Asterisk answered, or that it did not
    ├── AriUnavailable      no connection, or lost while waiting for an answer; worth another try
    ├── AriRefused          wrong user or password (HTTP 401/403): no retry can help
    ├── AriGone             the channel, playback or bridge is no longer there (404)
    ├── AriConflict         the channel is not in the state this needs (409/412)
    ├── AmiUnavailable      no AMI connection, or lost; worth another try
    ├── AmiRefused          AMI login refused: no retry can help
    └── AmiForbidden        our AMI user may not do that
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class BridgeError(Exception):
    """Something went wrong that the message explains; exit status 1."""


class SettingsError(BridgeError):
    """A setting is unknown, missing or impossible."""


class InputError(BridgeError):
    """A file given by a person is wrong at a place that can be named.

    Args:
        reason: one sentence, without the place.
        path: the file.
        line: its line, from 1, where one can be named.
    """

    def __init__(self, reason: str, *, path: Path | str | None = None, line: int | None = None) -> None:
        self.reason, self.path, self.line = reason, path, line
        place = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{place}: {reason}" if place else reason)


class FlowError(InputError):
    """A flow cannot be run as it stands."""


class PromptError(InputError):
    """A prompt's text or recording is missing or broken."""


class ImportRefused(InputError):
    """A CRM import had a bad row; nothing of it was kept."""


class RequestRefused(InputError):
    """A ticket or complaint cannot be as it was asked for.

    Args:
        key: which rule is in the way, as pages have words for it.
        reason: one sentence.
    """

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        super().__init__(reason)


class StoreError(BridgeError):
    """The store cannot be opened, read or written."""


class StoreNewer(StoreError):
    """The store was made by a newer version of pbx_bridge."""


class AccountRefused(StoreError):
    """An account, password or token cannot be as it was asked for.

    Args:
        key: which rule is in the way, as pages have words for it.
        reason: one sentence.
    """

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        super().__init__(reason)


class PbxError(BridgeError):
    """The private Asterisk cannot be had, configured or started."""


class PlanRefused(PbxError):
    """The settings of a PBX cannot be served as they stand.

    Args:
        faults: each as `place: reason`, the place being a setting.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        several = ("the settings of the PBX do not fit together:", *self.faults)
        super().__init__(self.faults[0] if len(self.faults) == 1 else "\n  ".join(several))


class PortTaken(PbxError):
    """Another program listens on an address we must have."""


class ServiceUnavailable(BridgeError):
    """A service of the settings gave no answer that can be used.

    Args:
        reason: one sentence, without what it was asked or said.
        is_down: it may well have failed whatever it was asked; else this one question may be to blame.
    """

    def __init__(self, reason: str, *, is_down: bool = False) -> None:
        self.is_down = is_down
        super().__init__(reason)


class PhoneError(BridgeError):
    """A call of our small phone was refused, broke off, or a wait of it ran out.

    Args:
        reason: one sentence.
        status: the SIP status that refused it; 0 where there was none.
    """

    def __init__(self, reason: str, status: int = 0) -> None:
        self.status = status
        super().__init__(reason)


class AsteriskError(BridgeError):
    """A running Asterisk answered with an error, or not at all."""


class AriUnavailable(AsteriskError):
    """No ARI connection, or it was lost while waiting for an answer."""


class AriRefused(AsteriskError):
    """ARI refused our user or password."""


class AriGone(AsteriskError):
    """The channel, playback or bridge is no longer there (HTTP 404)."""


class AriConflict(AsteriskError):
    """The channel is not in the state the request needs (HTTP 409 or 412)."""


class AmiUnavailable(AsteriskError):
    """No AMI connection, or it was lost."""


class AmiRefused(AsteriskError):
    """AMI refused our user or password."""


class AmiForbidden(AsteriskError):
    """Our AMI user may not do that: a class is missing in its `write`.

    Args:
        right: the class.
    """

    def __init__(self, right: str) -> None:
        self.right = right
        super().__init__(f"our AMI user may not do that: its `write` in manager.conf lacks `{right}`")
