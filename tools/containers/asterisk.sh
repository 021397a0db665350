#!/bin/sh
# Asterisk in its container: waits until the bridge has laid a configuration for this very version, then is Asterisk.
set -eu
conf=/data/asterisk/etc/asterisk.conf
trap 'exit 0' TERM INT # as process 1 a shell would not even die
left=300
until cmp -s /asterisk-version /data/asterisk/prepared; do
	left=$((left - 1))
	[ "$left" -gt 0 ] || { echo "the bridge has laid no configuration for Asterisk $(cat /asterisk-version): see its log" >&2; exit 1; }
	sleep 1
done
exec asterisk -f -C "$conf"
