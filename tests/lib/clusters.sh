# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For suites in the virtual machine: two gateways with a pod behind each, joined by a cable. Source it
# after tap.sh, and end with finish_clusters.

work=$(mktemp -d)
gateway=$SUBWG_BUILD/examples/gateway/subwg-gateway
mkdir "$work/broker"
cp "$SUBWG_BUILD/plugins/wireguard/wireguard.so" "$work/wireguard.so"
chmod 755 "$work" "$work/wireguard.so"
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

# make_cluster NUMBER UNDERLAY-ADDRESS POD-PREFIX: the pod is POD-PREFIX.0.2.
make_cluster()
{
    local number=$1 underlay=$2 pods=$3
    ip netns add "gateway$number"
    ip netns add "pod$number"
    ip link add "pod$number" netns "gateway$number" type veth peer name eth0 netns "pod$number"
    ip -n "gateway$number" link set lo up
    ip -n "gateway$number" addr add "$pods.0.1/24" dev "pod$number"
    ip -n "gateway$number" link set "pod$number" up
    ip -n "pod$number" addr add "$pods.0.2/24" dev eth0
    ip -n "pod$number" link set eth0 up
    ip -n "pod$number" route add default via "$pods.0.1"
    ip netns exec "gateway$number" sysctl -qw net.ipv4.ip_forward=1
    cat >"$work/$number.json" <<JSON
{"cable-driver": "wireguard", "driver-file": "$work/wireguard.so",
 "broker": {"type": "directory", "path": "$work/broker"}, "listen": "$underlay:8080",
 "endpoint": {"cluster_id": "cluster$number", "cable_name": "cable-$number", "hostname": "worker$number",
              "subnets": ["$pods.0.0/18"], "private_ip": "$underlay", "backend": "wireguard"}}
JSON
}

# A cable between gateway 1 (10.243.64.6) and gateway 2 (10.243.64.7).
join_underlay()
{
    ip link add eth0 netns gateway1 type veth peer name eth0 netns gateway2
    ip -n gateway1 addr add 10.243.64.6/24 dev eth0
    ip -n gateway2 addr add 10.243.64.7/24 dev eth0
    ip -n gateway1 link set eth0 up
    ip -n gateway2 link set eth0 up
}

# start_gateway NUMBER: its process is in pid[NUMBER].
# shellcheck disable=SC2034 # for the suite that sources this
declare -A pid
start_gateway()
{
    # exec, so that a signal meets the gateway and not a shell in front of it.
    (exec ip netns exec "gateway$1" "$gateway" run --config "$work/$1.json" 2>>"$work/$1.log") &
    # shellcheck disable=SC2034
    pid[$1]=$!
}

cleanup_gateway()
{
    ip netns exec "gateway$1" "$gateway" cleanup --config "$work/$1.json"
}

# within SECONDS COMMAND...: tries once a second.
within()
{
    local seconds=$1
    shift
    for ((; seconds > 0; seconds--)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 1
    done
    "$@"
}

finish_clusters()
{
    # shellcheck disable=SC2154 # of tap.sh
    [[ $tap_failed -eq 0 ]] || tail -n +1 "$work"/*.log
    finish
}
