# judge.jq: holds what the senders say against the ledger and the far end. Called by tests/lab/run
# with the rows of the plan as input and, as slurped files, said (what the senders print, with the
# row's id), status, flows (outflow flows --json), far (what recv counted) and nft (its counters).
#
# A line of a sender is a claim: so many bytes, by this execution, to there.

def key: "\(.ip) \(.port // "")";

# ---- The far end ----

def counted: [$nft[].nftables[]?.set // empty | .name as $set | .elem[]?.elem
	| {set: $set, val: (.val | if type == "object" then .concat else [.] end), c: .counter}];

# Payload by address and port: less 8 for UDP and 20 or 40 for IP a packet.
def far_udp: counted | map(select(.set == "udp4" or .set == "udp6")
	| {key: "\(.val[0]) \(.val[1])",
	   value: (.c.bytes - .c.packets * (if .set == "udp4" then 28 else 48 end))}) | from_entries;
def far_hdr: counted | map(select(.set == "at4" or .set == "at6")
	| {key: "\(.val[0]) ", value: .c.bytes}) | from_entries;
def far_ip: counted | map(select(.set == "at4" or .set == "at6")
	| {key: "\(.val[0]) ",
	   value: (.c.bytes - .c.packets * (if .set == "at4" then 20 else 40 end))}) | from_entries;
def far_link($head): counted | map(select(.set == "frames")
	| {key: .val[0], value: (.c.bytes + .c.packets * $head)}) | from_entries;
def far_read: [$far[] | select(.each) | {key: "\(.each) \(.port)", value: .received}] | from_entries;

def hex2: . as $n | "0123456789abcdef" as $h | $h[($n / 16 | floor):($n / 16 | floor) + 1]
	+ $h[$n % 16:$n % 16 + 1];
def link_address: "02:00:00:00:\(. / 256 | floor | hex2):\(. % 256 | hex2)";

# What the far end counted for a claim's endpoint; null: nothing counts there.
def far_of($counts; $row): . as $claim
	| if $row.far == "-" or $row.far == null then null
	  elif $row.far == "udp" then $counts.udp[$claim | key] // 0
	  elif $row.far == "ip" then $counts.ip["\($claim.ip) "] // 0
	  elif $row.far == "hdr" then $counts.hdr["\($claim.ip) "] // 0
	  elif $row.far == "link" then $counts.link[$row.port | link_address] // 0
	  elif $row.far == "link-payload" then $counts.payload[$row.port | link_address] // 0
	  elif $row.far == "tls" then $counts.read["tcp \($claim.port)"] // 0
	  else $counts.read["\($row.far) \($claim.port)"] // 0 end;

# Each TLS record of at most 16384 bytes has 5 + 8 + 16 bytes of its own.
def far_fits($row; $sent): if . == null then true
	elif $row.far == "tls" then (. - $sent) as $more
		| $more > 0 and $more % 29 == 0 and $more / 29 >= $sent / 16384
	else . == $sent end;

# ---- The ledger ----

# An attempt to connect is an entry without bytes.
def entries: [$flows[] | select(.process != null and .bytes.sent > 0) | {
	pid: .process.pid, exec: .process.exec_id, name: .process.name, lineage, sent: .bytes.sent,
	ip: .endpoint.ip, port: .endpoint.port, proto: .endpoint.proto, class: .endpoint.class,
	creator}];

def at($row; $claim): if $row.endpoint == "port" or $claim.self
	then .ip == $claim.ip and .port == $claim.port
	elif $row.endpoint == "ip" then .ip == $claim.ip and .port == null
	else .ip == null and .proto == $row.endpoint end;

# The claim with the execution it is about: one of this number and name, the one that sent there
# when there is such a one, else the latest.
def with_execution($row; $by_pid): . as $claim
	| [($by_pid["\($claim.pid)"] // [])[] | select(.name == $claim.name)] as $own
	| .exec = (([$own[] | select(at($row; $claim)).exec] | max) // ([$own[].exec] | max));

def sum(f): reduce .[] as $x (0; . + ($x | f));
def tail($n): .[length - $n:];
def word: if . == null then "-" elif . then "right" else "wrong" end;

def lineage_right($ledger): . as $claim | if .lineage == null then true else
	[$ledger[] | select(.exec == $claim.exec) | .lineage | tail($claim.lineage | length)]
	| length > 0 and all(. == $claim.lineage) end;

# Only asked for when the ledger tells creators at all.
def creator_right($row; $ledger): . as $claim
	| [$ledger[] | select(.exec == $claim.exec and at($row; $claim)) | .creator]
	| length > 0 and all(if $claim.creator == null then . == null
		else .pid == $claim.creator.pid and .name == $claim.creator.name end);

def judge_posted($row; $claims; $counts; $by_pid; $by_end; $creators):
	($claims | map(with_execution($row; $by_pid))) as $claims
	| ($claims | map(select(.self | not))) as $out
	| ($claims | map("\(.exec)") | unique) as $execs
	| ($claims | unique_by(key)) as $ends
	# All that these executions sent, and all that came to these far ends.
	| ([$claims | unique_by(.pid)[] | ($by_pid["\(.pid)"] // [])[] | select("\(.exec)" | IN($execs[]))]
	   + (if $row.endpoint == "port" or $row.endpoint == "ip"
	      then [$ends[] | select(.self | not) | ($by_end[.ip // ""] // [])[]
	            | select(. as $f | any($ends[]; . as $e | $f | at($row; $e)))]
	      else [] end)
	   | unique_by([.exec, .ip, .port, .proto, .class])) as $ledger
	| ($ledger | map(select(.class != "self"))) as $posted
	| {
		sent: ($out | sum(.sent)),
		posted: ($posted | sum(.sent)),
		execution: ($out | group_by(.exec) | length > 0 and all(
			.[0].exec as $x | $x != null and
			([$posted[] | select(.exec == $x)] | sum(.sent)) == sum(.sent))
			and ($posted | all("\(.exec)" | IN($execs[])))),
		lineage: ($claims | all(lineage_right($ledger))),
		endpoint: ($ends | all(. as $e
			| ([$claims[] | select(key == ($e | key))] | sum(.sent)) ==
			  ([$ledger[] | select(at($row; $e) and (.class == "self") == ($e.self // false))]
			   | sum(.sent)))),
		creator: (if $creators then $out | all(creator_right($row; $ledger)) else null end),
		far: (if $out[0] | far_of($counts; $row) == null then null
		      else [$ends[] | select(.self | not) | far_of($counts; $row)] | add end),
		far_right: ($ends | map(select(.self | not)) | all(. as $e
			| far_of($counts; $row)
			| far_fits($row; [$out[] | select(key == ($e | key))] | sum(.wire // .sent))))
	};

# Nothing of it may be posted: it stays on this machine.
def judge_local($claims; $by_pid):
	[$claims[] as $c | ($by_pid["\($c.pid)"] // [])[] | select(.name == $c.name)] as $posted
	| {sent: ($claims | sum(.sent)), posted: ($posted | sum(.sent)), local: true,
	   execution: ($posted == []), lineage: null, endpoint: ($posted == []), creator: null,
	   far: null, far_right: true};

def verdict: . as $r
	| .difference = (if $ledger | not then null elif .local then .posted else .posted - .sent end)
	| if $ledger then . else .posted = "-" | .execution = null | .lineage = null
		| .endpoint = null | .creator = null end
	| . as $r
	| .why = ([
		(if .sent < .bytes then "only \(.sent) of \(.bytes) were sent" else empty end),
		(if .difference != null and .difference != 0 then "posted - sent = \(.difference)" else empty end),
		(if .far_right | not then "the far end counted \(.far)" else empty end),
		("execution", "lineage", "endpoint", "creator"
		 | select($r[.] == false) | "\(.) wrong")] | join("; "));

def judge($said; $status; $counts; $by_pid; $by_end; $creators): . as $row
	| ($said["\(.id)"] // []) as $lines
	| ([$lines[] | .skip // empty][0]) as $skip
	| ([$lines[] | .error // empty][0]) as $error
	| ([$lines[] | select(.sent != null and .error == null)
	    | .ip //= $row.ip | if has("port") then . else .port = $row.port end]) as $claims
	| if $row.skip or $skip then $row + {skip: ($row.skip // $skip)}
	  elif $error or $status["\(.id)"] != 0 or $claims == [] then
		$row + {why: ($error // "the sender failed, status \($status["\(.id)"])")}
	  elif .endpoint == "local" then $row + judge_local($claims; $by_pid) | verdict
	  else $row + judge_posted($row; $claims; $counts; $by_pid; $by_end; $creators) | verdict
	  end;

# ---- What is printed ----

def left($n): tostring | . + " " * ([$n - length, 0] | max) // .;
def right_($n): tostring | (" " * ([$n - length, 0] | max) // "") + .;

def line: if .skip then "  \(.row | left(22)) not on this \(if .by == "service" then "machine" else "kernel" end): \(.skip)"
	elif .sent == null then "  \(.row | left(22)) \(.why)"
	else "  \(.row | left(22)) \(.sent | right_(11)) \(.posted | right_(11)) "
	+ "\(.far // "-" | right_(11)) \(.difference // "-" | right_(11))  "
	+ "\(.execution | word | left(9)) \(.lineage | word | left(7)) "
	+ "\(.endpoint | word | left(8)) \(.creator | word)" end;

def outcome: if .skip then "skip \(.row): \(.skip)"
	elif .why != "" then "not ok \(.row): \(.why)"
	else "ok \(.row)" end;

entries as $entries
| ($entries | group_by(.pid) | map({key: "\(.[0].pid)", value: .}) | from_entries) as $by_pid
| ($entries | group_by(.ip) | map({key: (.[0].ip // ""), value: .}) | from_entries) as $by_end
| ($flows | any(has("creator"))) as $creators
| {udp: far_udp, ip: far_ip, hdr: far_hdr, link: far_link(14), payload: far_link(0),
   read: far_read} as $counts
| [inputs] as $rows
# A proxy names no row: its far end does.
| (INDEX($rows[]; "\(.ip) \(.port)")) as $row_at
| ([$said[] | .id //= ($row_at["\(.ip) \(.port)"].id)] | group_by(.id)
   | map({key: "\(.[0].id)", value: .}) | from_entries) as $said
| ([$status[] | {key: "\(.id)", value: .status}] | from_entries) as $status
| [$rows[] | judge($said; $status; $counts; $by_pid; $by_end; $creators)] as $judged
| "unsettled \([$judged[] | select(.sent != null and (.local | not) and (.difference // 0) < 0)] | length)",
  ($judged[] | line),
  ($judged[] | outcome)
