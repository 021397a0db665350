"""The certificate of Asterisk's doors over TLS: laid, changed while it runs, or so that it has ended."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from harness.remote_spool import certificate
from private_pbx import free_ports

from bench.system import Pbx
from pbx_bridge.pbx.instance import lay_instance
from pbx_bridge.pbx.remote import RemoteDaemon


def open_doors(pbx: Pbx) -> None:
    """ARI and AMI over TLS from Asterisk's next start on."""
    keys = _keys(pbx)
    lay_paper(pbx, good=True, reload=False)
    ports = free_ports()
    pbx.plan = replace(
        pbx.plan,
        remote=RemoteDaemon(
            host="127.0.0.1",
            ari_port=ports.ari,
            ami_port=ports.ami,
            certificate=str(pbx.paths.inside(keys / "cert.pem")),
            key=str(pbx.paths.inside(keys / "key.pem")),
            networks=("127.0.0.1/32",),
        ),
    )
    lay_instance(pbx.asterisk, pbx.plan)


def lay_paper(pbx: Pbx, *, good: bool, reload: bool = True) -> Path:
    """Another certificate, which Asterisk takes at once; one that has ended, if not `good`. The issuer's file."""
    made = certificate(pbx.home / "paper", expired=not good)
    keys = _keys(pbx)
    shutil.copytree(made.certificate.parent, keys, dirs_exist_ok=True)
    for file in (keys, *keys.iterdir()):
        file.chmod(0o755 if file.is_dir() else 0o644)  # of this run only: Asterisk's user reads it
    if reload:
        (pbx.paths.etc / "http.conf").touch()  # what did not change is not read anew
        pbx.rx("module reload http")
    return made.issuer


def _keys(pbx: Pbx) -> Path:
    return pbx.paths.etc / "keys"
