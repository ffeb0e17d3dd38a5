/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86-64 and x32: void enter_*(struct regs *regs) loads every register from
 * *regs, enters the kernel, and stores every register there. The order is
 * that of abi.h; the stack pointer is what all of it hangs on.
 */
.macro enter name, instruction:vararg
	.globl	\name, \name\()_return
	.type	\name, @function
\name:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
#ifdef __ILP32__
	mov	%edi, %edi
#endif
	push	%rdi
	push	120(%rdi)
	popfq
	mov	0(%rdi), %rax
	mov	8(%rdi), %rbx
	mov	16(%rdi), %rcx
	mov	24(%rdi), %rdx
	mov	32(%rdi), %rsi
	mov	48(%rdi), %rbp
	mov	56(%rdi), %r8
	mov	64(%rdi), %r9
	mov	72(%rdi), %r10
	mov	80(%rdi), %r11
	mov	88(%rdi), %r12
	mov	96(%rdi), %r13
	mov	104(%rdi), %r14
	mov	112(%rdi), %r15
	mov	40(%rdi), %rdi
	\instruction
\name\()_return:
	/* Nothing before the flags are stored may change them. */
	push	%rax
	mov	8(%rsp), %rax
	mov	%rbx, 8(%rax)
	mov	%rcx, 16(%rax)
	mov	%rdx, 24(%rax)
	mov	%rsi, 32(%rax)
	mov	%rdi, 40(%rax)
	mov	%rbp, 48(%rax)
	mov	%r8, 56(%rax)
	mov	%r9, 64(%rax)
	mov	%r10, 72(%rax)
	mov	%r11, 80(%rax)
	mov	%r12, 88(%rax)
	mov	%r13, 96(%rax)
	mov	%r14, 104(%rax)
	mov	%r15, 112(%rax)
	pop	0(%rax)
	pushfq
	pop	120(%rax)
	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.size	\name, . - \name
.endm

	.text
	enter	enter_syscall, syscall
	enter	enter_int80, int $0x80

	.globl	restore_signal
restore_signal:
#ifdef __ILP32__
	mov	$0x40000201, %eax
#else
	mov	$15, %eax
#endif
	syscall

	.section .note.GNU-stack, "", @progbits
