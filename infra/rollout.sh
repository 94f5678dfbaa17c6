#!/usr/bin/env bash
# Shift every function to the version that the last apply published, with CodeDeploy:
#
#     infra/rollout.sh
#
# All start together, in the way that `rollout` names. The script waits, says how each ended, updates
# Terraform's state, and fails if one was rolled back. Where `rollout` is null an apply has done it all.
set -euo pipefail
cd "$(dirname "$0")"

rollouts=$(terraform output -json rollouts | jq -c '.[]')
if [ -z "$rollouts" ]; then
  echo "Nothing to shift: every function is at its latest version."
  exit 0
fi

failed=0 waiting=""
while read -r input; do
  function=$(jq -r .deploymentGroupName <<<"$input")
  if id=$(aws deploy create-deployment --cli-input-json "$input" --query deploymentId --output text); then
    echo "$function: $id started"
    waiting+="$function $id"$'\n'
  else
    echo "$function: not started" >&2
    failed=1
  fi
done <<<"$rollouts"

while [ -n "$waiting" ]; do
  left=""
  while read -r function id; do
    said=$(aws deploy get-deployment --deployment-id "$id" \
      --query 'deploymentInfo.[status, errorInformation.message]' --output text)
    case ${said%%$'\t'*} in
      Succeeded) echo "$function: live" ;;
      Failed | Stopped)
        echo "$function: not live: ${said#*$'\t'}" >&2
        failed=1
        ;;
      *) left+="$function $id"$'\n' ;;
    esac
  done <<<"${waiting%$'\n'}"
  waiting=$left
  [ -z "$waiting" ] || sleep "${POLL_S:-15}"
done

terraform apply -refresh-only -auto-approve >/dev/null # which versions are live
exit $failed
