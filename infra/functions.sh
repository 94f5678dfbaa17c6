#!/usr/bin/env bash
# Build build/functions.zip, the code of query, janitor, replays and events:
#
#     infra/functions.sh                 for the defaults of the variable `functions`
#     infra/functions.sh x86_64 3.12     for another architecture and Python
#     BUILD=FOLDER infra/functions.sh    into a folder other than build
#
# Each build starts from scratch, because pip keeps existing files. The same code gives the same zip,
# so that Terraform publishes no new version.
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=${1:-arm64} python=${2:-3.13}
tree=${BUILD:-build}/functions zip=${BUILD:-build}/functions.zip
case $architecture in
  arm64) machine=aarch64 ;;
  x86_64) machine=x86_64 ;;
  *) echo "usage: infra/functions.sh [arm64|x86_64 [PYTHON]]" >&2; exit 1 ;;
esac

umask 022 # Lambda reads it as another user
rm -rf "$tree" "$zip"
# By the environment, so that they also pin the build tools.
export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
# Lambda's Python 3.12 and newer have glibc 2.34. VIDEODROP_TELEMETRY=aws imports the extra `aws`.
"${PYTHON:-python3}" -m pip install --disable-pip-version-check --no-compile \
  --only-binary=:all: --python-version "$python" \
  --platform "manylinux_2_28_$machine" --platform "manylinux2014_$machine" \
  --target "$tree" ".[api,aws]"
rm -rf "$tree/bin" # commands, with this machine's path to Python
# pip's record of this checkout's path.
rm -f "$tree"/videodrop-*.dist-info/direct_url.json
sed -i /direct_url.json/d "$tree"/videodrop-*.dist-info/RECORD
find "$tree" -exec touch -d 2020-01-01T00:00:00Z {} +
(cd "$tree" && find . -type f | LC_ALL=C sort | TZ=UTC zip -qX -@ "../${zip##*/}")
echo "$zip is for python$python on $architecture"
