/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.bpf.h: which file it is that was executed, whatever its path leads to later.
 */
#ifndef OUTFLOW_BPF_IMAGE_H
#define OUTFLOW_BPF_IMAGE_H

#include "maps.bpf.h"

/* Bit 31 of the nanoseconds says that somebody asked for the time (since Linux 6.13,
 * I_CTIME_QUERIED in include/linux/fs.h). */
#define NSEC_MASK 0x7fffffffU

static __always_inline void image_times(struct of_image *image, struct inode *inode)
{
	struct inode___private *private = (void *)inode;
	struct inode___apart *apart = (void *)inode;

	if (bpf_core_field_exists(apart->i_mtime_sec)) {
		image->mtime_s = BPF_CORE_READ(apart, i_mtime_sec);
		image->mtime_ns = BPF_CORE_READ(apart, i_mtime_nsec);
		image->ctime_s = BPF_CORE_READ(apart, i_ctime_sec);
		image->ctime_ns = BPF_CORE_READ(apart, i_ctime_nsec) & NSEC_MASK;
		return;
	}
	if (bpf_core_field_exists(private->__i_mtime)) {
		image->mtime_s = BPF_CORE_READ(private, __i_mtime.tv_sec);
		image->mtime_ns = BPF_CORE_READ(private, __i_mtime.tv_nsec);
	} else {
		image->mtime_s = BPF_CORE_READ(inode, i_mtime.tv_sec);
		image->mtime_ns = BPF_CORE_READ(inode, i_mtime.tv_nsec);
	}
	if (bpf_core_field_exists(private->__i_ctime)) {
		image->ctime_s = BPF_CORE_READ(private, __i_ctime.tv_sec);
		image->ctime_ns = BPF_CORE_READ(private, __i_ctime.tv_nsec);
	} else {
		image->ctime_s = BPF_CORE_READ(inode, i_ctime.tv_sec);
		image->ctime_ns = BPF_CORE_READ(inode, i_ctime.tv_nsec);
	}
}

static __noinline void image_describe(struct of_image *image, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	image->ino = BPF_CORE_READ(inode, i_ino);
	image->size = BPF_CORE_READ(inode, i_size);
	image->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	image->magic = BPF_CORE_READ(inode, i_sb, s_magic);
	image_times(image, inode);
}

#endif
