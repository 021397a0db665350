#!/bin/sh
# Asterisk in its container: waits for the configuration that the bridge lays, then becomes Asterisk.
set -eu
conf=/data/asterisk/etc/asterisk.conf
left=300
until [ -e /data/asterisk/prepared ]; do
	left=$((left - 1))
	[ "$left" -gt 0 ] || { echo "no configuration came to $conf" >&2; exit 1; }
	sleep 1
done
exec asterisk -f -C "$conf"
