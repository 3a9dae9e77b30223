#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes what a protected server needs for development: a certificate authority of its own, certificates of a server
# and a client, and two tokens. For production take certificates of your own authority, and tokens from
# `bitsweep token create`.
#
#   deploy/make-dev-certs.sh [DIR] [--host NAME]... [--days N]
#
# DIR (default var/dev-certs) gets ca.pem, ca-key.pem, server.pem, server-key.pem, client.pem, client-key.pem,
# admin.token and worker.token. The server's certificate is good for localhost, 127.0.0.1, ::1, `server`, this
# machine's name and every --host. What is there already is kept: delete DIR to start anew. Only its owner can enter
# DIR; the files in it are readable, so that a container's user can read those that are mounted into it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=
days=365
hosts=(localhost server "$(hostname)")
while [ $# -gt 0 ]; do
  case "$1" in
    --host | --days)
      [ $# -ge 2 ] || { echo "make-dev-certs.sh: $1 needs a value" >&2; exit 2; }
      if [ "$1" = --host ]; then hosts+=("$2"); else days=$2; fi
      shift
      ;;
    --help | -h) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "make-dev-certs.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
    *)
      [ -z "$dir" ] || { echo "make-dev-certs.sh: '$1': the folder is $dir already" >&2; exit 2; }
      dir=$1
      ;;
  esac
  shift
done
dir=${dir:-$root/var/dev-certs}
case "$days" in '' | *[!0-9]*) echo "make-dev-certs.sh: --days $days: expected a number" >&2; exit 2 ;; esac

names="IP:127.0.0.1,IP:::1"
for host in "${hosts[@]}"; do
  if [[ "$host" =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ || "$host" == *:* ]]; then names+=",IP:$host"; else names+=",DNS:$host"; fi
done

mkdir -p "$dir"
chmod 700 "$dir"
cd "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() { "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }; }
new_key() { quietly openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ ! -s ca.pem ] || [ ! -s ca-key.pem ]; then
  new_key "$work/ca-key.pem"
  quietly openssl req -new -x509 -key "$work/ca-key.pem" -days "$days" -subj "/CN=Bitsweep development CA" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$work/ca.pem"
  mv "$work/ca-key.pem" "$work/ca.pem" .
  rm -f server.pem client.pem
fi

certify() { # NAME SUBJECT EXTENSIONS
  [ ! -s "$1.pem" ] || [ ! -s "$1-key.pem" ] || return 0
  new_key "$work/key.pem"
  quietly openssl req -new -key "$work/key.pem" -subj "/CN=$2" -out "$work/request.pem"
  printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "$3" >"$work/extensions"
  quietly openssl x509 -req -in "$work/request.pem" -CA ca.pem -CAkey ca-key.pem -days "$days" \
    -set_serial "0x$(openssl rand -hex 16)" -extfile "$work/extensions" -out "$work/$1.pem"
  mv "$work/key.pem" "$1-key.pem"
  mv "$work/$1.pem" .
}
certify server server "$(printf 'extendedKeyUsage=serverAuth\nsubjectAltName=%s' "$names")"
certify client client "extendedKeyUsage=clientAuth"

for scope in admin worker; do
  [ -s "$scope.token" ] || openssl rand -hex 32 >"$scope.token"
done
chmod 644 ./*.pem ./*.token
chmod 600 ca-key.pem # nothing that runs needs it
echo "$dir: $(ls -m)"
