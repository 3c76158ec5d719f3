/* SPDX-License-Identifier: BSD-2-Clause */
/* floor.c: attaches floor.bpf.o (its argument) until stdin ends. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/libbpf.h>

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc == 2 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_program *prog;
	struct bpf_link *link;
	char c;

	if (obj == NULL || bpf_object__load(obj) < 0)
		return 1;
	prog = bpf_object__find_program_by_name(obj, "floor_send");
	link = prog == NULL ? NULL : bpf_program__attach(prog);
	if (link == NULL)
		return 1;
	puts("ready");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	(void)bpf_link__destroy(link);
	bpf_object__close(obj);
	return 0;
}
