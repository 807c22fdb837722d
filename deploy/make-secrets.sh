#!/bin/sh
# Makes the passwords that docker-compose.yml hands to the containers, and Mosquitto's password file with their
# hashes. Existing passwords are kept, so it may run again at any time:
#   deploy/make-secrets.sh                     the account of Tocsin
#   deploy/make-secrets.sh device-1 device-2   and one for each device
set -eu
umask 077

image=eclipse-mosquitto:2.1-alpine
# Who reads them: the users inside the two images.
tocsin_owner=1000:1000
mosquitto_owner=1883:1883

directory=${SECRETS_DIRECTORY:-$(cd "$(dirname "$0")" && pwd)/secrets}
mkdir -p "$directory"
chmod 700 "$directory"
directory=$(cd "$directory" && pwd)
hashes=$directory/mosquitto_passwords

for name in tocsin "$@"; do
  case $name in
    *[!A-Za-z0-9._-]* | '' | .* | -*)
      echo "make-secrets: '$name' cannot be a user name: use letters, digits, '-', '_' and '.'" >&2
      exit 2
      ;;
  esac
  file=$directory/${name}_password.txt
  if [ ! -s "$file" ]; then
    # 24 random bytes; written aside first, so that no half-written password is ever taken for a whole one.
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file.new"
    chmod 600 "$file.new"
    mv "$file.new" "$file"
    echo "make-secrets: new password for $name in $file"
  fi
done

stale=no
for file in "$directory"/*_password.txt; do
  name=$(basename "$file" _password.txt)
  if ! grep -q "^$name:" "$hashes" 2>/dev/null || [ -n "$(find "$file" -newer "$hashes")" ]; then stale=yes; fi
done

if [ "$stale" = yes ]; then
  work=$(mktemp -d "$directory/.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  for file in "$directory"/*_password.txt; do
    printf '%s:%s\n' "$(basename "$file" _password.txt)" "$(cat "$file")"
  done >"$work/hashes"
  # Passwords go in by a file: an argument could be seen in the list of processes.
  if command -v mosquitto_passwd >/dev/null 2>&1; then
    mosquitto_passwd -U "$work/hashes"
  elif command -v docker >/dev/null 2>&1; then
    docker run --rm --network none --user "$(id -u):$(id -g)" -v "$work:/work" "$image" mosquitto_passwd -U /work/hashes
  else
    echo "make-secrets: neither mosquitto_passwd nor docker is here; install the package mosquitto, or Docker" >&2
    exit 1
  fi
  chmod 600 "$work/hashes"
  mv "$work/hashes" "$hashes"
  echo "make-secrets: $hashes is new; a broker that is running reads it after: docker compose restart mosquitto"
fi

own='chown '$tocsin_owner' "$1"/*_password.txt && chown '$mosquitto_owner' "$1"/mosquitto_passwords'
if [ "$(id -u)" = 0 ]; then
  sh -c "$own" own "$directory"
elif command -v docker >/dev/null 2>&1; then
  docker run --rm --network none --user 0:0 -v "$directory:/secrets" "$image" sh -c "$own" own /secrets
else
  echo "make-secrets: run this as root, or with Docker here, so that the users of the containers may read them" >&2
  exit 1
fi
