#!/usr/bin/env bash
# Try videodrop in an AWS account: apply, drop a video, check it, replay, roll back, destroy.
#
#     infra/smoke.sh [--yes] [--image NAME@sha256:…] [--variables FILE.json]
#     infra/smoke.sh --local            against the simulator, or what listens at AWS_ENDPOINT_URL
#     infra/smoke.sh --destroy          destroy what a killed run left
#
# The installation has a random name, and its state is in .smoke/, so no other one is touched. It is
# destroyed at the end, also after a failure. .smoke/report.md has no account id and no
# token. --variables are more inputs of infra/, as JSON; --image skips the build of the image.
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."

folder=.smoke sample=samples/landscape.mp4
report=$folder/report.md log=$folder/log steps=$folder/steps
mode=aws yes="" image="" variables="" destroy=""
die() { echo "$*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --local) mode=local ;;
    --yes) yes=1 ;;
    --destroy) destroy=1 ;;
    --image) image=${2:?--image needs a name} && shift ;;
    --variables) variables=$(cd "$here" && realpath "${2:?--variables needs a file}") && shift ;;
    *) die "Unknown option $1; see the first lines of infra/smoke.sh." ;;
  esac
  shift
done
umask 077

# -- what the steps use ------------------------------------------------------------------------

in_folder() { terraform -chdir="$folder" "$@" -no-color -input=false; }
apply() { in_folder apply -auto-approve "-parallelism=$parallel" "$@"; }
output() { terraform -chdir="$folder" output -json "$1" | jq -er "${2:-.}"; }
holds() { # JSON on standard input is also shown, for the log
  local input
  input=$(cat)
  echo "$input" >&2
  jq -e "$1" <<<"$input" >/dev/null
}

# Write the root module: infra/ with the values in the file `inputs`, which wins over --variables.
configure() {
  jq -n --slurpfile more "${variables:-/dev/null}" --slurpfile own "$folder/inputs" '{
    module: {videodrop: (($more[0] // {}) + {source: "../infra"} + $own[0])},
    output: (["api", "environment", "repositories", "sign_in"] | map({(.): {value: "${module.videodrop.\(.)}"}}) | add)
  }' >"$folder/main.tf.json"
}

give() { # NAME JSON: another value
  jq --arg name "$1" --argjson value "$2" '.[$name] = $value' "$folder/inputs" >"$folder/inputs.new"
  mv "$folder/inputs.new" "$folder/inputs"
  configure
}

# The token is in a file for curl's option -K: arguments are visible to other users.
get() { curl -sS -m 60 -K "$folder/token" "$(output api)$1"; }
current() { videodrop versions "$(<"$folder/video")" --stage detect --json | jq -er '.versions[] | select(.current).fingerprint'; }

# -- steps -------------------------------------------------------------------------------------

build_functions() {
  if [ "$mode" = local ]; then
    zip -qr "$folder/functions.zip" handlers # nothing runs it
  else
    BUILD=$folder infra/functions.sh
  fi
}

make_repositories() { in_folder init ${plugins:+"-plugin-dir=$plugins"} && apply -target=module.videodrop.aws_ecr_repository.images; }

build_image() {
  if [ -z "$image" ]; then
    local repository tag
    repository=$(output repositories .lambda)
    tag=$repository:smoke
    aws ecr get-login-password --region "$region" |
      docker login --username AWS --password-stdin "${repository%%/*}"
    containers/build.sh cpu --platform linux/amd64 --tag "$tag"
    docker push "$tag"
    image=$(docker inspect --format '{{index .RepoDigests 0}}' "$tag")
  fi
  give images "{\"lambda\": \"$image\"}"
}

plan_is_empty() { in_folder plan -detailed-exitcode "-parallelism=$parallel"; }

# As docs/how-to/deploy.md has it for programs: a client with a secret, and a token for it.
sign_in() {
  local pool name client secret n
  pool=$(output sign_in .pool)
  name=$(output environment .VIDEODROP_NAME)
  read -r client secret < <(aws cognito-idp create-user-pool-client --region "$region" \
    --user-pool-id "$pool" --client-name smoke --generate-secret \
    --allowed-o-auth-flows-user-pool-client --allowed-o-auth-flows client_credentials \
    --allowed-o-auth-scopes "$name/read" "$name/replay" \
    --query 'UserPoolClient.[ClientId, ClientSecret]' --output text)
  give sign_in_clients "[\"$client\"]"
  apply
  for n in 1 2 3 4 5 6; do # a new sign-in domain takes a minute
    if printf 'user = "%s:%s"\n' "$client" "$secret" |
      curl -sS -m 60 -K - -d grant_type=client_credentials "$(output sign_in .address)/oauth2/token" |
      jq -er '"header = \"Authorization: Bearer \(.access_token // error)\""' >"$folder/token"; then
      return
    fi
    echo "No token yet ($n)."
    sleep "${WAIT_S:-20}"
  done
  return 1
}

is_closed() {
  local path code
  for path in /videos /jobs /replays; do
    code=$(curl -sS -m 60 -o /dev/null -w '%{http_code}' "$(output api)$path")
    echo "$path: $code"
    [ "$code" = 401 ]
  done
  get /videos | holds '.videos == []'
}

start_worker() {
  videodrop worker >"$folder/worker.log" 2>&1 &
  worker=$!
  echo "worker=$worker" >>"$folder/place"
}

drop() { videodrop add "$sample" --wait --timeout 1800 --json | jq -er '.videos[0].video_id' >"$folder/video"; }

check() {
  videodrop show "$(<"$folder/video")" --json |
    holds '(.status | startswith("ready")) and all(.stages[]; .state == "succeeded" or .state == "skipped")'
}

check_api() {
  get "/videos/$(<"$folder/video")" >"$folder/shown"
  holds '.status | startswith("ready")' <"$folder/shown"
  curl -sSf -m 60 "$(output api)$(jq -er .links.playlist "$folder/shown")" | grep '^#EXTM3U'
  curl -sSf -m 60 -o /dev/null -w '%{content_type}' "$(jq -er .poster "$folder/shown")" | grep '^image/'
}

replay() {
  current >"$folder/first"
  videodrop replay "$(<"$folder/video")" --stage detect --set detect-confidence=0.45 --budget 1 --yes \
    --timeout 1800 --json | holds '.state == "finished"'
  [ "$(current)" != "$(<"$folder/first")" ]
}

roll_back() {
  videodrop rollback "$(<"$folder/video")" detect
  [ "$(current)" = "$(<"$folder/first")" ]
}

nothing_is_dead_lettered() { videodrop redrive --dry-run --json | holds '.rows == []'; }

destroy_all() {
  local refresh=true
  [ "$mode" = aws ] || refresh=false # moto cannot read all of it
  in_folder destroy -auto-approve "-parallelism=$parallel" "-refresh=$refresh"
}

nothing_is_left() {
  local left
  left=$(terraform -chdir="$folder" state list) && [ -z "$left" ]
}

# What Terraform does not know of, such as a log group that Lambda made again.
note_tagged() {
  note "resources that still have its tag" - "$(aws resourcegroupstaggingapi get-resources --region "$region" \
    --tag-filters "Key=Project,Values=$(jq -r .name "$folder/inputs")" \
    --query 'length(ResourceTagMappingList)' --output text 2>>"$log" || echo unknown); AWS lists deleted ones for some minutes"
}

# -- report ------------------------------------------------------------------------------------

note() { printf '%s\t%s\t%s\n' "$@" >>"$steps"; } # step, seconds, outcome

# Record how a step went. `set -e` holds in it only where no `if` and no `||` surrounds it.
step() {
  local name=$1 begun=$SECONDS options=$- code
  shift
  echo "== $name" | tee -a "$log"
  set +e
  (set -e; "$@") >"$folder/said" 2>&1
  code=$?
  [[ $options != *e* ]] || set -e
  cat "$folder/said" >>"$log"
  if [ $code -eq 0 ]; then
    note "$name" $((SECONDS - begun)) held
  else
    failed=1
    note "$name" $((SECONDS - begun)) "did not hold"
    echo "$name: did not hold; $log has the output" >&2
    { echo "$name:" && tail -n 12 "$folder/said"; } >>"$folder/failures"
  fi
  return $code
}

scrub() {
  sed -E -e 's/[0-9]{12}/ACCOUNT/g' -e 's/(AKIA|ASIA)[A-Z0-9]{12,}/KEY/g' -e 's/eyJ[A-Za-z0-9._-]+/TOKEN/g' \
    -e 's/Bearer +[^ "]+/Bearer TOKEN/g' -e 's/\?[^ "]*(Signature|X-Amz-)[^ "]*/?SIGNATURE/g' -e "s|$PWD|.|g"
}

write_report() {
  {
    echo "# Smoke test of videodrop"
    echo
    echo "$(date -u +%Y-%m-%d), ${endpoint:+simulator, }$region, revision $(git rev-parse --short HEAD 2>/dev/null || echo unknown)."
    echo "$(videodrop --version), Terraform $(terraform version -json | jq -r '.terraform_version'), provider" \
      "$(sed -n 's/.*version = "\([0-9.]*\)"/\1/p' infra/versions.tf | tail -n 1)."
    printf '\n| step | s | outcome |\n|---|--:|---|\n'
    sed 's/\t/ | /g; s/.*/| & |/' "$steps"
    [ ! -s "$folder/failures" ] || printf '\nLast lines of what did not hold:\n\n```text\n%s\n```\n' "$(<"$folder/failures")"
  } | scrub >"$report"
  echo "Report: $report"
}

# After a crash the number may be another's.
is_ours() { ps -p "$1" -o args= | grep -q 'tests\.infra\.simulator\| worker$'; }

stop() {
  if [ -n "$1" ] && is_ours "$1"; then
    kill "$1"
    wait "$1" 2>/dev/null
  fi
}

# Destroy, whatever happened before, and leave only the report and the log.
finish() {
  local status=$?
  trap - EXIT
  trap : INT TERM # Ctrl-C ends a command of this function, not the function
  set +e
  stop "$worker"
  if [ -n "$simulator" ] && ! is_ours "$simulator"; then rm -f "$folder"/terraform.tfstate*; fi # gone with it
  if [ -e "$folder/terraform.tfstate" ]; then
    step destroy destroy_all && step "nothing is left in the state" nothing_is_left || status=1
  fi
  [ "$mode" = local ] || note_tagged
  stop "$simulator"
  write_report
  if [ -e "$folder/terraform.tfstate" ] && ! nothing_is_left; then
    echo "NOT DESTROYED, and it costs money: infra/smoke.sh --destroy tries again." >&2
    exit 1
  fi
  find "$folder" -mindepth 1 -maxdepth 1 ! -path "$report" ! -path "$log" -exec rm -rf {} +
  [ -z "$failed" ] || status=1
  exit "$status"
}

# -- run ---------------------------------------------------------------------------------------

for tool in terraform jq videodrop; do command -v "$tool" >/dev/null || die "$tool is not installed."; done
plugins=${VIDEODROP_TERRAFORM_PLUGINS:-}
# Nothing that leads to another installation, or to another state.
unset VIDEODROP_NAME VIDEODROP_UPLOADS_BUCKET VIDEODROP_ARTIFACTS_BUCKET TF_WORKSPACE TF_DATA_DIR
for name in "${!TF_CLI_ARGS@}"; do unset "$name"; done
export VIDEODROP_CLOUD=aws
[ "$mode" = local ] || unset AWS_ENDPOINT_URL
failed="" worker="" simulator="" endpoint="" account="" parallel=10 region=${AWS_REGION:-us-east-1}

account_now() { aws sts get-caller-identity --query Account --output text; }

if [ -n "$destroy" ]; then
  [ -e "$folder/place" ] || die "Nothing to destroy: no run was killed."
  . "$folder/place"
  # Elsewhere Terraform would find nothing, and forget what there is.
  [ "$mode" = local ] || [ "$(account_now)" = "$account" ] || die "These are credentials of another account than the run's."
elif [ -e "$folder/place" ]; then
  die "An earlier run was not destroyed: infra/smoke.sh --destroy"
elif [ "$mode" = local ]; then
  parallel=100 image=smoke@sha256:$(printf '0%.0s' {1..64}) endpoint=${AWS_ENDPOINT_URL:-}
else
  for tool in aws curl zip; do command -v "$tool" >/dev/null || die "$tool is not installed."; done
  if [ -z "$image" ]; then
    docker version >/dev/null 2>&1 || die "Docker does not run: start it, or give --image."
    [ -f containers/base.digest ] || die "The base image is not pinned yet: run containers/build.sh pin"
  fi
  account=$(account_now)
  cat <<TEXT
Makes an installation in account $account, region $region, and destroys it again: half an hour or more.
It costs about 1 USD, and 6 more if Cognito bills a whole month of the program's client (prices from
memory). Left running it would cost about 10 USD a month.
TEXT
  [ -n "$yes" ] || read -r -p "Begin? [y/N] " yes || true
  [[ $yes = [1yY]* ]] || die "Nothing was made."
fi
mkdir -p "$folder"
[ "$mode" = aws ] || export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=$region AWS_DEFAULT_REGION=$region
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ -z "$endpoint" ] || export AWS_ENDPOINT_URL=$endpoint
[ -z "$destroy" ] || exit 0 # by `finish`

: >"$log" >"$steps"
printf '%s=%q\n' mode "$mode" region "$region" account "$account" parallel "$parallel" endpoint "$endpoint" >"$folder/place"
if [ "$mode" = local ] && [ -z "$endpoint" ]; then
  "${PYTHON:-python3}" -m tests.infra.simulator "$folder/simulator" 0 >"$folder/endpoint" 2>>"$log" &
  simulator=$!
  until [ -s "$folder/endpoint" ]; do
    kill -0 "$simulator" || die "The simulator ended: see $log."
    sleep 0.2
  done
  endpoint=$(jq -er .endpoint "$folder/endpoint")
  export AWS_ENDPOINT_URL=$endpoint
  printf '%s=%q\n' endpoint "$endpoint" simulator "$simulator" >>"$folder/place"
fi

name=videodrop-smoke-$(od -An -N3 -tx1 /dev/urandom | tr -d ' \n')
jq -n --arg name "$name" --arg region "$region" --argjson simulated "$([ $mode = aws ] && echo false || echo true)" '{
  name: $name, region: $region, local: $simulated, functions: {zip: "functions.zip"},
  uploads_bucket: null, artifacts_bucket: null, existing_uploads_bucket: false, sign_in: "cognito",
  deletion_protection: false, log_days: 1, max_replay_usd: 1
}' >"$folder/inputs"
configure

step "zip of the functions" build_functions
step "image repositories" make_repositories
step "image" build_image
step apply apply
step "a second plan is empty" plan_is_empty || true # told, and no reason to stop
eval "$(output environment 'to_entries[] | "export \(.key)=\(.value | @sh)"')"
if [ "$mode" = aws ]; then
  step "a token of Cognito" sign_in
  step "S3 begins to send events" sleep "${SETTLE_S:-300}" # docs/how-to/deploy.md#the-first-video
  step "the API is closed without it" is_closed
else
  for what in "a token of Cognito" "the API is closed without it" "the API shows it, its playlist and poster"; do
    note "$what" - "not checked: only AWS runs the functions, here a worker runs the stages"
  done
  start_worker
fi
step drop drop
step "all stages succeeded" check
if [ "$mode" = aws ]; then step "the API shows it, its playlist and poster" check_api; fi
step replay replay
step "roll back" roll_back
step "no message is dead-lettered" nothing_is_dead_lettered
