# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034 # for the scripts that source it
#
# lib.sh: what the scripts of tests/vm share: the list of kernels, and where things lie.

VM_TESTS=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
VM_TREE=$(realpath "$VM_TESTS/../..")
VM_KERNELS=$VM_TESTS/kernels.txt
# One for every variant of the build: kernels do not depend on the compiler.
VM_CACHE=$VM_TREE/build/vm

vm_die() { # MESSAGE
	echo "tests/vm/$(basename "$0"): $1" >&2
	exit 2
}

# Every kernel's name, in the order of the list.
vm_names() {
	sed -n 's/^kernel: *//p' "$VM_KERNELS" | grep -vFx '*'
}

# The values of a kernel's field, one line each.
vm_field() { # KERNEL FIELD
	awk -v want="$1" -v field="$2" '
		/^#/ || /^$/ { next }
		/^[[:blank:]]/ { sub(/^[[:blank:]]+/, ""); if (on) print; next }
		{ name = $1; sub(/:$/, "", name); sub(/^[^:]*: */, "") }
		name == "kernel" { mine = $0 == want }
		{ on = mine && name == field }
		on' "$VM_KERNELS"
}

vm_field_or_default() { # KERNEL FIELD
	if [ -n "$(vm_field "$1" "$2")" ]; then
		vm_field "$1" "$2"
	else
		vm_field '*' "$2"
	fi
}

# Of all kernels and of this one; a field of one kernel does not undo what holds for all.
vm_fields() { # KERNEL FIELD
	vm_field '*' "$2" && vm_field "$1" "$2"
}

# The one that is booted: its own, or that of the guest whose kernel it shares.
vm_kernel() { # KERNEL
	local like

	like=$(vm_field "$1" like)
	echo "${like:-$1}"
}

# What is run and skipped there: a guest that shares a kernel leaves to the other what holds for all.
vm_own_fields() { # KERNEL FIELD
	if [ -n "$(vm_field "$1" like)" ]; then
		vm_field "$1" "$2"
	else
		vm_fields "$1" "$2"
	fi
}

# One that refuses needs none.
vm_modules() { # KERNEL
	[ -n "$(vm_field "$1" refuses)" ] || vm_fields "$(vm_kernel "$1")" modules | xargs
}

vm_known() { # KERNEL
	vm_names | grep -qFx -- "$1" || vm_die "'$1': no such kernel in kernels.txt: $(vm_names | xargs)"
}
