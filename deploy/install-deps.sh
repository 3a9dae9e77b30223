#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Bitsweep needs on Debian 12, by package name. Does nothing, quickly, when all is there.
# Removes no package, and starts no service of those it installs, now or at the next boot.
#
#   deploy/install-deps.sh            build and run
#   deploy/install-deps.sh --dev      also what the tests use
#   deploy/install-deps.sh --analyze  also clang and clang-tidy (preset analyze)
#   deploy/install-deps.sh --bench    also what tests/bench needs (Google Benchmark, Python environments)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)

build=(g++ cmake ninja-build ccache mold git ca-certificates
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev
  libspdlog-dev libfmt-dev libsqlite3-dev libarchive-dev prometheus-cpp-dev nlohmann-json3-dev libcli11-dev
  libtomlplusplus-dev libhdf5-dev libcpp-httplib-dev libbrotli-dev zlib1g-dev pkg-config libssl-dev openssl libtorch-dev libhwy-dev libgtest-dev libgmock-dev
  libonnx-dev libboost-dev python3 curl sqlite3)
command -v npm >/dev/null || build+=(npm) # for the drawing library that reports bring along
dev=(python3-torch python3-numpy python3-yaml python3-venv zsh fish clang-format binutils prometheus slurm-wlm munge
  lintian dpkg-dev file systemd man-db chromium)
dev+=(docker.io docker-compose debootstrap iptables)
analyze=(clang clang-tidy libclang-rt-dev)
bench=(libbenchmark-dev python3-venv util-linux)

packages=("${build[@]}")
want_dev=0
for argument in "$@"; do
  case "$argument" in
    --dev) packages+=("${dev[@]}"); want_dev=1 ;;
    --analyze) packages+=("${analyze[@]}") ;;
    --bench) packages+=("${bench[@]}") ;;
    --help | -h) sed -n '3,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "install-deps.sh: unknown argument '$argument'; expected --dev, --analyze or --bench" >&2; exit 2 ;;
  esac
done

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else
    echo "install-deps.sh: installing packages needs root or sudo" >&2
    return 1
  fi
}

quietly() { # shows the output only when the command fails
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# Packages of daemons, which the tests start themselves, would start them too. This keeps them from it while they are
# installed, unless the machine has a policy of its own.
policy=/usr/sbin/policy-rc.d
start_no_services() {
  if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
    trap 'as_root rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
  fi
}

installed() { dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^installed //p' | LC_ALL=C sort; }

disable_services() { # of the packages named
  local file units=()
  [ $# -gt 0 ] && [ -d /run/systemd/system ] || return 0
  while read -r file; do
    [ -L "$file" ] || units+=("${file##*/}") # not another name of a unit
  done < <(dpkg-query -L "$@" | grep -E '^(/usr)?/lib/systemd/system/[^/@]+\.(service|socket|timer|path)$')
  [ ${#units[@]} = 0 ] || quietly as_root systemctl disable "${units[@]}" ||
    echo "install-deps.sh: not all of these are disabled: ${units[*]}" >&2
}

apt_updated=0
apt_install() {
  local missing=() name before new failed=0
  for name in "$@"; do
    [ "$name" != docker.io ] || ! command -v dockerd >/dev/null || continue # another package's engine, such as docker-ce's
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
  if [ "$apt_updated" = 0 ]; then
    quietly as_root apt-get update
    apt_updated=1
  fi
  before=$(installed)
  [ "$want_dev" = 0 ] || start_no_services
  quietly as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-remove --no-install-recommends "${missing[@]}" || failed=1
  [ "$want_dev" = 1 ] || return "$failed"
  mapfile -t new < <(LC_ALL=C comm -13 <(printf '%s\n' "$before") <(installed))
  disable_services "${new[@]}"
  return "$failed"
}

apt_install "${packages[@]}"
[ "$want_dev" = 1 ] || exit 0

# Tools that Debian does not have, through their own package clients, pinned, below build/tools.
tools="$root/build/tools"
mkdir -p "$tools/bin"
grpcurl_version=v1.8.9
if [ ! -x "$tools/bin/grpcurl" ] || [ "$(cat "$tools/grpcurl.version" 2>/dev/null)" != "$grpcurl_version" ]; then
  command -v go >/dev/null || apt_install golang-go
  echo "installing grpcurl $grpcurl_version from its Go module"
  GOBIN="$tools/bin" quietly go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version"
  echo "$grpcurl_version" >"$tools/grpcurl.version"
fi
kustomize_version=v5.0.3 # the last that Debian's Go builds
if [ ! -x "$tools/bin/kustomize" ] || [ "$(cat "$tools/kustomize.version" 2>/dev/null)" != "$kustomize_version" ]; then
  command -v go >/dev/null || apt_install golang-go
  echo "installing kustomize $kustomize_version from its Go module"
  GOBIN="$tools/bin" quietly go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize_version"
  echo "$kustomize_version" >"$tools/kustomize.version"
fi
requirements="$root/tests/deploy/kubernetes/requirements.txt" # the schemas of Kubernetes' API
if ! cmp -s "$requirements" "$tools/kubernetes/installed.txt"; then
  echo "installing kubernetes-validate from PyPI"
  rm -rf "$tools/kubernetes"
  python3 -m venv "$tools/kubernetes"
  quietly "$tools/kubernetes/bin/pip" install --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$tools/kubernetes/installed.txt"
fi
compose_version=v2.40.3 # its modules need a Go that Debian 12 does not have: left out there
if [ "$(cat "$tools/docker-compose-v2.version" 2>/dev/null)" != "$compose_version" ]; then
  if printf 'go1.24.9\n%s\n' "$(go env GOVERSION)" | sort -VC; then
    echo "building Docker Compose $compose_version from its Go module (minutes, the first time)"
    module=$(mktemp -d)
    (cd "$module" && quietly go mod init tools.invalid &&
      quietly go get -tool "github.com/docker/compose/v2/cmd@$compose_version" &&
      quietly go build -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$compose_version" \
        -o "$tools/bin/docker-compose-v2" github.com/docker/compose/v2/cmd)
    rm -rf "$module"
    echo "$compose_version" >"$tools/docker-compose-v2.version"
  fi
fi
lock="$root/tests/lint/package-lock.json"
if ! cmp -s "$lock" "$tools/buf/installed.json" || [ ! -x "$tools/buf/node_modules/.bin/buf" ]; then
  command -v npm >/dev/null || apt_install npm
  echo "installing buf from npm"
  mkdir -p "$tools/buf"
  cp "$root/tests/lint/package.json" "$lock" "$tools/buf/"
  (cd "$tools/buf" && quietly npm ci --no-audit --no-fund)
  cp "$lock" "$tools/buf/installed.json"
fi
requirements="$root/tests/deploy/grafana/requirements.txt"
if ! cmp -s "$requirements" "$tools/grafana/installed.txt" || [ ! -x "$tools/grafana/bin/python" ]; then
  echo "installing Grafana's typed model from PyPI"
  rm -rf "$tools/grafana"
  quietly python3 -m venv "$tools/grafana"
  quietly "$tools/grafana/bin/pip" install --disable-pip-version-check --no-deps -r "$requirements"
  cp "$requirements" "$tools/grafana/installed.txt"
fi
quietly "$root/tests/report/setup.sh" # what drives Chromium
quietly "$root/tests/exchange/setup.sh" # onnxruntime, qonnx, hls4ml, ... from PyPI
quietly "$root/tests/python/setup.sh" # Optuna, pandas, and the checkout's own Python package
