/* SPDX-License-Identifier: GPL-2.0 */
/*
 * 32-bit ARM, in ARM and in Thumb state: void enter_*(struct regs *regs) loads
 * every register from *regs, enters the kernel, and stores every register
 * there. The order is that of abi.h; the stack pointer is what all of it hangs
 * on.
 */
	.syntax	unified
#ifdef __thumb__
	.thumb
#define MANY	0xff
#else
	.arm
#define MANY	0xabcdef
#endif

.macro enter name, immediate
	.globl	\name
	.type	\name, %function
\name:
	push	{r4-r11, lr}
	push	{r0}
	ldr	r1, [r0, #60]
	msr	APSR_nzcvq, r1
	ldr	lr, [r0, #56]
	ldm	r0, {r0-r12}
	svc	#\immediate
	/* Nothing before the flags are stored may change them. */
	push	{r0}
	ldr	r0, [sp, #4]
	add	r0, r0, #4
	stm	r0, {r1-r12}
	sub	r0, r0, #4
	str	lr, [r0, #56]
	mrs	r1, APSR
	str	r1, [r0, #60]
	pop	{r1}
	str	r1, [r0]
	pop	{r0}
	pop	{r4-r11, pc}
	.size	\name, . - \name
.endm

	.text
	enter	enter_svc, 0
	enter	enter_svc_immediate, MANY
#ifndef __thumb__
	/* As the old ABI called recv: with its number in the instruction. */
	enter	enter_oabi, (0x900000 + 291)
#endif

	.globl	restore_signal
	.type	restore_signal, %function
restore_signal:
	mov	r7, #173
	svc	#0

	.section .note.GNU-stack, "", %progbits
