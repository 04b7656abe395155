# Hosts of their own: network namespaces behind a wire that can be cut.
# Source it after test-lib.sh.
#
#	can_make_hosts              root, and what it takes is there
#	make_host NAME              sets $NAME_ip, its address, and $NAME_gate, ours on its wire
#	host NAME                   the words in front of a command that run it there
#	cut_host NAME               packets vanish in both directions, as behind a dead switch
#	join_host NAME              they arrive again
# They are gone when the script ends.

can_make_hosts () {
	test "$(id -u)" = 0 && ip netns add "t$$probe" 2>/dev/null && ip netns del "t$$probe"
}

# 10.77.X.Y: four addresses for each host of each script, by our process number.
make_host () {
	local name=$1 net=$(($$ % 4000 * 4)) ns=t$$$1 wire=t$$$1
	host_count=$((${host_count:-0} + 1))
	net=$(((net + host_count * 16000) % 65536))
	local base=10.77.$((net / 256))
	printf -v "${name}_gate" %s "$base.$((net % 256 + 1))"
	printf -v "${name}_ip" %s "$base.$((net % 256 + 2))"
	local gate=${name}_gate ip=${name}_ip
	test_at_end "ip netns del $ns 2>/dev/null; ip link del ${wire}a 2>/dev/null || :"
	ip netns add "$ns" &&
	ip link add "${wire}a" type veth peer name "${wire}b" netns "$ns" &&
	ip addr add "${!gate}/30" dev "${wire}a" && ip link set "${wire}a" up &&
	ip -n "$ns" addr add "${!ip}/30" dev "${wire}b" && ip -n "$ns" link set "${wire}b" up &&
	ip -n "$ns" link set lo up && ip -n "$ns" route add default via "${!gate}"
}

host () {
	echo "ip netns exec t$$$1"
}

# The neighbour gets an address that nobody has.
cut_host () {
	local ip=${1}_ip gate=${1}_gate
	ip neigh replace "${!ip}" lladdr 02:00:00:00:00:99 dev "t$$${1}a" nud permanent &&
	ip -n "t$$$1" neigh replace "${!gate}" lladdr 02:00:00:00:00:98 dev "t$$${1}b" nud permanent
}

join_host () {
	local ip=${1}_ip gate=${1}_gate
	ip neigh del "${!ip}" dev "t$$${1}a" && ip -n "t$$$1" neigh del "${!gate}" dev "t$$${1}b"
}
