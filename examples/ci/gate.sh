#!/usr/bin/env bash
# Holds finished exports against the rules beside this script: gate.sh RUN...
# It needs neither torch nor a GPU. Exit codes: 0 pass, 1 a rule failed, 2 usage, 5 no rule.
set -euo pipefail

options=(--config "$(dirname "$0")/gate.yaml" --markdown gate.md --junit gate.xml)
if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
  options+=(--github)
fi
if [[ -f .lightning-trt/baseline.json ]]; then
  options+=(--baseline .lightning-trt/baseline.json)
fi

exec lightning-trt gate "$@" "${options[@]}"
