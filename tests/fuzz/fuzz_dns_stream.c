/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_dns_stream.c: any bytes as a TCP stream of DNS messages, cut into pieces that come in
 * another order, again, overlapping, changed when they come again, or not at all, as the first nine
 * bytes say. What is told is what a reader of the whole stream finds, from the first message on,
 * and all of it unless the stream was given up or octets are missing.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/dns_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEED_LEN    9
#define PIECES_MAX  512
#define STREAM_MAX  (1U << 18)
#define MAY_SHUFFLE 1
#define MAY_REPEAT  2
#define MAY_CHANGE  4
#define MAY_LOSE    8

struct piece {
	size_t from, len;
};

struct heard {
	const uint8_t *stream;
	size_t len;
	size_t next; /* where the message to be told next begins */
	uint32_t count;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t chance(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

/* The message of the stream at h->next must be this one. */
static void hear(void *arg, const uint8_t *msg, size_t len, size_t whole)
{
	struct heard *h = arg;
	size_t want;

	check(h->next + 2 <= h->len);
	want = (size_t)h->stream[h->next] << 8 | h->stream[h->next + 1];
	check(whole == want && len == (want < DNS_STREAM_MESSAGE ? want : DNS_STREAM_MESSAGE));
	check(h->next + 2 + len <= h->len);
	check(memcmp(msg, h->stream + h->next + 2, len) == 0);
	h->next += 2 + whole;
	h->count++;
}

/* Is there no message left that could be told? */
static bool all_heard(const struct heard *h)
{
	size_t want;

	if (h->next >= h->len || h->len - h->next < 2)
		return true;
	want = (size_t)h->stream[h->next] << 8 | h->stream[h->next + 1];
	return h->len - h->next - 2 < (want < DNS_STREAM_MESSAGE ? want : DNS_STREAM_MESSAGE);
}

static int feed(struct dns_stream *s, const struct heard *h, const struct piece *p, bool changed,
		const struct dns_stream_ear *ear)
{
	uint8_t *own = malloc(p->len);
	int err;

	if (own == NULL && p->len > 0)
		exit(1);
	memcpy(own, h->stream + p->from, p->len);
	if (changed && p->len > 0)
		own[p->len / 2] ^= 1;
	err = dns_stream_feed(s, (uint32_t)p->from, own, p->len, ear);
	free(own);
	return err;
}

static size_t pieces_make(struct piece *ret, size_t len, uint32_t most, uint64_t *state)
{
	size_t at = 0, n = 0;

	while (at < len && n < PIECES_MAX) {
		ret[n].from = at;
		ret[n].len = n == PIECES_MAX - 1 ? len - at : 1 + chance(state, most);
		if (ret[n].len > len - at)
			ret[n].len = len - at;
		at += ret[n++].len;
	}
	return n;
}

static void pieces_shuffle(struct piece *p, size_t n, uint32_t reach, uint64_t *state)
{
	struct piece other;
	size_t i, k;

	for (i = 0; i < n; i++) {
		k = i + chance(state, reach);
		if (k >= n)
			continue;
		other = p[i];
		p[i] = p[k];
		p[k] = other;
	}
}

/* Some octets of before once more. */
static struct piece again(const struct piece *p, uint64_t *state)
{
	size_t back = chance(state, 3000);
	struct piece r = *p;

	back = back < r.from ? back : r.from;
	r.from -= back;
	r.len = chance(state, (uint32_t)(p->len + back + 1));
	return r;
}

static void play(struct heard *h, uint8_t may, uint64_t state)
{
	static struct dns_stream s;
	static struct piece pieces[PIECES_MAX];
	const struct dns_stream_ear ear = { .message = hear, .arg = h };
	uint32_t most = chance(&state, 4) == 0 ? 70000 : 1 + chance(&state, 3000);
	struct piece p;
	bool lost = false;
	int err = 0, was;
	size_t i, n;

	memset(&s, 0, sizeof(s));
	n = pieces_make(pieces, h->len, most, &state);
	if (may & MAY_SHUFFLE)
		pieces_shuffle(pieces, n, 2 + chance(&state, 20), &state);
	for (i = 0; i < n; i++) {
		was = err;
		if ((may & MAY_LOSE) && chance(&state, 16) == 0) {
			lost = true;
			continue;
		}
		err = feed(&s, h, &pieces[i], false, &ear);
		check(was == 0 || err == was);
		if ((may & MAY_REPEAT) && chance(&state, 4) == 0) {
			p = again(&pieces[i], &state);
			err = feed(&s, h, &p, false, &ear);
		}
		if ((may & MAY_CHANGE) && chance(&state, 16) == 0)
			err = feed(&s, h, &pieces[i], true, &ear);
		check(s.run_count <= DNS_STREAM_RUNS);
	}
	check(s.messages == h->count && s.err == err);
	if (err == 0 && !lost)
		check(all_heard(h));
	if (!(may & (MAY_SHUFFLE | MAY_CHANGE | MAY_LOSE)))
		check(err == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard h = { .count = 0 };
	uint64_t state;

	if (size < SEED_LEN || size > STREAM_MAX)
		return 0;
	memcpy(&state, data, sizeof(state));
	h.stream = data + SEED_LEN;
	h.len = size - SEED_LEN;
	play(&h, data[8], state);
	return 0;
}
