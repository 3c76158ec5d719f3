/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of crontabs. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

#include "base/crontab.h"

struct row {
	char text[160];
	char command[64]; /* of the only line that has one; "": none has */
	enum crontab_form form;
};

ParameterizedTestParameters(crontab, lines)
{
	static struct row rows[] = {
		{ "* * * * * /bin/true", "/bin/true", CRONTAB_USER },
		{ "*/5 0-3 1 jan mon\t /bin/true a  b\n", "/bin/true a  b", CRONTAB_USER },
		{ " \t* * * * * x \n", "x ", CRONTAB_USER },
		{ "@reboot x y\n", "x y", CRONTAB_USER },
		{ "# * * * * * x\n\n  # y\n* * * * * z\n", "z", CRONTAB_USER },
		{ "* * * * * root /bin/true\n", "/bin/true", CRONTAB_SYSTEM },
		{ "@daily root x y\n", "x y", CRONTAB_SYSTEM },
		{ "1\t5\tcron.daily\tnice run-parts /etc/cron.daily\n",
		  "nice run-parts /etc/cron.daily", CRONTAB_ANACRON },
		{ "@monthly 5 x y\n", "y", CRONTAB_ANACRON },
		/* What the command reads is behind a '%'. */
		{ "@reboot mail x%line 1%line 2\n", "mail x", CRONTAB_USER },
		{ "@reboot date +\\%F\n", "date +%F", CRONTAB_USER },
		{ "@reboot x\\\n", "x", CRONTAB_USER },
		{ "SHELL=/bin/sh\n@reboot x\n", "x", CRONTAB_USER },
		/* None. */
		{ "", "", CRONTAB_USER },
		{ "\n\n", "", CRONTAB_USER },
		{ "* * * * *", "", CRONTAB_USER },
		{ "* * * * * \n", "", CRONTAB_USER },
		{ "* * * * * x", "", CRONTAB_SYSTEM },
		{ "@reboot", "", CRONTAB_USER },
	};

	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *r, crontab, lines)
{
	uint64_t found[4] = { 0 };
	size_t n = crontab_commands(r->text, strlen(r->text), r->form, found, 4);

	cr_assert_eq(n, r->command[0] != '\0', "%s: %zu", r->text, n);
	if (n > 0)
		cr_expect_eq(found[0], crontab_hash(r->command, strlen(r->command)), "%s", r->text);
}

Test(crontab, more_than_there_is_room_for)
{
	static const char text[] = "@reboot a\n@reboot b\n@reboot c\n";
	uint64_t found[3] = { 0, 0, 7 };

	cr_expect_eq(crontab_commands(text, sizeof(text) - 1, CRONTAB_USER, found, 2), 3);
	cr_expect_eq(found[0], crontab_hash("a", 1));
	cr_expect_eq(found[1], crontab_hash("b", 1));
	cr_expect_eq(found[2], 7);
}

Test(crontab, commands_differ)
{
	cr_expect_neq(crontab_hash("ab", 2), crontab_hash("ba", 2));
	cr_expect_neq(crontab_hash("a", 1), crontab_hash("a ", 2));
	cr_expect_neq(crontab_hash("", 0), 0);
}
