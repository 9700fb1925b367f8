/* What can be written behind a name at the prompt: the fields and methods of live values, without running any code. */
#ifndef KL_PROMPT_MEMBERS_H
#define KL_PROMPT_MEMBERS_H

#include "control/server.h"

/* The operation `members` {session, path, method} -> {items:[{name, type, text}], more}: the string keys of the value
 * that `path` (a list of names and integers; empty: the names that an input can begin with) leads to, or of the methods
 * of it; of a userdata those of its metatable's `__index` and `__fields`. */
void kl_prompt_members_run(void *data, kl_control_call *call, const json_t *fields);

#endif
