/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_replay: any bytes as a stream of records, through every stage up to the records that are
 * raised. The tables are small, so that room must be made all the time.
 *
 * Most mutations keep the records whole and change what is in them or their order: bytes that are
 * changed anywhere mostly make a stream that ends at once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max); /* libFuzzer's own */

static const char yaml[] =
	"version: 1\n"
	"endpoints: {good: [\"203.0.113.0/28:443\"]}\n"
	"roles:\n"
	"  runner: {match: [{name: Runner.Worker}]}\n"
	"  scanner: {match: [{name: trivy}, {exe: /opt/**/agent}]}\n"
	"rules:\n"
	"  - {id: a, when: {role: scanner, endpoint: {not_in: [good]}}}\n"
	"  - {id: b, when: {role: runner, sent: {over: 1KiB, within: 10m, per: lineage}}}\n"
	"  - {id: c, when: {sent: {over: 64KiB, within: 1h, per: process}}}\n"
	"  - {id: d, when: {endpoint: {class: [external, unknown]}, "
	"sent: {over: 1KiB, within: 1s, per: endpoint}}}\n"
	"  - {id: e, when: {role: scanner, sent: {over: 1KiB, within: 7d, per: role}}}\n"
	"  - {id: f, when: {role: runner, sent: {over: 1KiB, within: 1h, per: step}}}\n"
	"  - {id: g, when: {sent: {over: 1KiB, within: 1h, per: job}}}\n"
	"  - {id: h, when: {dns: {resolver: foreign}}}\n"
	"  - {id: i, when: {dns: {over: {queries: 1, entropy: 0.01}, within: 1s, per: process}}}\n"
	"  - {id: j, when: {dns: {over: {name_bytes: 2}, within: 7d, per: machine, by: server}}}\n"
	"  - {id: k, when: {dns: {over: {answer_bytes: 1}, within: 1h, except: [a.example]}}}\n"
	"  - {id: l, when: {endpoint: {no_name: true}}}\n"
	"  - {id: m, when: {endpoint: {name_mismatch: true, ech: false}}}\n";

static void put(void *arg, const struct record *r)
{
	(void)arg;
	if (strlen(r->json) != r->json_len || strlen(r->text) != r->text_len ||
	    strchr(r->json, '\n') != NULL || strchr(r->text, '\n') != NULL ||
	    !utf8_valid(r->json, r->json_len) || !utf8_valid(r->text, r->text_len))
		abort();
}

static void walk(const struct pipeline *p)
{
	const struct execution *e, *up;
	const struct account *a;
	size_t cursor = 0;
	uint32_t depth;

	while ((e = track_next_execution(p->track, &cursor)) != NULL) {
		/* Ancestors that were left out since make a chain shorter, never longer. */
		for (up = e->parent, depth = e->depth; up != NULL; up = up->parent) {
			if (up->depth >= depth)
				abort();
			depth = up->depth;
		}
		if (strlen(e->exe) >= OF_EXE_LEN)
			abort();
	}
	for (cursor = 0; (a = track_next_account(p->track, &cursor)) != NULL;)
		if (a->who != NULL && a->who->exec_id == 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	struct config_err err;
	struct pipeline p;
	struct intake *in;

	if (config.control == NULL) {
		if (config_parse("fuzz", yaml, strlen(yaml), &config, &err) < 0)
			abort();
		config.limits.tracked_executions = 12;
		config.limits.tracked_accounts = 6;
		config.limits.grace_ns = 10000000000;
	}
	if (intake_array(data, size, &in) < 0 || pipeline_init(&p, &config, in, put, NULL) < 0)
		abort();
	while (pipeline_drain(&p, 7) >= 0)
		walk(&p);
	pipeline_done(&p);
	return 0;
}

/* ---- Mutations ---- */

#define RECORDS_MAX 4096

/* Where each record begins, and behind the last where the next would. Returns how many. */
static size_t records_find(const uint8_t *data, size_t size, size_t *ret_at)
{
	struct of_rec_hdr h;
	size_t n = 0, at = 0;

	ret_at[0] = 0;
	while (n < RECORDS_MAX && size - at >= sizeof(h)) {
		memcpy(&h, data + at, sizeof(h));
		if (h.len < sizeof(h) || h.len > size - at)
			break;
		at += h.len;
		ret_at[++n] = at;
	}
	return n;
}

/* Puts a copy of record `from` before record `to`. */
static size_t record_copy(uint8_t *data, size_t size, size_t max, const size_t *at, size_t from,
			  size_t to)
{
	size_t len = at[from + 1] - at[from];
	uint8_t copy[sizeof(struct of_rec_exec)];

	if (len > sizeof(copy) || size + len > max)
		return size;
	memcpy(copy, data + at[from], len);
	memmove(data + at[to] + len, data + at[to], size - at[to]);
	memcpy(data + at[to], copy, len);
	return size + len;
}

static size_t record_drop(uint8_t *data, size_t size, const size_t *at, size_t which)
{
	memmove(data + at[which], data + at[which + 1], size - at[which + 1]);
	return size - (at[which + 1] - at[which]);
}

/* Changes what a record says. */
static void record_change(uint8_t *rec, size_t len, unsigned int way)
{
	size_t head = sizeof(struct of_rec_hdr);
	uint64_t id = way / 4 % 16;

	if (len < head + 2 * sizeof(id))
		return;
	if (way % 4 == 0) /* the first word is an id in most kinds, the second a parent's */
		memcpy(rec + head, &id, sizeof(id));
	else if (way % 4 == 1)
		memcpy(rec + head + sizeof(id), &id, sizeof(id));
	else
		(void)LLVMFuzzerMutate(rec + head, len - head, len - head);
}

/* Lets time pass before a record. */
static void time_pass(uint8_t *data, const size_t *at, size_t from, size_t n, unsigned int way)
{
	static const uint64_t steps[] = { 1,	       600000000,     6000000000,     11000000000,
					  61000000000, 3600000000000, -1000000000ULL, 1ULL << 62 };
	uint64_t ts;

	for (; from < n; from++) {
		memcpy(&ts, data + at[from], sizeof(ts));
		ts += steps[way % 8];
		memcpy(data + at[from], &ts, sizeof(ts));
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static size_t at[RECORDS_MAX + 1];
	size_t n = records_find(data, size, at), one, other;

	if (n == 0 || seed % 16 == 0)
		return LLVMFuzzerMutate(data, size, max);
	one = seed / 16 % n;
	other = seed / 65536 % n;
	switch (seed / 4096 % 8) {
	case 0:
	case 1:
		return record_copy(data, size, max, at, one, other);
	case 2:
		return record_drop(data, size, at, one);
	case 3:
		time_pass(data, at, one, n, seed / 32768);
		return size;
	default:
		record_change(data + at[one], at[one + 1] - at[one], seed / 32768);
		return size;
	}
}
