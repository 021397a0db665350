"""Where the sounds of calls come from and where they are kept, as the settings tell it."""

from __future__ import annotations

from pbx_bridge.config.settings import Settings
from pbx_bridge.pbx.paths import find_paths
from pbx_bridge.spool.recording_files import RecordingFiles


def recording_files(settings: Settings) -> RecordingFiles:
    """Recordings of talks."""
    spool = settings.recordings.spool or find_paths(settings.home, settings.asterisk_root).monitor
    return RecordingFiles(spool, settings.recordings_path, settings.sound_keys)


def message_files(settings: Settings) -> RecordingFiles:
    """Messages of callers."""
    spool = settings.messages.spool or find_paths(settings.home, settings.asterisk_root).recording
    return RecordingFiles(spool, settings.messages_path, settings.sound_keys)
