/* What names mean to the inputs of a prompt: the table that is the environment (_ENV) of each. */
#ifndef KL_SCRIPT_SCOPE_H
#define KL_SCRIPT_SCOPE_H

#include "script/task.h"

/* Part of the memory of Lua: lives as long as the environment, which functions defined at the prompt keep. */
typedef struct kl_scope kl_scope;

/* Pushes a new environment. *out is valid while that is reachable. */
void kl_scope_new(lua_State *L, kl_scope **out); /* raises */
/* The environment is at index `env`. Loads those modules of the program that the source names, so that they mean
 * something. */
void kl_scope_load_modules(lua_State *L, int env, const char *source, size_t n); /* raises */
/* The value at the top, popped, becomes that of the session's own variable. */
void kl_scope_declare(lua_State *L, int env, const char *name); /* raises */
/* Pushes a function that declares the active local variables of its caller. */
void kl_scope_push_take(lua_State *L, int env); /* raises */
/* The variables of this frame of a task that does not run come first, wherever the task waits inside of it; `t` NULL:
 * of none any more. False with `e` where there is no such frame. */
bool kl_scope_select(lua_State *L, int env, kl_task *t, int level, kl_error *e); /* raises */
/* What is selected, and its level now; NULL: nothing, or that frame is gone. */
kl_task *kl_scope_selected(const kl_scope *s, int *level);
/* Nothing is selected any more: whoever did that has gone. */
void kl_scope_forget(kl_scope *s);
/* Raises, and selects nothing any more, where the selected frame is gone. */
void kl_scope_check_frame(lua_State *L, int env); /* raises */
/* Calls fn with the name of each variable of the session's own and its value at the top of L, and with that of each
 * module and the module, or nil where it is not loaded. fn may raise; it leaves the stack as it found it. */
void kl_scope_each(lua_State *L, int env, void (*fn)(void *data, lua_State *L, const char *name),
                   void *data); /* raises */
/* Whether this module is there at a prompt without `require`. */
bool kl_scope_has_module(const char *name);
/* See kl_evaluator_lookup. */
bool kl_scope_lookup(lua_State *L, int env, const char *name); /* raises */

#endif
