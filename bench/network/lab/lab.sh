#!/bin/bash
# A network laboratory on one machine: namespaces joined by a link with rate, delay, loss and MTU.
#   lab.sh up ID [MTU]       zcID (client) <- link -> zsID (server)                         10.77.ID.1 / 10.77.ID.2
#   lab.sh up4 ID MTU        zcID -1500- zaID <- link of MTU -> zbID -1500- zsID            10.8ID.1.1 / 10.8ID.3.2
#   lab.sh set ID MBIT RTT_MS LOSS_PERCENT      both directions; MBIT 0 is unlimited; needs python3, as stats does
#   lab.sh stats ID | down ID
# Run a program inside with: ip netns exec zsID COMMAND. ID is one digit. Needs root, gcc, iproute2 and /dev/net/tun.
# Nothing leaves these addresses. The link ends by itself after LAB_S seconds (default 3600); the namespaces stay
# until `down`. State is kept in ${LAB_DIR:-/run/zstash-lab}.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n 2,6p "$0"; exit 2; }
[[ $# -ge 2 && $2 =~ ^[1-9]$ ]] || usage
verb=$1 id=$2
root=${LAB_DIR:-/run/zstash-lab}
dir=$root/$id
link=$root/ulink
mkdir -p "$dir"
[ -x "$link" ] && [ "$link" -nt "$here/ulink.c" ] || gcc -O2 -Wall -o "$link" "$here/ulink.c"

ctl() { python3 - "$dir/ctl" "$1" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall((sys.argv[2] + "\n").encode())
print(s.recv(4096).decode().strip())
P
}

namespace() {
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.tcp_no_metrics_save=1 net.ipv4.tcp_mtu_probing=0
}

wire() { # NAMESPACE_A NAMESPACE_B SUFFIX IP_A IP_B: a pair of devices of MTU 1500 that hand on single packets, never
  # a burst in one piece, so that what crosses is what a wire would carry
  ip link add "w$id$3" type veth peer name "x$id$3"
  ip link set "w$id$3" netns "$1"
  ip link set "x$id$3" netns "$2"
  ip -n "$1" addr add "$4/24" dev "w$id$3"
  ip -n "$2" addr add "$5/24" dev "x$id$3"
  ip -n "$1" link set "w$id$3" mtu 1500 gso_max_segs 1 up
  ip -n "$2" link set "x$id$3" mtu 1500 gso_max_segs 1 up
}

start_link() { # NAMESPACE:DEVICE:IP/PREFIX NAMESPACE:DEVICE:IP/PREFIX MTU
  "$link" -a "$1" -b "$2" -s "$dir/ctl" -m "$3" -T "${LAB_S:-3600}" </dev/null >"$dir/link.log" 2>&1 &
  echo $! >"$dir/link.pid"
  for _ in $(seq 100); do [ -S "$dir/ctl" ] && return; sleep 0.05; done
  cat "$dir/link.log" >&2
  exit 1
}

case $verb in
up)
  namespace "zc$id"
  namespace "zs$id"
  start_link "zc$id:t0:10.77.$id.1/24" "zs$id:t0:10.77.$id.2/24" "${3:-1500}"
  for side in c:1 s:2; do
    ip -n "z${side%:*}$id" route replace "10.77.$id.0/24" dev t0 proto kernel scope link src "10.77.$id.${side#*:}" congctl cubic
  done ;;
up4)
  net=10.8$id
  for n in c a b s; do namespace "z$n$id"; done
  wire "zc$id" "za$id" c $net.1.1 $net.1.2
  wire "zb$id" "zs$id" s $net.3.1 $net.3.2
  start_link "za$id:t0:$net.2.1/24" "zb$id:t0:$net.2.2/24" "$3"
  ip -n "zc$id" route add default via $net.1.2 congctl cubic
  ip -n "zs$id" route add default via $net.3.1 congctl cubic
  ip -n "za$id" route add $net.3.0/24 via $net.2.2
  ip -n "zb$id" route add $net.1.0/24 via $net.2.1 ;;
set)
  # The queue holds one bandwidth-delay product, at least 150 kB.
  ctl "$(awk -v m="$3" -v r="$4" -v l="$5" 'BEGIN { b = m * 1e6; q = b / 8 * r / 1000; if (q < 150000) q = 150000; printf "set %.0f %.0f %.0f %.0f %.0f %.0f", b, b, r * 500, l * 1e4, l * 1e4, q }')" ;;
stats) ctl stats ;;
down)
  # The number may belong to another process by now, so it is asked for its program first.
  pid=$(cat "$dir/link.pid" 2>/dev/null || true)
  if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$link" ]; then kill "$pid" || true; fi
  sleep 0.2
  for n in c a b s; do ip netns del "z$n$id" 2>/dev/null || true; done
  rm -rf "$dir" ;;
*) usage ;;
esac
