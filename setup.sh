#!/usr/bin/env bash
# Set-up for `make up` (run) and `make test` (dev): system packages, a virtual environment, pinned
# Python packages. Safe to run again; called by make only when something it reads has changed.
set -euo pipefail
cd "$(dirname "$0")"

kind=${1:?usage: setup.sh run|dev}
python=${PYTHON:-python3}
venv=.venv
say() { printf '\033[1mvideodrop\033[0m  %s\n' "$*"; }
die() { printf '\033[1mvideodrop\033[0m  %s\n' "$*" >&2; exit 1; }

# -- Python ----------------------------------------------------------------------------------------
command -v "$python" >/dev/null || die "Python is not installed. Install Python 3.11 or newer: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$("$python" --version) is too old: 3.11 or newer is needed. Name another: make PYTHON=python3.12 up"

# -- system packages -------------------------------------------------------------------------------
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); } # command, Debian package
need ffmpeg ffmpeg
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
# OpenCV, which Ultralytics brings, is linked against these two.
ldconfig -p | grep -q 'libGL\.so\.1' || missing+=(libgl1)
ldconfig -p | grep -q 'libglib-2\.0\.so\.0' || missing+=(libglib2.0-0)
if [ "$kind" = dev ]; then
  need espeak-ng espeak-ng
  command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
fi
if [ ${#missing[@]} -gt 0 ]; then
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    say "Installing system packages: ${missing[*]}"
    "${root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    die "These system packages are missing: ${missing[*]}
           Install them, then run make again:  sudo apt-get install -y ${missing[*]}"
  fi
fi

# -- Python packages -------------------------------------------------------------------------------
if [ ! -x $venv/bin/python ]; then
  say "Making a virtual environment in $venv"
  "$python" -m venv $venv
fi
case $kind in
  run) extra=all ;;
  dev) extra=dev ;;
  *) die "usage: setup.sh run|dev" ;;
esac
say "Installing Python packages (about 6 GB with PyTorch's CUDA libraries; minutes the first time)"
# PIP_ARGS is a list of options on purpose.
# shellcheck disable=SC2086
$venv/bin/python -m pip install --quiet --disable-pip-version-check --progress-bar on \
  --constraint constraints.txt ${PIP_ARGS:-} --editable ".[$extra]"
touch "$venv/.$kind"
[ "$kind" = run ] || touch "$venv/.run" # what tests need holds what a run needs
say "Ready."
