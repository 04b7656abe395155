/* Switching stacks: assembly for x86-64 and arm64, ucontext for the rest. */
#include "core/io/coro_switch.h"

#include <stdint.h>

#include "proto/err.h"

#ifdef CORO_ASM
void coro_switch_asm(void **save_sp, void *load_sp) __attribute__((visibility("hidden")));
#endif

#if defined(CORO_ASM) && defined(__x86_64__)

/* MXCSR and the x87 control word belong to the callee-saved state: rounding modes stay private.
 * Loading them takes longer than all else here, so it is done only where they differ. */
__asm__(
	".text\n"
	".p2align 4\n"
	".globl coro_switch_asm\n"
	".hidden coro_switch_asm\n"
	".type coro_switch_asm, @function\n"
	"coro_switch_asm:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movl (%rsp), %eax\n"
	"	movzwl 4(%rsp), %ecx\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	cmpl (%rsp), %eax\n"
	"	je 1f\n"
	"	ldmxcsr (%rsp)\n"
	"1:	cmpw 4(%rsp), %cx\n"
	"	je 2f\n"
	"	fldcw 4(%rsp)\n"
	"2:	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size coro_switch_asm, . - coro_switch_asm\n");

void coro_context_make(struct coro_context *c, void *stack, size_t size, void (*entry)(void))
{
	uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	uint64_t *sp = (uint64_t *)top;
	uint32_t mxcsr;
	uint16_t x87;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(x87));
	*--sp = 0;                      /* entry's return address: backtraces end here */
	*--sp = (uint64_t)(uintptr_t)entry;
	for (int i = 0; i < 6; i++)
		*--sp = 0;              /* rbp = 0 ends walks along frame pointers */
	*--sp = (uint64_t)x87 << 32 | mxcsr;
	c->sp = sp;
}

#elif defined(CORO_ASM)

__asm__(
	".text\n"
	".p2align 4\n"
	".globl coro_switch_asm\n"
	".hidden coro_switch_asm\n"
	".type coro_switch_asm, %function\n"
	"coro_switch_asm:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size coro_switch_asm, . - coro_switch_asm\n"
	/* The first switch returns here: entry is in x19; link register 0 ends backtraces. */
	".type coro_entry_asm, %function\n"
	".hidden coro_entry_asm\n"
	".globl coro_entry_asm\n"
	"coro_entry_asm:\n"
	"	mov x30, xzr\n"
	"	br x19\n"
	".size coro_entry_asm, . - coro_entry_asm\n");

void coro_entry_asm(void) __attribute__((visibility("hidden")));

void coro_context_make(struct coro_context *c, void *stack, size_t size, void (*entry)(void))
{
	enum { SAVED = 20, X19 = 0, X29 = 10, X30 = 11 };
	uint64_t *sp = (uint64_t *)(((uintptr_t)stack + size) & ~(uintptr_t)15) - SAVED;

	for (int i = 0; i < SAVED; i++)
		sp[i] = 0;
	sp[X19] = (uint64_t)(uintptr_t)entry;
	sp[X30] = (uint64_t)(uintptr_t)coro_entry_asm;
	c->sp = sp;
}

#else

void coro_context_make(struct coro_context *c, void *stack, size_t size, void (*entry)(void))
{
	BUG_ON(getcontext(&c->u));
	c->u.uc_stack.ss_sp = stack;
	c->u.uc_stack.ss_size = size;
	c->u.uc_link = NULL;
	makecontext(&c->u, entry, 0);
}

void coro_context_switch(struct coro_context *from, const struct coro_context *to)
{
	BUG_ON(swapcontext(&from->u, &to->u));
}

#endif

#ifdef CORO_ASM
void coro_context_switch(struct coro_context *from, const struct coro_context *to)
{
	coro_switch_asm(&from->sp, to->sp);
}
#endif
