/*
 * What the threads of a process do, for the record of a server that the node has to kill.
 *
 * Read from /proc: nothing is attached to the process or stopped.  Thread: any; does not wait.
 */
#ifndef ROLES_NODE_THREADS_H
#define ROLES_NODE_THREADS_H

#include <sys/types.h>

#include "proto/buf.h"

enum { THREADS_SHOWN = 64, THREADS_FRAMES = 8 };

/*
 * Appends a line about the process ("T (stopped), 3 threads, 12345 kB resident") and one for each of
 * its first THREADS_SHOWN threads: name, state, where it waits in the kernel, and, if we may read
 * them, its system call and the last frames of its kernel stack.  Nothing if it is gone.
 */
void threads_describe(pid_t pid, struct buf *b);

#endif
