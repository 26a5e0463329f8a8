#!/usr/bin/env bash
# Installs what the tests use beyond Go and git, where this user can: a static busybox for test images and a real rsyslog.
# Elsewhere it says what is missing; the tests that need it then skip with the reason, or fail where CI is set.
set -euo pipefail

missing=()
[ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 || missing+=(busybox-static)
command -v rsyslogd >/dev/null || [ -x /usr/sbin/rsyslogd ] || missing+=(rsyslog)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  # A policy that forbids services to start: the tests run a rsyslogd of their own.
  apt-get update -qq >&2
  RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
  exit 0
fi
echo "not installed: ${missing[*]} (the tests that need them are skipped; on Debian: apt-get install ${missing[*]})" >&2
[ -z "${CI:-}" ]
