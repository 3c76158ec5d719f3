/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * links.c: what left by an interface and nothing explains.
 *
 * Of each interface its statistics say what left, and the probes say what was handed to its driver,
 * by origin: behind segmentation, with every header and retransmit, so that of a socket's traffic
 * nothing is estimated. What no process was posted for is
 *
 *	past the stack = left - handed over - AF_PACKET sends posted but not seen - allowance
 *			 + AF_PACKET frames that were seen and nobody was posted for
 *	forwarded      = forwarded - what sockets in other namespaces here sent into this one
 *	kernel	       = begun without a socket - what went into tunnels, with their headers
 *			 - copies of what sockets sent by the bridge or bond above it
 *
 * Control traffic (ARP, ND, handshakes, resets, ICMP) has no process and is ruled out.
 *
 * Order. The statistics are read first, then the sums: what is missing in these did not leave yet.
 * What explains other sums is read last and may still be late: a verdict waits for the next look.
 *
 * What explains stays for 8 s (what went into tunnels: 120 s) and is used up oldest first: drivers
 * drop, and statistics may come 2 s late. That is what can hide a leak:
 *
 * - Drops: who makes a driver drop n bytes hides n, until as much was not sent within 8 s. A packet
 *   that the driver hands back and gets once more is handed over twice: as if dropped. What the
 *   queue dropped was never handed over.
 * - Traffic between containers hides as much that a container sends by a TUN device of its own. A
 *   guest's or the machine's own TUN traffic it does not, unless that comes by a bridge which a
 *   container is at, too. Between containers inside a container it hides as much for good.
 * - IPv4 fragments that a container sends hide their headers, 2 % of them, as if they had been made
 *   here.
 * - A bridge or bond above the interface hides as much that the kernel begins without a socket as
 *   sockets send through it.
 * - What packet sockets were posted and did not send hides as much that a failed send of another
 *   had sent all the same; so does what leaves past the queue, or by a bridge that leads nowhere.
 * - Packet sockets past the queue (PACKET_QDISC_BYPASS) are posted without their interface, and
 *   hide as much that passes the stack elsewhere; by a bond or vlan such a packet is seen twice,
 *   and then explains too little.
 *
 * Allowance. The hardware may count more than it is handed (allowance.h):
 *
 * - for a packet checksum, VLAN tag and padding (8 bytes, and up to 60), until it has shown over
 *   8 s that it does not; for that it must not have lost a packet for an hour of traffic;
 * - headers of segments that the kernel did not make (under 6 % of bulk traffic, each a packet
 *   more), until it has shown the same over 8 s without losses. Who sends about as many packets
 *   past the stack as there are such segments keeps it from showing that.
 *
 * What was allowed by then is told afterwards, also when nothing more is sent. veth, netkit and
 * virtio are known not to count either. Retransmits by the hardware itself are not seen.
 *
 * Untraced kernels. Where the kernel runs no program of ours (bpf/untraced.bpf.h), packets of
 * sockets are told by a hook of another kind, and count as handed over with the longest headers
 * their segments can have. What such a kernel forwards there is told by none: what a container sent
 * explains it.
 */
#include "detect/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detect/allowance.h"
#include "detect/pool.h"
#include "detect/windows.h"

#include "base/poison.h"

#define SECOND_NS	 1000000000ULL
#define CONFIRM_NS	 (SECOND_NS / 2)	  /* somebody who asks makes a look */
#define LATE_NS		 (POOL_STEPS * SECOND_NS) /* as long as what explains stays */
/* A tunnel without a key holds packets back for so long (WireGuard: 90 s). */
#define TUNNEL_STEP_NS	 (15 * SECOND_NS)
/* Little at a time: more than so many times the limit within this. */
#define SLOW_NS		 (3600 * SECOND_NS)
#define SLOW_TIMES	 16
/* Two for each interface that is remembered, and of as many that had other names. */
#define LINK_WINDOWS_MAX (4 * LINK_STATES_MAX)
/* Checksum and VLAN tag, beside padding. */
#define PACKET_ALLOWANCE (4 + 4)
/* What the kernel puts before each segment that it cuts: Ethernet, IPv6 or IPv4, TCP. */
#define SEGMENT_HEADER	 (14 + 20 + 60)
/* What hardware may count for each that it cuts: as much, in a tunnel. */
#define SEGMENT_MOST	 200
/* Lost packets of 8 s, of 1,514 bytes each, are used up by 4 of each that follows after 379 rounds
 * of as long. */
#define LOSS_ROUNDS	 384
/* Of what is allowed for a packet the least that hardware counts is the checksum, 4 of 26 bytes
 * when all are ARP. */
static const struct allowance_terms packets_terms = { .unused = 7,
						      .enough = 256 << 10,
						      .rounds = LOSS_ROUNDS };
/* What counts the headers of segments counts each as a packet. */
static const struct allowance_terms segments_terms = { .unused = 2, .enough = 4096, .rounds = 1 };

struct link_state {
	bool used, gone;
	uint64_t news_ns;
	struct of_rec_link last;
	struct pool handed, handed_packets; /* to the driver, however it was sent */
	struct pool posted, seen;	    /* of packet sockets */
	struct pool data_posted, data_seen; /* their data, on all interfaces: what is not matched */
	struct pool data_here;		    /* and all that this one sent of it */
	uint64_t data_expired, data_aged;   /* of the latter two, at the last look */
	struct pool elsewhere, elsewhere_packets, cut; /* cut: headers of segments on the way */
	struct pool flooded, tunnels;		       /* what explains `kernel` */
	struct pool headers;			       /* that hardware may count */
	struct allowance packets, segments;	       /* segments: a packet each, for `headers` */
	struct leak fresh;   /* not explained by the latest looks; waits for late explanations */
	struct leak pending; /* the same, from before stage_ns: next to be concluded */
	uint64_t fresh_ns, stage_ns;
	struct leak leak;    /* concluded, since the first that was */
	uint64_t left;	     /* bytes that left since the first record */
	uint64_t leaked;     /* of them, concluded */
	uint64_t late;	     /* of `pending`: waits for the statistics */
	uint64_t late_ns;    /* since then; 0: nothing waits */
	struct leak mark[2]; /* `leak` as it was two windows ago, and one: for what is ruled out */
	uint64_t mark_ns;
	bool open;
	uint64_t leak_ns; /* of the latest conclusion */
	struct link_books books;
};

struct links {
	const struct rule *rule;
	struct windows *windows; /* its own: who fills those of the rules must not empty these */
	struct link_state state[LINK_STATES_MAX];
};

int links_new(const struct rule *rule, struct links **ret)
{
	struct links *l = calloc(1, sizeof(*l));
	int err;

	if (l == NULL)
		return -ENOMEM;
	l->rule = rule;
	err = windows_new(LINK_WINDOWS_MAX, &l->windows);
	if (err < 0) {
		free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void links_free(struct links *l)
{
	if (l == NULL)
		return;
	windows_free(l->windows);
	free(l);
}

uint64_t links_evicted(const struct links *l)
{
	return windows_evicted(l->windows);
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static struct link_state *state_find(struct links *l, const struct of_rec_link *r)
{
	struct link_state *s;

	for (s = l->state; s < l->state + LINK_STATES_MAX; s++)
		if (s->used && s->last.netns == r->netns && s->last.ifindex == r->ifindex)
			return s;
	return NULL;
}

/* The first record of an interface: what was before is not ours to judge. */
static void state_start(struct links *l, const struct of_rec_link *r, uint64_t time_ns)
{
	struct link_state *s, *best = &l->state[0];

	for (s = l->state; s < l->state + LINK_STATES_MAX; s++) {
		if (!s->used) {
			best = s;
			break;
		}
		if (s->news_ns < best->news_ns)
			best = s;
	}
	*best = (struct link_state){
		.used = true, .gone = (r->flags & OF_LINK_GONE) != 0, .news_ns = time_ns, .last = *r
	};
	best->handed.step_ns = best->handed_packets.step_ns = best->headers.step_ns = SECOND_NS;
	best->posted.step_ns = best->seen.step_ns = SECOND_NS;
	best->data_posted.step_ns = best->data_seen.step_ns = best->data_here.step_ns = SECOND_NS;
	best->elsewhere.step_ns = best->elsewhere_packets.step_ns = best->cut.step_ns = SECOND_NS;
	best->flooded.step_ns = SECOND_NS;
	best->tunnels.step_ns = TUNNEL_STEP_NS;
	allowance_start(&best->packets, SECOND_NS, &packets_terms, r->tx_lost);
	allowance_start(&best->segments, SECOND_NS, &segments_terms, r->tx_lost);
	best->packets.never = best->segments.never = (r->flags & OF_LINK_EXACT) != 0;
	memcpy(best->books.name, r->name, sizeof(best->books.name));
	best->books.ifindex = r->ifindex;
	best->books.inner = (r->flags & OF_LINK_INNER) != 0;
}

/*
 * What left since the last record. A counter that is lower than before began anew (the driver was
 * loaded again, the link made again), or is one of 32 bits that came around: the latter only when
 * as much was handed over.
 */
static uint64_t left_since(const struct of_rec_link *r, const struct of_rec_link *last,
			   uint64_t handed)
{
	uint64_t around = r->tx_bytes + (1ULL << 32) - last->tx_bytes;

	if (r->tx_bytes >= last->tx_bytes)
		return r->tx_bytes - last->tx_bytes;
	if (last->tx_bytes < 1ULL << 32 && around <= handed)
		return around;
	return r->tx_bytes;
}

/* ---- Windows ---- */

static struct verdict_key key_of(const struct link_state *s, uint32_t per)
{
	struct verdict_key key = { .rule = VERDICT_RECONCILE, .per = per };
	uint64_t h = fnv64(FNV64_START, &s->last.netns, sizeof(s->last.netns));

	/* By name: an interface that is made again has another number. */
	key.root = fnv64(h, s->last.name, strnlen(s->last.name, sizeof(s->last.name)));
	return key;
}

/* Sums of the two windows, the rule's and the slow one. */
struct sums {
	uint64_t fast, slow;
};

enum { PER_FAST, PER_SLOW };

static struct sums sums_add(struct links *l, const struct link_state *s, uint64_t n,
			    uint64_t time_ns)
{
	struct verdict_key fast = key_of(s, PER_FAST), slow = key_of(s, PER_SLOW);

	return (struct sums){
		.fast = windows_add(l->windows, &fast, l->rule->sent.within_ns, time_ns, n),
		.slow = windows_add(l->windows, &slow, SLOW_NS, time_ns, n),
	};
}

/* ---- One record ---- */

static uint64_t leak_sum(const struct leak *k)
{
	return k->bypass + k->forwarded + k->passed + k->kernel;
}

/* What explains came in: first it explains what was left over from the last look. */
static void explain(struct pool *pool, uint64_t time_ns, uint64_t n, uint64_t *pending,
		    uint64_t *fresh, uint64_t *ret_explained)
{
	uint64_t taken, more;

	pool_add(pool, time_ns, n);
	taken = pool_take(pool, time_ns, *pending);
	more = pool_take(pool, time_ns, *fresh);
	*pending -= taken;
	*fresh -= more;
	*ret_explained += taken + more;
}

/* Frames of packet sockets explain themselves as far as somebody was posted for them. */
static void packets_match(struct link_state *s, const struct of_rec_link *r, uint64_t time_ns)
{
	uint64_t posted = grown(r->data_posted, s->last.data_posted);
	uint64_t seen = grown(r->data_seen, s->last.data_seen);

	posted -= pool_take(&s->data_seen, time_ns, posted);
	pool_add(&s->data_posted, time_ns, posted);
	seen -= pool_take(&s->data_posted, time_ns, seen);
	pool_add(&s->data_seen, time_ns, seen);
	pool_add(&s->data_here, time_ns, grown(r->packet_data, s->last.packet_data));
}

/*
 * What nobody was posted for by the time it grew old: a send may return long after its frames left.
 * Which interface sent it cannot be told; each tells of it as much as it may have sent, so some may
 * be told twice.
 */
static uint64_t packets_of_nobody(struct link_state *s, uint64_t time_ns)
{
	uint64_t expired = s->data_expired, aged = s->data_aged, n, taken;

	pool_advance(&s->data_seen, time_ns);
	pool_advance(&s->data_here, time_ns);
	s->data_expired = s->data_seen.expired;
	s->data_aged = s->data_here.aged;
	expired = s->data_expired - expired;
	aged = s->data_aged - aged;
	n = expired < aged ? expired : aged;
	taken = pool_take(&s->tunnels, time_ns, n); /* headers of what they sent into these */
	s->leak.tunnels += taken;
	n -= taken;
	s->leak.sockets = grown(s->leak.sockets, n);
	s->books.sockets -= n;
	return n;
}

static void explanations(struct link_state *s, const struct of_rec_link *r, uint64_t time_ns)
{
	const struct of_rec_link *last = &s->last;

	uint64_t past = grown(r->packet_posted, last->packet_posted);

	/* Those that were seen on their way explain themselves. */
	pool_add(&s->seen, time_ns, grown(r->packet_seen, last->packet_seen));
	past -= pool_take(&s->seen, time_ns, past);
	explain(&s->posted, time_ns, past, &s->pending.bypass, &s->fresh.bypass, &s->leak.posted);
	packets_match(s, r, time_ns);
	explain(&s->elsewhere, time_ns, grown(r->elsewhere, last->elsewhere), &s->pending.passed,
		&s->fresh.passed, &s->leak.elsewhere);
	explain(&s->flooded, time_ns, grown(r->flooded, last->flooded), &s->pending.kernel,
		&s->fresh.kernel, &s->leak.sockets);
	explain(&s->tunnels, time_ns, grown(r->tunnels, last->tunnels), &s->pending.kernel,
		&s->fresh.kernel, &s->leak.tunnels);
}

/* What the driver may have counted of its own. */
static uint64_t allowed(struct link_state *s, const struct of_rec_link *r, uint64_t time_ns,
			uint64_t left)
{
	uint64_t packets = grown(r->tx_packets, s->last.tx_packets), segments, headers, most, rest;

	packets -= pool_take(&s->handed_packets, time_ns, packets);
	segments = allowance_take(&s->segments, time_ns, packets);
	headers = segments * SEGMENT_MOST;
	headers = pool_take(&s->headers, time_ns, left < headers ? left : headers);
	/* Each as a packet of its own, as long as the driver may count those. */
	most = s->packets.never ? 0 : segments * PACKET_ALLOWANCE;
	headers += left - headers < most ? left - headers : most;
	s->segments.excused += headers;
	rest = allowance_take(&s->packets, time_ns, left - headers);
	s->packets.excused += rest;
	return headers + rest;
}

/* What was allowed to a driver that counts nothing of its own, as has been learned since. */
static uint64_t allowed_in_error(struct link_state *s, const struct of_rec_link *r)
{
	uint64_t n = allowance_learn(&s->packets, r->tx_lost) +
		     allowance_learn(&s->segments, r->tx_lost);

	s->leak.allowance = grown(s->leak.allowance, n);
	s->books.allowance -= n;
	return n;
}

/* What left and was not handed over by the stack. */
static uint64_t past_the_stack(struct link_state *s, const struct of_rec_link *r, uint64_t handed,
			       uint64_t time_ns)
{
	uint64_t packets = grown(r->packets, s->last.packets);
	uint64_t left = left_since(r, &s->last, handed), taken;

	pool_add(&s->handed, time_ns, handed);
	pool_add(&s->handed_packets, time_ns, packets);
	pool_add(&s->headers, time_ns, grown(r->headers, s->last.headers));
	allowance_add(&s->packets, time_ns,
		      packets * PACKET_ALLOWANCE + grown(r->padding, s->last.padding));
	allowance_add(&s->segments, time_ns, grown(r->segments, s->last.segments));
	s->left += left;
	s->books.sent += left;
	left -= pool_take(&s->handed, time_ns, left);
	taken = pool_take(&s->posted, time_ns, left);
	s->leak.posted += taken;
	left -= taken;
	if ((r->flags & OF_LINK_UNTRACED) != 0) {
		taken = pool_take(&s->elsewhere, time_ns, left);
		s->leak.elsewhere += taken;
		left -= taken;
	}
	taken = allowed(s, r, time_ns, left);
	s->leak.allowance += taken;
	s->books.allowance += taken;
	return left - taken + allowed_in_error(s, r);
}

/*
 * What came from other namespaces and no socket there sent. The kernel may have cut large packets
 * on the way; then there are more of them, some twenty for one, so that drops cannot hide it.
 */
static uint64_t passed_unexplained(struct link_state *s, const struct of_rec_link *r,
				   uint64_t passed, uint64_t time_ns)
{
	uint64_t packets = grown(r->passed_packets, s->last.passed_packets), taken, most;

	pool_add(&s->elsewhere_packets, time_ns,
		 grown(r->elsewhere_packets, s->last.elsewhere_packets));
	pool_add(&s->cut, time_ns, grown(r->elsewhere_headers, s->last.elsewhere_headers));
	/* Those that are still whole were not cut. */
	(void)pool_take(&s->cut, time_ns, grown(r->passed_headers, s->last.passed_headers));
	packets -= pool_take(&s->elsewhere_packets, time_ns, packets);
	most = packets * SEGMENT_HEADER;
	taken = pool_take(&s->elsewhere, time_ns, passed);
	s->leak.elsewhere += taken;
	passed -= taken;
	taken = pool_take(&s->cut, time_ns, passed < most ? passed : most);
	s->leak.elsewhere += taken;
	passed -= taken;
	/* It may have been sent in fragments; those are explained already, and hide as much. */
	taken = grown(r->passed_fragments, s->last.passed_fragments);
	if (taken > passed)
		taken = passed;
	s->leak.elsewhere += taken;
	return passed - taken;
}

static void judge(struct link_state *s, const struct of_rec_link *r, uint64_t time_ns)
{
	const struct of_rec_link *last = &s->last;
	uint64_t sockets = grown(r->socket, last->socket) + grown(r->packet, last->packet);
	uint64_t control = grown(r->control, last->control);
	uint64_t kernel = grown(r->kernel, last->kernel);
	uint64_t forwarded = grown(r->forwarded, last->forwarded);
	uint64_t passed = grown(r->passed, last->passed), taken;
	uint64_t handed =
		sockets + control + kernel + forwarded + grown(r->unplaced, last->unplaced);

	if (passed > forwarded)
		passed = forwarded;
	s->leak.sockets += sockets;
	s->leak.control += control;
	s->books.sockets += sockets;
	s->books.control += control;
	s->books.kernel += kernel;
	s->books.forwarded += forwarded;
	s->fresh.forwarded += forwarded - passed;
	s->fresh.passed += passed_unexplained(s, r, passed, time_ns);
	if (s->books.inner) {
		s->left += forwarded;
		return;
	}
	taken = pool_take(&s->flooded, time_ns, kernel);
	s->leak.sockets += taken;
	kernel -= taken;
	taken = pool_take(&s->tunnels, time_ns, kernel);
	s->leak.tunnels += taken;
	s->fresh.kernel += kernel - taken;
	taken = past_the_stack(s, r, handed, time_ns) + packets_of_nobody(s, time_ns);
	s->fresh.bypass += taken;
	s->books.bypass += taken;
}

/* ---- Conclusions ---- */

static uint64_t share(uint64_t n, uint64_t to, uint64_t sum)
{
	return (uint64_t)((unsigned __int128)n * to / sum);
}

/* The ways keep their shares. */
static void leak_shrink(struct leak *k, uint64_t to)
{
	uint64_t sum = leak_sum(k);

	if (sum == 0)
		return;
	k->bypass = share(k->bypass, to, sum);
	k->forwarded = share(k->forwarded, to, sum);
	k->passed = share(k->passed, to, sum);
	k->kernel = share(k->kernel, to, sum);
}

/* What was ruled out is told from about when the leak began; some of it was since taken back. */
static void ruled_out_since(struct leak *k, const struct leak *mark)
{
	k->sockets = grown(k->sockets, mark->sockets);
	k->control -= mark->control;
	k->elsewhere -= mark->elsewhere;
	k->tunnels -= mark->tunnels;
	k->posted -= mark->posted;
	k->allowance = grown(k->allowance, mark->allowance);
}

static void marks_move(struct link_state *s, uint64_t every_ns, uint64_t time_ns)
{
	if (time_ns < s->mark_ns + every_ns)
		return;
	s->mark[0] = s->mark[1];
	s->mark[1] = s->leak;
	s->mark_ns = time_ns;
}

static void conclude(struct links *l, struct link_state *s, const struct leak *part,
		     uint64_t time_ns, detect_fn *fn, void *arg)
{
	struct verdict v = { .rule = l->rule, .leak = &s->leak, .key = key_of(s, PER_FAST) };
	uint64_t n = leak_sum(part);
	struct sums all = sums_add(l, s, n, time_ns);

	if (s->open && time_ns > s->leak_ns + SLOW_NS)
		s->open = false;
	if (!s->open && leak_sum(&s->leak) > all.slow) /* some of it is long ago */
		leak_shrink(&s->leak, all.slow);
	if (!s->open && all.slow == n) {
		ruled_out_since(&s->leak, &s->mark[0]);
		memset(s->mark, 0, sizeof(s->mark));
	}
	s->leak_ns = time_ns;
	if (all.fast > l->rule->sent.over || all.slow / SLOW_TIMES > l->rule->sent.over)
		s->open = true;
	if (!s->open)
		return;
	memcpy(s->leak.name, s->last.name, sizeof(s->leak.name));
	s->leak.ifindex = s->last.ifindex;
	s->leak.netns = s->last.netns;
	s->leak.time_ns = time_ns;
	v.sent = leak_sum(&s->leak);
	v.limit = l->rule->sent.over;
	v.window_ns = l->rule->sent.within_ns;
	fn(arg, &v);
}

/* What the statistics never tell of did not leave; what came after it may still be told of. */
static void give_up(struct link_state *s, uint64_t concluded, uint64_t time_ns)
{
	uint64_t waits = leak_sum(&s->pending);

	s->late = grown(s->late, concluded);
	if (s->late_ns != 0 && time_ns > s->late_ns + LATE_NS) {
		waits = grown(waits, s->late);
		leak_shrink(&s->pending, waits);
		s->late_ns = 0;
	}
	if (waits == 0)
		s->late_ns = 0;
	else if (s->late_ns == 0) {
		s->late_ns = time_ns;
		s->late = waits;
	}
}

/*
 * What is still not explained is concluded, though never more than left at all: what is forwarded
 * may be dropped by the driver, or its statistics are late.
 */
static void settle(struct links *l, struct link_state *s, uint64_t time_ns, detect_fn *fn,
		   void *arg)
{
	uint64_t n = leak_sum(&s->pending), room = s->left - s->leaked;
	struct leak part = s->pending;

	if (n == 0) {
		s->late_ns = 0; /* what had waited was explained */
		return;
	}
	if (s->late > n)
		s->late = n;
	if (n > room)
		leak_shrink(&part, room);
	n = leak_sum(&part);
	s->pending.bypass -= part.bypass;
	s->pending.forwarded -= part.forwarded;
	s->pending.passed -= part.passed;
	s->pending.kernel -= part.kernel;
	give_up(s, n, time_ns);
	s->leak.bypass += part.bypass;
	s->leak.forwarded += part.forwarded;
	s->leak.passed += part.passed;
	s->leak.kernel += part.kernel;
	s->leaked += n;
	s->books.unattributed += n;
	if (n > 0)
		conclude(l, s, &part, time_ns, fn, arg);
}

static void leak_move(struct leak *to, struct leak *from)
{
	to->bypass += from->bypass;
	to->forwarded += from->forwarded;
	to->passed += from->passed;
	to->kernel += from->kernel;
	memset(from, 0, sizeof(*from));
}

/* Concludes what has waited long enough for an explanation, however often somebody looks. */
static void mature(struct links *l, struct link_state *s, uint64_t time_ns, detect_fn *fn,
		   void *arg)
{
	bool all = time_ns >= s->fresh_ns + CONFIRM_NS;

	if (!all && time_ns < s->stage_ns + CONFIRM_NS)
		return;
	if (all)
		leak_move(&s->pending, &s->fresh);
	settle(l, s, time_ns, fn, arg);
	leak_move(&s->pending, &s->fresh);
	s->stage_ns = time_ns;
}

void links_take(struct links *l, const struct of_rec_link *r, uint64_t time_ns, detect_fn *fn,
		void *arg)
{
	struct link_state *s = state_find(l, r);

	if (s == NULL) {
		state_start(l, r, time_ns);
		return;
	}
	explanations(s, r, time_ns);
	mature(l, s, time_ns, fn, arg);
	judge(s, r, time_ns);
	if (leak_sum(&s->fresh) > 0)
		s->fresh_ns = time_ns;
	marks_move(s, l->rule->sent.within_ns, time_ns);
	s->last = *r;
	s->news_ns = time_ns;
	s->gone = (r->flags & OF_LINK_GONE) != 0;
	memcpy(s->books.name, r->name, sizeof(s->books.name));
}

/* What grows old while nothing changes. */
static void silent(struct link_state *s, uint64_t time_ns)
{
	uint64_t n = packets_of_nobody(s, time_ns);

	allowance_advance(&s->packets, time_ns);
	allowance_advance(&s->segments, time_ns);
	n += allowed_in_error(s, &s->last);
	if (n == 0)
		return;
	s->fresh.bypass += n;
	s->books.bypass += n;
	s->fresh_ns = time_ns;
}

/* Nothing changed since the last record: nothing will explain it any more. */
void links_tick(struct links *l, uint64_t time_ns, detect_fn *fn, void *arg)
{
	struct link_state *s;

	for (s = l->state; s < l->state + LINK_STATES_MAX; s++) {
		if (!s->used || time_ns <= s->news_ns)
			continue;
		mature(l, s, time_ns, fn, arg);
		if (!s->books.inner)
			silent(s, time_ns);
		if (s->gone && time_ns > s->news_ns + LATE_NS)
			*s = (struct link_state){ .used = false };
	}
}

bool links_next(const struct links *l, size_t *cursor, struct link_books *ret)
{
	const struct link_state *s;

	while (*cursor < LINK_STATES_MAX) {
		s = &l->state[(*cursor)++];
		if (!s->used || s->gone)
			continue;
		*ret = s->books;
		return true;
	}
	return false;
}
