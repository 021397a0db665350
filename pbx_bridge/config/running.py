"""The system of the settings, as calls are placed to it."""

from __future__ import annotations

from pbx_bridge.config.settings import Settings
from pbx_bridge.pbx.try_call import RunningSystem
from pbx_bridge.values.loopback import is_loopback


def running_system(settings: Settings) -> RunningSystem:
    """Where the PBX is that answers our calls: where its AMI is, if that is another machine or container."""
    ami = settings.ami.host
    return RunningSystem(
        host=settings.pbx.sip_address if ami is None or is_loopback(ami) else ami,
        sip_port=settings.pbx.sip_port,
        node=settings.pbx.systemname,
        store=settings.store_place,
        pid_file=settings.run / "daemon.pid",
        region=settings.region,
    )
