/*
 * Switching stacks: the machine's part of coroutines.
 *
 * x86-64 and arm64 save the callee-saved registers on the stack that is left (about 17 ns); other
 * machines use ucontext (about 300 ns: two system calls for a signal mask we never change).
 * Thread: both contexts belong to the calling thread.
 */
#ifndef CORE_IO_CORO_SWITCH_H
#define CORE_IO_CORO_SWITCH_H

#include <stddef.h>

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(CORO_UCONTEXT)
#define CORO_ASM 1
struct coro_context {
	void *sp;
};
#else
#include <ucontext.h>
struct coro_context {
	ucontext_t u;
};
#endif

/* A context that calls entry() on [stack, stack + size); entry must never return. */
void coro_context_make(struct coro_context *c, void *stack, size_t size, void (*entry)(void));
/* Saves the running context in *from and goes on where *to was saved. */
void coro_context_switch(struct coro_context *from, const struct coro_context *to);

#endif
