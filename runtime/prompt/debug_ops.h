/* The operations of a session that debug: breakpoints, steps, the source around a line. All but `breaks` and `source`
 * want an armed session.
 *
 *   break {file, line, condition?, once?} -> {breakpoint (its number), file, line, wanted, …}
 *   breaks {} -> {breakpoints:[{breakpoint, file, line (0: nowhere now), wanted, condition?, once, stays,
 *                               hits, passed}],
 *                 stops:[as in the event], on_loop, files (that are loaded)}
 *   unbreak {breakpoint}, or {all:true}
 *   step {task, how:"into"|"over"|"out"}     continue {task?}     suspend {task?}     cancel_task {task}
 *   on_loop {on}
 *   source {file, line, around} -> {file, first, lines:[text]}
 *
 * Events of the session: stopped {task, generation, why, file, line, breakpoint?, error?} and
 * went_on {task, generation, text?}; what else is to be said is a note. */
#ifndef KL_PROMPT_DEBUG_OPS_H
#define KL_PROMPT_DEBUG_OPS_H

#include "prompt/session.h"

/* The session hears of what is stopped in its strategy, from now on and until it ends. */
void kl_prompt_debug_begin(kl_prompt_session *s);
/* What it asked for goes, and what it had stopped runs on. */
void kl_prompt_debug_end(kl_prompt_session *s);

#endif
