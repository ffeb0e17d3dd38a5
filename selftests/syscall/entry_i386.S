/* SPDX-License-Identifier: GPL-2.0 */
/*
 * i386: void enter_*(struct regs *regs) loads every register from *regs,
 * enters the kernel, and stores every register there. The order is that of
 * abi.h; the stack pointer is what all of it hangs on.
 */
.macro enter name, instruction:vararg
	.globl	\name
	.type	\name, @function
\name:
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	mov	20(%esp), %eax
	push	%eax
	push	28(%eax)
	popfl
	mov	4(%eax), %ebx
	mov	8(%eax), %ecx
	mov	12(%eax), %edx
	mov	16(%eax), %esi
	mov	20(%eax), %edi
	mov	24(%eax), %ebp
	mov	0(%eax), %eax
	\instruction
	/* Nothing before the flags are stored may change them. */
	push	%eax
	mov	4(%esp), %eax
	mov	%ebx, 4(%eax)
	mov	%ecx, 8(%eax)
	mov	%edx, 12(%eax)
	mov	%esi, 16(%eax)
	mov	%edi, 20(%eax)
	mov	%ebp, 24(%eax)
	pop	0(%eax)
	pushfl
	pop	28(%eax)
	pop	%eax
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret
	.size	\name, . - \name
.endm

	.text
	enter	enter_int80, int $0x80
	enter	enter_vdso, call *vdso_entry

	.globl	restore_signal
restore_signal:
	mov	$173, %eax
	int	$0x80

	.section .note.GNU-stack, "", @progbits
