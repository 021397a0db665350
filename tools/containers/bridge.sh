#!/bin/sh
# The bridge in its container: lays configuration, prompts and store, tells Asterisk so, and keeps the daemon.
set -eu
home=${PBX_BRIDGE_HOME:-/data}
trap 'exit 0' TERM INT # as process 1 a shell would not even die

# The database's container made the password: it is kept where the bridge looks for it.
case ${PBX_BRIDGE_STORE__URL:-} in
*@database/*)
	left=120
	until [ -s /secret/password ] && python -c 'import socket; socket.create_connection(("database", 5432), 2)' 2>/dev/null; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "the database does not answer: was it started with --profile postgresql?" >&2; exit 1; }
		sleep 1
	done
	(umask 077 && mkdir -p "$home/secrets" && cp /secret/password "$home/secrets/postgres")
	;;
esac

# A newer image brings an older store to its version: not without a backup, in $home/backups.
store=${PBX_BRIDGE_STORE__URL:-$home/store.db}
if [ "$(cat "$home/store-of-container" 2>/dev/null)" = "$store" ]; then
	case $store in /*) [ ! -e "$store" ] || pbx-bridge db upgrade ;; *) pbx-bridge db upgrade ;; esac
fi

pbx-bridge prepare --container --asterisk "$(cat /asterisk-version)"
echo "$store" >"$home/store-of-container"
cp /asterisk-version /data/asterisk/prepared
echo "sign in as admin with the password in $home/secrets/admin_password; softphones: pbx-bridge agents"
exec python /usr/local/lib/pbx-bridge/keep.py
