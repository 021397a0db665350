"""The mirror is taken from the machine's own apt sources, in both of apt's formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx_bridge.pbx.mirror import Source, debian_mirror, machine_sources, os_release, sources_in

DEB822 = """\
# written by hand
Types: deb deb-src
URIs: http://mirror.example/debian http://other.example/debian/
Suites: bookworm bookworm-updates
Components: main
 contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""


def test_deb822_with_folded_fields_and_several_values() -> None:
    found = sources_in(DEB822, deb822=True)

    assert found[0] == Source(uri="http://mirror.example/debian", suite="bookworm", components=("main", "contrib"))
    assert len(found) == 5
    assert debian_mirror(found, "bookworm") == "http://mirror.example/debian"


@pytest.mark.parametrize("field", ["Enabled: no", "Enabled: false"])
def test_deb822_that_is_switched_off(field: str) -> None:
    assert (
        sources_in(f"Types: deb\n{field}\nURIs: http://a.example\nSuites: sid\nComponents: main\n", deb822=True) == ()
    )


def test_deb822_of_sources_only() -> None:
    assert sources_in("Types: deb-src\nURIs: http://a.example\nSuites: sid\nComponents: main\n", deb822=True) == ()


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example/debian/ bookworm main non-free-firmware",
        "deb [signed-by=/usr/share/keyrings/a.gpg arch=amd64] http://mirror.example/debian bookworm main # ours",
        "  deb\thttp://mirror.example/debian   bookworm   main",
    ],
)
def test_one_line_form(line: str) -> None:
    found = sources_in(f"# deb http://no.example/debian bookworm main\n{line}\n", deb822=False)
    assert debian_mirror(found, "bookworm") == "http://mirror.example/debian"


@pytest.mark.parametrize(
    "line",
    [
        "deb http://security.example/debian-security bookworm-security main",
        "deb https://packages.example/apt cloud-sdk-bookworm main",
        "deb http://mirror.example/debian bookworm contrib",
        "deb cdrom:[Debian]/ bookworm main",
        "deb-src http://mirror.example/debian bookworm main",
        "deb http://node.example nodistro main",
    ],
)
def test_what_is_not_the_main_archive(line: str) -> None:
    assert debian_mirror(sources_in(line, deb822=False), "bookworm") is None


def test_a_machine_is_read_in_apts_order_without_disabled_files(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://first.example/debian bookworm main\n")
    (parts / "b.list").write_text("deb http://third.example/debian bookworm main\n")
    (parts / "a.sources").write_text("Types: deb\nURIs: http://second.example\nSuites: sid\nComponents: main\n")
    (parts / "c.list.disabled").write_text("deb http://never.example/debian bookworm main\n")

    assert [source.uri for source in machine_sources(tmp_path)] == [
        "http://first.example/debian",
        "http://second.example",
        "http://third.example/debian",
    ]


def test_what_a_machine_says_it_is(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text('ID=debian\nVERSION_CODENAME=bookworm\nNAME="Debian GNU/Linux"\n')
    assert os_release(file)["NAME"] == "Debian GNU/Linux"
    assert os_release(tmp_path / "none") == {}
