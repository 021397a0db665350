"""Secrets: files of mode 0600 in HOME/secrets (0700), generated once, never settings, never in a log."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.fernet import Fernet

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.plan import AGENTS, PbxSecrets


class SecretStore:
    """The secrets of one HOME. Reading one that does not exist yet makes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """A secret by name, made by `make` the first time. Raises PbxError when it can be neither read nor kept."""
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                _write_new(path, make())
            text = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise PbxError(f"cannot keep a secret in {path}: {error.strerror}") from error
        if not text:
            raise PbxError(f"the secret {path} is empty: remove it to get a new one")
        return text

    def pbx(self, agents: Sequence[str] = AGENTS) -> PbxSecrets:
        """What stands in Asterisk's configuration."""
        return PbxSecrets(
            ari=self.get("ari"),
            ari_monitor=self.get("ari_monitor"),
            ami=self.get("ami"),
            agents={agent: self.agent(agent) for agent in agents},
        )

    def agent(self, name: str) -> str:
        """An agent's SIP password."""
        return self.get(f"agent{name}", lambda: secrets.token_urlsafe(15))

    def trunk(self, name: str) -> str:
        """What a provider gave for a trunk, as the admin wrote it down; empty where they did not. Raises PbxError."""
        path = self._folder / f"trunk_{name}"
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise PbxError(f"cannot read the password of trunk {name} in {path}: {error}") from error

    @property
    def ari(self) -> str:
        """The daemon's ARI password."""
        return self.get("ari")

    @property
    def ami(self) -> str:
        """The daemon's AMI password."""
        return self.get("ami")

    @property
    def session_key(self) -> str:
        """The key of what pages give browsers to carry, in Fernet's form."""
        return self.get("session_key", lambda: Fernet.generate_key().decode())

    @property
    def admin_password(self) -> str:
        """The first admin's password; shown by `make run`."""
        return self.get("admin_password", lambda: secrets.token_urlsafe(12))


def _write_new(path: Path, text: str) -> None:
    """Whole or not at all: written beside and linked into place, so that a kill leaves no empty secret."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()
