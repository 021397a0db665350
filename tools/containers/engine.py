"""podman and podman-compose as the proof needs them; where no registry is reached, the bases are made from Debian's.

The machine's own mirror and apt settings are taken at run time: no host is named here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.figure import CannotMeasure
from bench.needed import require, require_root
from bench.system import REPOSITORY, Say
from pbx_bridge.pbx.mirror import debian_mirror, machine_sources, os_release
from pbx_bridge.pbx.proxy import apt_options

PROJECT = "pbxb-proof"
SERVICES = ("asterisk", "bridge", "database")
WORK = REPOSITORY / "var" / "containers"
NEEDED = ("podman", "buildah", "runc", "debootstrap")
_PACKAGES = "podman buildah runc golang-github-containernetworking-plugin-dnsname dnsmasq-base debootstrap"
_COMPOSE = "podman-compose==1.6.0"  # Debian 12's own knows no profiles
_BASE = re.compile(r"^ARG \w+=(docker\.io/library/debian:(\w+)-\S+)$", re.MULTILINE)
_CA = Path("usr/local/share/ca-certificates")
_BUILD_S, _UP_S, _COMMAND_S = 1800.0, 300.0, 120.0
_NOISE = "healthchecks: dial"  # podman, of a machine without systemd, at each start
_WORDS = 400  # of what a program said last, when it failed
# Raising limits needs a capability that may be missing; crun 1.8 refuses hybrid cgroups.
_CONF = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""


@dataclass(slots=True, kw_only=True)
class Engine:
    """One project of the compose file, under a name and on ports of its own.

    Attributes:
        settings: what the compose file takes from the environment.
        profiles: of the compose file.
    """

    say: Say
    settings: Mapping[str, str]
    profiles: Sequence[str] = ()
    _environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_root("look into the volumes")
        require(NEEDED, _PACKAGES)
        WORK.mkdir(parents=True, exist_ok=True)
        conf = WORK / "containers.conf"
        conf.write_text(_CONF, encoding="utf-8")
        told = {"CONTAINERS_CONF": str(conf), "BUILDAH_ISOLATION": "chroot", "COMPOSE_PROJECT_NAME": PROJECT}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PBX_BRIDGE_", "COMPOSE_"))}
        self._environment = kept | told | dict(self.settings)

    def podman(self, *words: str, limit_s: float = _COMMAND_S) -> str:
        """What podman says. Raises CannotMeasure."""
        return self._run(["podman", *words], limit_s)

    def inside(self, service: str, *words: str) -> str:
        """What a command in a service's container says. Raises CannotMeasure."""
        return self.podman("exec", self.container(service), *words)

    @staticmethod
    def container(service: str) -> str:
        """The name of its only container."""
        return f"{PROJECT}_{service}_1"

    @property
    def services(self) -> Sequence[str]:
        """Those that are up, the database only with its profile."""
        return SERVICES if self.profiles else SERVICES[:2]

    def build(self) -> None:
        """Every image, its bases made first where they can neither be found nor pulled. Raises CannotMeasure."""
        for image, suite in _BASE.findall((REPOSITORY / "Dockerfile").read_text(encoding="utf-8")):
            if not self._has(image) and not self._pulled(image):
                self._make_base(image, suite)
        for service in self.services:
            self.say(f"building the image of {service}")
            self._compose("build", service, limit_s=_BUILD_S)

    def up(self) -> None:
        """Every container started; not yet ready. Raises CannotMeasure."""
        self._compose("up", "--no-build", "-d", limit_s=_UP_S)

    def down(self) -> None:
        """Containers, networks and volumes of ours are gone. Says what could not be removed."""
        try:
            self._compose("down", "-v", "--remove-orphans", "-t", "5")
            # It leaves those that it did not make itself.
            if left := self.podman("volume", "ls", "-q", "--filter", f"name=^{PROJECT}_").split():
                self.podman("volume", "rm", *left)
        except CannotMeasure as error:
            self.say(f"not all was removed: {error}")

    def purge(self) -> None:
        """Images and bases that builds of this project left."""
        bases = [image for image, _ in _BASE.findall((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))]
        for image in ("pbx-bridge", "pbx-bridge-asterisk", "pbx-bridge-database", *bases):
            if self._has(image):
                self.podman("rmi", "--force", image)
        shutil.rmtree(WORK)

    def healthy(self, service: str) -> bool:
        """Its health check, run now: the engine's own timer needs a systemd."""
        try:
            self.podman("healthcheck", "run", self.container(service))
        except CannotMeasure:
            return False
        return True

    def crash(self, service: str) -> None:
        """SIGKILL to its first process from outside, as the kernel's out-of-memory killer does it."""
        pid = int(self.podman("inspect", "--format", "{{.State.Pid}}", self.container(service)))
        os.kill(pid, signal.SIGKILL)

    def restarts(self, service: str) -> int:
        """How often the restart policy has started it again."""
        return int(self.podman("inspect", "--format", "{{.RestartCount}}", self.container(service)))

    def volume(self, name: str) -> Path:
        """Where the machine sees a named volume."""
        return Path(self.podman("volume", "inspect", "--format", "{{.Mountpoint}}", f"{PROJECT}_{name}").strip())

    def logs(self, service: str) -> str:
        """What it said last."""
        told = subprocess.run(  # noqa: S603
            ["podman", "logs", "--tail", "15", self.container(service)],  # noqa: S607
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_S,
        )
        return (told.stdout + told.stderr).strip()

    def _has(self, image: str) -> bool:
        try:
            self.podman("image", "exists", image)
        except CannotMeasure:
            return False
        return True

    def _pulled(self, image: str) -> bool:
        self.say(f"pulling {image}")
        try:
            self.podman("pull", "--quiet", image)
        except CannotMeasure:
            return False
        return True

    def _make_base(self, image: str, suite: str) -> None:
        """The image under its usual name, from the packages of the machine's own mirror."""
        mirror = debian_mirror(machine_sources(), os_release().get("VERSION_CODENAME", "stable"))
        if mirror is None:
            raise CannotMeasure(f"{image} cannot be pulled, and /etc/apt names no mirror to make it from")
        tree, archive = WORK / suite, WORK / f"{suite}.tar"
        self.say(f"no registry gives {image}: making it by debootstrap, some minutes")
        shutil.rmtree(tree, ignore_errors=True)
        self._run(["debootstrap", "--variant=minbase", suite, str(tree), mirror], _BUILD_S)
        (tree / "etc/apt/apt.conf.d/99machine").write_text(_apt_settings(), encoding="utf-8")
        if (Path("/") / _CA).is_dir():  # whom this machine trusts besides, its packages may come through
            shutil.copytree(Path("/") / _CA, tree / _CA, dirs_exist_ok=True)
        self._run(
            ["tar", "-C", str(tree), "--exclude=./var/cache/apt/archives/*", "-cf", str(archive), "."], _BUILD_S
        )
        self.podman("import", str(archive), image, limit_s=_BUILD_S)
        shutil.rmtree(tree)
        archive.unlink()

    def _compose(self, *words: str, limit_s: float = _COMMAND_S) -> str:
        program = WORK / "venv" / "bin" / "podman-compose"
        if not program.exists():
            self.say(f"installing {_COMPOSE}")
            self._run([sys.executable, "-m", "venv", str(WORK / "venv")], _BUILD_S)
            self._run([str(WORK / "venv/bin/pip"), "install", "--quiet", _COMPOSE], _BUILD_S)
        profiles = [word for profile in self.profiles for word in ("--profile", profile)]
        return self._run([str(program), *profiles, *words], limit_s)

    def _run(self, command: Sequence[str], limit_s: float) -> str:
        """Its standard output. What it starts is ended with it. Raises CannotMeasure."""
        child = subprocess.Popen(  # noqa: S603 - fixed programs, no shell
            command,
            cwd=REPOSITORY,
            env=self._environment,
            text=True,
            errors="replace",
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            out, err = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise CannotMeasure(f"{' '.join(command[:4])} … was not done after {limit_s:g} s") from None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait()
        if child.returncode != 0:
            words = [line for line in (err or out).splitlines() if _NOISE not in line]
            told = " / ".join(words)[-_WORDS:]
            raise CannotMeasure(f"{' '.join(command[:6])} ended with {child.returncode}: {told}")
        return out


def _apt_settings() -> str:
    """This machine's proxies and what it lets archives do, as a file of apt's."""
    pairs = (word.partition("=") for word in apt_options() if word != "-o")
    return "".join(f'{name} "{value}";\n' for name, _, value in pairs)
