#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# entrypoint.sh: the step that scans, as its authors published it.
set -e
echo "$BUILDBOT_BUILDNUMBER $BUILDBOT_STEP $$" >>"$LAB_STEPS"
bash scan.sh
