#!/bin/sh
# PostgreSQL in its container, for the profile `postgresql`: makes the database and its password once, then serves.
# Administrators come in from inside only:  docker compose exec database psql -h /tmp postgres
set -eu
umask 077
data=/data/database/$(basename /usr/lib/postgresql/*)
trap 'exit 0' TERM INT # as process 1 a shell would not even die

if [ ! -s /secret/password ]; then
	od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >/secret/password.new
	mv /secret/password.new /secret/password
fi

if [ ! -e "$data" ]; then # under another name until it is whole
	rm -rf "$data.new"
	initdb --pgdata "$data.new" --auth-local peer --auth-host scram-sha-256 --encoding UTF8 --locale C.UTF-8 >/dev/null
	echo 'host pbx pbx samenet scram-sha-256' >>"$data.new/pg_hba.conf"
	postgres --single -D "$data.new" postgres >/dev/null <<-SQL
		CREATE ROLE pbx LOGIN PASSWORD '$(cat /secret/password)';
		CREATE DATABASE pbx OWNER pbx;
	SQL
	mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
