# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # it shares its variables with the demo
# The stage of examples/demo: its namespaces, what can be done there, and what can be seen.

# The stage: three clusters and the network between them.

readonly namespace_prefix=subwg-demo-
readonly monitor=10.243.64.1
declare -rA hostname_of=([1]=omer-sub1-vm-worker1 [2]=omer-sub2-vm-worker2 [3]=omer-sub2-vm-worker3)
declare -rA gateway_of=([1]=10.243.64.6 [2]=10.243.64.7 [3]=10.243.64.9)
declare -rA pods_of=([1]=10.233 [2]=10.234 [3]=11.235)
readonly places=(underlay gateway1 pod1 gateway2 pod2 gateway3 pod3)

inside()
{
    (become "$@")
}

# In the background it is the command itself that gets the signals, not a shell around it.
become()
{
    local place=$1
    shift
    exec nsenter --net="/run/netns/$namespace_prefix$place" -- "$@" 9>&-
}

ip_in()
{
    local place=$1
    shift
    ip -n "$namespace_prefix$place" "$@"
}

pod_of()
{
    echo "${pods_of[$1]}.0.10"
}

# What runs in our namespaces was started by this demo, or by one that was killed.
remove_stage()
{
    local namespace processes
    for namespace in $(ip netns list | awk -v prefix="$namespace_prefix" 'index($1, prefix) == 1 {print $1}'); do
        processes=$(ip netns pids "$namespace")
        # shellcheck disable=SC2086 # a list
        [[ -z $processes ]] || kill -KILL $processes 2>/dev/null || true
        ip netns delete "$namespace"
    done
}

build_underlay()
{
    ip_in underlay -batch - <<BATCH
link set lo up
link add lan0 type bridge
address add $monitor/24 dev lan0
link set lan0 up
BATCH
}

build_cluster()
{
    local gateway=gateway$1 pod=pod$1 pods=${pods_of[$1]}
    ip_in "$gateway" -batch - <<BATCH
link set lo up
link add eth0 type veth peer name $gateway netns ${namespace_prefix}underlay
address add ${gateway_of[$1]}/24 dev eth0
link set eth0 up
link add pods0 type veth peer name eth0 netns $namespace_prefix$pod
address add $pods.0.1/18 dev pods0
address add $pods.64.1/18 dev pods0
link set pods0 up
BATCH
    inside "$gateway" sysctl -qw net.ipv4.ip_forward=1
    ip_in underlay link set "$gateway" master lan0 up
    ip_in "$pod" -batch - <<BATCH
link set lo up
address add $pods.0.10/18 dev eth0
address add $pods.64.10/18 dev eth0
link set eth0 up
route add default via $pods.0.1
BATCH
}

# IPv6 looks for duplicates of each new address first; until then the dumps would still change.
addresses_settled()
{
    local place
    for place in "${places[@]}"; do
        [[ -z $(ip_in "$place" address show tentative) ]] || return 1
    done
}

build_stage()
{
    local place
    export PATH="$installed/bin:$PATH" LD_LIBRARY_PATH="$installed/lib"
    mkdir "$work/broker"
    cd "$work" || exit
    exec 9>/run/subwg-demo.lock
    flock -n 9 || fail "another demo is running on this machine"
    remove_stage
    stage_stands=yes
    for place in "${places[@]}"; do
        ip netns add "$namespace_prefix$place"
    done
    build_underlay
    for place in 1 2 3; do
        build_cluster "$place"
        write_config "$place"
    done
    wait_for 20 "IPv6 addresses settle" addresses_settled
}

# cluster1's gateway repairs on request only: what somebody changes by hand is to be seen.
write_config()
{
    local cluster=$1 address=${gateway_of[$1]} pods=${pods_of[$1]} repair=true
    [[ $cluster -ne 1 ]] || repair=false
    cat >"$work/cluster$cluster.json" <<JSON
{
  "cable-driver": "wireguard",
  "driver-directory": "$installed/lib/subwg/drivers-1",
  "broker": {"type": "directory", "path": "$work/broker"},
  "listen": "$address:8080",
  "title": "kubernetes-admin@cluster.local",
  "repair": $repair,
  "endpoint": {
    "cluster_id": "cluster$cluster",
    "cable_name": "submariner-cable-cluster$cluster-${address//./-}",
    "hostname": "${hostname_of[$cluster]}",
    "subnets": ["$pods.0.0/18", "$pods.64.0/18"],
    "private_ip": "$address",
    "public_ip": "",
    "nat_enabled": false,
    "backend": "wireguard"
  }
}
JSON
}

draw_stage()
{
    indent <<'PICTURE'
cluster1                                                                        cluster2
pod 10.233.0.10 ── gateway 10.243.64.6 ──┬─ underlay ─┬── 10.243.64.7 gateway ── pod 10.234.0.10
                                         │            │
                          10.243.64.1 monitor         └── 10.243.64.9 gateway ── pod 11.235.0.10
                                                                                cluster3
PICTURE
}

# Looking.

# Bridge timers and the countdown of an expiring route change by themselves; nothing else is left out.
dump_place()
{
    {
        printf '%s\n' 'link show' 'address show' 'route show table all' 'rule show' |
            ip_in "$1" -d -batch -
        printf '%s\n' 'route show table all' 'rule show' | ip_in "$1" -d -6 -batch -
    } | sed -E 's/(_timer) +[0-9.]+/\1 -/g; s/ expires -?[0-9]+sec//'
}

# dump_all NAME: what every namespace holds, into a folder of that name.
dump_all()
{
    local place
    mkdir "$work/$1"
    for place in "${places[@]}"; do
        dump_place "$place" >"$work/$1/$place"
    done
}

scrape()
{
    inside underlay curl -sS --max-time 5 "http://${gateway_of[1]}:8080/metrics" >"$work/metrics"
}

connected_endpoints_are()
{
    scrape && grep -qx "wireguard_connected_endpoints $1" "$work/metrics"
}

# The value of a series in the last scrape, or nothing.
value_of()
{
    sed -n "s/^wireguard_$1{.*dst_clusterID=\"cluster$2\"} //p" "$work/metrics"
}

# expected_metrics CONNECTED CLUSTER...: what a scrape must be, with N for each figure.
expected_metrics()
{
    local connected=$1 family help cluster
    shift
    echo "# HELP wireguard_connected_endpoints wireguard connected endpoints"
    echo "# TYPE wireguard_connected_endpoints gauge"
    echo "wireguard_connected_endpoints $connected"
    while read -r family help; do
        echo "# HELP wireguard_$family $help"
        echo "# TYPE wireguard_$family gauge"
        for cluster in "$@"; do
            printf 'wireguard_%s{Backend="wireguard",dst_EndPoint_hostname="%s",dst_PrivateIP="%s",dst_PublicIP="",dst_clusterID="cluster%s"} N\n' \
                "$family" "${hostname_of[$cluster]}" "${gateway_of[$cluster]}" "$cluster"
        done
    done <<'FAMILIES'
connection_lifetime wireguard connection lifetime in seconds
rx_bytes Bytes received
tx_bytes Bytes transmitted
FAMILIES
}

metrics_are()
{
    diff -u --label expected --label found <(expected_metrics "$@") \
        <(sed -E 's/\} [0-9]+$/} N/' "$work/metrics")
}

show_metrics()
{
    show underlay curl -sS "http://${gateway_of[1]}:8080/metrics" ||
        fail "the scrape failed"
    cp "$work/output" "$work/metrics"
}

show_table()
{
    show gateway1 subwg-gateway show connections --config cluster1.json || fail "no table"
    cp "$work/output" "$work/table"
}

# row_is CLUSTER STATUS: the cluster's one line in the table, to its end.
row_is()
{
    local pods=${pods_of[$1]//./\\.}
    grep -cxE "${hostname_of[$1]} +cluster$1 +${gateway_of[$1]//./\\.} +wireguard +$pods\.0\.0/18, $pods\.64\.0/18 +$2 *" \
        "$work/table" | grep -qx 1
}

table_head_is_right()
{
    local rows=$1
    grep -qxF 'Showing information for cluster "kubernetes-admin@cluster.local":' <(sed -n 1p "$work/table") &&
        grep -qxE 'GATEWAY +CLUSTER +REMOTE IP +CABLE DRIVER +SUBNETS +STATUS *' <(sed -n 2p "$work/table") &&
        [[ $(wc -l <"$work/table") -eq $((rows + 2)) ]]
}

# Samples cluster1's device for as long as it lives: the device's public key alone, then of each peer its key, handshake
# time and counters. The private key, which wg prints first, is dropped.
watch_peers()
{
    local key handshake rx tx
    while sleep 0.1; do
        inside gateway1 wg show subwg0 dump | {
            IFS=$'\t' read -r _ key _
            echo "$key"
            while IFS=$'\t' read -r key _ _ _ handshake rx tx _; do
                echo "$key $handshake $rx $tx"
            done
        }
    done
}

samples()
{
    grep -c '^[^ ]*$' "$work/watched" || true
}

has_samples()
{
    [[ $(samples) -ge $1 ]]
}

# Before a crash, during, and after it: each has its samples, however slow the machine.
two_more_samples()
{
    wait_for 30 "two more samples of the device" has_samples $(($(samples) + 2))
}

# watched_is_steady DEVICE_KEY PEER_KEY: in every sample the same device key, and figures that never fall.
watched_is_steady()
{
    awk -v device="$1" -v peer="$2" '
        NF == 1 { samples++ }
        NF == 1 && $1 != device { wrong = "another key: " $1 }
        NF != 1 && NF != 4 { wrong = $0 }
        $1 == peer {
            seen++
            for (i = 2; i <= 4; i++) {
                if ($i == 0 || $i < last[i]) wrong = "fell from " last[i] " to " $i
                last[i] = $i
            }
        }
        END {
            if (samples < 6 || seen < samples - 1) wrong = wrong " " samples " samples, " seen " with the peer"
            if (wrong) { print wrong; exit 1 }
        }' "$work/watched"
}

has_lines()
{
    [[ $(wc -l <"$1") -ge $2 ]]
}

# Acting.

declare -A process_of=()

start_gateway()
{
    become "gateway$1" subwg-gateway run --config "cluster$1.json" >>"$work/gateway$1.log" 2>&1 &
    process_of[$1]=$!
}

# stop_gateway CLUSTER SIGNAL
stop_gateway()
{
    kill "-$2" "${process_of[$1]}"
    wait "${process_of[$1]}" 2>/dev/null || true
}

# What pod1 will send: a line that nobody else knows, a megabyte of it.
write_letter()
{
    marker="confidential-$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')"
    awk -v line="$marker" 'BEGIN { for (i = 0; i < 32768; i++) print line }' >"$work/sent"
}

# It waits from the beginning, so that only the way there is missing before the clusters are joined.
listen_in_pod2()
{
    become pod2 socat -u -T 30 TCP-LISTEN:7000,reuseaddr "CREATE:$work/received" 2>"$work/listener.log" &
    listener=$!
    wait_for 10 "pod2 listens" pod2_listens
}

pod2_listens()
{
    inside pod2 ss -Hltn | grep -q ':7000 '
}

transfer()
{
    show pod1 socat -u -T 30 OPEN:sent "TCP:$(pod_of 2):7000,connect-timeout=5"
}

# start_capture PLACE INTERFACE
start_capture()
{
    become "$1" tcpdump -i "$2" -n -U -B 16384 -Z root -w "$work/$1.pcap" 2>"$work/$1.tcpdump" &
    capture_of[$1]=$!
    wait_for 20 "tcpdump starts in $1" grep -q 'listening on' "$work/$1.tcpdump"
}

stop_capture()
{
    sleep 0.5
    kill -INT "${capture_of[$1]}"
    wait "${capture_of[$1]}" || fail "tcpdump in $1" "$(cat "$work/$1.tcpdump")"
    grep -qx '0 packets dropped by kernel' "$work/$1.tcpdump" || fail "tcpdump missed packets" \
        "$(cat "$work/$1.tcpdump")"
}

declare -A capture_of=()

# The number of packets on the underlay that a filter takes.
packets()
{
    tcpdump --count -n -r "$work/underlay.pcap" "$1" 2>"$work/tcpdump.log" | sed 's/ packets\{0,1\}$//'
}
