/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor.c: attaches a program of floor.bpf.o until stdin ends; one for a cgroup to this one's tree.
 *
 *	floor OBJECT PROGRAM [CGROUP]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/libbpf.h>

/* NULL: it cannot be. */
static struct bpf_link *attach(const struct bpf_program *prog, const char *cgroup)
{
	int fd = cgroup == NULL ? -1 : open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_link *link;

	if (cgroup == NULL)
		return bpf_program__attach(prog);
	link = fd < 0 ? NULL : bpf_program__attach_cgroup(prog, fd);
	if (fd >= 0)
		(void)close(fd);
	return link;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj = argc >= 3 ? bpf_object__open_file(argv[1], NULL) : NULL;
	struct bpf_program *prog;
	struct bpf_link *link;
	char c;

	if (obj == NULL || bpf_object__load(obj) < 0)
		return 1;
	prog = bpf_object__find_program_by_name(obj, argv[2]);
	link = prog == NULL ? NULL : attach(prog, argc > 3 ? argv[3] : NULL);
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
