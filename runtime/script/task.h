/* What the tasks of a script may do with each other: wait for an end, read its outcome. For the `task` module. */
#ifndef KL_TASK_H
#define KL_TASK_H

#include "script/script.h"

typedef enum {
  KL_TASK_WAITING, /* or not started yet */
  KL_TASK_RUNNING,
  KL_TASK_DONE,
  KL_TASK_FAILED,
  KL_TASK_CANCELLED
} kl_task_status;

/* Gives the objects of tasks their methods. */
void kl_task_add_methods(lua_State *L, const luaL_Reg *methods); /* raises */
/* And the function that shows one to a person: see prompt/portrait.h. */
void kl_task_set_picture(lua_State *L, lua_CFunction picture); /* raises */
/* The task that runs L, borrowed; NULL outside of tasks. */
kl_task *kl_task_current(lua_State *L);
/* The task of the object at idx; raises when it is something else. */
kl_task *kl_task_check(lua_State *L, int idx); /* raises */
kl_task *kl_task_test(lua_State *L, int idx);  /* NULL instead */
kl_task_status kl_task_get_status(const kl_task *t);
/* Done, failed or cancelled. */
bool kl_task_ended(const kl_task *t);
/* In order of birth within its script, from 1: the main chunk is 1. */
uint64_t kl_task_id(const kl_task *t);
/* The task of `s` that has not ended and has this id, borrowed; NULL when there is none. */
kl_task *kl_task_find(const kl_script *s, uint64_t id);

/* As kl_task_cancel, with a text that is copied; without memory for the copy a general one is used. */
void kl_task_cancel_text(kl_task *t, const char *why);
/* Cancels `t` for the reason that `by` was cancelled for. */
void kl_task_cancel_like(kl_task *t, const kl_task *by);

/* Somebody who wants to know of the end of a task. Owned by the caller, who keeps the task's object reachable. */
typedef struct kl_joiner kl_joiner;
struct kl_joiner {
  kl_list link;
  /* The task ended; the joiner was unlinked before. True: it will see to the task's error. Never touches Lua. */
  bool (*ended)(kl_joiner *, kl_task *);
};
void kl_task_join(kl_task *t, kl_joiner *j); /* t has not ended */
void kl_task_leave(kl_joiner *j);            /* harmless when repeated */

/* The results of the ended task whose object is at idx, pushed; at most `max` of them (negative: all). Returns their
 * count. Raises the task's error again when it failed, with its traceback kept for the report. */
int kl_task_results(lua_State *L, int idx, int max); /* raises */

#endif
