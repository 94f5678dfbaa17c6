#!/usr/bin/env bash
# Set-up for `make up` (run) and `make test` (dev): system packages, a virtual environment, pinned
# Python packages. Idempotent; make calls it only after a change of its inputs.
set -euo pipefail
cd "$(dirname "$0")"

kind=${1:?usage: setup.sh run|dev}
python=${PYTHON:-python3}
venv=.venv
say() { printf '\033[1mvideodrop\033[0m  %s\n' "$*"; }
die() { printf '\033[1mvideodrop\033[0m  %s\n' "$*" >&2; exit 1; }

# -- extras ----------------------------------------------------------------------------------------
# PyTorch comes along only where there is an NVIDIA GPU, or where WITH_GPU says so.
gpu=${WITH_GPU:-auto}
if [ "$gpu" = auto ]; then
  gpu=0
  compgen -G '/dev/nvidia[0-9]*' >/dev/null && gpu=1
fi
case $kind-$gpu in
  run-0) extra=all size="460 MB, a minute or two" ;;
  run-1) extra=all,gpu size="8 GB with PyTorch and CUDA for the NVIDIA GPU, minutes (without: make up WITH_GPU=0)" ;;
  dev-[01]) extra=dev size="7 GB with PyTorch's CUDA libraries, minutes" ;;
  *) die "usage: [WITH_GPU=0|1] setup.sh run|dev" ;;
esac

# -- Python ----------------------------------------------------------------------------------------
command -v "$python" >/dev/null || die "Python is not installed. Install Python 3.11 or newer: apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$("$python" --version) is too old: 3.11 or newer is needed. Select another: make PYTHON=python3.12 up"

# -- system packages -------------------------------------------------------------------------------
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); } # command, Debian package
need ffmpeg ffmpeg
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
# Python finds a library like the loader; ldconfig is not on the PATH of Debian's ordinary users.
loads() { "$python" -c "import ctypes; ctypes.CDLL('$1')" 2>/dev/null || missing+=("$2"); }
if [ "$extra" != all ]; then
  loads libGL.so.1 libgl1 # OpenCV, which Ultralytics requires, is linked against these two
  loads libglib-2.0.so.0 libglib2.0-0
fi
if [ "$kind" = dev ]; then
  need espeak-ng espeak-ng
  loads libatomic.so.1 libatomic1 # Playwright's driver
fi

root=()
[ "$(id -u)" = 0 ] || root=(sudo)
may_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}
install() {
  "${root[@]}" apt-get update -qq &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
if [ ${#missing[@]} -gt 0 ]; then
  may_install || die "These system packages are missing: ${missing[*]}
           Install them, then run make again:  sudo apt-get install -y ${missing[*]}"
  say "Installing system packages, which takes a minute or two: ${missing[*]}"
  install "${missing[@]}"
fi
# The headless shell needs half the CPU time of the whole browser. Ubuntu has Chromium as a snap only.
has() { command -v "$1" >/dev/null; }
if [ "$kind" = dev ] && ! has chromium-headless-shell; then
  say "Installing Chromium's headless shell, for the page's tests"
  { may_install && install chromium-headless-shell 2>/dev/null; } ||
    has chromium || has google-chrome || { may_install && install chromium; } ||
    say "Not installed: the page's tests are skipped. To run them, sudo apt-get install chromium; on Ubuntu, install Google Chrome."
fi

# -- Python packages -------------------------------------------------------------------------------
# Also after an interrupted set-up, or after a system upgrade removed its Python.
if ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
  say "Creating a virtual environment in $venv"
  "$python" -m venv --clear $venv
fi
say "Installing Python packages: $size"
# Python compiles what it imports. To compile all of it takes a third of the installation's time.
compile=()
[ "$extra" = all ] && compile=(--no-compile)
# PIP_ARGS is deliberately a list of options.
# shellcheck disable=SC2086
$venv/bin/python -m pip install --disable-pip-version-check "${compile[@]}" \
  --constraint constraints.txt ${PIP_ARGS:-} --editable ".[$extra]"

# -- a second DynamoDB, for the tests ---------------------------------------------------------------
# dynalite shares no code with moto. It is installed here, because tests use no network.
if [ "$kind" = dev ] && command -v npm >/dev/null; then
  say "Installing dynalite, a second DynamoDB to test against"
  npm install --silent --no-audit --no-fund --prefix $venv/dynalite dynalite@4.0.0 >/dev/null ||
    say "Not installed: the tests that need it are skipped."
elif [ "$kind" = dev ]; then
  say "npm is not installed: tests against dynalite, a second DynamoDB, are skipped."
fi

# -- TypeScript and ESLint, which check the page; hls.js, which plays results in tests --------------
if [ "$kind" = dev ] && command -v npm >/dev/null; then
  say "Installing TypeScript and ESLint, which check the page, and hls.js, a player to test with"
  mkdir -p $venv/web-tools
  cp package.json package-lock.json $venv/web-tools/
  # An old Node.js installs ESLint and cannot run it.
  { npm ci --silent --no-audit --no-fund --prefix $venv/web-tools >/dev/null &&
    $venv/web-tools/node_modules/.bin/eslint --version >/dev/null 2>&1; } || {
    rm -rf $venv/web-tools
    say "Not installed: the page is not checked, and tests with hls.js are skipped. ESLint needs Node.js 20.19 or newer."
  }
elif [ "$kind" = dev ]; then
  say "npm is not installed: the page is not checked, and tests with hls.js are skipped."
fi

# -- a second S3, Checkov and pip-audit, for the tests ---------------------------------------------
# In folders of their own: they need other versions of packages of ours.
separately() { # package, description
  say "Installing $2"
  rm -rf "$venv/$1"
  # shellcheck disable=SC2086
  $venv/bin/python -m pip install --quiet --disable-pip-version-check ${PIP_ARGS:-} \
    --constraint "tests/tools/$1.txt" --target "$venv/$1" "$1" 2>/dev/null ||
    say "Not installed: the tests that need it are skipped."
}
if [ "$kind" = dev ]; then
  separately ministack "MiniStack, a second S3 to test against"
  separately checkov "Checkov, which checks infra/"
  separately pip-audit "pip-audit, which asks for known vulnerabilities"
fi

# -- Terraform's provider, for the tests -----------------------------------------------------------
if [ "$kind" = dev ] && [ -z "${VIDEODROP_TERRAFORM_PLUGINS:-}" ]; then
  if command -v terraform >/dev/null; then
    say "Fetching Terraform's AWS provider: 150 MB"
    (
      export TF_DATA_DIR=$PWD/$venv/terraform
      terraform -chdir=infra get && terraform -chdir=infra providers mirror "$PWD/$venv/terraform-plugins"
    ) >/dev/null 2>&1 || say "Not fetched: the tests of infra/ that need it are skipped."
  else
    say "Terraform is not installed: the tests of infra/ are skipped."
  fi
fi
if [ "$kind" = dev ] && ! command -v kubectl >/dev/null; then
  say "kubectl is not installed: the tests of deploy/kubernetes are skipped."
fi
touch "$venv/.$kind"
[ "$kind" = run ] || touch "$venv/.run" # the tests' packages include those of a run
say "Ready."
