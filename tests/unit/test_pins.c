/* SPDX-License-Identifier: BSD-2-Clause */
/* test_pins.c: what may be gone on with and what not, and what is said of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "intake/pins.h"
#include "intake/shape.h"

static const struct map_shape accounts = { .name = "accounts",
					   .type = 2,
					   .key_size = 4,
					   .value_size = 64,
					   .max_entries = 65536,
					   .flags = 1024 };

static void expect_map(struct map_shape have, enum shape_diff want, const char *why)
{
	char got[256] = "";

	cr_expect_eq(map_diff(&accounts, &have, got, sizeof(got)), want);
	cr_expect_str_eq(got, why);
}

Test(pins, maps)
{
	struct map_shape m;

	expect_map(accounts, SHAPE_SAME, "");
	m = accounts;
	m.max_entries = 1000;
	expect_map(m, SHAPE_CONFIG, "map accounts: size 1000, the configuration asks for 65536");
	m.value_size = 72; /* that it is another size, too, hides nothing */
	expect_map(m, SHAPE_FOREIGN, "map accounts: value size 72, expected 64");
	m = accounts;
	m.type = 1;
	expect_map(m, SHAPE_FOREIGN, "map accounts: type 1, expected 2");
	m = accounts;
	m.key_size = 8;
	expect_map(m, SHAPE_FOREIGN, "map accounts: key size 8, expected 4");
	m = accounts;
	m.flags = 0;
	expect_map(m, SHAPE_FOREIGN, "map accounts: flags 0, expected 1024");
	m = accounts;
	memcpy(m.name, "executions", sizeof("executions"));
	expect_map(m, SHAPE_FOREIGN, "in the place of map accounts is executions");
}

static const struct prog_shape send = { .type = 26,
					.tag = { 1, 2, 3, 4, 5, 6, 7, 8 },
					.target = 77,
					.maps_n = 3,
					.maps = { 10, 11, 12 } };

static void expect_prog(struct prog_shape have, bool maps, const char *why)
{
	char got[256] = "";

	cr_expect_eq(prog_diff("send", &send, &have, maps, got, sizeof(got)),
		     why[0] == '\0' ? SHAPE_SAME : SHAPE_FOREIGN);
	cr_expect_str_eq(got, why);
}

Test(pins, programs)
{
	static const char *const others = "program send: uses other maps than those pinned";
	struct prog_shape p;

	expect_prog(send, true, "");
	p = send;
	p.tag[7] ^= 1;
	expect_prog(p, true, "program send: its instructions are not ours");
	p = send;
	p.type = 5;
	expect_prog(p, true, "program send: type 5, expected 26");
	p = send;
	p.target = 78;
	expect_prog(p, true, "program send: made for another hook");
	p = send;
	p.maps[2] = 13;
	expect_prog(p, true, others);
	expect_prog(p, false, "");
	p = send;
	p.maps[0] = 11; /* the same maps, each in the other's place */
	p.maps[1] = 10;
	expect_prog(p, true, others);
	p = send;
	p.maps_n = 2;
	expect_prog(p, true, others);
	p.maps_n =
		SHAPE_MAPS_MAX + 1; /* the kernel says how many there are, not how many it gave */
	expect_prog(p, true, others);
}

static void expect_link(struct link_shape have, const char *why)
{
	static const struct link_shape want = {
		.prog_id = 5, .cgroup = true, .cgroup_id = 1, .attach_type = 10
	};
	char got[256] = "";

	cr_expect_eq(link_diff("connect4", &want, &have, got, sizeof(got)),
		     why[0] == '\0' ? SHAPE_SAME : SHAPE_FOREIGN);
	cr_expect_str_eq(got, why);
}

Test(pins, links)
{
	struct link_shape tp = { .prog_id = 5, .cgroup_id = 3 }, want = { .prog_id = 5 };
	char got[256] = "";

	expect_link((struct link_shape){ 5, true, 1, 10 }, "");
	expect_link((struct link_shape){ 6, true, 1, 10 }, "link connect4: runs another program");
	expect_link((struct link_shape){ 5, false, 0, 0 }, "link connect4: of another kind");
	expect_link((struct link_shape){ 5, true, 0, 10 }, "link connect4: was detached");
	expect_link((struct link_shape){ 5, true, 2, 10 }, "link connect4: attached elsewhere");
	expect_link((struct link_shape){ 5, true, 1, 11 }, "link connect4: attached elsewhere");
	cr_expect_eq(link_diff("send", &want, &tp, got, sizeof(got)), SHAPE_SAME,
		     "only a cgroup's link is at a cgroup");
}

static void expect_text(struct pins_status s, const char *want)
{
	char got[PINS_TEXT_MAX];

	s.path = "/p";
	pins_text(&s, got, sizeof(got));
	cr_expect_str_eq(got, want);
}

Test(pins, text)
{
	expect_text((struct pins_status){ .state = PINS_PINNED }, "fresh books");
	expect_text((struct pins_status){ .state = PINS_ADOPTED, .held = 12 },
		    "goes on with the books in /p, which hold 12 bytes");
	expect_text((struct pins_status){ .state = PINS_PINNED,
					  .reason = "the roles were changed" },
		    "fresh books: the roles were changed; the old ones held 0 bytes");
	expect_text((struct pins_status){ .state = PINS_PINNED, .held = 9, .reason = "why" },
		    "fresh books: why; the old ones held 9 bytes");
	expect_text((struct pins_status){ .state = PINS_PINNED, .held = 9, .left = true },
		    "fresh books; those of a start that did not end well held 9 bytes");
	expect_text((struct pins_status){ .state = PINS_NONE,
					  .reason = "/p is on no BPF file system" },
		    "fresh books, not pinned: /p is on no BPF file system");
	cr_expect_str_eq(pins_state_name(PINS_NONE), "none");
	cr_expect_str_eq(pins_state_name(PINS_PINNED), "pinned");
	cr_expect_str_eq(pins_state_name(PINS_ADOPTED), "adopted");
}
