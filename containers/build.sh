#!/usr/bin/env bash
# Build an image from a base that is pinned by its digest:
#
#     containers/build.sh pin                       ask the registry, and write base.digest
#     containers/build.sh gpu -t NAME [OPTION …]    further options are those of docker build
#
# base.digest is yours to commit: everyone who builds then has the same base.
set -euo pipefail
cd "$(dirname "$0")/.."
file=containers/base.digest
die() { echo "$*" >&2; exit 1; }

target=${1:?usage: containers/build.sh pin | api|media|cpu|gpu [option of docker build ...]}
shift
if [ "$target" = pin ]; then
  base=$(sed -n 's/^FROM \(python:[^@]*\)@.*/\1/p' containers/Dockerfile)
  digest=$(docker buildx imagetools inspect "$base" --format '{{.Manifest.Digest}}')
else
  [ -f "$file" ] || die "The base image is not pinned yet: run containers/build.sh pin"
  digest=$(cat "$file")
fi
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "This is no digest: '$digest'"
if [ "$target" = pin ]; then
  echo "$digest" >"$file"
  echo "$base is $digest"
  exit
fi
# Lambda takes an image, not an index of an image and what attests to it.
exec docker build --provenance=false --file containers/Dockerfile --target "$target" \
  --build-arg PYTHON_DIGEST="$digest" \
  --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' pipeline/__init__.py)" \
  --build-arg REVISION="$(git rev-parse HEAD)" \
  --build-arg SOURCE="$(git config --get remote.origin.url || echo unknown)" \
  "$@" .
