#!/usr/bin/env bash
# Build an image from a base that is pinned by its digest:
#
#     containers/build.sh pin                       write base.digest from the registry
#     containers/build.sh gpu -t NAME [OPTION …]    more options of docker build
#
# Commit base.digest, so that every build has the same base.
set -euo pipefail
cd "$(dirname "$0")/.."
file=containers/base.digest
die() { echo "$*" >&2; exit 1; }

target=${1:?usage: containers/build.sh pin | api|media|cpu|gpu|local [option of docker build ...]}
shift
if [ "$target" = pin ]; then
  base=$(sed -n 's/^FROM \(python:[^@]*\)@.*/\1/p' containers/Dockerfile)
  digest=$(docker buildx imagetools inspect "$base" --format '{{.Manifest.Digest}}')
else
  [ -f "$file" ] || die "The base image is not pinned yet: run containers/build.sh pin"
  digest=$(cat "$file")
fi
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || die "This is not a digest: '$digest'"
if [ "$target" = pin ]; then
  echo "$digest" >"$file"
  echo "$base is $digest"
  exit
fi
# Lambda accepts an image, not an index with an attestation.
exec docker build --provenance=false --file containers/Dockerfile --target "$target" \
  --build-arg PYTHON_DIGEST="$digest" \
  --build-arg VERSION="$(sed -n 's/^__version__ = "\(.*\)"/\1/p' pipeline/__init__.py)" \
  --build-arg REVISION="$(git rev-parse HEAD)" \
  --build-arg SOURCE="$(git config --get remote.origin.url || echo unknown)" \
  "$@" .
