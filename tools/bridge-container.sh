#!/bin/sh
# The bridge in its container: lays configuration, prompts and store, tells Asterisk, and becomes the daemon.
set -eu
pbx-bridge prepare --container --asterisk "$(cat /asterisk-version)"
touch /data/asterisk/prepared
echo "sign in as admin with the password in /data/secrets/admin_password; softphones: pbx-bridge agents"
exec pbx-bridge daemon
