/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arm64: void enter_*(struct regs *regs) loads every register from *regs,
 * enters the kernel, and stores every register there. The order is that of
 * abi.h; the stack pointer is what all of it hangs on.
 */
.macro enter name, immediate
	.globl	\name
	.type	\name, %function
\name:
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	str	x0, [sp, #96]
	ldr	x1, [x0, #248]
	msr	nzcv, x1
	mov	x30, x0
	ldp	x0, x1, [x30]
	ldp	x2, x3, [x30, #16]
	ldp	x4, x5, [x30, #32]
	ldp	x6, x7, [x30, #48]
	ldp	x8, x9, [x30, #64]
	ldp	x10, x11, [x30, #80]
	ldp	x12, x13, [x30, #96]
	ldp	x14, x15, [x30, #112]
	ldp	x16, x17, [x30, #128]
	ldp	x18, x19, [x30, #144]
	ldp	x20, x21, [x30, #160]
	ldp	x22, x23, [x30, #176]
	ldp	x24, x25, [x30, #192]
	ldp	x26, x27, [x30, #208]
	ldp	x28, x29, [x30, #224]
	ldr	x30, [x30, #240]
	svc	#\immediate
	/* Nothing before the flags are stored may change them. */
	str	x30, [sp, #104]
	ldr	x30, [sp, #96]
	stp	x0, x1, [x30]
	stp	x2, x3, [x30, #16]
	stp	x4, x5, [x30, #32]
	stp	x6, x7, [x30, #48]
	stp	x8, x9, [x30, #64]
	stp	x10, x11, [x30, #80]
	stp	x12, x13, [x30, #96]
	stp	x14, x15, [x30, #112]
	stp	x16, x17, [x30, #128]
	stp	x18, x19, [x30, #144]
	stp	x20, x21, [x30, #160]
	stp	x22, x23, [x30, #176]
	stp	x24, x25, [x30, #192]
	stp	x26, x27, [x30, #208]
	stp	x28, x29, [x30, #224]
	mrs	x0, nzcv
	ldr	x1, [sp, #104]
	stp	x1, x0, [x30, #240]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #112
	ret
	.size	\name, . - \name
.endm

	.text
	enter	enter_svc, 0
	enter	enter_svc_immediate, 0xffff

	.globl	restore_signal
restore_signal:
	mov	x8, #139
	svc	#0

	.section .note.GNU-stack, "", %progbits
