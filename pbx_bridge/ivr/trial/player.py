"""Plays rendered prompts on this machine's loudspeaker, by the player that is there: sox's `play`, or `aplay`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.ahead import MadeAhead
from pbx_bridge.ivr.sounds.voice import Voice

_PLAYERS = (("play", "-q"), ("aplay", "-q"))
_STOP_S = 2.0


class Player:
    """One thing is played at a time; what comes next cuts it. Raises PromptError saying why nothing can be played."""

    def __init__(self, book: PromptBook, sounds: Path) -> None:
        found = [(path, *options) for name, *options in _PLAYERS if (path := shutil.which(name))]
        if not found:
            raise PromptError("--play: neither play nor aplay is on the PATH; install one: apt-get install sox")
        self._command = found[0]
        self._announcer = Announcer(book, Voice.load(sounds, ahead=MadeAhead.load(sounds).clips))
        self._process: subprocess.Popen[bytes] | None = None

    def files(self, prompt: str, language: str, values: dict[str, object]) -> list[str]:
        """The files of a prompt. Raises PromptError when one was not rendered."""
        media = self._announcer.media(prompt, language, values)
        return [str(self._announcer.voice.path(one)) for one in media]

    def start(self, files: Sequence[str]) -> None:
        """Begin to play these, one after the other."""
        self.stop()
        if files:
            command = [*self._command, *files]
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def wait(self) -> None:
        """Hear it out. Raises PromptError when the player fails: there may be no loudspeaker."""
        process, self._process = self._process, None
        if process is not None and process.wait():
            raise PromptError(f"--play: {self._command[0]} failed: is there a sound device?")

    def stop(self) -> None:
        """Cut it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(_STOP_S)
