#!/bin/sh
# Makes .venv from a hashed constraints file, and installs what the machine lacks. Called by the Makefile.
#
#   tools/setup.sh python           the virtual environment, empty
#   tools/setup.sh venv run|dev     and with the project in it
#   tools/setup.sh system           the programs that the tests drive
set -eu

VENV=.venv

say() { printf '%s\n' "$*"; }

fail() {
	say "make: $*" >&2
	exit 1
}

# True where apt-get can install: Debian (or alike), as root.
can_install() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

install() {
	say "installing $* (apt-get)"
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	if ! { apt-get -q update && apt-get -qy --no-install-recommends install "$@"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		fail "apt-get could not install $*"
	fi
	rm -f "$log"
}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python() {
	for candidate in "${PYTHON:-python3}" python3 python3.11 python3.12 python3.13; do
		if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
			printf '%s' "$candidate"
			return
		fi
	done
	fail "Python 3.11 or later is needed; name it with PYTHON=…"
}

make_venv() {
	python=$(python)
	if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
		can_install || fail "this Python cannot make virtual environments: install python3-venv"
		install python3-venv
	fi
	rm -rf "$VENV"
	"$python" -m venv "$VENV"
}

have_venv() {
	if ! { [ -x "$VENV/bin/python" ] && new_enough "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }; then
		make_venv
	fi
}

venv() {
	have_venv
	count=$(grep -c '^[a-z]' "constraints/$1.txt")
	say "installing $count Python packages into $VENV"
	# Two steps, because pip takes no hash for a folder. Nothing is fetched in the second.
	pip "$count" --require-hashes --requirement "constraints/$1.txt"
	pip 1 --no-deps --no-build-isolation --no-index --editable .
	# On every core, where pip takes one. A service may not write here: each of its starts would do it again.
	"$VENV/bin/python" -m compileall -q -j 0 "$VENV/lib" pbx_bridge >/dev/null || : # some packages bring files for others
}

# Installs, telling now and then how far it is; what it says in full is shown only when it fails.
pip() {
	count=$1
	shift
	log=$(mktemp)
	{
		"$VENV/bin/python" -m pip --disable-pip-version-check --no-input --no-cache-dir install --no-compile --progress-bar off "$@" 2>&1 ||
			echo pip-failed
	} | awk -v log_file="$log" -v count="$count" '
		{ print >log_file }
		/^(Collecting|Processing|Requirement already)/ && ++seen % 10 == 0 { print "  " seen " of " count; fflush() }'
	if [ "$(tail -n 1 "$log")" = pip-failed ]; then
		tail -n 5 "$log" | grep -v pip-failed >&2
		rm -f "$log"
		fail "pip could not install what constraints/ names"
	fi
	rm -f "$log"
}

# program or library:package. The library is what playwright's driver needs beside itself.
WANTED="sipp:sip-tester baresip:baresip espeak-ng:espeak-ng sox:sox chromium:chromium libatomic.so.1:libatomic1 initdb:postgresql"

present() {
	case $1 in
	lib*) PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep -q "$1" ;;
	initdb) command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

system() {
	missing=""
	for pair in $WANTED; do
		present "${pair%%:*}" || missing="$missing ${pair##*:}"
	done
	[ -n "$missing" ] || return 0
	if can_install; then
		# shellcheck disable=SC2086 # a list of words
		install $missing
	else
		say "without$missing some tests are skipped; on Debian: apt-get install$missing"
	fi
}

case "${1:-} ${2:-}" in
"python ") have_venv ;;
"venv run" | "venv dev") venv "$2" ;;
"system ") system ;;
*) fail "usage: tools/setup.sh python, tools/setup.sh venv run|dev or tools/setup.sh system" ;;
esac
