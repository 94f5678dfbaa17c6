#!/usr/bin/env bash
# Write deploy/.env, which Compose reads, with new secrets. An existing file stays as it is.
set -euo pipefail
cd "$(dirname "$0")"
file=.env
[ ! -e "$file" ] || { echo "deploy/$file is there already: nothing was changed"; exit; }
random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }
umask 077
{
  echo "VIDEODROP_AWS_KEY=videodrop"
  echo "VIDEODROP_AWS_SECRET=$(random)"
  echo "VIDEODROP_API_TOKEN=$(random)"
} >"$file"
echo "deploy/$file has new secrets. The page asks for the value of VIDEODROP_API_TOKEN."
